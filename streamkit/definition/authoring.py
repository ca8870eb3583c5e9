"""Writing streams in Python: `event`, `exclude`, `cooldown`, `defined`.

What these build is the plain data of a stream file, piece by piece. Nothing is checked before
`Stream(...)`, which reads the whole as it reads a file and so finds every problem at once.
"""

from __future__ import annotations

from dataclasses import dataclass, field, replace
from datetime import timedelta
from typing import TYPE_CHECKING, Any, NoReturn, TypeAlias

from streamkit.definition.criteria import All, Comparison, Criterion, Not
from streamkit.definition.criteria import Any as AnyOf
from streamkit.definition.criteria_authoring import Where
from streamkit.definition.model import Cooldown, Defined, Exclude, Step
from streamkit.definition.writing import (
    cooldown_data,
    criterion_data,
    pattern_data,
    step_data,
)
from streamkit.duration import Duration
from streamkit.errors import DefinitionError

if TYPE_CHECKING:
    from collections.abc import Callable, Mapping

__all__ = [
    "CooldownRule",
    "EventPattern",
    "ExcludePattern",
    "cooldown",
    "defined",
    "event",
    "exclude",
    "plain",
]

Length: TypeAlias = str | timedelta | Duration
"""A duration as text (`"10m"`), as a `timedelta` or as a `Duration`."""


@dataclass(frozen=True, slots=True)
class EventPattern:
    """A condition on events in the making; see `event`.

    Args:
        alternatives: Plain data of each alternative.
        options: Plain data of `within` and `at_least`.
    """

    alternatives: tuple[Mapping[str, object], ...]
    options: Mapping[str, object] = field(default_factory=dict)

    def where(self, *criteria: Where | Mapping[str, object]) -> EventPattern:
        """Narrow it: the event meets these criteria as well; calls add up.

        Raises:
            DefinitionError: It is a named condition, whose criteria stand in events.yaml.

        Example:
            >>> from streamkit.definition import prop
            >>> event("add_to_cart").where(prop("price") > 20).data()
            {'event': 'add_to_cart', 'where': {'price': {'gt': 20}}}
        """
        return replace(
            self, alternatives=tuple(_narrow(each, criteria) for each in self.alternatives)
        )

    def within(self, length: Length) -> EventPattern:
        """At most this long after the event of the step before."""
        return replace(self, options={**self.options, "within": length})

    def at_least(self, times: int) -> EventPattern:
        """At least this many such events, 1 to 100."""
        return replace(self, options={**self.options, "at_least": times})

    def __or__(self, other: EventPattern) -> EventPattern:
        if self.options or other.options:
            raise DefinitionError(
                "'within' and 'at_least' belong to a step as a whole",
                code="condition-form",
                hint='write (event("a") | event("b")).within("10m")',
            )
        return EventPattern(self.alternatives + other.alternatives)

    def __bool__(self) -> NoReturn:
        raise TypeError("events are combined with |, not with or")

    def data(self) -> dict[str, object]:
        """The step as plain data."""
        if len(self.alternatives) == 1:
            return {**self.alternatives[0], **self.options}
        return {"any_of": list(self.alternatives), **self.options}


def _narrow(
    alternative: Mapping[str, object], criteria: tuple[Where | Mapping[str, object], ...]
) -> Mapping[str, object]:
    if "defined" in alternative:
        raise DefinitionError(
            "a named condition cannot be narrowed with where",
            code="condition-form",
            hint="give events.yaml a second name with the narrower criteria",
        )
    parts = [part for part in (alternative.get("where"), *map(plain, criteria)) if part]
    if not parts:
        return alternative
    return {**alternative, "where": parts[0] if len(parts) == 1 else {"all": parts}}


@dataclass(frozen=True, slots=True)
class ExcludePattern:
    """An exclude in the making; see `exclude`."""

    pattern: object
    lookback: Length | None = None
    for_: Length | None = None

    def data(self) -> dict[str, object]:
        """The item of `steps` as plain data."""
        data = {"exclude": plain(self.pattern)}
        if self.lookback is not None:
            data["lookback"] = self.lookback
        if self.for_ is not None:
            data["for"] = self.for_
        return data


@dataclass(frozen=True, slots=True)
class CooldownRule:
    """A cooldown in the making; see `cooldown`."""

    for_: Length
    by: str = "key"

    def data(self) -> dict[str, object]:
        """The cooldown as plain data."""
        return {"for": self.for_, "by": self.by}


def event(name: str | None = None) -> EventPattern:
    """An event of this name; without one, any event.

    Args:
        name: The event's name as it stands in the data.

    Returns:
        A step that `where`, `within` and `at_least` refine, and that `|` joins to others.

    Example:
        >>> (event("checkout_start") | event("page_view")).within("10m").data()
        {'any_of': [{'event': 'checkout_start'}, {'event': 'page_view'}], 'within': '10m'}
    """
    return EventPattern(({"where": {}} if name is None else {"event": name},))


def exclude(
    pattern: EventPattern | Mapping[str, object],
    *,
    lookback: Length | None = None,
    for_: Length | None = None,
) -> ExcludePattern:
    """No such event at this place among the steps.

    Args:
        pattern: What must not happen.
        lookback: Before the first step only: how far back it counts; by default the whole key.
        for_: After the last step only: how long it must not happen; by default `within`.

    Example:
        >>> exclude(event("purchase"), for_="30m").data()
        {'exclude': {'event': 'purchase'}, 'for': '30m'}
    """
    return ExcludePattern(pattern, lookback, for_)


def cooldown(for_: Length, *, by: str = "key") -> CooldownRule:
    """The least time between two matches of one value.

    Args:
        for_: From one match to the next.
        by: `key`, `session`, `user`, or the path of a property of the firing event.

    Example:
        >>> cooldown("24h", by="user").data()
        {'for': '24h', 'by': 'user'}
    """
    return CooldownRule(for_, by)


def defined(name: str) -> EventPattern:
    """A named condition of events.yaml, or of the `defined` that `Stream` is given.

    Example:
        >>> defined("rage_on_pay").at_least(2).data()
        {'defined': 'rage_on_pay', 'at_least': 2}
    """
    return EventPattern(({"defined": name},))


def _itself(value: Defined) -> object:
    """Keep a named condition as a value: what it stands for is already known."""
    return value


WRITERS: tuple[tuple[tuple[type, ...], Callable[[Any], object]], ...] = (
    ((Where,), lambda value: value.data),
    ((EventPattern, ExcludePattern, CooldownRule), lambda value: value.data()),
    ((Step, Exclude), lambda value: step_data(value, _itself)),
    ((Comparison, All, AnyOf, Not), criterion_data),
    ((Cooldown,), cooldown_data),
)


def plain(value: object) -> Any:
    """Whatever describes a part of a stream in Python, as the plain data of a file."""
    for kinds, write in WRITERS:
        if isinstance(value, kinds):
            return write(value)
    return value


def plain_pattern(value: object) -> Any:
    """An item of a top-level `exclude`, or what a name stands for, as plain data."""
    if isinstance(value, ExcludePattern) and value.lookback is None and value.for_ is None:
        return plain(value.pattern)
    if isinstance(value, Exclude) and value.lookback is None and value.for_ is None:
        return pattern_data(value.alternatives, _itself)
    if isinstance(value, tuple):
        return pattern_data(value, _itself)
    return plain(value)


CriterionLike: TypeAlias = "Where | Criterion | Mapping[str, object]"
StepLike: TypeAlias = "EventPattern | ExcludePattern | Step | Exclude | Mapping[str, object]"
ExcludeLike: TypeAlias = "EventPattern | ExcludePattern | Exclude | Mapping[str, object]"
CooldownLike: TypeAlias = "CooldownRule | Cooldown | Mapping[str, object]"
