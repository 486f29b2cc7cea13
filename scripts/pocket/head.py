"""The head: where points of a face come to lie in the picture for a pose."""

import numpy as np

from scripts.pocket.arrays import Floats
from scripts.pocket.person import Person
from scripts.pocket.scene import Pose

_DEPTH = 0.85  # how far the middle of the face stands before the axis of the head


class Head:
    """Maps head units (origin in the middle of the head, y down) to shares of the picture."""

    def __init__(self, person: Person, pose: Pose) -> None:
        self.person = person
        self.pose = pose
        self._sin_yaw, self._cos_yaw = np.sin(pose.yaw), np.cos(pose.yaw)
        self._sin_pitch, self._cos_pitch = np.sin(pose.pitch), np.cos(pose.pitch)
        cos_roll, sin_roll = np.cos(pose.roll), np.sin(pose.roll)
        self._roll = np.array([[cos_roll, sin_roll], [-sin_roll, cos_roll]])

    def surface(self, points: Floats, lift: float = 0.0) -> Floats:
        """Place points [n, 2] that lie on the face; lift raises them from the skin."""
        shares = (points / [self.person.face_width * 1.15, 1.15]) ** 2
        depth = _DEPTH * np.sqrt(np.clip(1 - shares.sum(1), 0.02, 1)) + lift
        x = points[:, 0] * self._cos_yaw + depth * self._sin_yaw
        y = points[:, 1] * self._cos_pitch + depth * self._sin_pitch
        return self._to_picture(np.stack([x, y], 1))

    def outline(self, points: Floats) -> Floats:
        """Place points [n, 2] of the silhouette: the chin goes with the turn, the skull stays."""
        forward = 0.36 * np.clip(points[:, 1] + 0.35, 0, 1.3)
        x = points[:, 0] * (1 - 0.1 * abs(self._sin_yaw)) + forward * self._sin_yaw
        y = points[:, 1] * (1 - 0.06 * abs(self._sin_pitch)) + forward * self._sin_pitch
        return self._to_picture(np.stack([x, y], 1))

    def behind(self, points: Floats, depth: float) -> Floats:
        """Place points [n, 2] of something flat at a depth (negative: behind the head's axis)."""
        shift = np.array([depth * self._sin_yaw, depth * self._sin_pitch])
        return self._to_picture(points + shift)

    def body(self, points: Floats) -> Floats:
        """Place points [n, 2] of neck and shoulders, which do not turn with the head."""
        placed: Floats = points * self.pose.size + [self.pose.centre_x, self.pose.centre_y]
        return placed

    def width(self, units: float) -> float:
        """Return a length in head units as share of the picture."""
        return units * self.pose.size

    def _to_picture(self, points: Floats) -> Floats:
        centre = np.array([self.pose.centre_x, self.pose.centre_y])
        placed: Floats = points @ self._roll * self.pose.size + centre
        return placed


def face_outline(person: Person) -> Floats:
    """Return the face's outline [64, 2] in head units, from the image's right over the chin."""
    angles = np.linspace(0, 2 * np.pi, 64, endpoint=False)
    cosine, sine = np.cos(angles), np.sin(angles)
    below = np.clip(sine, 0, 1)
    squareness = 0.62 + 0.3 * person.jaw  # exponent under 1 pushes the jaw outwards
    x = np.sign(cosine) * np.abs(cosine) ** np.where(below > 0, squareness, 0.9)
    taper = 1 - (0.32 - 0.2 * person.jaw) * below**2
    y = np.where(sine > 0, person.chin * sine, 0.98 * sine)
    outline: Floats = np.stack([x * taper * person.face_width, y], 1)
    return outline
