"""The face: skin, eyes, brows, nose, mouth and marks of a person, with an expression."""

from dataclasses import dataclass

import numpy as np

from scripts.pocket.arrays import Floats
from scripts.pocket.canvas import Canvas, ellipse, mix
from scripts.pocket.head import Head, face_outline
from scripts.pocket.person import Colour, Person

WHITE: Colour = (250, 250, 250)
DARK: Colour = (40, 28, 30)


@dataclass(frozen=True)
class Expression:
    """What an expression does to the features; lengths in head units."""

    mouth_lift: float  # corners up
    mouth_open: float
    mouth_stretch: float
    eye_open: float  # factor
    brow_lift: float
    brow_tilt: float  # positive lowers the inner ends
    teeth: bool


EXPRESSION_SHAPES = {
    "neutral": Expression(0.0, 0.0, 1.0, 1.0, 0.0, 0.0, False),
    "smiling": Expression(0.085, 0.0, 1.15, 0.92, 0.01, 0.0, False),
    "laughing": Expression(0.07, 0.15, 1.2, 0.75, 0.03, 0.0, True),
    "sad": Expression(-0.075, 0.0, 0.92, 0.85, 0.02, -0.3, False),
    "surprised": Expression(0.0, 0.17, 0.72, 1.3, 0.09, 0.0, False),
    "angry": Expression(-0.045, 0.0, 1.0, 0.85, -0.035, 0.4, False),
}


def keypoints_on_face(person: Person, expression: str) -> tuple[Floats, Floats]:
    """Return the five keypoints [5, 2] in head units, and how far each stands out of the skin."""
    shape = EXPRESSION_SHAPES[expression]
    half_mouth = person.mouth_width * shape.mouth_stretch
    corner_y = person.mouth_y - shape.mouth_lift
    points = np.array(
        [
            [-person.eye_spacing, person.eye_y],
            [person.eye_spacing, person.eye_y],
            [0.0, person.eye_y + person.nose_length],
            [-half_mouth, corner_y],
            [half_mouth, corner_y],
        ]
    )
    return points, np.array([0.0, 0.0, 0.16, 0.0, 0.0])


def draw_skin(canvas: Canvas, head: Head, ink: Colour | None) -> None:
    """Draw ears, the face's shape, its soft shadow and its blush."""
    person = head.person
    shade = mix(person.skin, (96, 44, 50), 0.2)
    for side in (-1, 1):
        radius = person.ear_size
        centre = (side * person.face_width * 1.0, 0.05)
        ear = head.behind(ellipse(centre, (radius * 0.55, radius), 24), -0.12)
        inner = head.behind(ellipse(centre, (radius * 0.3, radius * 0.6), 20), -0.12)
        canvas.polygon(ear, person.skin)
        canvas.polygon(inner, shade)
        if ink is not None:
            canvas.line(ear, ink, head.width(0.035), closed=True)
    outline = face_outline(person)
    canvas.polygon(head.outline(outline), shade)
    lit = outline * [0.93, 0.95] + [-0.04, -0.035]
    canvas.polygon(head.outline(lit), person.skin)
    if ink is not None:
        canvas.line(head.outline(outline), ink, head.width(0.04), closed=True)
    if person.blush > 0.12:
        cheek = mix(person.skin, (232, 84, 92), 0.42 * person.blush)
        for side in (-1, 1):
            canvas.polygon(head.surface(ellipse((side * 0.44, 0.32), (0.13, 0.09), 20)), cheek)


def draw_marks(canvas: Canvas, head: Head) -> None:
    """Draw freckles, mole and scar."""
    person = head.person
    if person.freckles > 0:
        rng = np.random.default_rng([person.seed, 0xF5EC])
        count = int(8 + 16 * person.freckles)
        side = rng.choice([-1.0, 1.0], count)
        places = np.stack([side * rng.uniform(0.1, 0.5, count), rng.uniform(0.1, 0.38, count)], 1)
        for place in head.surface(places):
            canvas.disc(tuple(place), head.width(0.022), mix(person.skin, (112, 50, 24), 0.5))
    if person.mole is not None:
        place = head.surface(np.array([person.mole]))[0]
        canvas.disc(tuple(place), head.width(0.035), mix(person.skin, DARK, 0.75))
    if person.scar is not None:
        x, y, angle = person.scar
        reach = 0.13 * np.array([np.cos(angle), np.sin(angle)])
        ends = np.stack([np.array([x, y]) - reach, np.array([x, y]) + reach])
        canvas.line(head.surface(ends), mix(person.skin, (182, 60, 72), 0.5), head.width(0.04))


def draw_eyes(canvas: Canvas, head: Head, expression: str) -> None:
    """Draw eyes and brows."""
    person, shape = head.person, EXPRESSION_SHAPES[expression]
    height = person.eye_height * shape.eye_open
    for side in (-1, 1):
        centre = np.array([side * person.eye_spacing, person.eye_y])
        white = _almond(centre, person.eye_width, height, person.eye_tilt * side)
        canvas.polygon(head.surface(white), WHITE)
        iris_radius = min(height * 0.95, person.eye_width * 0.62)
        iris = ellipse((centre[0], centre[1]), (iris_radius, iris_radius), 24)
        canvas.polygon(head.surface(iris), person.eye_colour)
        pupil = ellipse((centre[0], centre[1]), (iris_radius * 0.48, iris_radius * 0.48), 16)
        canvas.polygon(head.surface(pupil), (16, 14, 18))
        glint = head.surface(centre[None] + [[-0.3 * iris_radius, -0.35 * iris_radius]])[0]
        canvas.disc(tuple(glint), head.width(iris_radius * 0.26), WHITE)
        upper = white[len(white) // 2 :]
        canvas.line(head.surface(upper), DARK, head.width(0.045))
        brow = _brow(person, side, shape.brow_lift, shape.brow_tilt)
        canvas.polygon(head.surface(brow), person.brow_colour)


def draw_nose(canvas: Canvas, head: Head) -> None:
    """Draw the bridge's shadow, the wings and the tip."""
    person = head.person
    tip_y = person.eye_y + person.nose_length
    shade = mix(person.skin, (96, 40, 40), 0.34)
    width = person.nose_width
    bridge = np.array([[0.03, person.eye_y + 0.04], [width * 0.55, tip_y - 0.06], [width, tip_y]])
    lifts = np.array([0.02, 0.12, 0.05])
    placed = np.concatenate(
        [head.surface(point[None], lift) for point, lift in zip(bridge, lifts, strict=True)]
    )
    canvas.line(placed, mix(person.skin, shade, 0.6), head.width(0.05))
    angles = np.linspace(0.05 * np.pi, 0.95 * np.pi, 14)
    base = np.stack([width * np.cos(angles), tip_y + 0.01 + 0.055 * np.sin(angles)], 1)
    canvas.line(head.surface(base, 0.09), shade, head.width(0.05))
    light = head.surface(np.array([[-0.02, tip_y - 0.04]]), 0.16)[0]
    canvas.disc(tuple(light), head.width(0.045), mix(person.skin, WHITE, 0.35))


def draw_mouth(canvas: Canvas, head: Head, expression: str) -> None:
    """Draw lips, and teeth and the open mouth where the expression shows them."""
    person, shape = head.person, EXPRESSION_SHAPES[expression]
    half = person.mouth_width * shape.mouth_stretch
    along = np.linspace(-1, 1, 17)
    middle_y = person.mouth_y + 0.25 * shape.mouth_lift
    bend = (middle_y - (person.mouth_y - shape.mouth_lift)) * (1 - along**2)
    centre_y = person.mouth_y - shape.mouth_lift + bend
    swell = np.sqrt(1 - along**2)
    cupid = 1 - 0.35 * np.exp(-((along / 0.18) ** 2))
    x = along * half
    gap = shape.mouth_open * swell
    upper = centre_y - person.lip_fullness * swell * cupid - 0.3 * gap
    lower = centre_y + 1.25 * person.lip_fullness * swell + gap
    lips = np.concatenate([np.stack([x, upper], 1), np.stack([x, lower], 1)[::-1]])
    canvas.polygon(head.surface(lips, 0.03), person.lip_colour)
    line_colour = mix(person.lip_colour, DARK, 0.62)
    if shape.mouth_open > 0:
        top, bottom = centre_y - 0.3 * gap, centre_y + 0.85 * gap
        opening = np.concatenate([np.stack([x, top], 1), np.stack([x, bottom], 1)[::-1]]) * [0.9, 1]
        canvas.polygon(head.surface(opening, 0.03), (88, 24, 32))
        if shape.teeth:
            low_teeth = centre_y + 0.25 * gap
            teeth = np.concatenate([np.stack([x, top], 1), np.stack([x, low_teeth], 1)[::-1]])
            canvas.polygon(head.surface(teeth * [0.82, 1], 0.03), WHITE)
    else:
        canvas.line(head.surface(np.stack([x, centre_y], 1), 0.03), line_colour, head.width(0.04))


def _almond(centre: Floats, width: float, height: float, tilt: float) -> Floats:
    """Return an eye's outline [28, 2]; its second half is the upper lid."""
    angles = np.linspace(0, 2 * np.pi, 28)
    x = width * np.cos(angles)
    y = height * np.sin(angles) * np.where(np.sin(angles) > 0, 0.82, 1.0)
    almond: Floats = np.stack([x, y - np.sin(tilt) * x], 1) + centre
    return almond


def _brow(person: Person, side: int, lift: float, tilt: float) -> Floats:
    """Return a brow's outline [18, 2]; it thins towards the temple."""
    along = np.linspace(-1, 1, 9)
    slope = -(person.brow_angle * 0.5 - tilt * -0.5) * along
    y = person.eye_y - person.brow_gap - lift + person.brow_length * slope - 0.035 * (1 - along**2)
    x = side * (person.eye_spacing + along * person.brow_length)
    half = person.brow_thickness * (0.62 - 0.32 * along)
    return np.concatenate([np.stack([x, y - half], 1), np.stack([x, y + half], 1)[::-1]])
