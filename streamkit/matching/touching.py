"""The rows that touch some stream, put in order once for each key that the streams use."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
import polars as pl

from streamkit.events.schema import Schema
from streamkit.matching.chains import Bools, Ints, group_starts
from streamkit.matching.duplicates import first_of_each_id, kept_rows, repeated_ids
from streamkit.matching.frequency import kept_by_frequency
from streamkit.matching.order import key_codes, order_rows
from streamkit.matching.plan import StreamPlan
from streamkit.matching.scan import FLAGS_PER_WORD, Scan
from streamkit.matching.sequence import Rows, find_runs
from streamkit.matching.sessions import Sessions, make_sessions

__all__ = ["Firing", "Stage", "Touching"]


@dataclass(frozen=True, slots=True)
class Stage:
    """How far a stream's keys came.

    Args:
        keys: How many keys.
        events: How many events ended a run this far.
    """

    keys: int
    events: int


@dataclass(frozen=True, eq=False)
class Firing:
    """Firing events of one stream that the frequency rule lets through, in order.

    Args:
        plan: The stream.
        starts: Row of each run's first event, as a row of the scan's frame, shape (runs,).
        events: Row of each step's event, shape (steps, runs).
        ranks: How many touching rows of its key and time stand before each run's first and last
            event, shape (2, runs).
        fired_at: When each fires, in microseconds, shape (runs,).
        is_pending: Whether its wait was still open at the horizon, shape (runs,).
        funnel: For each step, then for the firing events: how far the keys came.
        duplicates: How many touching rows were dropped as duplicates.
    """

    plan: StreamPlan
    starts: Ints
    events: Ints
    ranks: Ints
    fired_at: Ints
    is_pending: Bools
    funnel: tuple[Stage, ...]
    duplicates: int


@dataclass(frozen=True, eq=False)
class _Keyed:
    """Rows with a whole key, sorted by key and order; `rows` are rows of the frame."""

    rows: Ints
    keys: Ints
    times: Ints
    words: list[Ints]


class Touching:
    """What the scan brought, ready for the sequence pass.

    Args:
        frame: The scan's rows in source order.
        scan: The scan.
        begin: The oldest time of the input, in microseconds.
    """

    def __init__(self, frame: pl.DataFrame, scan: Scan, begin: int) -> None:
        schema: Schema = scan.history.schema
        self.frame = frame
        self.sessions: Sessions | None = None
        self._scan = scan
        self._dedupe = schema.dedupe.microseconds
        self._times: Ints = frame["time"].to_numpy()
        self._words: list[Ints] = [frame[f"flags_{word}"].to_numpy() for word in range(scan.words)]
        self._sequence: Ints | None = None
        if schema.sequence is not None:
            self._sequence = frame["sequence"].to_numpy()
        if schema.sessionizer is not None:
            self.sessions = make_sessions(
                frame["sessionizer_by"], self._times, self._sequence, schema.sessionizer, begin
            )
        self._ids = repeated_ids(frame["id"]) if schema.id is not None else None
        self._keyed: dict[tuple[str, ...], _Keyed] = {}
        self._touching_masks = scan.masks([f for s in scan.plan.streams for f in s.flags])

    def count(self, flag: int) -> int:
        """How many rows meet a flag."""
        return int(self._has(self._words, flag).sum())

    def key_part(self, part: str, rows: Ints) -> pl.Series:
        """A part of the key of some rows, as text."""
        if part == "session" and self.sessions is not None:
            return self.sessions.values(rows)
        return self.frame[f"part_{self._scan.parts.index(part)}"].gather(rows)

    def lacking(self, plan: StreamPlan) -> dict[str, int]:
        """Rows that touch a stream and lack a part of its key, by event name."""
        lacks = np.zeros(len(self.frame), bool)
        for part in plan.key:
            lacks |= self.frame[f"part_{self._scan.parts.index(part)}"].is_null().to_numpy()
        rows = np.flatnonzero(lacks)
        touches = _any([word[rows] for word in self._words], self._scan.masks(plan.flags))
        names = self.frame["name_if_lacking"].gather(rows[touches])
        counted = names.fill_null("").value_counts(name="rows")
        return dict(counted.sort(["rows", names.name], descending=[True, False]).iter_rows())

    def has_ties(self) -> bool:
        """Whether rows of one key have equal times, so that the source order decided."""
        return any(
            bool(((np.diff(keyed.times) == 0) & ~group_starts(keyed.keys)[1:]).any())
            for keyed in self._keyed.values()
        )

    def firing(
        self, plan: StreamPlan, horizon: int, since: int | None, *, undecided: bool = False
    ) -> Firing:
        """The sequence pass of one stream, duplicates dropped before and frequency applied after.

        Args:
            plan: The stream.
            horizon: How far time is known, in microseconds.
            since: The funnel counts only runs that end at or after it, in microseconds.
            undecided: Whether the frequency rule is left to the caller.
        """
        keyed = self._key(plan.key)
        masks = self._scan.masks(plan.flags)
        chosen = np.flatnonzero(_any(keyed.words, masks))
        ids, duplicates = None, 0
        if self._ids is not None:
            ids = self._ids[keyed.rows[chosen]]
            if (ids >= 0).any():
                kept = kept_rows(keyed.keys[chosen], keyed.times[chosen], ids, self._dedupe)
                duplicates = int((~kept).sum())
                chosen, ids = chosen[kept], ids[kept]
            else:
                ids = None
        rows, keys, times = keyed.rows[chosen], keyed.keys[chosen], keyed.times[chosen]
        words = [word[chosen] for word in keyed.words]
        starts = group_starts(keys)
        firsts = np.maximum.accumulate(np.where(starts, np.arange(len(keys)), 0))
        runs = find_runs(Rows(times, firsts, lambda flag: self._has(words, flag)), plan, horizon)

        stages = [_stage(firsts, times, reached, since) for reached in runs.reached]
        fired = runs.ends[~runs.is_pending]
        stages.append(_stage(firsts, times + plan.wait, fired, since))
        kept = np.ones(len(runs.ends), bool)
        if ids is not None:
            kept = first_of_each_id(keys[runs.ends], ids[runs.ends])
        if not undecided:
            ends = runs.ends[kept]
            kept[kept] = kept_by_frequency(
                plan.stream.frequency, firsts[ends], runs.starts[kept], ends
            )
        return Firing(
            plan,
            rows[runs.starts[kept]],
            rows[runs.events[:, kept]],
            _ranks(keys, times, np.stack([runs.starts[kept], runs.ends[kept]])),
            runs.fired_at[kept],
            runs.is_pending[kept],
            tuple(stages),
            duplicates,
        )

    def _key(self, key: tuple[str, ...]) -> _Keyed:
        if key not in self._keyed:
            whole = _any(self._words, self._touching_masks)
            for part in key:
                whole &= self.frame[f"part_{self._scan.parts.index(part)}"].is_not_null().to_numpy()
            rows = np.flatnonzero(whole)
            parts = [self.key_part(part, rows) for part in key]
            codes = key_codes(parts)
            sequence = None if self._sequence is None else self._sequence[rows]
            order = order_rows(codes, self._times[rows], sequence)
            ordered = rows[order]
            words = [word[ordered] for word in self._words]
            self._keyed[key] = _Keyed(ordered, codes[order], self._times[ordered], words)
        return self._keyed[key]

    @staticmethod
    def _has(words: list[Ints], flag: int) -> Bools:
        return (words[flag // FLAGS_PER_WORD] >> (flag % FLAGS_PER_WORD) & 1).astype(bool)


def _ranks(keys: Ints, times: Ints, rows: Ints) -> Ints:
    """How many rows of the same key and time stand before each of the rows."""
    begins = group_starts(keys) | group_starts(times)
    firsts = np.maximum.accumulate(np.where(begins, np.arange(len(keys)), 0))
    ranks: Ints = rows - firsts[rows]
    return ranks


def _any(words: list[Ints], masks: dict[int, int]) -> Bools:
    touches = np.zeros(len(words[0]), bool)
    for word, mask in masks.items():
        touches |= words[word] & mask != 0
    return touches


def _stage(firsts: Ints, times: Ints, rows: Ints, since: int | None) -> Stage:
    if since is not None:
        rows = rows[times[rows] >= since]
    return Stage(int(group_starts(firsts[rows]).sum()), len(rows))
