"""What the importer's tests share: sources written once, and copies to spoil."""

import shutil
from pathlib import Path

import pytest

from tests.unit.importing.sources import TinySources, write_tiny_sources


@pytest.fixture(scope="session")
def tiny_sources(tmp_path_factory: pytest.TempPathFactory) -> TinySources:
    """Sources that nobody changes."""
    return write_tiny_sources(tmp_path_factory.mktemp("sources"))


@pytest.fixture
def own_sources(tiny_sources: TinySources, tmp_path: Path) -> TinySources:
    """A copy of the sources, to be spoilt."""
    return TinySources(Path(shutil.copytree(tiny_sources.folder, tmp_path / "sources")))
