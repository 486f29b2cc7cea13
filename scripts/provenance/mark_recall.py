"""What a mark survives: how many ids are read after an edit, and how faint the mark is."""

from collections.abc import Iterable, Mapping
from dataclasses import dataclass

import numpy as np

from instantid_server.images import RGB
from instantid_server.trust.marks.watermarker import Watermarker
from instantid_server.trust.picture_record import mark_id_of
from scripts.provenance.edits import Edit
from scripts.psnr import psnr_db


@dataclass(frozen=True)
class Recall:
    """Shares from 0 to 1 by edit, and the mean PSNR of what was marked."""

    by_edit: Mapping[str, float]
    psnr_db: float


def recall(
    watermarker: Watermarker,
    pictures: Iterable[RGB],
    edits: Mapping[str, Edit],
    rng: np.random.Generator,
) -> Recall:
    """Mark each picture with an id of its own, and return how often it is read again."""
    read: dict[str, list[bool]] = {name: [] for name in edits}
    ratios = []
    for picture in pictures:
        record_id = rng.bytes(16).hex()
        marked = watermarker.embed(picture, record_id)
        ratios.append(psnr_db(picture, marked))
        for name, edit in edits.items():
            found = watermarker.detect(edit(marked))
            read[name].append(found.mark_id == mark_id_of(record_id))
    shares = {name: float(np.mean(each)) for name, each in read.items()}
    return Recall(shares, float(np.mean(ratios)))
