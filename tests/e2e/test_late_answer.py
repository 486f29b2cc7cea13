"""What the public model stands on: Triton takes one answer a request after `execute` has returned.

No documentation promises it. A Triton that takes the next request only after the answer to the one
before would let nobody share a batch, so this has to be noticed when Triton changes.
"""

from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path
from typing import Any

import pytest
from tritonclient import grpc, http

from tests.e2e.light_repository import write_light_repositories
from tests.e2e.raw import text
from tests.e2e.server import RunningServer, running_server

pytestmark = pytest.mark.triton

TOGETHER = 4  # nobody is answered before so many have come
NODE = f"""
import threading
import triton_python_backend_utils as pb_utils


class TritonPythonModel:
    def initialize(self, args):
        self.all_here = threading.Barrier({TOGETHER})

    def execute(self, requests):
        for request in requests:
            prompt = pb_utils.get_input_tensor_by_name(request, "prompt").as_numpy().copy()
            sender = request.get_response_sender()
            threading.Thread(target=self.answer, args=(sender, prompt)).start()

    def answer(self, sender, prompt):
        self.all_here.wait(timeout=20)
        tensor = pb_utils.Tensor("identity_note", prompt)
        final = pb_utils.TRITONSERVER_RESPONSE_COMPLETE_FINAL
        sender.send(pb_utils.InferenceResponse([tensor]), flags=final)
"""


@pytest.fixture(scope="module")
def late_server(tmp_path_factory: pytest.TempPathFactory) -> Iterator[RunningServer]:
    folder: Path = tmp_path_factory.mktemp("late")
    models, ensembles = write_light_repositories(folder)
    (models / "instantid" / "1" / "model.py").write_text(NODE)
    with running_server(folder, models, ensembles) as server:
        yield server


@pytest.mark.parametrize("protocol", [http, grpc], ids=["http", "grpc"])
def test_requests_wait_side_by_side_and_each_gets_its_own_answer(
    late_server: RunningServer, protocol: Any
) -> None:
    url = late_server.http_url if protocol is http else late_server.grpc_url

    def ask(word: str) -> bytes:
        with protocol.InferenceServerClient(url) as client:
            prompt = protocol.InferInput("prompt", [1], "BYTES")
            prompt.set_data_from_numpy(text(word))
            wanted = [protocol.InferRequestedOutput("identity_note")]
            answer: bytes = client.infer("instantid", [prompt], outputs=wanted).as_numpy(
                "identity_note"
            )[0]
            return answer

    words = [f"caller {number}" for number in range(TOGETHER)]
    with ThreadPoolExecutor(TOGETHER) as callers:
        answers = list(callers.map(ask, words))
    assert answers == [word.encode() for word in words]
