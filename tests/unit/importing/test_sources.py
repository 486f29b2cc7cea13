"""Sources: what lies here is taken, what looks like an id is fetched, all else is refused."""

from collections.abc import Sequence
from pathlib import Path

import pytest

from instantid_server.importing import hub
from instantid_server.importing.failure import ImportFailed
from instantid_server.importing.sources import Source, check_given, locate, locate_base

HALF = "unet/diffusion_pytorch_model.fp16.safetensors"
WHOLE = "unet/diffusion_pytorch_model.safetensors"


class FakeHub:
    """Has one repository, and notes what is asked of it."""

    def __init__(self, folder: Path, files: Sequence[str]) -> None:
        self.asked: list[tuple[str, str | None]] = []
        self._folder = folder
        self._files = files

    def fetch(self, repo_id: str, revision: str | None, patterns: Sequence[str]) -> hub.Fetched:
        """Bring the files that match."""
        self.asked.append((repo_id, revision))
        for name in self._files:
            if any(Path(name).match(pattern) for pattern in patterns):
                (self._folder / name).parent.mkdir(parents=True, exist_ok=True)
                (self._folder / name).touch()
        return hub.Fetched(self._folder, "c0ffee")

    @property
    def brought(self) -> set[str]:
        return {str(p.relative_to(self._folder)) for p in self._folder.rglob("*") if p.is_file()}


def fake_hub(monkeypatch: pytest.MonkeyPatch, folder: Path, *files: str) -> FakeHub:
    fake = FakeHub(folder, files)
    monkeypatch.setattr(hub, "fetch", fake.fetch)
    return fake


def test_path_that_is_there_is_taken(tmp_path: Path) -> None:
    assert locate(str(tmp_path), ()) == Source(tmp_path)


def test_id_is_fetched_and_its_commit_kept(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    fake = fake_hub(monkeypatch, tmp_path)
    source = locate("InstantX/InstantID@main", ("ip-adapter.bin",))
    assert source == Source(tmp_path, "InstantX/InstantID", "c0ffee")
    assert fake.asked == [("InstantX/InstantID", "main")]


def test_path_that_is_not_there_is_refused_before_anything_is_fetched(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    fake = fake_hub(monkeypatch, tmp_path)
    with pytest.raises(ImportFailed, match=r"/no/such/ip-adapter\.bin: no such file or folder"):
        check_given([str(tmp_path), "owner/name@main", "/no/such/ip-adapter.bin"])
    assert fake.asked == []


def test_mistyped_path_that_looks_like_an_id_is_told(monkeypatch: pytest.MonkeyPatch) -> None:
    def fetch(repo_id: str, revision: str | None, patterns: Sequence[str]) -> hub.Fetched:
        raise ImportFailed(f"{repo_id}: the hub has no such repository")

    monkeypatch.setattr(hub, "fetch", fetch)
    with pytest.raises(ImportFailed, match="no such file or folder here; on the hub: weihgts/sdxl"):
        locate("weihgts/sdxl", ())


@pytest.mark.parametrize(
    ("full", "files", "brought"),
    [
        pytest.param(False, (HALF, WHOLE), {HALF}, id="half-is-enough"),
        pytest.param(True, (HALF, WHOLE), {WHOLE}, id="whole-is-wanted"),
        pytest.param(False, (WHOLE,), {WHOLE}, id="no-half"),
    ],
)
def test_base_is_fetched_in_one_precision(
    tmp_path: Path,
    monkeypatch: pytest.MonkeyPatch,
    full: bool,
    files: tuple[str, ...],
    brought: set[str],
) -> None:
    fake = fake_hub(monkeypatch, tmp_path, *files)
    locate_base("owner/sdxl", in_full_precision=full)
    assert fake.brought == brought
    assert fake.asked[1:] in ([], [("owner/sdxl", "c0ffee")])
