"""Portraits: a person in a scene, drawn as a square picture with its truth."""

from dataclasses import dataclass

import numpy as np

from scripts.pocket.arrays import Floats, Picture
from scripts.pocket.backgrounds import draw_background
from scripts.pocket.canvas import Canvas
from scripts.pocket.face import (
    draw_eyes,
    draw_marks,
    draw_mouth,
    draw_nose,
    draw_skin,
    keypoints_on_face,
)
from scripts.pocket.finish import ink_of, light, paint
from scripts.pocket.garments import draw_accessory, draw_body
from scripts.pocket.hair import draw_back_hair, draw_front_hair
from scripts.pocket.head import Head, face_outline
from scripts.pocket.person import Person
from scripts.pocket.scene import Scene

NATIVE_SIZE_PX = 128


@dataclass(frozen=True)
class Portrait:
    """A drawing and where its face is."""

    picture: Picture  # uint8 RGB [size, size, 3]
    keypoints: Floats  # float32 [5, 2] pixels: left eye, right eye, nose, mouth corners
    face_bbox: Floats  # float32 [4] pixels: x1, y1, x2, y2


def draw_portrait(person: Person, scene: Scene, size_px: int = NATIVE_SIZE_PX) -> Portrait:
    """Draw the person in the scene; the same arguments always give the same pixels."""
    canvas = Canvas(size_px)
    head = Head(person, scene.pose)
    ink = ink_of(scene.art_style)
    draw_background(canvas, scene.background, scene.variation)
    draw_back_hair(canvas, head, scene, ink)
    draw_body(canvas, head, scene, ink)
    draw_skin(canvas, head, ink)
    draw_marks(canvas, head)
    draw_mouth(canvas, head, scene.expression)
    draw_nose(canvas, head)
    draw_eyes(canvas, head, scene.expression)
    draw_front_hair(canvas, head, scene, ink)
    draw_accessory(canvas, head, scene)
    lit = light(canvas.picture().astype(np.float32), scene.light)
    painted = paint(lit, scene.art_style)
    points, lifts = keypoints_on_face(person, scene.expression)
    placed = [head.surface(point[None], lift)[0] for point, lift in zip(points, lifts, strict=True)]
    outline = head.outline(face_outline(person)) * size_px
    return Portrait(
        picture=np.clip(painted, 0, 255).round().astype(np.uint8),
        keypoints=(np.stack(placed) * size_px).astype(np.float32),
        face_bbox=np.concatenate([outline.min(0), outline.max(0)]).astype(np.float32),
    )
