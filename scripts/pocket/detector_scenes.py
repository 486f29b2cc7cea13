"""Pictures for the detector: faces of every size, several or none, and what spoils photos."""

from dataclasses import dataclass

import cv2
import numpy as np

from scripts.pocket.arrays import Floats, Picture
from scripts.pocket.backgrounds import draw_background
from scripts.pocket.canvas import Canvas
from scripts.pocket.drawings import Drawings
from scripts.pocket.retouch import blurred, compressed, moved, noisy, relit, resized, turn
from scripts.pocket.scene import BACKGROUNDS
from scripts.render_profiles import DETECTION_SIZE_PX

_GRID_PX = 128  # a drawing's own size
NO_BOXES = np.zeros((0, 4), np.float32)
NO_KEYPOINTS = np.zeros((0, 5, 2), np.float32)
_SIGNS = "InstantID Triton 0123456789 HELLO"


@dataclass(frozen=True)
class FacePicture:
    """A picture at detection size with the truth about its faces."""

    picture: Picture  # uint8 RGB [192, 192, 3]
    boxes: Floats  # float32 [faces, 4]: x1, y1, x2, y2 pixels
    keypoints: Floats  # float32 [faces, 5, 2] pixels


def random_face_picture(drawings: Drawings, rng: np.random.Generator) -> FacePicture:
    """Draw what the detector meets: mostly one face, sometimes several, sometimes none."""
    kind = rng.random()
    if kind < 0.25:
        picture = picture_without_face(rng, drawings)
        return FacePicture(_spoil(picture, rng), NO_BOXES, NO_KEYPOINTS)
    if kind < 0.4:
        columns = int(rng.integers(2, 4))
        return _collage(drawings, rng, columns)
    if kind < 0.6:
        return _placed(drawings, rng, turned=rng.normal(0, 12), scale=rng.uniform(0.5, 2.6))
    return _placed(drawings, rng, turned=0.0, scale=rng.uniform(1.3, 1.55))


def picture_without_face(rng: np.random.Generator, drawings: Drawings | None = None) -> Picture:
    """Return a picture [192, 192, 3] that shows no face: places, shapes, writing, noise, bodies."""
    kind = rng.random()
    if kind < 0.35 or (kind >= 0.85 and drawings is None):
        canvas = Canvas(DETECTION_SIZE_PX)
        draw_background(
            canvas, BACKGROUNDS[int(rng.integers(len(BACKGROUNDS)))], int(rng.integers(1 << 30))
        )
        return canvas.picture()
    if kind < 0.85 or drawings is None:
        return _shapes(rng)
    row = int(rng.integers(len(drawings.pictures)))
    chin = int(drawings.keypoints[row, :, 1].max()) + 18
    if chin > 110:
        return _shapes(rng)
    return resized(np.asarray(drawings.pictures[row, chin:]), DETECTION_SIZE_PX)


def _shapes(rng: np.random.Generator) -> Picture:
    side = DETECTION_SIZE_PX
    if rng.random() < 0.15:
        cells = int(rng.integers(4, side))
        noise = rng.integers(0, 256, (cells, cells, 3), dtype=np.uint8)
        return resized(noise, side, smooth=False)
    picture = np.full((side, side, 3), rng.integers(0, 256, 3), np.uint8)
    for _ in range(int(rng.integers(0, 16))):
        colour = tuple(int(value) for value in rng.integers(0, 256, 3))
        place = tuple(int(value) for value in rng.integers(0, side, 2))
        radii = tuple(int(value) for value in rng.integers(3, 70, 2))
        shape = rng.random()
        if shape < 0.4:
            cv2.ellipse(picture, place, radii, rng.uniform(0, 180), 0, 360, colour, -1, cv2.LINE_AA)
        elif shape < 0.7:
            corner = (place[0] + radii[0], place[1] + radii[1])
            cv2.rectangle(picture, place, corner, colour, -1)
        elif shape < 0.85:
            cv2.line(picture, place, radii, colour, int(rng.integers(1, 9)), cv2.LINE_AA)
        else:
            start = int(rng.integers(len(_SIGNS) - 4))
            sign = _SIGNS[start : start + 8]
            cv2.putText(
                picture, sign, place, cv2.FONT_HERSHEY_SIMPLEX, rng.uniform(0.4, 2), colour, 2
            )
    return picture


def _placed(
    drawings: Drawings, rng: np.random.Generator, turned: float, scale: float
) -> FacePicture:
    """Place one drawing on an empty picture, turned by degrees and scaled."""
    row = int(rng.integers(len(drawings.pictures)))
    face_middle = drawings.keypoints[row].mean(0)
    matrix = turn((float(face_middle[0]), float(face_middle[1])), turned, scale)
    if turned == 0.0:
        room = max(0.0, DETECTION_SIZE_PX - _GRID_PX * scale)
        matrix[:, 2] = rng.uniform(0, room, 2)
    else:
        face_px = 60 * scale / 2
        room = max(DETECTION_SIZE_PX / 2 - face_px, 4.0)
        matrix[:, 2] += DETECTION_SIZE_PX / 2 - face_middle + rng.uniform(-room, room, 2)
    red, green, blue = rng.integers(0, 256, 3) if rng.random() < 0.5 else (0, 0, 0)
    fill = (float(red), float(green), float(blue))
    picture = moved(np.asarray(drawings.pictures[row]), matrix, DETECTION_SIZE_PX, fill)
    return _truth(picture, [drawings.keypoints[row]], [matrix], rng)


def _collage(drawings: Drawings, rng: np.random.Generator, columns: int) -> FacePicture:
    """Put several drawings beside each other."""
    picture = np.zeros((DETECTION_SIZE_PX, DETECTION_SIZE_PX, 3), np.uint8)
    cell = DETECTION_SIZE_PX // columns
    keypoints, matrices = [], []
    for place in range(columns * columns):
        if rng.random() < 0.25:
            continue
        row = int(rng.integers(len(drawings.pictures)))
        x, y = place % columns * cell, place // columns * cell
        picture[y : y + cell, x : x + cell] = resized(drawings.pictures[row], cell)
        keypoints.append(drawings.keypoints[row])
        scale = cell / _GRID_PX
        matrices.append(np.array([[scale, 0, x], [0, scale, y]]))
    return _truth(picture, keypoints, matrices, rng)


def _truth(
    picture: Picture,
    keypoints: list[Floats],
    matrices: list[Floats],
    rng: np.random.Generator,
) -> FacePicture:
    placed = [
        points @ matrix[:, :2].T + matrix[:, 2]
        for points, matrix in zip(keypoints, matrices, strict=True)
    ]
    if not placed:
        return FacePicture(_spoil(picture, rng), NO_BOXES, NO_KEYPOINTS)
    stacked = np.stack(placed).astype(np.float32)
    boxes = np.stack([box_around(points) for points in stacked])
    return FacePicture(_spoil(picture, rng), boxes, stacked)


def box_around(keypoints: Floats) -> Floats:
    """Return the face's box [4] for keypoints [5, 2]: forehead to chin, ear to ear."""
    eyes, mouth = keypoints[:2].mean(0), keypoints[3:].mean(0)
    down = mouth - eyes
    reach = max(float(np.hypot(*down)), 0.8 * float(np.hypot(*(keypoints[1] - keypoints[0]))))
    x, y = (eyes + mouth) / 2 - 0.1 * down
    return np.array(
        [x - 1.2 * reach, y - 1.35 * reach, x + 1.2 * reach, y + 1.35 * reach], np.float32
    )


def _spoil(picture: Picture, rng: np.random.Generator) -> Picture:
    """Return the picture darker, grey, blurred, compressed or noisy, each now and then."""
    if rng.random() < 0.25:
        picture = relit(picture, rng.uniform(0.35, 1.2), rng.uniform(-20, 30))
    if rng.random() < 0.1:
        picture = np.repeat(picture.mean(2, keepdims=True).astype(np.uint8), 3, axis=2)
    if rng.random() < 0.25:
        picture = blurred(picture, rng.uniform(0.5, 2.2))
    if rng.random() < 0.15:
        picture = compressed(picture, int(rng.integers(25, 90)))
    if rng.random() < 0.2:
        picture = noisy(picture, rng, rng.uniform(2, 14), int(rng.integers(24, DETECTION_SIZE_PX)))
    return picture
