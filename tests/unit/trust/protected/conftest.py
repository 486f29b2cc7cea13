"""A registry as an operator keeps it, and the server that looks at it."""

import shutil
from collections.abc import Callable
from pathlib import Path

import pytest

from instantid_server.trust.consent.template import Templates
from instantid_server.trust.keys import Keys
from instantid_server.trust.policy import ProtectedPolicy
from instantid_server.trust.protected.check import ProtectedCheck
from instantid_server.trust.protected.registry_editor import Protection, RegistryEditor
from tests.unit.trust.protected.faces import BY_REQUEST, RECOGNISER, Embedding


@pytest.fixture
def keys(keys_folder: Path, tmp_path: Path) -> Keys:
    """Keys of this test alone, for a registry pins its own there."""
    shutil.copytree(keys_folder, tmp_path / "keys")
    return Keys.load(tmp_path / "keys")


@pytest.fixture
def templates(keys: Keys) -> Templates:
    return Templates(keys.template)


@pytest.fixture
def path(tmp_path: Path) -> Path:
    return tmp_path / "protected.jsonl"


@pytest.fixture
def editor(keys: Keys, path: Path, tmp_path: Path) -> RegistryEditor:
    """A registry in which nobody is."""
    return RegistryEditor.create(path, tmp_path / "registry_key.pem", keys, RECOGNISER)


@pytest.fixture
def protect(editor: RegistryEditor, templates: Templates) -> Callable[..., str]:
    """Protect a face; return the id."""

    def add(person: Embedding, protection: Protection = BY_REQUEST) -> str:
        return editor.add(person, protection, templates).id

    return add


@pytest.fixture
def load(keys: Keys, path: Path) -> Callable[[], ProtectedCheck]:
    """Load the check of a server whose policy names the registry."""
    return lambda: ProtectedCheck.load(ProtectedPolicy(registry=str(path)), keys, RECOGNISER)
