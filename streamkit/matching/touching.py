"""What the scan brought: the rows that touch some stream, in buckets for each key."""

from __future__ import annotations

from collections import Counter
from collections.abc import Sequence

import numpy as np
import pyarrow as pa

from streamkit.matching.buckets import Buckets, Columns, Hashes
from streamkit.matching.chains import Bools, Ints
from streamkit.matching.scan import FLAGS_PER_WORD, ROLES, Scan
from streamkit.matching.sessions import Sessions

__all__ = ["Touching", "any_flag", "has_flag"]

BYTES_OF_FACTS = 1_500_000_000
"""What the facts of all rows may take; where they take more, those of matches are read again."""


class Touching:
    """The rows that touch a stream, dealt out by key.

    Args:
        scan: The scan.
        rows: How many rows may come.
        since: Of older rows nothing is counted, in microseconds.
        sessions: The sessions made from gaps, if such are made.

    Attributes:
        buckets: For each key of the streams, the rows that have one.
        lacking: For each key of the streams, the counted rows that lack a part of it.
        facts: What a match tells of the rows, batch by batch, if the scan brought it.
        counts: How many rows meet the flags that count what is missing.
    """

    def __init__(self, scan: Scan, rows: int, since: int, sessions: Sessions | None) -> None:
        self.scan = scan
        self.since = since
        self.sessions = sessions
        self.buckets = {key: Buckets(rows) for key in scan.keys}
        self.lacking: dict[tuple[str, ...], list[Columns]] = {key: [] for key in scan.keys}
        self.facts: list[pa.RecordBatch] = []
        self.counts: Counter[int] = Counter()
        self._facts_bytes = 0
        self._masks = scan.masks([f for s in scan.plan.streams for f in s.flags])

    @property
    def is_on_disk(self) -> bool:
        """Whether there were more rows than memory should hold."""
        return any(buckets.is_on_disk for buckets in self.buckets.values())

    def take(self, batch: pa.RecordBatch) -> None:
        """Take a batch of the scan's rows."""
        facts = [name for name in batch.schema.names if name.startswith("fact_")]
        rows = {
            name: batch.column(name).to_numpy(zero_copy_only=False)
            for name in batch.schema.names
            if name not in facts
        }
        counts = rows["time"] >= self.since
        for flag in (self.scan.unreadable_flag, self.scan.uncast_flag):
            self.counts[flag] += int((any_flag(rows, self.scan.masks([flag])) & counts).sum())
        if facts and self._facts_bytes <= BYTES_OF_FACTS:
            self.facts.append(self._with_names(batch.select(["position", *facts]), rows))
            self._facts_bytes += self.facts[-1].nbytes
            if self._facts_bytes > BYTES_OF_FACTS:
                self.facts.clear()
        if not (touches := any_flag(rows, self._masks)).all():
            rows = _chosen(rows, touches)
        if self.sessions is not None:
            rows["session_start"] = self.sessions.starts_of(rows["sessionizer_by"], rows["time"])
        for key, buckets in self.buckets.items():
            has_key = rows[self._names(key)[0]] != 0
            for name in self._names(key)[1:]:
                has_key &= rows[name] != 0
            chosen = rows
            if not has_key.all():
                self.lacking[key].append(_chosen(rows, ~has_key & (rows["time"] >= self.since)))
                chosen = _chosen(rows, has_key)
            lead = next((part for part in key if part in ROLES), key[0])
            buckets.add(chosen, chosen[f"part_{self.scan.parts.index(lead)}"])

    def _with_names(self, facts: pa.RecordBatch, rows: Columns) -> pa.RecordBatch:
        """Facts that tell the events' names, whether as text or as numbers for them."""
        if "name" not in rows:
            return facts
        names = pa.array(self.scan.numbered_names, pa.string())
        told = pa.DictionaryArray.from_arrays(pa.array(rows["name"]), names)
        return facts.append_column("fact_name", told)

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

    def _names(self, key: Sequence[str]) -> list[str]:
        return [f"part_{self.scan.parts.index(part)}" for part in key]


def _chosen(rows: Columns, which: Bools) -> Columns:
    places = np.flatnonzero(which)
    return {name: column.take(places) for name, column in rows.items()}


def any_flag(rows: Columns, masks: dict[int, int]) -> Bools:
    """Which rows meet any of some flags."""
    touches = np.zeros(len(rows["position"]), bool)
    for word, mask in masks.items():
        touches |= rows[f"flags_{word}"] & mask != 0
    return touches


def has_flag(words: Sequence[np.ndarray], flag: int) -> Bools:
    """Which rows meet a flag, of the words that hold the flags."""
    has: Bools = words[flag // FLAGS_PER_WORD] & (1 << flag % FLAGS_PER_WORD) != 0
    return has
