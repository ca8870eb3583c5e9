"""The rules a definition has to keep, each with a stable code.

`RULES` lists every code that a problem of a definition can carry, for the docs. The rules that
look at a stream as a whole are function objects here (`STREAM_RULES`); the others are found
while a document is read, where the place is at hand.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Literal, TypeAlias

from streamkit.definition.criteria import All, Criterion
from streamkit.definition.model import Cooldown, Exclude, Frequency, Step
from streamkit.duration import Duration

if TYPE_CHECKING:
    from streamkit.document.nodes import Place

__all__ = ["RULES", "STREAM_RULES", "Draft", "Finding", "Rule", "StreamRule"]


@dataclass(frozen=True, slots=True)
class Rule:
    """A rule as the docs list it.

    Args:
        code: Its stable name.
        reason: What it asks for and why, as one sentence.
    """

    code: str
    reason: str


@dataclass(frozen=True, slots=True)
class Finding:
    """A broken rule: where, what is wrong, what to do."""

    place: Place
    message: str
    hint: str | None = None


@dataclass(slots=True)
class Draft:
    """A stream whose parts were read, before the rules about the whole were checked.

    `steps` and `exclude` hold None where an item could not be read, and `unreadable` names the
    top-level keys that could not, so that one mistake is not reported twice.
    """

    name: str = "?"
    steps: list[Step | Exclude | None] = field(default_factory=list)
    description: str | None = None
    enabled: bool = True
    per: str | tuple[str, ...] = "session"
    where: Criterion = All()  # a frozen value
    exclude: list[Exclude | None] = field(default_factory=list)
    within: Duration | Literal["unbounded"] | None = None
    frequency: Frequency = "once"
    cooldown: Cooldown | None = None
    payload: dict[str, object] | None = None
    destination: dict[str, object] | None = None
    unreadable: set[str] = field(default_factory=set)

    @property
    def positions(self) -> list[int]:
        """Places of the positive steps in `steps`."""
        return [index for index, step in enumerate(self.steps) if isinstance(step, Step)]

    @property
    def copies(self) -> int:
        """How many events a run has, as far as the steps could be read."""
        return sum(step.at_least for step in self.steps if isinstance(step, Step))

    @property
    def complete(self) -> bool:
        """Whether every step could be read."""
        return "steps" not in self.unreadable and None not in self.steps


Check: TypeAlias = Callable[[Draft], Iterator[Finding]]


@dataclass(frozen=True, slots=True)
class StreamRule:
    """A rule about a stream as a whole: calling `check` finds where it is broken."""

    rule: Rule
    check: Check


STREAM_RULES: list[StreamRule] = []


def _stream_rule(code: str, reason: str) -> Callable[[Check], Check]:
    def register(check: Check) -> Check:
        STREAM_RULES.append(StreamRule(Rule(code, reason), check))
        return check

    return register


@_stream_rule(
    "no-step", "A stream needs a step that an event must meet: excludes alone never fire."
)
def _no_step(draft: Draft) -> Iterator[Finding]:
    if draft.complete and not draft.positions:
        yield Finding(
            ("steps",),
            "no step that an event must meet"
            if draft.steps
            else "a stream needs at least one step",
            "add a step such as {event: add_to_cart}",
        )


@_stream_rule(
    "within-required",
    "A stream of more than one event says how far apart the first and the last may be.",
)
def _within_required(draft: Draft) -> Iterator[Finding]:
    if draft.within is None and "within" not in draft.unreadable and draft.copies > 1:
        yield Finding(
            (),
            "'within' is missing: how long from the first to the last event",
            "add a duration such as within: 1h, or within: unbounded for the whole key",
        )


@_stream_rule(
    "for-required",
    "An exclude in the last place needs an end, or the match could never be confirmed.",
)
def _for_required(draft: Draft) -> Iterator[Finding]:
    bounded = isinstance(draft.within, Duration) or "within" in draft.unreadable
    if bounded or not draft.complete or not draft.positions:
        return
    for index in range(draft.positions[-1] + 1, len(draft.steps)):
        step = draft.steps[index]
        if isinstance(step, Exclude) and step.for_ is None:
            yield Finding(
                ("steps", index),
                "the last exclude has no end: 'for' is missing and 'within' is no duration",
                "add how long it must not happen, such as for: 30m",
            )


@_stream_rule("for-not-last", "'for' counts from the last step, so it stands on excludes after it.")
def _for_not_last(draft: Draft) -> Iterator[Finding]:
    last = draft.positions[-1] if draft.positions else -1
    for index, step in enumerate(draft.steps[: max(last, 0)]):
        if isinstance(step, Exclude) and step.for_ is not None:
            yield Finding(
                ("steps", index, "for"),
                "'for' on an exclude that is not in the last place",
                "remove it: an exclude between two steps lasts from one to the other",
            )


@_stream_rule(
    "lookback-not-first",
    "'lookback' counts back from the first step, so it stands on excludes before it.",
)
def _lookback_not_first(draft: Draft) -> Iterator[Finding]:
    first = draft.positions[0] if draft.positions else len(draft.steps)
    for index, step in enumerate(draft.steps):
        if index > first and isinstance(step, Exclude) and step.lookback is not None:
            yield Finding(
                ("steps", index, "lookback"),
                "'lookback' on an exclude that is not in the first place",
                "remove it, or use 'for' after the last step",
            )


@_stream_rule(
    "first-step-within", "A step's 'within' counts from the step before; the first has none."
)
def _first_step_within(draft: Draft) -> Iterator[Finding]:
    for index, step in enumerate(draft.steps):
        if step is None:
            return
        if isinstance(step, Step):
            if step.within is not None:
                yield Finding(
                    ("steps", index, "within"),
                    "'within' on the first step: there is no step before it to count from",
                    "remove it; the time from first to last event is the stream's own 'within'",
                )
            return


@_stream_rule(
    "within-at-least",
    "A step's 'within' together with 'at_least' could mean each copy or all of them.",
)
def _within_at_least(draft: Draft) -> Iterator[Finding]:
    for index in draft.positions:
        step = draft.steps[index]
        if isinstance(step, Step) and step.within is not None and step.at_least > 1:
            yield Finding(
                ("steps", index, "within"),
                "'within' together with 'at_least' above 1 is ambiguous",
                "write the step out that many times, each with its own 'within'",
            )


@_stream_rule("exclude-single-event", "A top-level exclude lies between events, so it needs two.")
def _exclude_single_event(draft: Draft) -> Iterator[Finding]:
    if draft.exclude and draft.complete and draft.copies == 1:
        yield Finding(
            ("exclude",),
            "a top-level 'exclude' in a stream of a single event: nothing lies between",
            "put the exclude into 'steps', before or after the step",
        )


@_stream_rule("zero-duration", "A duration is longer than nothing; 0 would mean the same instant.")
def _zero_duration(draft: Draft) -> Iterator[Finding]:
    places: list[tuple[Place, object]] = [(("within",), draft.within)]
    for index, step in enumerate(draft.steps):
        if isinstance(step, Step):
            places.append((("steps", index, "within"), step.within))
        elif isinstance(step, Exclude):
            places.append((("steps", index, "lookback"), step.lookback))
            places.append((("steps", index, "for"), step.for_))
    if draft.cooldown is not None:
        places.append((("cooldown", "for"), draft.cooldown.for_))
    for place, length in places:
        if isinstance(length, Duration) and length.microseconds == 0:
            yield Finding(place, "a duration of zero", "leave it out, or write a longer one")


FOUND_WHILE_READING = (
    Rule("at-least-range", "'at_least' is a whole number from 1 to 100."),
    Rule("bad-duration", "A duration is a number and a unit, at most a hundred years."),
    Rule("bad-json", "A .json file is JSON by RFC 8259."),
    Rule("bad-number", "A number operand is finite, so that it can be compared."),
    Rule(
        "bad-path",
        "A path is segments with dots between, one with a dot quoted; a payload's begins with event, match, key, stream, user or session.",
    ),
    Rule("bad-regex", "A pattern of 'matches' is RE2 syntax, which every engine here runs."),
    Rule("bad-text", "Text is Unicode in UTF-8, without half surrogate pairs."),
    Rule("bad-time", "A time is RFC 3339, a real date in the years 1 to 9999."),
    Rule("bad-yaml", "A .yaml file is YAML 1.2 without tags."),
    Rule("between-bounds", "'between' has two bounds of one kind: numbers, times or text."),
    Rule("call-arguments", "A call of a mapping has the arguments that its name asks for."),
    Rule(
        "condition-form", "A condition is event and/or where, or any_of, or defined: one of them."
    ),
    Rule("duplicate-field", "A field's name stands once in a body."),
    Rule("duplicate-key", "A key stands once: readers disagree on which of two counts."),
    Rule(
        "duplicate-name", "A stream's name is unique in its folder: it is part of every match id."
    ),
    Rule("empty", "A file holds something."),
    Rule("empty-criterion", "any, all and not hold at least one criterion."),
    Rule(
        "header-form",
        "A header is one line of ASCII under a name of its own, and none that the sender sets.",
    ),
    Rule("ignore-case", "'ignore_case' stands beside operators whose operand is text."),
    Rule("in-size", "'in' and 'not_in' list 1 to 10,000 values."),
    Rule("key-not-text", "A key is text; one that looks like a number or a boolean is quoted."),
    Rule("missing-key", "Some keys are needed."),
    Rule("name-form", "A name has 1 to 100 characters, none of them a control character."),
    Rule(
        "nested-defined", "A named condition stands for events, never for another name: no cycles."
    ),
    Rule("no-streams", "A folder of streams holds at least one."),
    Rule("no-such-file", "A path leads to a file or folder that can be read."),
    Rule(
        "not-plain-data", "A definition holds text, numbers, booleans, times, lists and mappings."
    ),
    Rule("null-operand", "An operand is a value; 'exists: false' asks for what is missing."),
    Rule("number-range", "An integer operand lies between -2^63 and 2^64-1, as in the data."),
    Rule("payload-form", "A payload is fields, json or template: one of them, holding something."),
    Rule("per-form", "'per' is session, user, or a list that holds one of them and no part twice."),
    Rule(
        "plain-secret",
        "A secret is written as a reference: definitions are shown, shared and kept.",
    ),
    Rule("rate-range", "A rate is above 0 and at most 1,000 requests a second."),
    Rule("reference-form", "A reference is env:NAME, keyring:service/name or file:path, whole."),
    Rule("retry-form", "Retries are a profile or at most 30 delays of at most 24 hours."),
    Rule(
        "secret-place",
        "A secret is a value of the body or an item of concat: it is not known before it is sent.",
    ),
    Rule("several-documents", "A file holds one document."),
    Rule(
        "strict-call",
        "'strict: fullstory' allows the calls of Fullstory's own mapping and no others.",
    ),
    Rule("time-format", "A time's format and zone are known ones, the same on every machine."),
    Rule("too-deep", "Nesting has a limit, so that no file can exhaust the reader."),
    Rule("too-large", "A file's size has a limit, so that no file can exhaust the reader."),
    Rule("too-many-problems", "The first 100 problems of a file are told, the others counted."),
    Rule("unknown-call", "An array that begins with text is a call, and calls are known."),
    Rule("unknown-defined", "'defined' names a condition of the events.yaml beside the stream."),
    Rule("unknown-key", "Keys are known: a misspelt one would be silently without effect."),
    Rule("unknown-operator", "Operators are known."),
    Rule("unknown-value", "Where a few words are possible, it is one of them."),
    Rule(
        "url-form",
        "An address is https, of this machine, or http where allowed, without a password or odd host.",
    ),
    Rule("wrong-kind", "A value is of the kind its key asks for."),
    Rule("wrong-operand", "An operand is of a kind its operator can compare."),
)

RULES: dict[str, Rule] = {
    rule.code: rule
    for rule in sorted(
        (*FOUND_WHILE_READING, *(each.rule for each in STREAM_RULES)), key=lambda rule: rule.code
    )
}
"""Every code a problem of a definition can carry, in alphabetical order."""
