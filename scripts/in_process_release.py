"""The release in one process: what a server does with a finished picture before it answers."""

import secrets
from collections.abc import Mapping
from pathlib import Path

import torch

from instantid_server.contract import DEFAULT_OUTPUT_QUALITY, ConsentLevel, OutputFormat
from instantid_server.errors import InstantIDError
from instantid_server.images import RGB
from instantid_server.stages.credentials import CredentialsStage, Delivery
from instantid_server.trust.keys import Keys
from instantid_server.trust.policy import Policy
from instantid_server.trust.signing import PictureSigner
from scripts.known_keys import known_keys_folder, known_mark
from scripts.pocket.safety_check import served_safety_checker


class InProcessRelease:
    """Judges, marks and signs with a repository's checker, the known keys and the safe policy."""

    def __init__(self, repository: Path) -> None:
        signer = PictureSigner.load(Keys.load(known_keys_folder()))
        self._checker = served_safety_checker(repository)
        self._credentials = CredentialsStage(known_mark(), signer, Policy().digest)

    def release(self, image: RGB) -> bytes:
        """Return a PNG of (height, width, 3); raises InstantIDError."""
        (judged,) = self._checker.run([{"image": torch.from_numpy(image)[None]}])
        if not isinstance(judged, Mapping):
            raise judged
        if judged["flagged"].any():
            raise InstantIDError("the picture was flagged")
        checker = judged["checker"][0, 0].decode()
        delivery = Delivery(
            secrets.token_hex(16),
            OutputFormat.PNG,
            DEFAULT_OUTPUT_QUALITY,
            checker,
            ConsentLevel.NONE,
        )
        return self._credentials.sign(image, delivery).encoded
