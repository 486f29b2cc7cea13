"""Figures of public faces: whom the judge takes them for, and whether they stay who they are."""

from dataclasses import dataclass

import numpy as np

from scripts.pocket.arrays import Floats, Rows


@dataclass(frozen=True)
class Thresholds:
    """Cosines from which two pictures count as one person's."""

    pair_1_percent: float  # accepts one of a hundred pairs of strangers
    pair_01_percent: float  # one of a thousand
    search_1_percent: float  # finds one of a hundred strangers somewhere in the gallery

    @classmethod
    def from_strangers(cls, strangers: Floats, gallery: Floats) -> "Thresholds":
        """Return those that strangers [people, width] have to a gallery [people, width]."""
        cosines = strangers @ gallery.T
        pair_1_percent, pair_01_percent = np.quantile(cosines, [0.99, 0.999])
        return cls(
            float(pair_1_percent),
            float(pair_01_percent),
            float(np.quantile(cosines.max(1), 0.99)),
        )


def privacy(
    pictures: Floats, sources: Rows, gallery: Floats, thresholds: Thresholds
) -> dict[str, float]:
    """Return how often pictures [faces, scenes, width] are taken for somebody of the gallery.

    `sources` [faces, persons] are the rows of the gallery that each face was made of; it may have
    no columns. A search goes through the whole gallery, the sources among it.
    """
    cosines = pictures @ gallery.T
    nearest = cosines.max(-1)
    figures = {
        "nearest_cosine": float(nearest.mean()),
        "somebody_at_pair_01_percent": share(nearest, thresholds.pair_01_percent),
        "somebody_at_search_1_percent": share(nearest, thresholds.search_1_percent),
    }
    if sources.shape[1]:
        theirs = np.take_along_axis(cosines, sources[:, None, :], axis=-1).max(-1)
        figures |= {
            "source_cosine": float(theirs.mean()),
            "source_at_pair_1_percent": share(theirs, thresholds.pair_1_percent),
            "source_at_pair_01_percent": share(theirs, thresholds.pair_01_percent),
        }
    return figures


def consistency(pictures: Floats, thresholds: Thresholds) -> dict[str, float]:
    """Return how alike the pictures [faces, scenes, width] of one face are, and of different ones.

    `noise` is the standard error over faces of the former.
    """
    faces, scenes, width = pictures.shape
    flat = pictures.reshape(-1, width)
    cosines = (flat @ flat.T).reshape(faces, scenes, faces, scenes)
    one, other = np.triu_indices(scenes, 1)
    same = np.stack([cosines[face, one, face, other] for face in range(faces)])
    apart = cosines.transpose(0, 2, 1, 3)[~np.eye(faces, dtype=bool)]
    return {
        "same_cosine": float(same.mean()),
        "same_cosine_noise": float(same.mean(1).std(ddof=1) / np.sqrt(faces)),
        "different_cosine": float(apart.mean()),
        "same_at_pair_1_percent": share(same, thresholds.pair_1_percent),
    }


def share(cosines: Floats, threshold: float) -> float:
    """Return how many of the cosines reach the threshold, of 1."""
    return float((cosines >= threshold).mean())
