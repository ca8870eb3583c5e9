"""Streams compiled: what each event must be, as numbered flags, and how runs are built of them.

A *flag* is a yes or no asked of one event: it meets this step, or this exclude. Equal questions
of any number of streams share a flag, so that one scan answers them all.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import TypeAlias

from streamkit.definition import All, Condition, Criterion, Exclude, Pattern, Stream, conditions
from streamkit.errors import DefinitionError

__all__ = ["Flags", "Plan", "StepPlan", "StreamPlan", "check_names", "compile_streams"]

Question: TypeAlias = tuple[Condition, ...]


class Flags:
    """The questions asked of every event, numbered in the order they were met."""

    def __init__(self) -> None:
        self.questions: list[Question] = []
        self._numbers: dict[str, int] = {}

    def number(self, pattern: Pattern, where: Criterion = All()) -> int:  # noqa: B008 # frozen
        """The flag of a pattern, narrowed by criteria that every alternative must meet too."""
        question = tuple(
            Condition(each.event, _both(where, each.where)) for each in conditions(pattern)
        )
        known = repr(question)  # as values 1, 1.0 and True are equal, and so would the questions be
        if known not in self._numbers:
            self._numbers[known] = len(self.questions)
            self.questions.append(question)
        return self._numbers[known]

    @property
    def names(self) -> frozenset[str] | None:
        """The only event names that can meet a flag; None when some flag asks for no name."""
        is_any = any(each.event is None for question in self.questions for each in question)
        return None if is_any else self.asked_names

    @property
    def asked_names(self) -> frozenset[str]:
        """The event names that some flag asks for."""
        names = {condition.event for question in self.questions for condition in question}
        return frozenset(name for name in names if name is not None)


@dataclass(frozen=True, slots=True)
class StepPlan:
    """One step.

    Args:
        flag: What its event must meet.
        copies: How many events it takes.
        within: Longest time since the step before, in microseconds.
        excludes: Flags that no row between the step before and this one may meet.
    """

    flag: int
    copies: int
    within: int | None
    excludes: tuple[int, ...]


@dataclass(frozen=True, slots=True)
class StreamPlan:
    """One stream; all lengths in microseconds.

    Args:
        stream: The definition.
        key: What matches live inside: roles and paths.
        steps: The steps in order.
        first_excludes: Flags and lookbacks (None is the whole key) before the first step.
        last_excludes: Flags and lengths after the last step.
        run_excludes: Flags that no row inside the run may meet.
        within: First to last event; None for unbounded.
        wait: From the firing event to `fired_at`; 0 without last excludes.
    """

    stream: Stream
    key: tuple[str, ...]
    steps: tuple[StepPlan, ...]
    first_excludes: tuple[tuple[int, int | None], ...]
    last_excludes: tuple[tuple[int, int], ...]
    run_excludes: tuple[int, ...]
    within: int | None
    wait: int

    @property
    def flags(self) -> tuple[int, ...]:
        """Every flag of the stream: a row touches the stream if it meets one of them."""
        flags = [step.flag for step in self.steps]
        flags += [flag for step in self.steps for flag in step.excludes]
        flags += [flag for flag, _ in (*self.first_excludes, *self.last_excludes)]
        return tuple(dict.fromkeys((*flags, *self.run_excludes)))


@dataclass(frozen=True, slots=True)
class Plan:
    """Any number of streams, compiled together."""

    streams: tuple[StreamPlan, ...]
    flags: Flags


def compile_streams(streams: Sequence[Stream]) -> Plan:
    """Compile streams so that they share one scan.

    Example:
        >>> stream = Stream("visit", [{"event": "page_view"}])
        >>> compile_streams([stream]).streams[0].steps
        (StepPlan(flag=0, copies=1, within=None, excludes=()),)
    """
    flags = Flags()
    return Plan(tuple(_compile(stream, flags) for stream in streams), flags)


def check_names(streams: Sequence[Stream]) -> None:
    """Make sure that there are streams and that each has a name of its own.

    Raises:
        DefinitionError: None at all, something else, or two of one name, which ids are made of.
    """
    if not streams:
        raise DefinitionError("no stream to match", code="no-streams")
    if not all(isinstance(stream, Stream) for stream in streams):
        raise DefinitionError(
            "what is matched is no stream",
            code="not-a-stream",
            hint="make one with Stream(...), or read them with load('file.yaml')",
        )
    names = [stream.name for stream in streams]
    twice = sorted({name for name in names if names.count(name) > 1})
    if twice:
        raise DefinitionError(
            f"two streams are named {twice[0]!r}",
            code="duplicate-name",
            path="name",
            hint="a match's id is made of the stream's name: give each one of its own",
        )


def _compile(stream: Stream, flags: Flags) -> StreamPlan:
    def excluded(excludes: Sequence[Exclude]) -> tuple[int, ...]:
        return tuple(flags.number(exclude.alternatives) for exclude in excludes)

    steps = tuple(
        StepPlan(
            flag=flags.number(step.alternatives, stream.where),
            copies=step.at_least,
            within=step.within.microseconds if step.within else None,
            excludes=excluded(before) if place else (),
        )
        for place, (step, before) in enumerate(
            zip(stream.positive_steps, stream.excludes_before, strict=True)
        )
    )
    return StreamPlan(
        stream=stream,
        key=(stream.per,) if isinstance(stream.per, str) else stream.per,
        steps=steps,
        first_excludes=tuple(
            (
                flags.number(exclude.alternatives),
                exclude.lookback.microseconds if exclude.lookback else None,
            )
            for exclude in stream.first_excludes
        ),
        last_excludes=tuple(
            (flags.number(exclude.alternatives), exclude.for_.microseconds)
            for exclude in stream.last_excludes
            if exclude.for_ is not None
        ),
        run_excludes=excluded(stream.exclude),
        within=None if isinstance(stream.within, str | None) else stream.within.microseconds,
        wait=stream.wait.microseconds if stream.wait else 0,
    )


def _both(first: Criterion, second: Criterion) -> Criterion:
    if first == All():
        return second
    return first if second == All() else All((first, second))
