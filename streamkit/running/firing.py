"""Firing events of one stream, from the run that ends there to the match that comes of it."""

from __future__ import annotations

from dataclasses import dataclass

from streamkit.definition import Frequency
from streamkit.matching.contexts import Needs
from streamkit.matching.identity import compact, match_id
from streamkit.matching.plan import StreamPlan
from streamkit.running.asking import context_of
from streamkit.running.matches import Match, MatchedEvent, RunEnds
from streamkit.running.runs import Key, Run

__all__ = ["Firing", "goes_on_after", "make_match"]


@dataclass(frozen=True, slots=True)
class Firing:
    """A run that is complete, before its wait is over.

    Args:
        run: The run.
        key: Its key.
        is_kept: Whether the frequency rule lets it through, as far as is known now.
        session: Session of the firing event.
        user: User of the firing event.
        by: What the cooldown is counted by; None is never held back.
        nth: How many earlier events of the key have the firing event's time and name.
        is_proven: Whether the start of the session was seen.
    """

    run: Run
    key: Key
    is_kept: bool
    session: str | None
    user: str | None
    by: Key | None
    nth: int
    is_proven: bool


def goes_on_after(frequency: Frequency, taken: tuple[int, int] | None, run: Run) -> bool:
    """Whether the frequency rule lets a run through after the last one that it took.

    Args:
        frequency: The rule.
        taken: Ordinals of that run's first and last event; None if there is none.
        run: The run.
    """
    if taken is None or frequency == "every":
        return True
    if frequency == "per_start":
        return run.first.ordinal != taken[0]
    return frequency == "non_overlapping" and run.first.ordinal > taken[1]


def make_match(plan: StreamPlan, firing: Firing, asked: Needs | None = None) -> Match:
    """The match of a firing event, with what its payload asks of its events."""
    stream, event, key = plan.stream, firing.run, firing.key
    first, events = event.first, event.events()
    parts = (key,) if isinstance(key, str) else key
    return Match(
        stream=stream.name,
        version=stream.version,
        match_id=match_id(
            stream.name, parts, event.id, time=event.time, name=event.name, nth=firing.nth
        ),
        key=parts,
        session=firing.session,
        user=firing.user,
        started=first.time,
        matched=event.time,
        fired=event.time + plan.wait,
        events=tuple(
            MatchedEvent(step, each.id, each.time, each.name) for step, each in enumerate(events)
        ),
        is_proven=firing.is_proven,
        context=None if asked is None else context_of(stream.name, events),
        ends=_ends(plan, firing, first),
    )


def _ends(plan: StreamPlan, firing: Firing, first: Run) -> RunEnds:
    value, cooldown = firing.by, plan.stream.cooldown
    if value is not None and cooldown is not None and cooldown.by == "key":
        value = compact([value] if isinstance(value, str) else value)
    assert value is None or isinstance(value, str), "only a key has parts"
    return RunEnds(first.id, first.name, first.ordinal, firing.run.ordinal, value)
