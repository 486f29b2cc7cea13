"""Files are fetched from the hub at a commit, and what goes wrong there is told in words."""

import os
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path

import pytest

from instantid_server.importing.hub import HubSource, parse
from tests.unit.importing.hub_server import COMMIT, REPO_ID, Hub, running_hub

FILES = {"config.json": b"{}", "unet/model.safetensors": b"w" * 4096, "README.md": b"# Weights"}
_NOWHERE = "http://127.0.0.1:1"
_FETCH = """
import resource, sys
from instantid_server.importing import hub
from instantid_server.importing.failure import ImportFailed
resource.setrlimit(resource.RLIMIT_FSIZE, (int(sys.argv.pop()),) * 2)
try:
    fetched = hub.fetch(sys.argv[1], sys.argv[2] or None, sys.argv[3:])
except ImportFailed as error:
    sys.exit(str(error))
print(fetched.folder, fetched.revision)
"""


@pytest.fixture
def hub() -> Iterator[Hub]:
    with running_hub(FILES) as server:
        yield server


def fetch(
    url: str,
    cache: Path,
    *patterns: str,
    repo_id: str = REPO_ID,
    revision: str = "",
    largest_file: int = -1,
) -> subprocess.CompletedProcess[str]:
    """Fetch in a process of its own: huggingface_hub reads its environment when it is imported.

    A process may write no file of more than `largest_file` bytes; -1 is no limit.
    """
    return subprocess.run(
        [sys.executable, "-c", _FETCH, repo_id, revision, *patterns, str(largest_file)],
        env={
            **os.environ,
            "HF_ENDPOINT": url,
            "HF_HOME": str(cache),
            "HF_HUB_DISABLE_XET": "1",
            "HF_HUB_OFFLINE": "0",
            "NO_PROXY": "127.0.0.1",
        },
        capture_output=True,
        text=True,
        timeout=120,  # it tries again for a while
        check=False,
    )


@pytest.mark.parametrize(
    ("source", "expected"),
    [
        ("someone/weights", HubSource("someone/weights")),
        ("someone/weights-1.0@refs/pr/3", HubSource("someone/weights-1.0", "refs/pr/3")),
        ("weights", None),
        ("./someone/weights", None),
        ("../weights", None),
        ("/someone/weights", None),
        ("a/b/c", None),
        ("someone/weights@", None),
    ],
)
def test_an_id_is_told_from_a_path(source: str, expected: HubSource | None) -> None:
    assert parse(source) == expected


def test_what_matches_is_fetched_and_the_commit_is_told(hub: Hub, tmp_path: Path) -> None:
    done = fetch(hub.url, tmp_path, "config.json", "unet/*")
    assert done.returncode == 0, done.stderr
    folder, revision = done.stdout.split()
    assert revision == COMMIT
    assert (Path(folder) / "unet/model.safetensors").read_bytes() == b"w" * 4096
    assert not (Path(folder) / "README.md").exists()


def test_what_was_fetched_is_not_asked_for_again(hub: Hub, tmp_path: Path) -> None:
    fetch(hub.url, tmp_path, "*.json")
    hub.downloads.clear()
    again = fetch(hub.url, tmp_path, "*.json")
    offline = fetch(_NOWHERE, tmp_path, "*.json")
    assert (again.returncode, offline.returncode, hub.downloads) == (0, 0, [])
    assert again.stdout == offline.stdout


def test_a_broken_connection_goes_on_where_it_ended(tmp_path: Path) -> None:
    chunk = 10 * 1024 * 1024  # huggingface_hub writes chunks of that size
    large = bytes(chunk) + b"the end"
    with running_hub({"large.safetensors": large}) as hub:
        hub.breaks_once_after = chunk + 1
        done = fetch(hub.url, tmp_path, "*")
        assert done.returncode == 0, done.stderr
        assert (Path(done.stdout.split()[0]) / "large.safetensors").read_bytes() == large
        assert hub.downloads == [
            ("large.safetensors", None),
            ("large.safetensors", f"bytes={chunk}-"),
        ]


@pytest.mark.parametrize(
    ("repo_id", "revision", "reason"),
    [
        pytest.param("someone/else", "", "the hub has no such repository", id="repository"),
        pytest.param(REPO_ID, "v9", "the hub has no revision v9 of it", id="revision"),
        pytest.param("some--one/weights", "", "this is no id of a repository", id="id"),
    ],
)
def test_what_the_hub_does_not_have_is_told(
    hub: Hub, tmp_path: Path, repo_id: str, revision: str, reason: str
) -> None:
    failed = fetch(hub.url, tmp_path, "*", repo_id=repo_id, revision=revision)
    assert failed.returncode == 1
    assert failed.stderr.splitlines()[-1].startswith(f"{repo_id}: {reason}")


def test_a_repository_without_the_files_is_told(hub: Hub, tmp_path: Path) -> None:
    failed = fetch(hub.url, tmp_path, "*.onnx")
    assert failed.stderr.splitlines()[-1] == f"{REPO_ID}: it has none of *.onnx"


def test_a_disk_that_takes_no_more_is_told(hub: Hub, tmp_path: Path) -> None:
    failed = fetch(hub.url, tmp_path, "unet/*", largest_file=1024)  # of 4096
    assert failed.returncode == 1
    message = failed.stderr.splitlines()[-1]
    assert message.startswith(f"{REPO_ID}: was not fetched into {tmp_path / 'hub'} (")
    assert "File too large" in message
    assert "make room" in message


def test_a_cache_that_cannot_be_made_is_told(hub: Hub, tmp_path: Path) -> None:
    (tmp_path / "cache").write_text("no folder")
    failed = fetch(hub.url, tmp_path / "cache", "*")
    message = failed.stderr.splitlines()[-1]
    assert message.startswith(f"{REPO_ID}: was not fetched into {tmp_path / 'cache'}")
    assert "HF_HOME" in message


def test_a_hub_that_does_not_answer_is_told(tmp_path: Path) -> None:
    failed = fetch(_NOWHERE, tmp_path, "*")
    assert failed.stderr.splitlines()[-1].startswith(f"{REPO_ID}: the hub does not answer")
