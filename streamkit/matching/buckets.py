"""The scan's rows, dealt into buckets: each holds all rows of some keys and is worked on alone.

A bucket is small enough for the processor's cache, buckets are independent of each other, so that
every core takes one, and where there are more rows than memory should hold they wait on disk.
"""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path as FilePath
from typing import Any, TypeAlias

import numpy as np
import numpy.typing as npt

from streamkit.events.opened import Scratch
from streamkit.matching.chains import Ints
from streamkit.matching.numbering import Hashes

__all__ = ["BYTES_IN_MEMORY", "Buckets", "Columns"]

Columns: TypeAlias = dict[str, npt.NDArray[Any]]
"""Rows, column by column."""

ROWS_A_BUCKET = 2**19
MOST_BUCKETS = 256
BYTES_IN_MEMORY = 1_000_000_000
"""What all rows may take before they are kept on disk: 25 million rows of one stream."""


class Buckets:
    """Rows by what their key's number begins with.

    Args:
        rows: How many rows may come, which decides the number of buckets.

    Example:
        >>> buckets = Buckets(rows=2)
        >>> buckets.add({"position": np.array([1, 2])}, np.array([7, 9], np.uint64))
        >>> [buckets.pop(number)["position"].tolist() for number in buckets.filled()]
        [[1, 2]]
    """

    def __init__(self, rows: int) -> None:
        self._bits = min(max(-(-rows // ROWS_A_BUCKET) - 1, 0), MOST_BUCKETS - 1).bit_length()
        self._held: list[list[Columns]] = [[] for _ in range(2**self._bits)]
        self._rows: Ints = np.zeros(2**self._bits, np.int64)
        self._empty: Columns = {}
        self._scratch: Scratch | None = None
        self.bytes = 0

    def __len__(self) -> int:
        return len(self._held)

    @property
    def is_on_disk(self) -> bool:
        """Whether there were more rows than memory should hold."""
        return self._scratch is not None

    def deal(self, rows: Columns, hashes: Hashes) -> list[Columns]:
        """Rows by bucket; nothing is kept yet, so that many threads can deal.

        Args:
            rows: In any order.
            hashes: What tells each row's bucket: any part of its key, as a number.
        """
        if not self._bits:
            return [rows]
        bucket = (hashes >> np.uint64(64 - self._bits)).astype(np.uint8)
        order = np.argsort(bucket, kind="stable")
        rows = {name: column.take(order) for name, column in rows.items()}
        ends = np.cumsum(np.bincount(bucket, minlength=len(self))).tolist()
        return [
            {name: column[begin:end] for name, column in rows.items()}
            for begin, end in zip([0, *ends], ends, strict=False)
        ]

    def put(self, dealt: Sequence[Columns]) -> None:
        """Keep rows that were dealt out."""
        self._empty = self._empty or {name: column[:0] for name, column in dealt[0].items()}
        for bucket, rows in enumerate(dealt):
            count = len(next(iter(rows.values())))
            if count:
                self._held[bucket].append(rows)
                self._rows[bucket] += count
                self.bytes += sum(column.nbytes for column in rows.values())
        if self.bytes > BYTES_IN_MEMORY:
            self._put_on_disk()

    def add(self, rows: Columns, hashes: Hashes) -> None:
        """Deal rows out and keep them."""
        self.put(self.deal(rows, hashes))

    def filled(self) -> list[int]:
        """The buckets that hold rows; the first where none does."""
        return [bucket for bucket, rows in enumerate(self._rows) if rows] or [0]

    def pop(self, bucket: int) -> Columns:
        """The columns of a bucket, which is then empty; rows with a `position` in source order."""
        columns = {name: self._column(bucket, name) for name in self._empty}
        self._held[bucket].clear()
        positions = columns.get("position", np.empty(0))
        if (positions[1:] < positions[:-1]).any():  # a query's threads finished in another order
            order = np.argsort(positions, kind="stable")
            columns = {name: column.take(order) for name, column in columns.items()}
        return columns

    def _column(self, bucket: int, name: str) -> npt.NDArray[Any]:
        pieces = [piece[name] for piece in self._held[bucket]] or [self._empty[name]]
        if self._scratch is not None and (file := self._file(bucket, name)).exists():
            pieces = [np.fromfile(file, self._empty[name].dtype), *pieces]
        return np.concatenate(pieces)

    def _put_on_disk(self) -> None:
        self._scratch = self._scratch or Scratch()
        for bucket, held in enumerate(self._held):
            for name in self._empty if held else ():
                with self._file(bucket, name).open("ab") as file:
                    np.concatenate([piece[name] for piece in held]).tofile(file)
            held.clear()
        self.bytes = 0

    def _file(self, bucket: int, name: str) -> FilePath:
        assert self._scratch is not None
        return self._scratch.folder / f"{bucket:03}-{name}"
