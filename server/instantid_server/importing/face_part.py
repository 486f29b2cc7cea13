"""The faces' part of an import: antelopev2's detector and recogniser, as the nodes want them."""

from functools import partial
from pathlib import PurePosixPath

from instantid_server.importing import antelopev2, recogniser, scrfd, sources
from instantid_server.importing.node_config import with_max_batch_size, with_parameter
from instantid_server.importing.options import ImportOptions
from instantid_server.importing.part import Part, Tell
from instantid_server.importing.planned import BytesFile
from instantid_server.importing.sources import locate

_GRAPH = PurePosixPath("1/model.onnx")


def plan_faces(options: ImportOptions, tell: Tell) -> Part:
    """Find, check and rewrite both graphs."""
    tell(f"reading {' and '.join(options.faces)}")
    found = [locate(given, sources.FACES_PATTERNS) for given in options.faces]
    files = antelopev2.find_faces([source.path for source in found])
    recorded = antelopev2.check_faces(
        files,
        source=found[0].repo_id,
        revision=found[0].revision,
        allow_other_detector=options.allow_other_detector,
        allow_other_recogniser=options.allow_other_recogniser,
    )
    detector = scrfd.rewrite(files.detector)
    size = partial(with_parameter, key="detection_size", value=str(scrfd.DETECTION_SIZE_PX))
    changes = {"face_analysis": size}
    if detector.max_batch_size is not None:
        changes["face_detector"] = partial(with_max_batch_size, size=detector.max_batch_size)
    notes = [f"{file.name}: {file.note}" for file in recorded if file.note]
    return Part(
        [
            BytesFile("face_detector" / _GRAPH, detector.content),
            BytesFile("face_embedder" / _GRAPH, recogniser.rewrite(files.recogniser)),
        ],
        recorded,
        [*notes, detector.note] if detector.note else notes,
        changes,
    )
