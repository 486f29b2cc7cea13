"""The container's command does in a pod's surroundings what the manifest counts on.

The embedded Triton stands for the image's. Its root is read-only, its user has no rights, its keys
are a Secret; what a pod has beyond that, such as its image and its network, is not here.
"""

from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

import pytest

from instantid_client import Client
from scripts.control_port import ask, is_ready, requests_in_server
from tests.deploy.manifests import Manifest, container, needs_kubectl, server_pod
from tests.deploy.pod import RunningPod, missing_rights, running_pod
from tests.e2e.patience import wait_until
from tests.e2e.photos import PORTRAIT

_MISSING = missing_rights()
pytestmark = [
    needs_kubectl,
    pytest.mark.triton,
    pytest.mark.skipif(bool(_MISSING), reason=_MISSING),
]

START_S = 240.0  # the real models, on two busy cores
ACCEPTED_S = 30.0
STEPS = 12  # enough for the signal to come while they are done


def probe(pod: Manifest, running: RunningPod, name: str) -> int:
    """Return the status that one of the manifest's probes sees."""
    asked = container(pod)[f"{name}Probe"]["httpGet"]
    return ask(running.url(asked["port"]), asked["path"])[0]


def capabilities(running: RunningPod) -> int:
    """Return what the entry process may do beyond other users, one bit each."""
    status = Path(f"/proc/{running.process.pid}/status").read_text()
    return int(status.split("CapEff:")[1].split()[0], base=16)


def test_starts_draws_and_drains_where_nothing_can_be_written(tmp_path: Path) -> None:
    pod = server_pod("cpu-demo")
    with running_pod(pod, tmp_path) as running:
        control = running.url("control")
        wait_until(
            lambda: is_ready(control) or running.process.poll() is not None, START_S, "it is ready"
        )
        assert running.process.poll() is None, running.log.read_text()[-4000:]
        assert {probe(pod, running, name) for name in ("startup", "readiness", "liveness")} == {200}
        assert capabilities(running) == 0

        with Client(running.url("grpc")) as client, ThreadPoolExecutor(1) as caller:
            drawn = caller.submit(
                client.generate, face_image=PORTRAIT, prompt="a portrait", num_inference_steps=STEPS
            )
            wait_until(lambda: requests_in_server(control) == 1, ACCEPTED_S, "it is accepted")
            running.process.terminate()  # what the kubelet sends
            (picture,) = drawn.result().pictures
        grace_s = pod["spec"]["terminationGracePeriodSeconds"]
        assert running.process.wait(grace_s) == 0, running.log.read_text()[-4000:]

    assert picture.record_id in (running.records / "records.jsonl").read_text()
