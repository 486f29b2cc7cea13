"""The baseline: the invisible-watermark package, which Stable Diffusion's own tools use."""

import warnings

import cv2
import numpy as np

from instantid_server.contract import MarkState
from instantid_server.images import RGB
from instantid_server.trust.marks.detection import Detection
from instantid_server.trust.picture_record import mark_id_of

with warnings.catch_warnings():
    warnings.simplefilter("ignore")  # the package has been left alone since 2023
    from imwatermark import WatermarkDecoder, WatermarkEncoder

METHODS = ("dwtDct", "dwtDctSvd")

_BITS = 32


class InvisibleWatermark:
    """One of the package's methods, with our 32 bits and no code; it cannot tell that none is."""

    def __init__(self, method: str) -> None:
        self.name = method
        self._decoder = WatermarkDecoder("bits", _BITS)

    def embed(self, image: RGB, record_id: str) -> RGB:
        """Return a marked copy."""
        encoder = WatermarkEncoder()
        encoder.set_watermark("bits", [int(bit) for bit in f"{mark_id_of(record_id):032b}"])
        marked = encoder.encode(cv2.cvtColor(image, cv2.COLOR_RGB2BGR), self.name)
        return np.asarray(cv2.cvtColor(marked, cv2.COLOR_BGR2RGB), np.uint8)

    def detect(self, image: RGB) -> Detection:
        """Return what the bits say, whatever that is."""
        try:
            bits = self._decoder.decode(cv2.cvtColor(image, cv2.COLOR_RGB2BGR), self.name)
        except RuntimeError:  # smaller than 256 x 256
            return Detection(MarkState.NONE)
        return Detection(MarkState.OURS, int("".join(str(int(bit)) for bit in bits), 2))
