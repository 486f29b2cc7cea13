"""Backgrounds: the place behind the person."""

from collections.abc import Callable

import numpy as np

from scripts.pocket.arrays import Floats
from scripts.pocket.canvas import Canvas, ellipse
from scripts.pocket.person import Colour

_WINDOW = np.array([[0, 0], [0.032, 0], [0.032, 0.042], [0, 0.042]])


def draw_background(canvas: Canvas, name: str, variation: int) -> None:
    """Fill the whole canvas with the named place."""
    _PLACES[name](canvas, np.random.default_rng([variation, 0xB6]))


def _studio(canvas: Canvas, rng: np.random.Generator) -> None:
    base = float(rng.uniform(170, 215))
    canvas.gradient((base + 20, base + 20, base + 26), (base - 30, base - 28, base - 20))


def _beach(canvas: Canvas, rng: np.random.Generator) -> None:
    canvas.gradient((120, 196, 244), (206, 236, 252))
    _sun(canvas, rng, (255, 242, 170))
    horizon = rng.uniform(0.42, 0.5)
    canvas.polygon(_slab(horizon, 0.72), (40, 142, 190))
    for y in (horizon + 0.07, horizon + 0.15):
        wave = np.array([[0, y], [0.25, y + 0.012], [0.5, y], [0.75, y + 0.012], [1, y]])
        canvas.line(wave, (212, 240, 248), 0.01)
    canvas.polygon(_hills(rng, 0.7, 0.012), (238, 214, 160))


def _forest(canvas: Canvas, rng: np.random.Generator) -> None:
    canvas.gradient((176, 214, 170), (96, 150, 92))
    canvas.polygon(_slab(0.74, 1.0), (64, 104, 52))
    for column in range(6):
        x = (column + rng.uniform(0.25, 0.75)) / 6
        trunk = np.array([[x - 0.016, 0.35], [x + 0.016, 0.35], [x + 0.02, 0.82], [x - 0.02, 0.82]])
        canvas.polygon(trunk, (92, 62, 42))
        top = rng.uniform(0.02, 0.14)
        for layer in range(3):
            y = top + 0.15 * layer
            reach = 0.07 + 0.025 * layer
            cone = np.array([[x, y], [x + reach, y + 0.22], [x - reach, y + 0.22]])
            canvas.polygon(cone, (32, 96 + 12 * layer, 58))


def _city(canvas: Canvas, rng: np.random.Generator) -> None:
    canvas.gradient((150, 178, 210), (226, 214, 206))
    for column in range(7):
        x, top = column / 7, rng.uniform(0.12, 0.5)
        grey = float(rng.uniform(84, 132))
        tower = np.array([[x, top], [x + 0.135, top], [x + 0.135, 1], [x, 1]])
        canvas.polygon(tower, (grey, grey + 4, grey + 18))
        for row in range(int((0.95 - top) / 0.09)):
            y = top + 0.035 + 0.09 * row
            for window_x in (x + 0.025, x + 0.08):
                canvas.polygon(_WINDOW + np.array([window_x, y]), (252, 226, 140))


def _mountains(canvas: Canvas, rng: np.random.Generator) -> None:
    canvas.gradient((132, 184, 232), (222, 236, 246))
    for peak, x in enumerate((0.12, 0.88, 0.5)):
        top = rng.uniform(0.14, 0.26) + 0.08 * (peak == 2)
        reach = 0.42
        canvas.polygon(np.array([[x, top], [x + reach, 0.8], [x - reach, 0.8]]), (112, 122, 150))
        snow = np.array(
            [
                [x, top],
                [x + reach * 0.24, top + 0.14],
                [x, top + 0.1],
                [x - reach * 0.24, top + 0.14],
            ]
        )
        canvas.polygon(snow, (248, 250, 252))
    canvas.polygon(_hills(rng, 0.72, 0.03), (92, 142, 92))


def _library(canvas: Canvas, rng: np.random.Generator) -> None:
    canvas.gradient((112, 74, 46), (84, 54, 34))
    bindings: list[Colour] = [
        (170, 52, 48),
        (46, 92, 142),
        (62, 122, 78),
        (214, 176, 92),
        (120, 72, 132),
    ]
    for shelf in range(5):
        floor = 0.19 + 0.2 * shelf
        for place in range(14):
            x, top = place / 14, floor - rng.uniform(0.1, 0.155)
            book = np.array(
                [[x + 0.006, top], [x + 0.064, top], [x + 0.064, floor], [x + 0.006, floor]]
            )
            canvas.polygon(book, bindings[int(rng.integers(5))])
        canvas.polygon(_slab(floor, floor + 0.024), (150, 104, 66))


def _space(canvas: Canvas, rng: np.random.Generator) -> None:
    canvas.gradient((16, 14, 42), (44, 24, 74))
    for place in rng.random((34, 2)):
        canvas.disc(tuple(place), rng.uniform(0.003, 0.008), (250, 250, 255))
    x = 0.16 if rng.random() < 0.5 else 0.84
    centre = (x, rng.uniform(0.16, 0.3))
    canvas.disc(centre, 0.11, (222, 140, 92))
    ring = ellipse(centre, (0.18, 0.04))
    canvas.line(ring, (240, 206, 160), 0.012, closed=True)


def _snow(canvas: Canvas, rng: np.random.Generator) -> None:
    canvas.gradient((168, 188, 212), (226, 234, 244))
    canvas.polygon(_hills(rng, 0.66, 0.03), (250, 252, 255))
    for x in (rng.uniform(0.05, 0.2), rng.uniform(0.8, 0.95)):
        for layer in range(3):
            y = 0.28 + 0.13 * layer
            cone = np.array([[x, y], [x + 0.09, y + 0.19], [x - 0.09, y + 0.19]])
            canvas.polygon(cone, (86, 124, 122))
            canvas.line(cone[[2, 0, 1]], (252, 253, 255), 0.014)
    for place in rng.random((28, 2)):
        canvas.disc(tuple(place), rng.uniform(0.006, 0.012), (255, 255, 255))


def _desert(canvas: Canvas, rng: np.random.Generator) -> None:
    canvas.gradient((250, 206, 130), (252, 232, 190))
    _sun(canvas, rng, (255, 250, 220))
    canvas.polygon(_hills(rng, 0.56, 0.05), (222, 164, 92))
    canvas.polygon(_hills(rng, 0.74, 0.04), (202, 138, 72))
    x = float(rng.choice([0.1, 0.9]))
    for stem in (
        np.array([[x, 0.34], [x, 0.8]]),
        np.array([[x - 0.075, 0.46], [x - 0.075, 0.58], [x, 0.58]]),
        np.array([[x + 0.075, 0.42], [x + 0.075, 0.53], [x, 0.53]]),
    ):
        canvas.line(stem, (66, 132, 74), 0.042)


def _garden(canvas: Canvas, rng: np.random.Generator) -> None:
    canvas.gradient((152, 212, 246), (222, 242, 232))
    canvas.polygon(_hills(rng, 0.42, 0.05), (88, 158, 84))
    petals: list[Colour] = [(240, 92, 130), (250, 222, 84), (250, 250, 250), (186, 110, 216)]
    for row in range(4):
        for column in range(7):
            x = (column + rng.uniform(0.2, 0.8)) / 7
            y = 0.52 + 0.13 * row + rng.uniform(-0.03, 0.03)
            canvas.disc((x, y), 0.03, petals[int(rng.integers(4))])
            canvas.disc((x, y), 0.011, (250, 190, 60))


def _sun(canvas: Canvas, rng: np.random.Generator, colour: Colour) -> None:
    x = 0.15 if rng.random() < 0.5 else 0.85
    canvas.disc((x, rng.uniform(0.12, 0.2)), 0.085, colour)


def _slab(top: float, bottom: float) -> Floats:
    return np.array([[-0.1, top], [1.1, top], [1.1, bottom], [-0.1, bottom]])


def _hills(rng: np.random.Generator, top: float, height: float) -> Floats:
    x = np.linspace(-0.1, 1.1, 30)
    phase = rng.uniform(0, 6.28, 2)
    y = top + height * (np.sin(x * 5 + phase[0]) + 0.5 * np.sin(x * 9 + phase[1]))
    return np.concatenate([np.stack([x, y], 1), [[1.1, 1.2], [-0.1, 1.2]]])


_PLACES: dict[str, Callable[[Canvas, np.random.Generator], None]] = {
    "studio": _studio,
    "beach": _beach,
    "forest": _forest,
    "city": _city,
    "mountains": _mountains,
    "library": _library,
    "space": _space,
    "snow": _snow,
    "desert": _desert,
    "garden": _garden,
}
