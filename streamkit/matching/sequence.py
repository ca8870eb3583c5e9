"""The sequence pass: every firing event of a stream, with its tightest run.

**Of all runs that reach a row, only the newest matters.** Take the rows of one key in order. Among
the runs that have come as far as some step, the newest holds the latest row at every step, so it
is the one most likely to meet every window and the one with the fewest rows in between that an
exclude could find; any older run can be swapped for it. So a step asks one question of each row
that could take it: which is the last row before this one where the step before is complete? A
window is then one subtraction, and an exclude one comparison: the last excluded row before this one must not come after the event the run came from.

The pass knows rows only as numbers, sorted by key and order, and a flag as the marks of the rows
that meet it. A step costs what its own rows cost: rows that meet nothing of the stream cost
nothing, and any number of streams share the order and the marks.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass

import numpy as np

from streamkit.matching.chains import Bools, Ints
from streamkit.matching.marks import Marks
from streamkit.matching.plan import StreamPlan

__all__ = ["Reached", "Rows", "Runs", "find_runs"]


@dataclass(frozen=True, eq=False)
class Rows:
    """Rows sorted by key and order.

    Args:
        times: Microseconds since the epoch, shape (rows,).
        firsts: For each row the number of its key's first row, shape (rows,).
        meeting: The rows that meet a flag of the plan.
    """

    times: Ints
    firsts: Ints
    meeting: Callable[[int], Marks]


@dataclass(frozen=True, eq=False)
class Runs:
    """The tightest run of each firing event, in the order of the rows.

    Args:
        starts: Row of the first copy of the first step, shape (runs,).
        events: Row of each step's event (its last copy), shape (steps, runs).
        fired_at: When the match fires, in microseconds, shape (runs,).
        is_pending: Whether its wait had not ended at the horizon, shape (runs,).
        reached: For each step the rows that complete a run so far.
    """

    starts: Ints
    events: Ints
    fired_at: Ints
    is_pending: Bools
    reached: tuple[Ints, ...]

    @property
    def ends(self) -> Ints:
        """Rows of the firing events."""
        ends: Ints = self.events[-1]
        return ends


@dataclass(frozen=True, eq=False)
class Reached:
    """Where one step is complete: rows in order, each with the newest run that ends there.

    Args:
        marks: The rows of the step's event (its last copy).
        starts: The run's first row.
        via: Which of the step before's rows the run came from.
    """

    marks: Marks
    starts: Ints
    via: Ints


def find_runs(rows: Rows, plan: StreamPlan, horizon: int) -> Runs:
    """Find every firing event and its tightest run.

    Args:
        rows: Rows of whole keys.
        plan: The stream's steps, excludes and windows.
        horizon: How far time is known, in microseconds: a wait that ends at or after it is
            pending.
    """
    steps: list[Reached] = []
    for place, step in enumerate(plan.steps):
        candidates = rows.meeting(step.flag)
        if place == 0:
            first = _first_step(rows, plan, candidates)
        else:
            first = _later_step(rows, step.within, step.excludes, candidates, steps[-1])
        steps.append(_copies(rows, candidates, first, step.copies))
    inside = [_inside(rows, plan, each) for each in steps]
    reached = tuple(
        each.marks.rows if kept.all() else each.marks.rows.compress(kept)
        for each, kept in zip(steps, inside, strict=True)
    )

    last, fires = steps[-1], inside[-1]
    for flag, length in plan.last_excludes:
        fires &= ~_happens_within(rows, flag, last.marks.rows, length)
    chosen = np.flatnonzero(fires)
    starts = last.starts.take(chosen)
    events = np.empty((len(steps), len(chosen)), np.int64)
    for place in range(len(steps) - 1, -1, -1):
        events[place] = steps[place].marks.rows.take(chosen)
        chosen = steps[place].via.take(chosen)
    fired_at = rows.times.take(events[-1]) + plan.wait
    is_pending = (fired_at >= horizon) if plan.last_excludes else np.zeros(len(fired_at), bool)
    return Runs(starts, events, fired_at, is_pending, reached)


def _first_step(rows: Rows, plan: StreamPlan, candidates: Marks) -> Reached:
    free = np.ones(len(candidates), bool)
    for flag, lookback in plan.first_excludes:
        last = rows.meeting(flag).last_before(candidates.rows)
        blocked = last >= rows.firsts.take(candidates.rows)
        if lookback is not None:
            blocked &= rows.times.take(last) >= rows.times.take(candidates.rows) - lookback
        free &= ~blocked
    found = candidates.some(free)
    return Reached(found, found.rows, np.zeros(len(found), np.int64))


def _later_step(
    rows: Rows, within: int | None, excludes: Sequence[int], candidates: Marks, before: Reached
) -> Reached:
    """Candidates that a run of the step before can go on to."""
    passed = before.marks.before(candidates.rows)
    came_from = before.marks.at(passed)
    fits = came_from >= rows.firsts.take(candidates.rows)
    if within is not None:
        fits &= rows.times.take(candidates.rows) - rows.times.take(came_from) <= within
    for flag in excludes:
        fits &= rows.meeting(flag).last_before(candidates.rows) <= came_from
    via = passed.compress(fits) - 1
    return Reached(candidates.some(fits), before.starts.take(via), via)


def _copies(rows: Rows, candidates: Marks, first: Reached, copies: int) -> Reached:
    """Runs whose first copy is known, led on to their last.

    The copies after the first are the candidates straight before the last one; the first copy is
    the newest that leaves room for them.
    """
    if copies == 1:
        return first
    lasts = candidates.rows[copies - 1 :]
    passed = first.marks.before(candidates.rows[: len(lasts)] + 1)
    fits = np.zeros(len(candidates), bool)
    fits[copies - 1 :] = first.marks.at(passed) >= rows.firsts.take(lasts)
    chosen = passed.compress(fits[copies - 1 :]) - 1
    return Reached(candidates.some(fits), first.starts.take(chosen), first.via.take(chosen))


def _inside(rows: Rows, plan: StreamPlan, reached: Reached) -> Bools:
    """Runs that keep the overall window and meet no exclude that stands for the whole run."""
    ends = reached.marks.rows
    inside = np.ones(len(ends), bool)
    if reached.starts is ends:  # one event is no window, and has nothing inside
        return inside
    if plan.within is not None:
        inside &= rows.times.take(ends) - rows.times.take(reached.starts) <= plan.within
    for flag in plan.run_excludes:
        inside &= rows.meeting(flag).last_before(ends) <= reached.starts
    return inside


def _happens_within(rows: Rows, flag: int, after: Ints, length: int) -> Bools:
    """Whether a flagged row comes after each of the rows, in its key, at most `length` later."""
    flagged = rows.meeting(flag)
    place = flagged.before(after + 1)
    happens = place < len(flagged)
    following = flagged.rows.take(place.compress(happens))
    before = after.compress(happens)
    happens[happens] = (rows.firsts.take(following) == rows.firsts.take(before)) & (
        rows.times.take(following) - rows.times.take(before) <= length
    )
    return happens
