"""What the scan brought: the rows that touch some stream, in buckets for each key."""

from __future__ import annotations

import os
from collections import Counter
from collections.abc import Callable, Iterable, Iterator, Sequence
from concurrent.futures import ThreadPoolExecutor
from typing import TypeVar

import numpy as np
import pyarrow as pa

from streamkit.matching.buckets import Buckets, Columns, Hashes, Records
from streamkit.matching.chains import Bools, Ints
from streamkit.matching.scan import FLAGS_PER_WORD, ROLES, Scan
from streamkit.matching.sessions import SessionCounts, session_starts

__all__ = ["Touching", "any_flag", "has_flag", "in_threads"]

BYTES_OF_FACTS = 1_500_000_000
"""What the facts of all rows may take; where they take more, those of matches are read again."""
T = TypeVar("T")
R = TypeVar("R")


class Touching:
    """The rows that touch a stream, dealt out by key.

    Args:
        scan: The scan.
        begin: The oldest time of the input, in microseconds.
        rows: How many rows may come.

    Attributes:
        buckets: For each key of the streams, the rows that have one.
        lacking: For each key of the streams, the rows that lack a part of it.
        facts: What a match tells of the rows, batch by batch, if the scan brought it.
        counts: How many rows meet the flags that count what is missing.
        sessions: What was counted of sessions made from gaps.
    """

    def __init__(self, scan: Scan, begin: int, rows: int) -> None:
        self.scan = scan
        self.buckets = {key: Buckets(rows) for key in scan.keys}
        self.lacking: dict[tuple[str, ...], list[Records]] = {key: [] for key in scan.keys}
        self.facts: list[pa.RecordBatch] = []
        self.counts: Counter[int] = Counter()
        self.sessions: SessionCounts | None = None
        self._facts_bytes = 0
        self._begin = begin
        self._users = Buckets(rows)
        self._masks = scan.masks([f for s in scan.plan.streams for f in s.flags])
        self._type: np.dtype[np.void] | None = None

    @property
    def is_on_disk(self) -> bool:
        """Whether there were more rows than memory should hold."""
        return any(buckets.is_on_disk for buckets in (self._users, *self.buckets.values()))

    def take(self, batch: pa.RecordBatch) -> None:
        """Take a batch of the scan's rows."""
        numbers = [name for name in batch.schema.names if not name.startswith("fact_")]
        self._type = self._type or np.dtype(
            [(name, batch.schema.field(name).type.to_pandas_dtype()) for name in numbers],
            align=True,
        )
        rows = np.empty(batch.num_rows, self._type)
        for name in numbers:
            rows[name] = batch.column(name).to_numpy(zero_copy_only=False)
        for flag in (self.scan.unreadable_flag, self.scan.uncast_flag):
            self.counts[flag] += int(any_flag(rows, self.scan.masks([flag])).sum())
        facts = [name for name in batch.schema.names if name.startswith("fact_")]
        if facts and self._facts_bytes <= BYTES_OF_FACTS:
            self.facts.append(batch.select(["position", *facts]))
            self._facts_bytes += self.facts[-1].nbytes
            if self._facts_bytes > BYTES_OF_FACTS:
                self.facts.clear()
        if self.scan.history.schema.sessionizer is None:
            self._deal(rows)
        else:
            self._users.add(rows, rows["sessionizer_by"])

    def finish(self) -> None:
        """Make the sessions, once all rows have come."""
        sessionizer = self.scan.history.schema.sessionizer
        if sessionizer is None:
            return

        def made(bucket: int) -> tuple[Records, SessionCounts]:
            columns = self._users.read(bucket)
            starts, counts = session_starts(columns, sessionizer, self._begin)
            columns["session_start"] = starts
            touches = np.flatnonzero(any_flag(columns, self._masks))
            rows = np.empty(
                len(touches), [(name, column.dtype) for name, column in columns.items()]
            )
            for name, column in columns.items():
                rows[name] = column[touches]
            return rows, counts

        total = SessionCounts(0, 0)
        for rows, counts in in_threads(made, self._users.filled()):
            self._deal(rows)
            total = SessionCounts(total.made + counts.made, total.unproven + counts.unproven)
        self.sessions = total
        self._users = Buckets(0)

    def key_parts(self, key: tuple[str, ...], columns: Columns) -> list[Hashes]:
        """What tells the keys of some rows apart."""
        parts: list[Hashes] = [columns[name] for name in self._names(key)]
        if self.sessions is not None and "session" in key:
            parts.append(columns["session_start"].view(np.uint64))
        return parts

    def lacking_positions(self) -> Ints:
        """Source positions of the rows that lack a part of some key."""
        rows = [rows["position"] for each in self.lacking.values() for rows in each]
        return np.concatenate([np.empty(0, np.int64), *rows])

    def _deal(self, rows: Records) -> None:
        touches = any_flag(rows, self._masks)
        if not touches.all():
            rows = rows[touches]
        for key, buckets in self.buckets.items():
            whole = np.ones(len(rows), bool)
            for name in self._names(key):
                whole &= rows[name] != 0
            chosen = rows
            if not whole.all():
                self.lacking[key].append(rows[~whole])
                chosen = rows[whole]
            lead = next((part for part in key if part in ROLES), key[0])
            buckets.add(chosen, chosen[f"part_{self.scan.parts.index(lead)}"])

    def _names(self, key: Sequence[str]) -> list[str]:
        return [f"part_{self.scan.parts.index(part)}" for part in key]


def any_flag(rows: Records | Columns, masks: dict[int, int]) -> Bools:
    """Which rows meet any of some flags."""
    touches = np.zeros(len(rows["position"]), bool)
    for word, mask in masks.items():
        touches |= rows[f"flags_{word}"] & mask != 0
    return touches


def has_flag(words: Sequence[np.ndarray], flag: int) -> Bools:
    """Which rows meet a flag, of the words that hold the flags."""
    has: Bools = words[flag // FLAGS_PER_WORD] & (1 << flag % FLAGS_PER_WORD) != 0
    return has


def in_threads(work: Callable[[T], R], items: Iterable[T]) -> Iterator[R]:
    """The outcomes of work, in order; most of it runs outside the interpreter's lock."""
    with ThreadPoolExecutor(os.cpu_count(), thread_name_prefix="streamkit-match") as pool:
        yield from pool.map(work, items)
