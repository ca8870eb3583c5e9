"""Firing events: each bucket's rows put in order once, then one sequence pass for each stream."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator, Sequence
from dataclasses import dataclass, fields, replace
from functools import cached_property
from typing import Any, TypeAlias

import numpy as np

from streamkit.matching.asked import words_of
from streamkit.matching.buckets import Columns
from streamkit.matching.chains import Bools, Ints, group_starts
from streamkit.matching.duplicates import (
    NO_REPEAT,
    first_of_each_id,
    kept_rows,
    repeated_ids,
    suspected,
)
from streamkit.matching.frequency import kept_by_frequency
from streamkit.matching.marks import Marks
from streamkit.matching.numbering import check_proofs
from streamkit.matching.order import sort_rows
from streamkit.matching.plan import StreamPlan
from streamkit.matching.scan import Scan
from streamkit.matching.sequence import Rows, find_runs
from streamkit.matching.threads import in_threads
from streamkit.matching.touching import Keyed, Touching, any_flag, has_flag

__all__ = ["Firing", "Firings", "Stage", "find_firings"]


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
    """Firing events of one stream that the frequency rule lets through; rows by source position.

    Args:
        plan: The stream.
        starts: Row of each run's first event, shape (runs,).
        started_at: Its time, in microseconds.
        events: Row of each step's event, shape (steps, runs).
        times: Their times, in microseconds, shape (steps, runs).
        ranks: How many rows of its key and time that touch the stream stand before each run's
            first and last event, shape (2, runs); only where frequency is left to the caller.
        twins: How many earlier rows of its key have the time and name of each run's first and last
            event, shape (2, runs); None where rows that touch no stream may be such.
        sessions: When each run's session began, where sessions are made from gaps, shape (runs,).
        keys: A number for each run's key, shape (runs,).
        fired_at: When each fires, in microseconds, shape (runs,).
        is_pending: Whether its wait was still open at the horizon, shape (runs,).
        funnel: For each step, then for the firing events: how far the keys came.
        duplicates: How many touching rows were dropped as duplicates.
    """

    plan: StreamPlan
    starts: Ints
    started_at: Ints
    events: Ints
    times: Ints
    ranks: Ints
    twins: Ints | None
    sessions: Ints
    keys: Ints
    fired_at: Ints
    is_pending: Bools
    funnel: tuple[Stage, ...]
    duplicates: int

    def only(self, runs: Ints) -> Firing:
        """Some of the firing events, in the order given."""
        chosen: dict[str, Any] = {
            field.name: value[..., runs]
            for field in fields(self)
            if isinstance(value := getattr(self, field.name), np.ndarray) and value.shape[-1]
        }
        return replace(self, **chosen)

    @classmethod
    def of_all(cls, parts: Sequence[Firing]) -> Firing:
        """The firing events of all buckets as one."""
        parts = [replace(part, keys=part.keys * len(parts) + n) for n, part in enumerate(parts)]
        joined: dict[str, Any] = {
            field.name: np.concatenate([getattr(part, field.name) for part in parts], axis=-1)
            for field in fields(cls)
            if isinstance(getattr(parts[0], field.name), np.ndarray)
        }
        return replace(
            parts[0],
            **joined,
            funnel=tuple(
                Stage(sum(stage.keys for stage in stages), sum(stage.events for stage in stages))
                for stages in zip(*(part.funnel for part in parts), strict=True)
            ),
            duplicates=sum(part.duplicates for part in parts),
        )


@dataclass(frozen=True, eq=False)
class Firings:
    """What was found in the rows of all keys.

    Args:
        streams: The firing events of each stream, in the order of the plan.
        has_ties: Whether rows of one key have equal times, so that the source order decided.
    """

    streams: list[Firing]
    has_ties: bool


_Passed: TypeAlias = tuple[list[Firing], bool]
"""The firing events of each stream of a key, and whether rows of equal time met."""


class _Ordered:
    """The rows of some keys, sorted by key and order.

    Raises:
        SharedNumberError: Two key parts, or two ids of a key, share a number.
    """

    def __init__(self, keyed: Keyed, scan: Scan) -> None:
        self.columns = columns = keyed.columns
        self.order, codes, self.times = sort_rows(
            keyed.codes, columns["time"], columns.get("sequence")
        )
        is_first = group_starts(codes)
        for proofs in keyed.proofs:
            check_proofs(~is_first[1:], proofs.take(self.order))
        if keyed.starts is not None:
            is_first |= group_starts(keyed.starts.take(self.order))
        self.words = [word.take(self.order) for word in words_of(columns, scan)]
        begins = np.flatnonzero(is_first)
        sizes = np.diff(begins, append=len(codes))
        self.firsts: Ints = np.repeat(begins, sizes)
        self.ids: Ints | None = None
        if "id" in columns:
            ids = columns["id"]
            rows = np.flatnonzero(suspected(ids, keyed.codes).take(self.order))
            self.ids = np.full(len(ids), NO_REPEAT, np.int64)
            self.ids[rows] = repeated_ids(ids.take(self.order.take(rows)), self.firsts.take(rows))
            is_same = ~group_starts(self.ids[self.repeats])[1:]
            check_proofs(is_same, columns["id_proof"][self.order[self.repeats]])
        self._meeting: dict[tuple[int, bytes], Marks] = {}

    def meeting(self, flag: int, dropped: Ints) -> Marks:
        """The rows that meet a flag, but for those that are dropped; streams mostly drop the same."""
        rows = dropped.compress(has_flag([word.take(dropped) for word in self.words], flag))
        asked = flag, rows.tobytes()
        if asked not in self._meeting:
            is_met = has_flag(self.words, flag)
            is_met[rows] = False
            self._meeting[asked] = Marks(is_met)
        return self._meeting[asked]

    def touches(self, rows: Ints, masks: dict[int, int]) -> Bools:
        """Which of some rows meet any of some flags."""
        return any_flag([word.take(rows) for word in self.words], masks)

    @cached_property
    def repeats(self) -> Ints:
        """The rows that repeat, or are repeated by, an id of their key, sorted by that id."""
        if self.ids is None:
            return np.empty(0, np.int64)
        rows = np.flatnonzero(self.ids != NO_REPEAT)
        return rows.take(np.argsort(self.ids.take(rows), kind="stable"))

    @cached_property
    def _is_tied(self) -> Bools:
        """Which rows have the key and the time of the row before."""
        is_tied = np.zeros(len(self.times), bool)
        np.equal(self.times[1:], self.times[:-1], out=is_tied[1:])
        is_tied[1:] &= self.firsts[1:] == self.firsts[:-1]
        return is_tied

    @cached_property
    def has_ties(self) -> bool:
        """Whether any two rows have one key and time."""
        return bool(self._is_tied.any())

    @cached_property
    def twins(self) -> Ints:
        """For each row, how many before it have its key, time and name."""
        twins = np.zeros(len(self.times), np.int64)
        if self.has_ties:
            is_in_tie = self._is_tied.copy()
            is_in_tie[:-1] |= self._is_tied[1:]
            tied = np.flatnonzero(is_in_tie)
            groups = np.cumsum(~self._is_tied.take(tied))
            names = self.columns["name"].take(self.order.take(tied))
            alike = np.lexsort((names, groups))
            begins = group_starts(groups[alike]) | group_starts(names[alike])
            first = np.maximum.accumulate(np.where(begins, np.arange(len(tied)), 0))
            twins[tied[alike]] = np.arange(len(tied)) - first
        return twins

    def column(self, name: str, rows: Ints) -> Ints:
        """A column of some rows."""
        values: Ints = self.columns[name].take(self.order.take(rows))
        return values


def find_firings(
    touching: Touching, horizon: int, since: int | None, *, undecided: bool
) -> Firings:
    """The sequence pass of every stream over every bucket.

    Args:
        touching: The rows.
        horizon: How far time is known, in microseconds.
        since: The funnel counts only runs that end at or after it, and dropped duplicates only if
            they are not older, in microseconds.
        undecided: Whether the frequency rule is left to the caller.

    Raises:
        SharedNumberError: Two texts share a number.
    """
    found: dict[int, Firing] = {}
    has_ties = False
    for key in touching.scan.keys:
        plans = {n: plan for n, plan in enumerate(touching.scan.plan.streams) if plan.key == key}

        def pass_over(keyed: Keyed, plans: Iterable[StreamPlan] = plans.values()) -> _Passed:
            ordered = _Ordered(keyed, touching.scan)
            firings = [
                _firing(ordered, plan, touching.scan, horizon, since, undecided=undecided)
                for plan in plans
            ]
            is_ordered = touching.scan.history.source.is_ordered
            return firings, not is_ordered and ordered.has_ties

        parts = list(_passes(touching, key, pass_over))
        for place, number in enumerate(plans):
            found[number] = Firing.of_all([firings[place] for firings, _ in parts])
        has_ties |= any(ties for _, ties in parts)
    return Firings([found[number] for number in sorted(found)], has_ties)


def _passes(
    touching: Touching, key: tuple[str, ...], pass_over: Callable[[Keyed], _Passed]
) -> Iterator[_Passed]:
    """The passes over all rows of a key: over the keys that lie in one piece, then over the others."""
    homes = touching.homes(key)
    buckets = touching.buckets(homes)

    def at_home(number: int) -> tuple[_Passed | None, list[Columns]]:
        keyed, others = touching.split(number, key, homes[number])
        passed = None if keyed is None else pass_over(keyed)
        return passed, touching.deal(others, key, buckets)

    for passed, dealt in in_threads(at_home, range(len(homes))):
        buckets.put(dealt)
        if passed is not None:
            yield passed
    touching.is_on_disk |= buckets.is_on_disk
    yield from in_threads(
        lambda bucket: pass_over(touching.keyed(buckets.pop(bucket), key)), buckets.filled()
    )


def _firing(
    ordered: _Ordered,
    plan: StreamPlan,
    scan: Scan,
    horizon: int,
    since: int | None,
    *,
    undecided: bool,
) -> Firing:
    """One stream's pass: duplicates dropped before, frequency applied after."""
    times, firsts = ordered.times, ordered.firsts
    masks = scan.questions.masks(plan.flags)
    dropped = _duplicates(ordered, masks, scan.history.schema.dedupe.microseconds)
    rows = Rows(times, firsts, lambda flag: ordered.meeting(flag, dropped))
    runs = find_runs(rows, plan, horizon)
    stages = [_stage(firsts, times, reached, since) for reached in runs.reached]
    fired = runs.ends.compress(~runs.is_pending) if plan.last_excludes else runs.ends
    fired_times = times if since is None else times + plan.wait
    stages.append(_stage(firsts, fired_times, fired, since))
    kept = np.arange(len(runs.ends))
    if ordered.ids is not None and len(ordered.repeats):
        kept = np.flatnonzero(first_of_each_id(ordered.ids, runs.ends))
    if not undecided:
        starts, ends = runs.starts.take(kept), runs.ends.take(kept)
        lets = kept_by_frequency(plan.stream.frequency, firsts.take(ends), starts, ends)
        kept = kept.compress(lets)
    starts, events = runs.starts.take(kept), runs.events.take(kept, axis=1)
    ranks = np.empty((2, 0), np.int64)
    if undecided:
        touches = np.flatnonzero(ordered.touches(np.arange(len(times)), masks))
        ranks = _ranks(
            firsts, times, np.setdiff1d(touches, dropped), np.stack([starts, events[-1]])
        )
    outer = np.stack([starts, events[-1]])
    asked = [plan.steps[-1].flag, *([plan.steps[0].flag] if undecided else [])]
    twins = ordered.twins[outer] if all(scan.brings_twins(flag) for flag in asked) else None
    sessions = np.empty(0, np.int64)
    if scan.history.schema.sessionizer is not None:
        sessions = ordered.column("session_start", events[-1])
    return Firing(
        plan,
        ordered.column("position", starts),
        times.take(starts),
        ordered.column("position", events),
        times.take(events),
        ranks,
        twins,
        sessions,
        firsts.take(events[-1]),
        runs.fired_at.take(kept),
        runs.is_pending.take(kept),
        tuple(stages),
        len(dropped) if since is None else int((times[dropped] >= since).sum()),
    )


def _duplicates(ordered: _Ordered, masks: dict[int, int], length: int) -> Ints:
    """The rows that a stream does not see, because it saw their id shortly before."""
    rows = ordered.repeats
    if ordered.ids is None or not len(rows):
        return rows
    rows = rows.compress(ordered.touches(rows, masks))
    kept = kept_rows(ordered.times.take(rows), ordered.ids.take(rows), length)
    dropped = rows.compress(~kept)
    dropped.sort()
    return dropped


def _ranks(firsts: Ints, times: Ints, touching: Ints, rows: Ints) -> Ints:
    """How many touching rows of the same key and time stand before each of the rows."""
    begins = group_starts(firsts[touching]) | group_starts(times[touching])
    groups = np.maximum.accumulate(np.where(begins, np.arange(len(touching)), 0))
    places = np.searchsorted(touching, rows)
    ranks: Ints = places - groups[places]
    return ranks


def _stage(firsts: Ints, times: Ints, rows: Ints, since: int | None) -> Stage:
    if since is not None:
        rows = rows.compress(times.take(rows) >= since)
    return Stage(int(np.count_nonzero(group_starts(firsts.take(rows)))), len(rows))
