"""The record index: where in the book the records of a pixel mark's id are.

Sixteen bytes a picture: a server that draws one a second for a year needs half a gigabyte, and a
dictionary of lists would need nine.
"""

from array import array

import numpy as np


class RecordIndex:
    """Mark ids with places, in the order in which the records were made."""

    def __init__(self) -> None:
        self._mark_ids = array("I")
        self._starts = array("Q")
        self._sizes = array("I")

    def add(self, mark_id: int, start: int, size: int) -> None:
        """Remember the place of one more record."""
        self._mark_ids.append(mark_id)
        self._starts.append(start)
        self._sizes.append(size)

    def find(self, mark_id: int, most: int) -> list[tuple[int, int]]:
        """Return start and size of the latest records of this id, at most so many."""
        rows = np.flatnonzero(np.frombuffer(self._mark_ids, np.uint32) == mark_id)[-most:]
        return [(self._starts[row], self._sizes[row]) for row in rows.tolist()]
