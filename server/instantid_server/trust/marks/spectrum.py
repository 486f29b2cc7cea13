"""The spectrum mark: ours, a faint pattern of waves that only the holder of the key can tell."""

from collections.abc import Mapping

import cv2
import numpy as np

from instantid_server.contract import MarkState
from instantid_server.images import RGB
from instantid_server.trust.keys import VersionedKeys
from instantid_server.trust.marks.activity import activity
from instantid_server.trust.marks.band import all_waves, band_of
from instantid_server.trust.marks.canonical import GRID, Plane, even_out, luma_on_grid
from instantid_server.trust.marks.detection import Detection
from instantid_server.trust.marks.pattern import Pattern, Phasors, signs_of_waves
from instantid_server.trust.marks.payload import VERSIONS, Payload
from instantid_server.trust.marks.search import SURE, search
from instantid_server.trust.marks.waves import directions, plane_of, spectrum_of
from instantid_server.trust.picture_record import mark_id_of

SPECTRUM = "io.github.instantid-triton.spectrum.1"

_DOUBTFUL = 10.0  # a score that few clean pictures of a thousand reach
# Smaller pictures have fewer waves to say the same with, so each must be stronger. It need be so
# in smooth places alone, where compression leaves nothing of a faint mark.
_AMPLE_PX = 512  # the side of a square that has enough
_GROWTH = 1.3
_SMOOTH = 0.8  # of the amplitude, in smooth places of a large picture
_PERSUASION = 0.8  # more for waves that speak against the mark, as much less for those in favour


class SpectrumWatermarker:
    """Marks with the current key, and finds the marks of all."""

    name = SPECTRUM

    def __init__(self, keys: VersionedKeys, amplitude: float) -> None:
        """Take the amplitude: the mark's mean level where a large picture is smooth, roughly."""
        self._current = keys.current
        self._patterns: Mapping[int, Pattern] = {
            version: Pattern(key) for version, key in keys.by_version.items()
        }
        self._amplitude = amplitude

    def embed(self, image: RGB, record_id: str) -> RGB:
        """Return a marked copy; the same key, record id and picture always give the same one."""
        height, width = image.shape[:2]
        luma = luma_on_grid(image)
        mark = self._mark(luma, max(height, width), record_id)
        mark *= self._amplitude * (_in_smooth_places(height, width) + activity(luma))
        if mark.shape != (height, width):
            mark = np.asarray(cv2.resize(mark, (width, height), interpolation=cv2.INTER_CUBIC))
        levels = np.rint(mark).astype(np.int16)
        return np.asarray(cv2.add(image, cv2.merge([levels] * 3), dtype=cv2.CV_8U), np.uint8)

    def detect(self, image: RGB) -> Detection:
        """Return the mark, whose picture may have been compressed, scaled, cut or brightened."""
        found = search(image, self._patterns)
        payload, score = found.reading.payload, found.reading.score
        if score >= SURE and payload.key_version == found.key_version % VERSIONS:
            return Detection(MarkState.OURS, payload.mark_id, found.key_version)
        return Detection(MarkState.INCONCLUSIVE if score >= _DOUBTFUL else MarkState.NONE)

    def _mark(self, luma: Plane, long_side_px: int, record_id: str) -> Plane:
        """Return the mark's waves, of variance 1, on the points of `luma`."""
        pattern = self._patterns[self._current]
        payload = Payload(mark_id_of(record_id), self._current % VERSIONS)
        band = band_of(long_side_px)
        wanted = pattern.phasors[band] * signs_of_waves(payload.encode(), band)
        wanted *= pattern.shift(record_id).phasors(band)
        side = min(long_side_px, GRID)
        values = _persuasive(wanted, directions(spectrum_of(even_out(luma), side), band))
        values *= np.sqrt(2 / np.square(np.abs(values)).sum())
        return plane_of(values, all_waves()[band], side)[: luma.shape[0], : luma.shape[1]]


def _persuasive(wanted: Phasors, present: Phasors) -> Phasors:
    """Return the waves wanted, each as strong as the picture's own wave speaks against it."""
    agreement = (wanted * np.conj(present)).real
    return np.asarray(wanted * (1 - _PERSUASION * agreement), np.complex64)


def _in_smooth_places(height: int, width: int) -> float:
    shortage = _AMPLE_PX / float(np.sqrt(height * width))
    return float(_SMOOTH * max(shortage, 1.0) ** _GROWTH)
