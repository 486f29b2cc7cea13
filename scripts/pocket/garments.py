"""Clothes below the chin, and what is worn on the head."""

import numpy as np

from scripts.pocket.arrays import Floats
from scripts.pocket.canvas import Canvas, ellipse, mix
from scripts.pocket.head import Head
from scripts.pocket.person import Colour
from scripts.pocket.scene import GARMENT_COLOURS, Scene

_BLACK: Colour = (34, 32, 40)
_GOLD: Colour = (244, 196, 66)
_FLOOR = 4.0  # head units: below every picture


def draw_body(canvas: Canvas, head: Head, scene: Scene, ink: Colour | None) -> None:
    """Draw neck, shoulders and the garment."""
    skin = mix(head.person.skin, (96, 44, 50), 0.26)
    lean = 0.3 * np.sin(head.pose.yaw) + np.sin(head.pose.roll) * -0.5
    neck = np.array([[lean - 0.34, 0.5], [lean + 0.34, 0.5], [0.38, 1.5], [-0.38, 1.5]])
    canvas.polygon(head.body(neck), skin)
    colour = GARMENT_COLOURS[scene.garment_colour]
    body = head.body(_shoulders())
    canvas.polygon(body, colour)
    _DETAILS[scene.garment](canvas, head, colour)
    if ink is not None:
        canvas.line(body, ink, head.width(0.045), closed=True)


def _shoulders() -> Floats:
    right = np.array(
        [[0.36, 1.18], [0.72, 1.32], [1.2, 1.42], [1.5, 1.66], [1.68, 2.2], [1.75, _FLOOR]]
    )
    return np.concatenate([right, (right * [-1, 1])[::-1]])


def _t_shirt(canvas: Canvas, head: Head, colour: Colour) -> None:
    canvas.polygon(head.body(ellipse((0, 1.2), (0.46, 0.26))), head.person.skin)
    collar = ellipse((0, 1.2), (0.46, 0.26))[:21]
    canvas.line(head.body(collar), mix(colour, _BLACK, 0.35), head.width(0.07))


def _coat(canvas: Canvas, head: Head, colour: Colour) -> None:
    dark = mix(colour, _BLACK, 0.35)
    inner = np.array([[-0.34, 1.15], [0.34, 1.15], [0.12, _FLOOR], [-0.12, _FLOOR]])
    canvas.polygon(head.body(inner), mix(colour, (255, 255, 255), 0.7))
    for side in (-1, 1):
        lapel = np.array([[0.3, 1.05], [0.66, 1.25], [0.62, 1.95], [0.14, 2.5]]) * [side, 1.0]
        canvas.polygon(head.body(lapel), dark)


def _suit(canvas: Canvas, head: Head, colour: Colour) -> None:
    shirt = np.array([[-0.4, 1.15], [0.4, 1.15], [0.0, 2.6]])
    canvas.polygon(head.body(shirt), (246, 246, 248))
    tie = np.array([[-0.09, 1.38], [0.09, 1.38], [0.13, 2.2], [0, 2.5], [-0.13, 2.2]])
    canvas.polygon(head.body(tie), mix(colour, _BLACK, 0.55))
    for side in (-1, 1):
        edge = np.array([[0.4, 1.15], [0.58, 1.7], [0.0, 2.6]]) * [side, 1.0]
        canvas.line(head.body(edge), mix(colour, _BLACK, 0.4), head.width(0.06))


def _hoodie(canvas: Canvas, head: Head, colour: Colour) -> None:
    hood = ellipse((0, 1.22), (0.82, 0.3))
    canvas.polygon(head.body(hood), mix(colour, _BLACK, 0.3))
    canvas.polygon(head.body(ellipse((0, 1.12), (0.5, 0.2))), mix(head.person.skin, _BLACK, 0.2))
    for x in (-0.24, 0.24):
        cord = np.array([[x, 1.46], [x * 0.95, 2.0]])
        canvas.line(head.body(cord), (250, 250, 250), head.width(0.06))


def _sweater(canvas: Canvas, head: Head, colour: Colour) -> None:
    collar = np.array([[-0.42, 1.0], [0.42, 1.0], [0.46, 1.34], [-0.46, 1.34]])
    canvas.polygon(head.body(collar), mix(colour, (255, 255, 255), 0.18))
    for y in (1.62, 1.9, 2.18):
        stripe = np.array([[-1.5, y + 0.05], [0, y + 0.14], [1.5, y + 0.05]])
        canvas.line(head.body(stripe), mix(colour, (255, 255, 255), 0.55), head.width(0.09))


def _dress(canvas: Canvas, head: Head, colour: Colour) -> None:
    bare = np.array(
        [[-0.5, 1.2], [0.5, 1.2], [1.2, 1.42], [0.95, 1.52], [0, 2.0], [-0.95, 1.52], [-1.2, 1.42]]
    )
    canvas.polygon(head.body(bare), head.person.skin)
    beads = np.stack(
        [0.4 * np.cos(np.linspace(0.2, 2.94, 9)), 1.3 + 0.2 * np.sin(np.linspace(0.2, 2.94, 9))], 1
    )
    for bead in head.body(beads):
        canvas.disc(tuple(bead), head.width(0.045), mix(colour, (255, 255, 255), 0.6))


_DETAILS = {
    "t-shirt": _t_shirt,
    "coat": _coat,
    "suit": _suit,
    "hoodie": _hoodie,
    "sweater": _sweater,
    "dress": _dress,
}


def draw_accessory(canvas: Canvas, head: Head, scene: Scene) -> None:
    """Draw the accessory, over face and hair."""
    draw = {
        "glasses": _glasses,
        "hat": _hat,
        "crown": _crown,
        "headphones": _headphones,
        "earrings": _earrings,
        "scarf": _scarf,
    }.get(scene.accessory)
    if draw is not None:
        draw(canvas, head)


def _glasses(canvas: Canvas, head: Head) -> None:
    person = head.person
    width = head.width(0.055)
    for side in (-1, 1):
        rim = ellipse((side * person.eye_spacing, person.eye_y + 0.02), (0.24, 0.2), 32)
        canvas.line(head.surface(rim, 0.05), _BLACK, width, closed=True)
        temple = np.array([[side * (person.eye_spacing + 0.24), person.eye_y - 0.02]])
        ear = np.array([[side * person.face_width * 1.0, person.eye_y - 0.02]])
        ends = np.concatenate([head.surface(temple, 0.05), head.behind(ear, -0.05)])
        canvas.line(ends, _BLACK, width)
    inner = person.eye_spacing - 0.24
    bridge = np.array([[-inner, person.eye_y], [0, person.eye_y - 0.04], [inner, person.eye_y]])
    canvas.line(head.surface(bridge, 0.08), _BLACK, width)


def _hat(canvas: Canvas, head: Head) -> None:
    width = head.person.face_width
    crown = np.array(
        [[-1.12, -0.62], [-0.95, -1.35], [-0.4, -1.5], [0.4, -1.5], [0.95, -1.35], [1.12, -0.62]]
    )
    canvas.polygon(head.behind(crown * [width, 1.0], 0.0), (150, 110, 70))
    band = np.array([[-1.14, -0.64], [-1.1, -0.86], [1.1, -0.86], [1.14, -0.64]]) * [width, 1.0]
    canvas.polygon(head.behind(band, 0.05), (96, 44, 40))
    brim = ellipse((0, -0.6), (width * 1.75, 0.17))
    canvas.polygon(head.behind(brim, 0.12), (170, 128, 84))


def _crown(canvas: Canvas, head: Head) -> None:
    width = head.person.face_width
    x = np.array([-1.0, -1.12, -0.55, -0.5, 0.0, 0.5, 0.55, 1.12, 1.0])
    y = np.array([-0.72, -1.42, -1.05, -1.52, -1.1, -1.52, -1.05, -1.42, -0.72])
    canvas.polygon(head.behind(np.stack([x * width, y], 1), 0.1), _GOLD)
    for centre, colour in ((-0.55, (208, 40, 60)), (0.0, (48, 96, 206)), (0.55, (208, 40, 60))):
        jewel = head.behind(np.array([[centre * width, -0.88]]), 0.1)[0]
        canvas.disc(tuple(jewel), head.width(0.075), colour)


def _headphones(canvas: Canvas, head: Head) -> None:
    width = head.person.face_width
    angles = np.linspace(-np.pi, 0, 24)
    band = np.stack([width * 1.22 * np.cos(angles), 1.22 * np.sin(angles) + 0.0], 1)
    canvas.line(head.behind(band, -0.05), _BLACK, head.width(0.12))
    for side in (-1, 1):
        cup = head.behind(ellipse((side * width * 1.14, 0.05), (0.17, 0.3), 28), -0.1)
        canvas.polygon(cup, (214, 60, 60))
        canvas.line(cup, _BLACK, head.width(0.06), closed=True)


def _earrings(canvas: Canvas, head: Head) -> None:
    for side in (-1, 1):
        place = np.array([[side * head.person.face_width * 1.04, 0.12 + head.person.ear_size]])
        drop = head.behind(place, -0.1)[0]
        centre = (drop[0], drop[1] + head.width(0.08))
        canvas.disc(centre, head.width(0.12), _GOLD)
        canvas.disc(centre, head.width(0.055), (255, 240, 190))


def _scarf(canvas: Canvas, head: Head) -> None:
    wrap = ellipse((0, 1.28), (0.72, 0.3))
    canvas.polygon(head.body(wrap), (196, 48, 64))
    end = np.array([[0.2, 1.3], [0.58, 1.3], [0.66, 2.3], [0.3, 2.34]])
    canvas.polygon(head.body(end), (176, 38, 54))
    for y in (1.18, 1.36):
        fold = np.array([[-0.6, y], [0, y + 0.1], [0.6, y]])
        canvas.line(head.body(fold), (244, 206, 206), head.width(0.05))
