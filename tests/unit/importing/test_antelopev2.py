"""antelopev2's files are found wherever people keep them, and others are not taken for them."""

import hashlib
from pathlib import Path

import pytest

from instantid_server.importing import digests, licences
from instantid_server.importing.antelopev2 import FaceFiles, check_faces, find_faces
from instantid_server.importing.digests import DETECTOR_FILE, RECOGNISER_FILE, KnownFile
from instantid_server.importing.failure import ImportFailed

NAMES = (DETECTOR_FILE, RECOGNISER_FILE)


def write_files(folder: Path, names: tuple[str, ...] = NAMES) -> FaceFiles:
    folder.mkdir(parents=True, exist_ok=True)
    for name in names:
        (folder / name).write_bytes(f"what {name} holds".encode())
    return FaceFiles(folder / DETECTOR_FILE, folder / RECOGNISER_FILE)


@pytest.fixture
def files(tmp_path: Path) -> FaceFiles:
    return write_files(tmp_path / "antelopev2")


@pytest.fixture
def known(files: FaceFiles, monkeypatch: pytest.MonkeyPatch) -> None:
    """Let the two small files be antelopev2's."""
    for path in (files.detector, files.recogniser):
        content = path.read_bytes()
        own = KnownFile(hashlib.sha256(content).hexdigest(), len(content))
        monkeypatch.setitem(digests.KNOWN_FILES, path.name, own)


@pytest.mark.parametrize("inside", ["", "antelopev2", "antelopev2/antelopev2", "models/antelopev2"])
def test_a_folder_is_searched_as_deep_as_the_archive_unpacks(tmp_path: Path, inside: str) -> None:
    files = write_files(tmp_path / inside)
    assert find_faces([tmp_path]) == files


def test_two_files_are_told_by_their_names(files: FaceFiles) -> None:
    assert find_faces([files.recogniser, files.detector]) == files


@pytest.mark.parametrize(
    ("names", "reason"),
    [
        pytest.param((), "found no .onnx file", id="empty"),
        pytest.param((RECOGNISER_FILE,), f"found {RECOGNISER_FILE}$", id="one-missing"),
        pytest.param(("det_10g.onnx", "w600k_r50.onnx"), "this is buffalo_l", id="buffalo"),
    ],
)
def test_a_folder_without_both_files_is_refused(
    tmp_path: Path, names: tuple[str, ...], reason: str
) -> None:
    write_files(tmp_path, names)
    with pytest.raises(ImportFailed, match=reason):
        find_faces([tmp_path])


def test_an_archive_is_not_unpacked(tmp_path: Path) -> None:
    with pytest.raises(ImportFailed, match="unpack the archive first"):
        find_faces([tmp_path / "antelopev2.zip"])


@pytest.mark.usefixtures("known")
def test_known_files_are_recorded_with_their_licence(files: FaceFiles) -> None:
    for file in check_faces(files, source="someone/antelopev2", revision="c0ffee"):
        assert (file.known, file.licence, file.note) == (True, licences.ANTELOPEV2, "")
        assert (file.source, file.revision) == ("someone/antelopev2", "c0ffee")


@pytest.mark.usefixtures("known")
@pytest.mark.parametrize(
    ("name", "way_out"),
    [(DETECTOR_FILE, "--allow-other-detector"), (RECOGNISER_FILE, "AuraFace")],
)
def test_another_file_of_the_name_is_refused(files: FaceFiles, name: str, way_out: str) -> None:
    path = files.detector.parent / name
    path.write_bytes(b"another one")
    with pytest.raises(ImportFailed) as caught:
        check_faces(files)
    message = str(caught.value)
    assert message.startswith(f"{path}: this is not antelopev2's. It has 11 bytes (cut short")
    assert hashlib.sha256(b"another one").hexdigest() in message
    assert f"expected {digests.KNOWN_FILES[name].size} bytes" in message
    assert digests.KNOWN_FILES[name].sha256 in message
    assert way_out in message


@pytest.mark.usefixtures("known")
def test_another_file_is_recorded_where_it_is_allowed(files: FaceFiles) -> None:
    files.detector.write_bytes(b"my export")
    files.recogniser.write_bytes(b"my recogniser")
    detector, recogniser = check_faces(
        files, allow_other_detector=True, allow_other_recogniser=True
    )
    assert "not antelopev2's" in detector.note
    assert "not antelopev2's" in recogniser.note
    assert not detector.known
    assert recogniser.licence == licences.UNKNOWN


def test_each_file_is_allowed_by_itself(files: FaceFiles) -> None:
    with pytest.raises(ImportFailed, match=RECOGNISER_FILE):
        check_faces(files, allow_other_detector=True)
    with pytest.raises(ImportFailed, match=DETECTOR_FILE):
        check_faces(files, allow_other_recogniser=True)
