"""What reading brought: the rows that touch some stream, in buckets for each key."""

from __future__ import annotations

from collections import Counter
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np
import numpy.typing as npt

from streamkit.matching.asked import words_of
from streamkit.matching.buckets import Buckets, Columns
from streamkit.matching.chains import Bools
from streamkit.matching.numbering import Hashes
from streamkit.matching.scan import FLAGS_PER_WORD, ROLES, Scan
from streamkit.matching.sessions import Sessions

__all__ = ["Dealt", "Touching", "any_flag", "has_flag"]

Key = tuple[str, ...]


@dataclass(frozen=True, eq=False)
class Dealt:
    """A piece of the rows, dealt out.

    Args:
        buckets: For each key of the streams, the rows that have one, by bucket.
        lacking: For each key of the streams, the counted rows that lack a part of it.
        counts: How many rows meet the flags that count what is missing.
    """

    buckets: Mapping[Key, Sequence[Columns]]
    lacking: Mapping[Key, Columns]
    counts: Mapping[int, int]


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
        counts: How many rows meet the flags that count what is missing.
    """

    def __init__(self, scan: Scan, rows: int, since: int, sessions: Sessions | None) -> None:
        self.scan = scan
        self.since = since
        self.sessions = sessions
        self.buckets = {key: Buckets(rows) for key in scan.keys}
        self.lacking: dict[Key, list[Columns]] = {key: [] for key in scan.keys}
        self.counts: Counter[int] = Counter()
        self._masks = scan.masks([f for s in scan.plan.streams for f in s.flags])

    @property
    def is_on_disk(self) -> bool:
        """Whether there were more rows than memory should hold."""
        return any(buckets.is_on_disk for buckets in self.buckets.values())

    def deal(self, rows: Columns) -> Dealt:
        """Deal a piece of the rows out; nothing is kept yet, so that many threads can deal."""
        counts = {}
        if "flags_0" in rows:
            words, counted = words_of(rows, self.scan), rows["time"] >= self.since
            for flag in (self.scan.unreadable_flag, self.scan.uncast_flag):
                counts[flag] = int((has_flag(words, flag) & counted).sum())
            rows = _chosen(rows, any_flag(words, self._masks))
        if self.sessions is not None:
            users = rows[self.scan.user_number]
            rows = rows | {"session_start": self.sessions.starts_of(users, rows["time"])}
        buckets, lacking = {}, {}
        for key in self.buckets:
            has_key = np.ones(len(rows["position"]), bool)
            for name in self._names(key):
                has_key &= rows[name] != 0
            lacking[key] = _chosen(rows, ~has_key & (rows["time"] >= self.since))
            whole = _chosen(rows, has_key)
            lead = next((part for part in key if part in ROLES), key[0])
            numbers = whole[f"part_{self.scan.parts.index(lead)}"]
            buckets[key] = self.buckets[key].deal(whole, numbers)
        return Dealt(buckets, lacking, counts)

    def put(self, dealt: Dealt) -> None:
        """Keep rows that were dealt out."""
        for key, buckets in self.buckets.items():
            buckets.put(dealt.buckets[key])
            self.lacking[key].append(dealt.lacking[key])
        self.counts.update(dealt.counts)

    def key_parts(self, key: Key, columns: Columns) -> list[Hashes]:
        """What tells the keys of some rows apart."""
        parts: list[Hashes] = [columns[name] for name in self._names(key)]
        if self.sessions is not None and "session" in key:
            parts.append(columns["session_start"].view(np.uint64))
        return parts

    def proofs(self, key: Key, columns: Columns) -> list[npt.NDArray[np.uint32]]:
        """What must be equal in all rows of a key if numbers stand for one text each."""
        return [columns[f"{name}_proof"] for name in self._names(key)]

    def _names(self, key: Key) -> list[str]:
        return [f"part_{self.scan.parts.index(part)}" for part in key]


def _chosen(rows: Columns, which: Bools) -> Columns:
    if which.all():
        return rows
    places = np.flatnonzero(which)
    return {name: column.take(places) for name, column in rows.items()}


def any_flag(words: Sequence[npt.NDArray[Any]], masks: Mapping[int, int]) -> Bools:
    """Which rows meet any of some flags, of the words that hold the flags."""
    touches = np.zeros(len(words[0]), bool)
    for word, mask in masks.items():
        touches |= words[word] & mask != 0
    return touches


def has_flag(words: Sequence[npt.NDArray[Any]], flag: int) -> Bools:
    """Which rows meet a flag, of the words that hold the flags."""
    has: Bools = words[flag // FLAGS_PER_WORD] & (1 << flag % FLAGS_PER_WORD) != 0
    return has
