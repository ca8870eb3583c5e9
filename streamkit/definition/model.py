"""A stream as a value: what should match, with nothing said of how it is found.

Everything here is frozen and already valid: `Stream(...)` and the readers check the rules of
`rules.py` and raise all problems at once.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Literal, TypeAlias

from streamkit.definition.criteria import All, Criterion

if TYPE_CHECKING:
    from collections.abc import Iterator

    from streamkit.duration import Duration

__all__ = [
    "Condition",
    "Cooldown",
    "Defined",
    "Exclude",
    "Frequency",
    "Pattern",
    "Step",
    "conditions",
]

Frequency: TypeAlias = Literal["once", "every", "per_start", "non_overlapping"]


@dataclass(frozen=True, slots=True)
class Condition:
    """What one event must be: of a name, of any name (`event=None`), and meeting criteria."""

    event: str | None = None
    where: Criterion = All()  # a frozen value


@dataclass(frozen=True, slots=True)
class Defined:
    """A named condition from `events.yaml`, with what it stood for when it was read."""

    name: str
    alternatives: tuple[Condition, ...]


Pattern: TypeAlias = tuple[Condition | Defined, ...]
"""Alternatives, at least one: an event meets the pattern if it meets any of them."""


@dataclass(frozen=True, slots=True)
class Step:
    """A place in the order that one event (or `at_least` events) must take.

    Args:
        alternatives: What the event must be; more than one is `any_of`.
        within: Longest time since the previous step's event, inclusive.
        at_least: How many copies of the step there are, 1 to 100.
    """

    alternatives: Pattern
    within: Duration | None = None
    at_least: int = 1


@dataclass(frozen=True, slots=True)
class Exclude:
    """A place in the order where no such event may happen.

    Args:
        alternatives: What must not happen.
        lookback: Before the first step only: how far back it counts; None is the whole key.
        for_: After the last step only: how long it must not happen; None takes the stream's
            `within`.
    """

    alternatives: Pattern
    lookback: Duration | None = None
    for_: Duration | None = None


@dataclass(frozen=True, slots=True)
class Cooldown:
    """The least time between two matches of one value.

    Args:
        for_: From one match's `fired_at` to the next.
        by: `key`, `session`, `user`, or a path of the firing event.
    """

    for_: Duration
    by: str = "key"


def conditions(pattern: Pattern) -> Iterator[Condition]:
    """The pattern's alternatives with named conditions replaced by what they stand for."""
    for alternative in pattern:
        if isinstance(alternative, Defined):
            yield from alternative.alternatives
        else:
            yield alternative
