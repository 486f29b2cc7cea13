"""Hair: what lies behind the head, and what falls over it."""

from collections.abc import Callable

import numpy as np

from scripts.pocket.arrays import Floats
from scripts.pocket.canvas import Canvas, ellipse, mix
from scripts.pocket.head import Head
from scripts.pocket.person import Colour
from scripts.pocket.scene import HAIR_COLOURS, NO_HAIR, Scene

_HAIRLINE_Y = -0.58  # head units, in the middle of the forehead


def draw_back_hair(canvas: Canvas, head: Head, scene: Scene, ink: Colour | None) -> None:
    """Draw the hair that lies behind head and neck."""
    shapes = _BACK.get(scene.hair_style)
    if shapes is None:
        return
    colour = mix(HAIR_COLOURS[scene.hair_colour], (20, 12, 24), 0.22)
    for points in shapes(head.person.face_width):
        placed = head.behind(points, -0.25)
        canvas.polygon(placed, colour)
        if ink is not None:
            canvas.line(placed, ink, head.width(0.04), closed=True)


def draw_front_hair(canvas: Canvas, head: Head, scene: Scene, ink: Colour | None) -> None:
    """Draw the hair on the skull and over the forehead."""
    if scene.hair_style == NO_HAIR:
        return
    colour = HAIR_COLOURS[scene.hair_colour]
    placed = _cap(head, scene.hair_style)
    canvas.polygon(placed, colour)
    if ink is not None:
        canvas.line(placed, ink, head.width(0.04), closed=True)
    if scene.hair_style == "curly":
        for centre in _curls(head.person.face_width):
            disc = head.outline(np.array([centre]))[0]
            canvas.disc(tuple(disc), head.width(0.19), colour)
    _shine(canvas, head, mix(colour, (255, 255, 255), 0.28))


def _cap(head: Head, style: str) -> Floats:
    """Return the cap of hair in the picture: outer arc over the skull, then the hairline back."""
    width = head.person.face_width
    reach = {"short": 0.02, "spiky": -0.05, "bun": 0.1, "braided": 0.15}.get(style, 0.3)
    angles = np.linspace(-np.pi - reach, reach, 40)
    grow = 1.17 if style in ("long", "bob", "curly") else 1.11
    x, y = width * grow * np.cos(angles), 1.1 * np.sin(angles)
    if style == "spiky":
        spikes = np.where(np.arange(40) % 4 < 2, 1.22, 0.98)
        x, y = x * spikes, y * spikes
    outer = head.outline(np.stack([x, y], 1))
    across = np.linspace(0.97, -0.97, 21)
    hairline = _HAIRLINE_Y + _fringe(style, across)
    inner = head.surface(np.stack([across * width, hairline], 1))
    return np.concatenate([outer, inner])


def _fringe(style: str, across: Floats) -> Floats:
    """Return how far below the hairline the hair reaches, for places -1..1 across the face."""
    shapes = {
        "bob": 0.2 + 0.55 * np.abs(across) ** 8,
        "long": 0.1 * np.cos((across + 0.35) * 3.0) + 0.75 * np.abs(across) ** 5,
        "short": 0.62 * np.abs(across) ** 4 + 0.1 * across,
        "curly": 0.06 + 0.62 * np.abs(across) ** 4 + 0.05 * np.cos(across * 14),
        "spiky": 0.5 * np.abs(across) ** 4 + 0.07 * np.sign(np.sin(across * 16)),
    }
    fringe: Floats = shapes.get(style, 0.7 * np.abs(across) ** 3 - 0.03)
    return fringe


def _shine(canvas: Canvas, head: Head, colour: Colour) -> None:
    angles = np.linspace(-2.4, -1.75, 8)
    width = head.person.face_width
    arc = np.stack([0.9 * width * np.cos(angles), 0.92 * np.sin(angles)], 1)
    canvas.line(head.outline(arc), colour, head.width(0.07))


def _curls(width: float) -> list[tuple[float, float]]:
    angles = np.linspace(-np.pi - 0.35, 0.35, 15)
    return [(1.12 * width * np.cos(angle), 1.02 * np.sin(angle)) for angle in angles]


def _curtain(width: float, bottom: float, flare: float) -> Floats:
    """Return hair that hangs from the skull to a height, both sides in one piece."""
    angles = np.linspace(-np.pi, 0, 24)
    top = np.stack([width * 1.2 * np.cos(angles), 1.12 * np.sin(angles)], 1)
    low = np.array([[width * (1.2 + flare), bottom], [-width * (1.2 + flare), bottom]])
    return np.concatenate([top, low])


def _long(width: float) -> list[Floats]:
    return [_curtain(width, 1.75, 0.18)]


def _bob(width: float) -> list[Floats]:
    return [_curtain(width, 0.78, 0.2)]


def _curly(width: float) -> list[Floats]:
    angles = np.linspace(0, 2 * np.pi, 72)
    bumps = 1 + 0.07 * np.abs(np.sin(angles * 7))
    blob = np.stack([width * 1.52 * bumps * np.cos(angles), 1.2 * bumps * np.sin(angles)], 1)
    return [blob - [0, 0.12]]


def _bun(width: float) -> list[Floats]:
    return [ellipse((0, -1.25), (0.42, 0.36)), ellipse((0, -0.1), (width * 1.1, 1.0))]


def _braided(width: float) -> list[Floats]:
    beads = [
        ellipse((side * (width * 1.12 + 0.05), 0.45 + 0.3 * row), (0.19 - 0.02 * row, 0.2), 20)
        for side in (-1, 1)
        for row in range(5)
    ]
    return [ellipse((0, -0.1), (width * 1.14, 1.02)), *beads]


_BACK: dict[str, Callable[[float], list[Floats]]] = {
    "long": _long,
    "bob": _bob,
    "curly": _curly,
    "bun": _bun,
    "braided": _braided,
}
