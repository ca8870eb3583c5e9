"""Some of the rows, in order, and how many of them stand before any row.

"The last one before" is what every step and every exclude asks. It is answered by counting once:
the marked rows are numbered, and beside each row stands how many came before it. Then a row looks
its answer up in one place, whatever number of streams ask.
"""

from __future__ import annotations

from functools import cached_property
from typing import Any

import numpy as np
import numpy.typing as npt

from streamkit.matching.chains import Bools, Ints

__all__ = ["NONE", "Marks"]

NONE = -1
"""Where there is no row."""


class Marks:
    """Marked rows.

    Args:
        is_marked: Of the rows in order, or of the rows of other marks, which are marked.
        of: Those other marks; without them the rows are all rows.

    Attributes:
        rows: The numbers of the marked rows, in order, shape (marked,).

    Example:
        >>> marks = Marks(np.array([True, False, True, False]))
        >>> marks.rows.tolist(), marks.before(np.array([0, 2, 4])).tolist()
        ([0, 2], [0, 1, 2])
        >>> marks.some(np.array([False, True])).last_before(np.array([2, 3])).tolist()
        [-1, 2]
    """

    def __init__(self, is_marked: Bools, of: Marks | None = None) -> None:
        self._of = of
        self._is_marked = is_marked
        places = np.flatnonzero(is_marked)
        self._from_none = np.empty(len(places) + 1, np.int64)
        self._from_none[0] = NONE
        self._from_none[1:] = places if of is None else of.rows.take(places)
        self.rows: Ints = self._from_none[1:]

    def __len__(self) -> int:
        return len(self.rows)

    @cached_property
    def _counts(self) -> npt.NDArray[np.int32]:
        counts = np.zeros(len(self._is_marked) + 1, np.int32)
        np.cumsum(self._is_marked.astype(np.int32), out=counts[1:])
        return counts

    def some(self, which: Bools) -> Marks:
        """Those of the marked rows that are chosen."""
        return self if which.all() else Marks(which, self)

    def before(self, rows: Ints) -> Ints:
        """How many marked rows stand before each of the rows; a row may be one behind the last."""
        places = rows if self._of is None else self._of.before(rows)
        return self._counts.take(places).astype(np.int64)

    def at(self, counts: npt.NDArray[Any]) -> Ints:
        """The last of so many marked rows; -1 for none of them."""
        return self._from_none.take(counts)

    def last_before(self, rows: Ints) -> Ints:
        """For each of the rows the last marked one before it, in whatever key; -1 for none."""
        return self._lasts.take(rows if self._of is None else self._of.before(rows))

    @cached_property
    def _lasts(self) -> Ints:
        return self.at(self._counts)
