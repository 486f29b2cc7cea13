"""A part of an import: files to write, the files they were made of, and what to say about it."""

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path

from instantid_server.importing.node_config import ConfigChange
from instantid_server.importing.planned import PlannedFile
from instantid_server.importing.record import Role, SourceFile, describe
from instantid_server.importing.sources import Source

Tell = Callable[[str], None]  # hears what is being done


@dataclass(frozen=True)
class Part:
    """Checked and ready to be written."""

    files: Sequence[PlannedFile]
    sources: Sequence[SourceFile]
    notes: Sequence[str] = ()
    changes: Mapping[str, ConfigChange] = field(default_factory=dict)  # of a model's configs


def describe_files(role: Role, source: Source, files: Sequence[Path]) -> list[SourceFile]:
    """Return the record of the files of a source, by their names inside of it."""
    return [
        describe(
            role,
            path,
            name=str(path.relative_to(source.path)) if source.path.is_dir() else path.name,
            source=source.repo_id,
            revision=source.revision,
        )
        for path in files
    ]
