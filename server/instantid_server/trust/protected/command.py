"""What `instantid protect` does on the operator's machine; each command returns what to say."""

from dataclasses import dataclass
from pathlib import Path

from instantid_server.trust.consent.card import recogniser_fingerprint
from instantid_server.trust.consent.template import Templates
from instantid_server.trust.keys import Keys
from instantid_server.trust.protected.face_reader import MODEL_VERSION, FaceReader
from instantid_server.trust.protected.registry import Entry, Registry, RegistryError
from instantid_server.trust.protected.registry_editor import Protection, RegistryEditor
from instantid_server.trust.protected.registry_key import PIN_FILE, read_pin


@dataclass(frozen=True)
class ProtectCommands:
    """The commands on one registry of one server.

    They raise RegistryError, KeysError, an InstantIDError for a photo, or OSError.
    """

    registry: Path
    keys_folder: Path

    def init(self, signing_key: Path, model_repository: Path) -> list[str]:
        """Begin an empty registry."""
        keys = Keys.load(self.keys_folder)
        fingerprint = recogniser_fingerprint(model_repository, MODEL_VERSION)
        RegistryEditor.create(self.registry, signing_key, keys, fingerprint)
        return [
            f"made {self.registry}, and {PIN_FILE} in {self.keys_folder} says who may change it",
            f"keep {signing_key} away from the server: who has it can change the registry",
            f'the policy that asks for it: [protected] registry = "{self.registry.absolute()}"',
        ]

    def add(
        self, signing_key: Path, model_repository: Path, photo: Path, protection: Protection
    ) -> list[str]:
        """Protect the face of a photo."""
        if bool(protection.issuer) != bool(protection.subject):
            raise RegistryError("expected --issuer and --subject, or neither; got one of them")
        editor = RegistryEditor.open(self.registry, signing_key)
        templates = Templates(Keys.load(self.keys_folder).template)
        fingerprint = recogniser_fingerprint(model_repository, MODEL_VERSION)
        editor.registry.check_usable(templates, fingerprint)
        embedding = FaceReader(model_repository).read_face(photo.read_bytes())
        entry = editor.add(embedding, protection, templates)
        return [_in_words(entry), "note elsewhere who that is: the registry holds no name"]

    def remove(self, signing_key: Path, entry_id: str) -> list[str]:
        """End the protection of an entry."""
        RegistryEditor.open(self.registry, signing_key).remove(entry_id)
        return [f"{entry_id} is not protected any more"]

    def show(self) -> list[str]:
        """Tell of every entry, if the file is signed by the key that the server has pinned."""
        registry = Registry.parse(self.registry.read_bytes(), read_pin(self.keys_folder))
        count = f"{len(registry.entries)} protected, after {registry.serial} changes"
        return [*map(_in_words, registry.entries), count]


def _in_words(entry: Entry) -> str:
    until = "without end" if entry.expires is None else f"until {entry.expires}"
    lifted = f", but not from {entry.subject} of {entry.issuer}" if entry.subject else ""
    return f"{entry.id}  {entry.reason}, {until}{lifted}"
