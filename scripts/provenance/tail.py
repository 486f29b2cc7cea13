"""The tail of a request: how long marking, encoding and signing take on one thread."""

import statistics
import time
from pathlib import Path
from tempfile import TemporaryDirectory

import cv2
import numpy as np
from skimage.data import astronaut

from instantid_server.contract import DEFAULT_OUTPUT_QUALITY, ConsentLevel, OutputFormat
from instantid_server.images import RGB
from instantid_server.stages.credentials import CredentialsStage, Delivery
from instantid_server.trust.keys import Keys, make_test_keys
from instantid_server.trust.marks.choice import make_watermarker
from instantid_server.trust.policy import Policy
from instantid_server.trust.signing import PictureSigner


def tail_ms(output_format: OutputFormat, rounds: int) -> float:
    """Return the median for pictures of 1024 x 1024."""
    cv2.setNumThreads(1)
    with TemporaryDirectory() as folder:
        stage = _stage(Path(folder) / "keys")
        stage.warm_up()
        return statistics.median(_time(stage, output_format, number) for number in range(rounds))


def _stage(folder: Path) -> CredentialsStage:
    make_test_keys(folder)
    keys, policy = Keys.load(folder), Policy()
    return CredentialsStage(
        make_watermarker(policy.mark, keys), PictureSigner.load(keys), policy.digest
    )


def _time(stage: CredentialsStage, output_format: OutputFormat, number: int) -> float:
    delivery = Delivery(
        f"{number:032x}", output_format, DEFAULT_OUTPUT_QUALITY, "none", ConsentLevel.NONE
    )
    began = time.perf_counter()
    stage.sign(_picture(), delivery)
    return (time.perf_counter() - began) * 1000


def _picture() -> RGB:
    """Return a photograph four times, which is as busy as one of its size, or more."""
    return np.tile(astronaut(), (2, 2, 1))
