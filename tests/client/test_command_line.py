"""The command `instantid`: what it sends, writes and returns."""

import json
import signal
import socket
import subprocess
import sys
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from instantid_client import FaceNotFound, Overloaded
from instantid_client._requests import Tensors
from instantid_client.cli import main
from instantid_server.contract import INSTANTID_STREAM, RETRY_HINT
from tests.client.answers import encoded_picture, preview, progress, result
from tests.client.fake_transport import FakeAsyncTransport, Script
from tests.client.triton_stub import WAIT_S, TritonStub


@pytest.fixture
def folder(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """Return the current folder, with photos of two people in it."""
    monkeypatch.chdir(tmp_path)
    for name in ("ann.png", "bob.png"):
        Path(name).write_bytes(encoded_picture())
    np.save("ann.npy", np.ones(512, np.float32))
    return tmp_path


def run(script: Script, *arguments: str) -> int:
    return main(arguments, transport=FakeAsyncTransport(script))


def sent(script: Script, name: str) -> list[Any]:
    """Return the values of an input, one of each request."""
    return [inputs[name].tolist()[0] for _, inputs, _ in script.requests]


def generated(text: str) -> list[dict[str, Any]]:
    generations: list[dict[str, Any]] = json.loads(text)["generations"]
    return generations


def test_one_picture_goes_into_the_file(folder: Path, capsys: pytest.CaptureFixture[str]) -> None:
    script = Script([progress(1), result(kind="JPEG")])
    assert run(script, "generate", "ann.png", "--prompt", "at sea", "-o", "new/a.jpg") == 0
    assert (folder / "new/a.jpg").stat().st_size > 0
    assert sent(script, "output_format") == [b"jpeg"]
    assert capsys.readouterr().out == "new/a.jpg  seed 7  identity unknown: no face was found\n"


def test_every_face_meets_every_prompt(folder: Path) -> None:
    script = Script([result(2)])
    prompts = ("--prompt", "At sea!", "--prompt", "in space")
    assert run(script, "generate", "ann.png", "bob.png", *prompts, "-o", "out") == 0
    assert sorted(path.name for path in Path("out").iterdir()) == [
        f"{face}_{scene}_{seed}.png"
        for face in ("ann", "bob")
        for scene in ("at-sea", "in-space")
        for seed in (7, 8)
    ]


def test_names_that_would_meet_are_told_apart(folder: Path) -> None:
    prompts = ("--prompt", "at sea", "--prompt", "At sea?")
    assert run(Script([result()]), "generate", "ann.png", *prompts, "-o", "out") == 0
    names = sorted(path.name for path in Path("out").iterdir())
    assert names == ["ann_at-sea_2_7.png", "ann_at-sea_7.png"]


def test_embedding_stands_in_for_a_photo(folder: Path) -> None:
    script = Script([result()])
    assert run(script, "generate", "ann.npy", "--prompt", "p", "-o", "out") == 0
    assert sent(script, "face_embedding") == [1.0]
    assert "face_image" not in script.requests[0][1]


@pytest.mark.parametrize(("concurrency", "together"), [("1", 1), ("2", 2), ("9", 3)])
def test_so_many_requests_run_at_a_time(folder: Path, concurrency: str, together: int) -> None:
    script = Script([progress(1), result()])
    prompts = ("--prompt", "a", "--prompt", "b", "--prompt", "c", "-o", "out")
    assert run(script, "generate", "ann.png", *prompts, "--concurrency", concurrency) == 0
    assert script.max_running == together


def test_every_option_has_a_flag(folder: Path) -> None:
    elsewhere = ("prompt", "face_image", "face_card", "face_embedding", "consent_token")
    flags: list[str] = []
    for spec in INSTANTID_STREAM.inputs:
        if spec.name not in elsewhere:
            values = {"face_keypoints": [str(n) for n in range(10)], "pose_image": ["bob.png"]}
            text = "webp" if spec.dtype == "BYTES" else "1"
            flags += [f"--{spec.name.replace('_', '-')}", *values.get(spec.name, [text])]
    script = Script([result()])
    assert run(script, "generate", "ann.png", "--prompt", "p", "--previews", "p", *flags) == 0
    inputs: Tensors = script.requests[0][1]
    named = {spec.name for spec in INSTANTID_STREAM.inputs}
    assert set(inputs) == named - set(elsewhere) | {"prompt", "face_image"}
    assert inputs["face_keypoints"].tolist() == [[0, 1], [2, 3], [4, 5], [6, 7], [8, 9]]


def test_previews_are_written_while_it_draws(folder: Path) -> None:
    script = Script([preview(2), result()])
    arguments = ("generate", "ann.png", "--prompt", "p", "-o", "a.png", "--previews", "seen")
    assert run(script, *arguments) == 0
    assert [path.name for path in Path("seen").iterdir()] == ["ann_p_0_step002.webp"]


def test_previews_that_nobody_wants_are_not_made(folder: Path) -> None:
    script = Script([result()])
    run(script, "generate", "ann.png", "--prompt", "p", "-o", "a.png")
    assert sent(script, "preview_every") == [0]


def test_http_asks_for_the_result_alone(folder: Path) -> None:
    script = Script([result()])
    arguments = ("generate", "ann.png", "--prompt", "p", "-o", "a.png", "--protocol", "http")
    assert run(script, *arguments) == 0
    assert script.requests[0][0] == "instantid"
    assert "preview_every" not in script.requests[0][1]


def test_json_is_all_of_the_standard_output(
    folder: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    assert run(Script([result(2)]), "generate", "ann.png", "--prompt", "é", "--json") == 0
    (generation,) = generated(capsys.readouterr().out)
    first, last = generation["pictures"]
    assert (generation["face"], generation["prompt"], generation["error"]) == ("ann.png", "é", None)
    assert (first["path"], first["seed"], first["face_bbox"]) == ("ann_é_7.png", 7, [2, 2, 2, 2])
    assert (last["identity_similarity"], last["identity_note"]) == (None, "no face was found")
    assert generation["timings"] == {"total_ms": 12.5, "steps": 4}


def test_failed_request_leaves_the_others_alone(
    folder: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    faces = ("ann.png", "gone.png", "bob.png")
    assert run(Script([result()]), "generate", *faces, "--prompt", "p", "--json") == 1
    captured = capsys.readouterr()
    errors = [generation["error"] for generation in generated(captured.out)]
    assert [error and error["code"] for error in errors] == [None, "IMAGE_UNREADABLE", None]
    assert captured.err.count("\n") == 1
    assert captured.err.startswith("instantid: gone_p: [IMAGE_UNREADABLE] face_image: 'gone.png'")


def test_error_of_the_server_is_one_line(folder: Path, capsys: pytest.CaptureFixture[str]) -> None:
    script = Script([progress(1), FaceNotFound("face_image:\nno face")])
    assert run(script, "generate", "ann.png", "--prompt", "p") == 1
    assert capsys.readouterr().err == "instantid: [FACE_NOT_FOUND] face_image: no face\n"


@pytest.mark.parametrize("command", [("generate", "ann.png", "--prompt", "p"), ("status",)])
def test_no_server_is_one_line(
    folder: Path, capsys: pytest.CaptureFixture[str], command: tuple[str, ...]
) -> None:
    with socket.socket() as unused:
        unused.bind(("127.0.0.1", 0))  # bound, but it does not listen
        assert main([*command, "--url", f"127.0.0.1:{unused.getsockname()[1]}"]) == 1
    error = capsys.readouterr().err
    assert error.startswith("instantid: [CONNECTION_FAILED] ")
    assert error.count("\n") == 1


@pytest.mark.parametrize(
    ("arguments", "reason"),
    [
        pytest.param(("--prompt", "p"), "needs FACE", id="no-face"),
        pytest.param(("ann.png",), "needs FACE and --prompt", id="no-prompt"),
        pytest.param(
            ("ann.png", "bob.png", "--prompt", "p", "-o", "a.png"), "need a folder", id="one-file"
        ),
        pytest.param(
            ("ann.png", "--prompt", "p", "--num-images-per-prompt", "2", "-o", "a.png"),
            "need a folder",
            id="one-file-for-two-pictures",
        ),
        pytest.param(("ann.png", "--prompt", "p", "-o", "a.gif"), "expected .png", id="gif"),
        pytest.param(
            ("ann.png", "--prompt", "p", "-o", "a.png", "--output-format", "webp"),
            "webp contradicts",
            id="two-formats",
        ),
        pytest.param(
            ("ann.png", "--prompt", "p", "--preview-every", "2"), "--previews DIR", id="no-folder"
        ),
        pytest.param(
            ("ann.png", "--prompt", "p", "--concurrency", "0"), "1 or more, got 0", id="no-request"
        ),
    ],
)
def test_command_line_that_makes_no_sense_exits_with_two(
    folder: Path, capsys: pytest.CaptureFixture[str], arguments: tuple[str, ...], reason: str
) -> None:
    script = Script([result()])
    assert run(script, "generate", *arguments) == 2
    assert reason in capsys.readouterr().err
    assert script.requests == []


def test_flag_of_the_wrong_kind_exits_with_two(folder: Path) -> None:
    with pytest.raises(SystemExit) as stopped:
        run(Script(), "generate", "ann.png", "--prompt", "p", "--seed", "x")
    assert stopped.value.code == 2


@pytest.mark.parametrize("wrapped", [False, True])
def test_replicate_file_gives_face_prompt_and_options(folder: Path, wrapped: bool) -> None:
    inputs = {"image": "ann.png", "prompt": "p", "seed": 3, "num_outputs": 2}
    Path("r.json").write_text(json.dumps({"input": inputs} if wrapped else inputs))
    script = Script([result(2)])
    assert run(script, "generate", "--replicate-json", "r.json", "--seed", "9") == 0
    assert (sent(script, "seed"), sent(script, "num_images_per_prompt")) == ([9], [2])


def test_face_of_the_command_line_replaces_that_of_the_replicate_file(folder: Path) -> None:
    Path("r.json").write_text(json.dumps({"image": "bob.png", "prompt": "p"}))
    script = Script([result()])
    assert run(script, "generate", "ann.npy", "--replicate-json", "r.json") == 0
    assert "face_image" not in script.requests[0][1]


@pytest.mark.parametrize("content", ["[1]", "{", '{"prompt": "p", "enable_lcm": true}'])
def test_replicate_file_that_cannot_be_read_is_one_line(
    folder: Path, capsys: pytest.CaptureFixture[str], content: str
) -> None:
    Path("r.json").write_text(content)
    assert run(Script(), "generate", "--replicate-json", "r.json", "--json") == 1
    captured = capsys.readouterr()
    assert captured.err.count("\n") == 1
    assert set(json.loads(captured.out)) == {"error"}


def test_folder_that_cannot_be_made_is_one_line(
    folder: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    assert run(Script(), "generate", "ann.png", "--prompt", "p", "-o", "bob.png/x") == 1
    assert capsys.readouterr().err == "instantid: bob.png/x: Not a directory\n"


def test_flags_of_the_call_go_with_every_request(folder: Path) -> None:
    refused = Overloaded(RETRY_HINT.format(seconds=0))
    script = Script([result()], failures=[refused])
    arguments = ("ann.png", "--prompt", "p", "-o", "a.png")
    flags = ("--tenant", "a", "--priority-class", "low", "--retries", "1")
    assert run(script, "generate", *arguments, *flags) == 0
    assert len(script.requests) == 2
    for _, _, call in script.requests:
        assert call.parameters == {"tenant": "a", "priority_class": "low"}


def test_ctrl_c_stops_the_server_and_exits_with_130(
    folder: Path, stub: tuple[TritonStub, str]
) -> None:
    # A shell starts background jobs, and so perhaps these tests, deaf to Ctrl-C.
    hear = "import signal; signal.signal(signal.SIGINT, signal.default_int_handler); "
    run = "from instantid_client.cli import main; exit(main())"
    command = [sys.executable, "-c", hear + run]
    arguments = ("generate", "ann.png", "--prompt", "endless", "--url", stub[1])
    with subprocess.Popen([*command, *arguments], stderr=subprocess.PIPE, text=True) as process:
        assert stub[0].received.wait(WAIT_S)
        process.send_signal(signal.SIGINT)
        _, error = process.communicate(timeout=WAIT_S)
    assert (process.returncode, error) == (130, "instantid: interrupted\n")
    assert stub[0].ended.wait(WAIT_S)


def test_serve_says_why_it_cannot(folder: Path) -> None:
    command = [sys.executable, "-c", "from instantid_client.cli import main; exit(main())"]
    arguments = ("serve", "--model-repository", "nowhere", "--http-port", "0")
    answer = subprocess.run([*command, *arguments], capture_output=True, text=True, check=False)
    assert (answer.returncode, answer.stdout) == (1, "")
    assert "nowhere" in answer.stderr


def test_serve_without_the_server_extra_says_what_to_install(
    monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    monkeypatch.setitem(sys.modules, "instantid_server.serving", None)  # as if it were not there
    assert main(["serve"]) == 1
    assert "make .venv/server-installed" in capsys.readouterr().err
