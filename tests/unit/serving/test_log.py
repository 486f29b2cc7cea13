"""What is read from the log of a Triton that did not start; the lines are those of 2.51."""

import io
from pathlib import Path

import pytest

from instantid_server.serving.log import LogEcho, last_lines, model_failures

UNREADABLE = (
    "[libprotobuf ERROR text_format.cc:337] Error parsing text-format inference.ModelConfig: "
    '15:9: Message type "inference.ModelConfig" has no field named "nonsense".\n'
    '2026-11-22T15:56:45Z E 16634 model_repository_manager.cc:1460] "Poll failed for model '
    "directory 'unet': failed to read text proto from /tmp/0/unet/config.pbtxt\"\n"
)
RAISED = (
    "2026-11-22T15:56:53Z E 17544 model_lifecycle.cc:642] \"failed to load 'unet' version 1: "
    r"Internal: ValueError: no weights: [1, 2]\n\nAt:\n  /tmp/unet/1/model.py(4): initialize\n"
    '"\n'
)
KILLED = (
    "2026-11-22T15:57:05Z E 19637 model_lifecycle.cc:642] \"failed to load 'unet' version 1: "
    "Internal: Stub process 'unet_0_0' is not healthy.\"\n"
)
STUCK = (
    "I1122 15:45:53.683321 10360 pb_stub.cc:2105]  Failed to preinitialize Python stub: "
    "Python model file not found in '/tmp/repositories/0/unet/1/model.py'\n"
)
DEPENDENT = (
    '2026-11-22T15:56:45Z E 16634 model_repository_manager.cc:703] "Invalid argument: ensemble '
    'denoise_step contains models that are not available or ambiguous: unet"\n'
)


@pytest.mark.parametrize(
    ("log", "reason"),
    [
        pytest.param(
            UNREADABLE,
            'config.pbtxt, line 15:9: Message type "inference.ModelConfig" has no field named '
            '"nonsense".',
            id="unreadable-config",
        ),
        pytest.param(RAISED, "ValueError: no weights: [1, 2]", id="raised"),
        pytest.param(KILLED, "Stub process 'unet_0_0' is not healthy.", id="killed"),
        pytest.param(STUCK, "Python model file not found", id="waits-for-ever"),
    ],
)
def test_failure_is_found_without_path_and_traceback(log: str, reason: str) -> None:
    assert model_failures(log) == {"unet": reason}


def test_ensemble_that_only_depends_on_a_failed_model_is_left_out() -> None:
    assert list(model_failures(RAISED + DEPENDENT)) == ["unet"]
    assert list(model_failures(DEPENDENT)) == ["denoise_step"]


def test_log_of_a_good_start_has_no_failures() -> None:
    log = "2026-11-22T15:45:53Z I 9953 model_lifecycle.cc:839] \"successfully loaded 'unet'\"\n"
    assert model_failures(log) == {}


def test_last_lines_leave_tables_out() -> None:
    assert last_lines("+---+\n| x |\n\nerror: one\nerror: two\n") == "error: one\nerror: two"


def test_echo_copies_only_what_is_new(tmp_path: Path) -> None:
    path = tmp_path / "log"
    stream = io.BytesIO()
    echo = LogEcho(path, stream)
    for text in ("first ", "first second", "", "third"):
        path.write_text(text)
        echo.advance()
    assert stream.getvalue() == b"first secondthird"
