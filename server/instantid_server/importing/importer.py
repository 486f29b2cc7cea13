"""The import: find, check, then write. Nothing is written before everything has been checked."""

import shlex
from collections import Counter
from collections.abc import Sequence
from pathlib import PurePosixPath

from instantid_server.importing.face_part import plan_faces
from instantid_server.importing.licences import NOTICE
from instantid_server.importing.memory import plan_lines
from instantid_server.importing.network_part import plan_networks
from instantid_server.importing.node_config import node_files, with_changes
from instantid_server.importing.options import ImportOptions
from instantid_server.importing.part import Tell
from instantid_server.importing.planned import BytesFile, PlannedFile
from instantid_server.importing.profile import read_profiles
from instantid_server.importing.record import (
    RECORD_FILE,
    ImportRecord,
    compare_files,
    read_earlier_record,
)
from instantid_server.importing.repository import check_target, write_repository
from instantid_server.importing.safety import plan_safety
from instantid_server.importing.sources import check_given

_MIB = 1024**2
_SERVE = "instantid serve --profile single-gpu --model-repository"  # not the default cpu: float32


def import_weights(options: ImportOptions, tell: Tell) -> list[str]:
    """Write the repository and return what there is to say about it; `tell` hears of progress."""
    check_target(options.output)
    check_given(options.sources)
    # What lies here is read before anything is fetched.
    profiles = read_profiles(options.ensemble_repository)
    nodes = node_files(options.model_repository)
    earlier = None if options.record is None else read_earlier_record(options.record, options.dtype)
    # The quick ones first.
    parts = (plan_faces(options, tell), plan_safety(options, tell), plan_networks(options, tell))
    record = ImportRecord(
        options.dtype,
        tuple(source for part in parts for source in part.sources),
        tuple(note for part in parts for note in part.notes),
    )
    if earlier is not None:
        compare_files(record, earlier)
    changes = {model: change for part in parts for model, change in part.changes.items()}
    files = [
        *with_changes(nodes, changes),
        *(file for part in parts for file in part.files),
        BytesFile(PurePosixPath(RECORD_FILE), record.to_json()),
    ]
    write_repository(options.output, files, tell)
    return [
        f"{options.output}, weights in {options.dtype}:",
        *_size_lines(files),
        *plan_lines(options.output, profiles, options.gpu_memory_gib),
        *record.notes,
        NOTICE,
        f"Serve it: {_SERVE} {shlex.quote(str(options.output))}",
    ]


def _size_lines(files: Sequence[PlannedFile]) -> list[str]:
    sizes: Counter[str] = Counter()
    for file in files:
        if len(file.path.parts) > 1:
            sizes[file.path.parts[0]] += file.size
    lines = [f"  {model:18}{size / _MIB:9.1f} MiB" for model, size in sizes.items()]
    return [*lines, f"  {'all':18}{sum(file.size for file in files) / _MIB:9.1f} MiB"]
