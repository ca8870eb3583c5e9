"""Runs of one stream, one event at a time.

**For each step only the newest run that ends there is kept; it is copied forward and left in
place.** Why that is enough is said in `matching.sequence`, which does the same to whole arrays.
Here an exclude is no comparison but an end: an excluded event drops the runs that it must not
come behind, and what comes later starts from the runs that were newer.

What a stream knows of a key is a part of a flat list (see `moves.Layout` and `records`), because
a matcher holds millions of them; `at` is always where in the list the part begins.
"""

from __future__ import annotations

from typing import Any, NamedTuple, TypeAlias

from streamkit.matching.plan import StreamPlan
from streamkit.running.asking import Values
from streamkit.running.moves import Layout, Move

__all__ = ["Key", "Links", "Run", "Runs", "State"]

Key: TypeAlias = "str | tuple[str, ...]"
State: TypeAlias = list[Any]
new_tuple = tuple.__new__  # a named tuple's own way to make one takes thrice as long
NEVER = None
"""When a state ends that nothing but its key's end can end."""


class Run(NamedTuple):
    """Events that satisfy the steps up to one: what is kept of the last, and the run before it.

    An event by itself is the run of the first step that it satisfies. So it is made once, and all
    streams hold the same.

    Args:
        time: Of the event of the step (its last copy), in microseconds.
        ordinal: Its place among all events that were decided.
        name: Its name.
        id: Its id, if it has one.
        values: What payloads ask of it (see `asking`); None where none does.
        start: The run's first event; None where it is this one.
        before: The run of the step before.
    """

    time: int
    ordinal: int
    name: str | None
    id: str | None
    values: Values | None = None
    start: Run | None = None
    before: Run | None = None

    @property
    def first(self) -> Run:
        """The run's first event."""
        return self if self.start is None else self.start

    def events(self) -> tuple[Run, ...]:
        """The event of each step, in order."""
        found = [self]
        run = self.before
        while run is not None:
            found.append(run)
            run = run.before
        return tuple(reversed(found))


class Links:
    """Makes runs longer by an event; streams that hold the same run get the same longer one."""

    __slots__ = ("_before", "_event", "_run")

    def __init__(self) -> None:
        self._event: Run | None = None
        self._before: Run | None = None
        self._run: Run

    def link(self, before: Run, event: Run) -> Run:
        """A run that goes on with an event."""
        if before is self._before and event is self._event:
            return self._run
        self._before, self._event = before, event
        run: Run = new_tuple(Run, (*event[:5], before[5] or before, before))
        self._run = run
        return run


class Runs:
    """The newest runs of each key.

    Args:
        plan: The stream.
        layout: Where they lie in the stream's part of a key's record.
        links: Makes runs longer, for all streams.
    """

    def __init__(self, plan: StreamPlan, layout: Layout, links: Links) -> None:
        self._link = links.link
        self.layout = layout
        self._last = len(plan.steps) - 1
        self._within = plan.within
        self._withins = tuple(step.within for step in plan.steps)
        self._followed = tuple(enumerate(self._withins[1:]))
        self._copies = tuple(step.copies for step in plan.steps)
        self._lookbacks = tuple(
            zip(self.layout.blocks, (length for _, length in plan.first_excludes), strict=True)
        )
        self._rings = tuple(ring for ring in self.layout.rings if ring is not None)
        self._run_places = (*range(self._last), *self._rings)

    def advance(self, state: State, at: int, move: Move, event: Run) -> Run | None:
        """Let an event take its part; returns the run that it completes, windows kept."""
        time = event[0]
        if not move.steps and not move.ends_runs:
            for step in move.clears:
                state[at + step] = None
            for slot in move.blocks:
                state[at + slot] = time
            return None
        completed: Run | None = None
        reached: list[tuple[int, Run]] = []
        entered: list[tuple[int, Run | None]] = []
        for step in move.steps:
            run = self._next_run(state, at, step, event)
            if self._copies[step] > 1:
                entered.append((step, run))
                run = self._last_copy(state, at, step, event)
            if run is not None:
                if step == self._last:
                    completed = run
                else:
                    reached.append((step, run))
        if move.ends_runs:
            self._end_runs(state, at, event, reached, entered)
        for step in move.clears:
            state[at + step] = None
        for step, first_copy in entered:
            self._enter(state, at, step, first_copy)
        for step, run in reached:
            state[at + step] = run
        for slot in move.blocks:
            state[at + slot] = time
        return completed if completed is None or self._is_in_time(completed) else None

    def take_step(self, state: State, at: int, step: int, event: Run) -> Run | None:
        """The same where the event can only take one step and nothing else, as nearly all do."""
        run = self._next_run(state, at, step, event)
        if self._copies[step] > 1:
            first_copy, run = run, self._last_copy(state, at, step, event)
            self._enter(state, at, step, first_copy)
        if run is None or step == self._last:
            return run if run is None or self._is_in_time(run) else None
        state[at + step] = run
        return None

    def _next_run(self, state: State, at: int, step: int, event: Run) -> Run | None:
        """The run that goes on to a step with this event as its (first) copy."""
        if step == 0:
            if self._lookbacks and self._is_blocked(state, at, event[0]):
                return None
            return event
        before: Run | None = state[at + step - 1]
        if before is None:
            return None
        within = self._withins[step]
        if within is not None and event[0] - before[0] > within:
            return None
        return self._link(before, event)

    def _is_in_time(self, run: Run) -> bool:
        within = self._within
        return within is None or run.start is None or run.time - run.start.time <= within

    def _is_blocked(self, state: State, at: int, time: int) -> bool:
        """Whether a first exclude forbids a run to start now."""
        for slot, lookback in self._lookbacks:
            last = state[at + slot]
            if last is not None and (lookback is None or last >= time - lookback):
                return True
        return False

    def _last_copy(self, state: State, at: int, step: int, event: Run) -> Run | None:
        """The run whose last copy this event is: its first copy is the newest with enough between."""
        place = self.layout.rings[step]
        assert place is not None
        ring = state[at + place]
        if ring is None or len(ring) < self._copies[step] - 1:
            return None
        first_copy: Run | None = ring[0]
        if first_copy is None:
            return None
        return event._replace(start=first_copy.first, before=first_copy.before)

    def _enter(self, state: State, at: int, step: int, first_copy: Run | None) -> None:
        """Note a candidate: for each of the last k - 1, the newest first copy up to it."""
        place = self.layout.rings[step]
        assert place is not None
        ring = state[at + place]
        if ring is None:
            if first_copy is None:
                return  # nothing can come of candidates before the first copy
            ring = state[at + place] = []
        ring.append(first_copy if first_copy is not None else ring[-1])
        if len(ring) >= self._copies[step]:
            del ring[0]

    def _end_runs(
        self,
        state: State,
        at: int,
        event: Run,
        reached: list[tuple[int, Run]],
        entered: list[tuple[int, Run | None]],
    ) -> None:
        """Drop every run that this event would lie inside of; it may still be an end of one."""
        for place in self._run_places:
            state[at + place] = None
        reached[:] = [(step, run) for step, run in reached if run.first is event]
        entered[:] = [
            (step, run if run is not None and run.first is event else None) for step, run in entered
        ]

    def expires(self, state: State, at: int) -> int | None:
        """The last time at which an event could still make something of the state's runs.

        Returns:
            Microseconds; a time before all others where there is nothing left; `NEVER`.
        """
        latest = NOTHING
        within = self._within
        for step, following in self._followed:
            run = state[at + step]
            if run is not None:
                ends = None if within is None else (run[5] or run)[0] + within
                if following is not None:
                    until = run[0] + following
                    ends = until if ends is None or until < ends else ends
                if ends is None:
                    return NEVER
                if ends > latest:  # noqa: PLR1730 # a call takes longer
                    latest = ends
        for place in self._rings:
            ring = state[at + place]
            newest = ring[-1] if ring else None
            if newest is not None:
                if within is None:
                    return NEVER
                ends = (newest[5] or newest)[0] + within
                if ends > latest:  # noqa: PLR1730 # a call takes longer
                    latest = ends
        for slot, lookback in self._lookbacks:
            if state[at + slot] is not None:
                if lookback is None:
                    return NEVER
                latest = max(latest, state[at + slot] + lookback)
        return latest


NOTHING = -(2**63)
