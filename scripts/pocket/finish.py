"""The finish of a drawing: the light that falls on it, and the style it is painted in."""

from collections.abc import Callable
from functools import lru_cache

import cv2
import numpy as np

from scripts.pocket.arrays import Floats
from scripts.pocket.person import Colour

INK: Colour = (26, 22, 30)
_OUTLINED = ("comic", "pencil")
_POSTER_STEP = np.float32(42)  # so comics have seven values a channel
_LUMINANCE = np.array([0.299, 0.587, 0.114], np.float32)


def ink_of(art_style: str) -> Colour | None:
    """Return the colour of outlines in this style, None for styles without outlines."""
    if art_style not in _OUTLINED:
        return None
    return INK if art_style == "comic" else (92, 88, 92)


def light(picture: Floats, name: str) -> Floats:
    """Return the float picture [h, w, 3] under the named light."""
    lit = picture
    if name == "warm":
        lit = picture * _rgb(1.08, 0.95, 0.72) + _rgb(16, 4, 0)
    elif name == "cold":
        lit = picture * _rgb(0.84, 0.94, 1.08) + _rgb(0, 2, 14)
    elif name == "dim":
        lit = picture * _rgb(0.7, 0.7, 0.76)
    elif name == "dramatic":
        lit = picture * np.linspace(1.15, 0.65, picture.shape[1], dtype=np.float32)[None, :, None]
    return lit


def paint(picture: Floats, art_style: str) -> Floats:
    """Return the float picture [h, w, 3] in the named style."""
    brush = _BRUSHES.get(art_style)
    return picture if brush is None else brush(picture)


def _watercolor(picture: Floats) -> Floats:
    height = picture.shape[0]
    soft = _blurred(picture, height / 150)
    wash = soft + 0.5 * (picture - _blurred(picture, height / 40))
    return _thinned(wash, 0.78 + 0.18 * _mottle(height)[..., None])


def _comic(picture: Floats) -> Floats:
    vivid = picture + 0.35 * (picture - picture @ _LUMINANCE[:, None])
    posterised: Floats = np.round(vivid / _POSTER_STEP) * _POSTER_STEP
    return posterised


def _pencil(picture: Floats) -> Floats:
    faded = 0.5 * (picture @ _LUMINANCE[:, None]) + 0.5 * picture
    return _thinned(faded, 0.88 + 0.12 * _hatch(picture.shape[0])[..., None])


def _oil(picture: Floats) -> Floats:
    height = picture.shape[0]
    daub = 3 if height < 130 else 5  # pixels; larger ones are slow and swallow the eyes
    daubed = cv2.medianBlur(np.clip(picture, 0, 255).astype(np.uint8), daub)
    woven: Floats = (0.7 * daubed + 0.3 * picture) * (0.97 + 0.04 * _weave(height)[..., None])
    return woven


def _pastel(picture: Floats) -> Floats:
    return _thinned(picture, _rgb(0.66, 0.7, 0.66))


_BRUSHES: dict[str, Callable[[Floats], Floats]] = {
    "watercolor": _watercolor,
    "comic": _comic,
    "pencil": _pencil,
    "oil": _oil,
    "pastel": _pastel,
}


def _thinned(picture: Floats, strength: Floats) -> Floats:
    """Let white paper shine through where the strength is below 1."""
    thinned: Floats = 255.0 - (255.0 - picture) * strength
    return thinned


def _rgb(red: float, green: float, blue: float) -> Floats:
    return np.array([red, green, blue], np.float32)


def _blurred(picture: Floats, sigma_px: float) -> Floats:
    blurred: Floats = cv2.GaussianBlur(picture, (0, 0), sigma_px).astype(np.float32)
    return blurred


@lru_cache(maxsize=8)
def _mottle(height: int) -> Floats:
    """Return the paper's blotches [height, height] in 0..1; every watercolor has the same paper."""
    coarse = np.random.default_rng(7).random((9, 9)).astype(np.float32)
    paper: Floats = cv2.resize(coarse, (height, height), interpolation=cv2.INTER_CUBIC).astype(
        np.float32
    )
    return paper


@lru_cache(maxsize=8)
def _hatch(height: int) -> Floats:
    y, x = np.mgrid[0:height, 0:height].astype(np.float32) / height
    hatch: Floats = 0.5 + 0.5 * np.sin((x + y) * np.float32(2 * np.pi * 16))
    return hatch


@lru_cache(maxsize=8)
def _weave(height: int) -> Floats:
    y, x = np.mgrid[0:height, 0:height].astype(np.float32) / height
    weave: Floats = np.sin(x * np.float32(2 * np.pi * 16)) * np.sin(y * np.float32(2 * np.pi * 16))
    return weave
