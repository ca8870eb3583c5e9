"""What one event does to a stream: worked out once for each set of flags, not for each event."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from itertools import count

from streamkit.matching.plan import StreamPlan

__all__ = ["Fresh", "Layout", "Move", "move_of"]


@dataclass(frozen=True)
class Layout:
    """Where a stream keeps what in its part of a key's record: places, from where that begins.

    Args:
        plan: The stream.
        rings: For each step with more than one copy, the place of its last candidates.
        blocks: For each first exclude, the place of its last time.
        live: How many places these are: what comes behind them makes no run.
        taken: The place of the last run that the frequency rule took; None for a rule that
            asks for none.
        waiting: The place of the runs whose wait has not ended; None without a wait.
        fired: The place of the ids of events that fired; None for a stream that fires once.
        touched: The place of the last time that an event touched the key; None where nothing
            depends on it.
        size: How many places there are.
    """

    plan: StreamPlan
    rings: tuple[int | None, ...]
    blocks: tuple[int, ...]
    live: int
    taken: int | None
    waiting: int | None
    fired: int | None
    touched: int | None
    size: int

    @classmethod
    def of(cls, plan: StreamPlan, *, keeps_touch: bool) -> Layout:
        """The newest runs of all steps but the last come first, each at its step's number."""
        size = len(plan.steps) - 1
        rings: list[int | None] = []
        for step in plan.steps:
            rings.append(size if step.copies > 1 else None)
            size += step.copies > 1
        blocks = tuple(range(size, size + len(plan.first_excludes)))
        size += len(blocks)
        frequency = plan.stream.frequency
        places = count(size)
        return cls(
            plan=plan,
            rings=tuple(rings),
            blocks=blocks,
            live=size,
            taken=next(places) if frequency not in ("once", "every") else None,
            waiting=next(places) if plan.last_excludes else None,
            fired=next(places) if frequency != "once" else None,
            touched=next(places) if keeps_touch else None,
            size=next(places),
        )

    def needs(self, move: Move) -> int | None:
        """The place that must hold something, or else a move does nothing but touch the key.

        Returns:
            None for a move of which no place says this.
        """
        if move.only_kills:
            return self.waiting
        if move.only_step and self.rings[move.only_step] is None:
            return move.only_step - 1
        return None


@dataclass(frozen=True, slots=True)
class Fresh:
    """What an event makes of a key of which the stream knows nothing.

    Args:
        events: The places that hold the event.
        candidates: Those that hold it as the only candidate.
        times: Those that hold its time.
    """

    events: tuple[int, ...]
    candidates: tuple[int, ...]
    times: tuple[int, ...]


@dataclass(frozen=True, slots=True)
class Move:
    """One event's part in a stream.

    Args:
        steps: Steps that it may take, the last first.
        clears: Steps whose newest run it ends, because it must not come between that and the next.
        blocks: Places of the first excludes that it meets.
        kills: It ends waits of events up to so many microseconds before it; None for none.
        ends_runs: Whether it must not happen inside a run.
        begins: Whether it matters to a key without a state.
        may_empty: Whether it can leave a key without a state.
        only_step: The one step that it may take, where that is all it does; None otherwise.
        fresh: What it makes of a key without a state; None if it completes a run there.
        only_blocks: Whether it only notes its time, for first excludes.
        only_kills: Whether it only ends waits.
    """

    steps: tuple[int, ...]
    clears: tuple[int, ...]
    blocks: tuple[int, ...]
    kills: int | None
    ends_runs: bool
    begins: bool
    may_empty: bool
    only_step: int | None
    fresh: Fresh | None
    only_blocks: bool
    only_kills: bool


def move_of(layout: Layout, flags: int) -> Move | None:
    """What an event with these flags does; None if it does not touch the stream."""
    plan = layout.plan
    if not any(flags >> flag & 1 for flag in plan.flags):
        return None
    steps = [place for place, step in enumerate(plan.steps) if flags >> step.flag & 1]
    clears = [
        place - 1
        for place, step in enumerate(plan.steps)
        if place and any(flags >> flag & 1 for flag in step.excludes)
    ]
    blocks = [
        slot
        for slot, (flag, _) in zip(layout.blocks, plan.first_excludes, strict=True)
        if flags >> flag & 1
    ]
    kills = [length for flag, length in plan.last_excludes if flags >> flag & 1]
    ends_runs = any(flags >> flag & 1 for flag in plan.run_excludes)
    takes_steps = bool(steps or clears or ends_runs)
    is_step = len(steps) == 1 and not (clears or blocks or kills or ends_runs)
    return Move(
        steps=tuple(reversed(steps)),
        clears=tuple(clears),
        blocks=tuple(blocks),
        kills=max(kills, default=None),
        ends_runs=ends_runs,
        begins=bool(blocks) or 0 in steps,
        may_empty=ends_runs or bool(clears or kills),
        only_step=steps[0] if is_step else None,
        fresh=_fresh(layout, blocks, starts=0 in steps),
        only_blocks=bool(blocks) and not takes_steps and not kills,
        only_kills=bool(kills) and not takes_steps and not blocks,
    )


def _fresh(layout: Layout, blocks: Sequence[int], *, starts: bool) -> Fresh | None:
    """Of a new key only a first step can be taken, and nothing can be in its way."""
    ring, is_whole = layout.rings[0], len(layout.rings) == 1
    if starts and is_whole and ring is None:
        return None
    touched = () if layout.touched is None else (layout.touched,)
    return Fresh(
        events=(0,) if starts and ring is None else (),
        candidates=(ring,) if starts and ring is not None else (),
        times=(*blocks, *touched),
    )
