"""What tests of several folders share: tiny weights, and nodes loaded as Triton loads them."""

import importlib.util
import json
from collections.abc import Callable, Iterator
from itertools import count
from pathlib import Path
from typing import Any

import pytest
import tiny_networks
import torch
from batches import STAGE_KEY
from google.protobuf import json_format, text_format  # type: ignore[import-untyped]  # no stubs
from senders import WITHOUT_CONSENT
from tritonclient.grpc.model_config_pb2 import ModelConfig

from instantid_server.adapter import read_context
from instantid_server.desk_link import DESK_VARIABLE
from instantid_server.node import NodeContext
from instantid_server.serving.desk import AdmissionDesk
from instantid_server.serving.limits import AdmissionLimits
from instantid_server.serving.record_book import RecordBook
from instantid_server.stage_key import STAGE_KEY_VARIABLE
from instantid_server.trust.keys import KEYS_VARIABLE, Keys
from instantid_server.trust.policy import POLICY_VARIABLE
from scripts.known_keys import make_known_keys

MODEL_REPOSITORY = Path(__file__).parents[1] / "model_repository"
torch.set_num_threads(1)

_numbers = count()


@pytest.fixture(scope="session")
def tiny_repository(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A model repository of tiny random weights."""
    root = tmp_path_factory.mktemp("tiny_repository")
    tiny_networks.write_repository(root)
    return root


@pytest.fixture
def admission_limits() -> AdmissionLimits:
    """What the desk lets in; a test with other needs overrides this."""
    return AdmissionLimits(max_running_pictures=8, max_waiting=32)


@pytest.fixture
def book(tmp_path: Path, keys_folder: Path) -> Iterator[RecordBook]:
    """A record book that nobody has written."""
    book = RecordBook(tmp_path / "records.jsonl", Keys(keys_folder), checkpoint_every=100)
    yield book
    book.close()


@pytest.fixture
def desk(
    admission_limits: AdmissionLimits,
    book: RecordBook,
    tmp_path: Path,
    monkeypatch: pytest.MonkeyPatch,
) -> Iterator[AdmissionDesk]:
    """An admission desk, where the public models of this test find it."""
    path = tmp_path / "desk.sock"
    monkeypatch.setenv(DESK_VARIABLE, str(path))
    desk = AdmissionDesk(path, admission_limits, book)
    desk.start()
    yield desk
    desk.stop()


@pytest.fixture(scope="session")
def keys_folder(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Keys whose marks and noise every test can make itself."""
    folder = tmp_path_factory.mktemp("keys") / "keys"
    make_known_keys(folder)
    return folder


@pytest.fixture(autouse=True)
def _keys(keys_folder: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv(KEYS_VARIABLE, str(keys_folder))


@pytest.fixture(autouse=True)
def _policy(monkeypatch: pytest.MonkeyPatch) -> None:
    """Let nodes draw without anybody's consent, which has tests of its own."""
    monkeypatch.setenv(POLICY_VARIABLE, WITHOUT_CONSENT.to_json())


@pytest.fixture(autouse=True)
def _stage_key(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv(STAGE_KEY_VARIABLE, STAGE_KEY)


@pytest.fixture
def load_node(tiny_repository: Path, desk: AdmissionDesk) -> Iterator[Callable[[str], Any]]:
    """Load a node's `model.py` on tiny weights, as Triton would with its `config.pbtxt`."""
    nodes: list[Any] = []

    def load(name: str) -> Any:
        node = _import_node(name).TritonPythonModel()
        node.initialize(triton_arguments(name, tiny_repository))
        nodes.append(node)
        return node

    yield load
    for node in nodes:
        if hasattr(node, "finalize"):
            node.finalize()
    torch.set_num_threads(1)  # the nodes' configs say otherwise


@pytest.fixture
def node_context(tiny_repository: Path) -> Callable[[str], NodeContext]:
    """Return what a node with tiny weights is told, for the stage's own `load`."""

    def context(name: str) -> NodeContext:
        return read_context(triton_arguments(name, tiny_repository))

    return context


def triton_arguments(
    name: str, repository: Path, profile: str = "", device_id: int = 0
) -> dict[str, str]:
    """Return the arguments of `initialize`: Triton gives strings, the config as JSON."""
    folder = MODEL_REPOSITORY / name
    path = folder / "configs" / f"{profile}.pbtxt" if profile else folder / "config.pbtxt"
    config = text_format.Parse(path.read_text(), ModelConfig())
    as_json = json_format.MessageToDict(
        config, preserving_proto_field_name=True, always_print_fields_with_no_presence=True
    )
    return {
        "model_config": json.dumps(as_json),
        "model_instance_kind": "GPU" if profile else "CPU",
        "model_instance_name": f"{name}_0_0",
        "model_instance_device_id": str(device_id),
        "model_repository": str(repository / name),
        "model_version": "1",
        "model_name": name,
    }


def _import_node(name: str) -> Any:
    # Every node's file is called model.py, so each gets a module name of its own.
    path = MODEL_REPOSITORY / name / "1/model.py"
    spec = importlib.util.spec_from_file_location(f"node_{name}_{next(_numbers)}", path)
    assert spec is not None
    assert spec.loader is not None
    module = importlib.util.module_from_spec(spec)
    spec.loader.exec_module(module)
    return module
