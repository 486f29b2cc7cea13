"""Sources: what lies here is taken, what looks like an id is fetched, all else is refused."""

from collections.abc import Iterable, Sequence
from fnmatch import fnmatch
from pathlib import Path

import pytest

from instantid_server.importing import hub
from instantid_server.importing.failure import ImportFailed
from instantid_server.importing.sources import (
    IDENTITYNET_PATTERNS,
    Source,
    check_given,
    locate,
    locate_base,
)

UNET = "unet/diffusion_pytorch_model"
ENCODERS = ("text_encoder/model", "text_encoder_2/model")
HALF_UNET = {f"{UNET}.fp16.safetensors"}
HALF_ENCODERS = {f"{stem}.fp16.safetensors" for stem in ENCODERS}
HALVES = HALF_UNET | HALF_ENCODERS
WHOLES = {f"{stem}.safetensors" for stem in (UNET, *ENCODERS)}
WHOLE_SHARDS = {
    f"{stem}{end}"
    for stem in (UNET, *ENCODERS)
    for end in (".safetensors.index.json", "-00001-of-00002.safetensors")
}
HALF_SHARDS = {
    f"{stem}{end}"
    for stem in (UNET, *ENCODERS)
    for end in (".safetensors.index.fp16.json", ".fp16-00001-of-00002.safetensors")
}
OLD_HALF_SHARDS = {
    f"{stem}{end}"
    for stem in (UNET, *ENCODERS)
    for end in (".safetensors.index.fp16.json", "-00001-of-00002.fp16.safetensors")
}
OTHER_FORMS = {
    f"{UNET}.bin",
    f"{UNET}.non_ema.safetensors",
    "unet/model.onnx",
    "unet/openvino_model.xml",
    "text_encoder/pytorch_model.bin",
    "text_encoder/flax_model.msgpack",
    "text_encoder/openvino_model.bin",
    "sdxl_base.safetensors",
    "vae/diffusion_flax_model.msgpack",
}


class FakeHub:
    """Has one repository, and notes what is asked of it."""

    def __init__(self, folder: Path, files: Iterable[str]) -> None:
        self.asked: list[tuple[str, str | None]] = []
        self._folder = folder
        self._files = files

    def fetch(self, repo_id: str, revision: str | None, patterns: Sequence[str]) -> hub.Fetched:
        """Bring the files that match."""
        self.asked.append((repo_id, revision))
        for name in self._files:
            if any(fnmatch(name, pattern) for pattern in patterns):
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
        pytest.param(False, HALVES | WHOLES, HALVES, id="halves-are-enough"),
        pytest.param(True, HALVES | WHOLES, WHOLES, id="wholes-are-wanted"),
        pytest.param(False, WHOLES, WHOLES, id="no-halves"),
        pytest.param(False, HALF_UNET | WHOLES, WHOLES, id="half-of-the-unet-alone"),
        pytest.param(False, HALF_SHARDS | WHOLE_SHARDS, HALF_SHARDS, id="shards-of-halves"),
        pytest.param(False, OLD_HALF_SHARDS, OLD_HALF_SHARDS, id="shards-of-halves-as-once-named"),
        pytest.param(True, HALF_SHARDS | WHOLE_SHARDS, WHOLE_SHARDS, id="shards"),
    ],
)
def test_base_is_fetched_in_one_precision(
    tmp_path: Path,
    monkeypatch: pytest.MonkeyPatch,
    full: bool,
    files: set[str],
    brought: set[str],
) -> None:
    fake = fake_hub(monkeypatch, tmp_path, *files, *OTHER_FORMS)
    assert locate_base("owner/sdxl", in_full_precision=full).repo_id == "owner/sdxl"
    assert fake.brought == brought
    assert set(fake.asked[1:]) <= {("owner/sdxl", "c0ffee")}


def test_base_without_a_half_of_the_unet_is_fetched_whole(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    fake = fake_hub(monkeypatch, tmp_path, *WHOLES, *HALF_ENCODERS)
    locate_base("owner/sdxl", in_full_precision=False)
    assert fake.brought == WHOLES | HALF_ENCODERS


def test_identitynet_is_fetched_without_its_other_forms(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    wanted = {
        f"ControlNetModel/{name}" for name in ("config.json", "diffusion_pytorch_model.safetensors")
    }
    fake = fake_hub(monkeypatch, tmp_path, *wanted, "ControlNetModel/diffusion_pytorch_model.bin")
    locate("owner/instantid", IDENTITYNET_PATTERNS)
    assert fake.brought == wanted
