"""Streams as Python source: what somebody would have written with `event` and `prop`."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import datetime
from typing import TYPE_CHECKING, TypeAlias

from streamkit.definition.criteria import All, Comparison, Criterion, Not, Scalar
from streamkit.definition.model import Condition, Defined, Exclude, Pattern, Step
from streamkit.definition.writing import criterion_data, pattern_data
from streamkit.times import format_time

if TYPE_CHECKING:
    from streamkit.definition.stream import Stream
    from streamkit.duration import Duration

__all__ = ["stream_python"]

WIDTH = 100
MOST_OPERANDS = 50
"""Longer chains of & and | are written as plain data: Python's compiler has a depth of its own."""
SIGNS = {"eq": "==", "ne": "!=", "gt": ">", "gte": ">=", "lt": "<", "lte": "<="}
METHODS = {"eq": "equals", "ne": "not_equals", "in": "is_in"}


@dataclass(frozen=True, slots=True)
class Group:
    """Something in brackets, which may be spread over lines."""

    opening: str
    items: tuple[Source, ...]
    closing: str
    separator: str = ", "


@dataclass(frozen=True, slots=True)
class Joined:
    """Pieces that follow one another without a space."""

    pieces: tuple[Source, ...]


Source: TypeAlias = "str | Group | Joined"


def stream_python(stream: Stream) -> str:
    """The stream as source; see `Stream.to_python`."""
    body = f"stream = {_spread(_stream_source(stream), 0, WIDTH - len('stream = '))}\n"
    names = [
        name for name in ("cooldown", "defined", "event", "exclude", "prop") if f"{name}(" in body
    ]
    imports = f"from streamkit import {', '.join(['Stream', *names])}\n"
    if "datetime.fromisoformat(" in body:
        imports = f"from datetime import datetime\n\n{imports}"
    return f"{imports}\n{body}"


def _flat(source: Source) -> str:
    if isinstance(source, str):
        return source
    if isinstance(source, Joined):
        return "".join(map(_flat, source.pieces))
    return source.opening + source.separator.join(map(_flat, source.items)) + source.closing


def _spread(source: Source, indent: int, room: int) -> str:
    """The source on one line if it fits into the room, otherwise on several."""
    flat = _flat(source)
    if len(flat) <= room or isinstance(source, str):
        return flat
    if isinstance(source, Joined):
        return _spread_longest(source, indent)
    if not source.items:
        return flat
    inner = " " * (indent + 4)
    between, end = (
        (",\n", ",\n") if source.separator == ", " else (f"\n{source.separator.lstrip()}", "\n")
    )
    lines = [_spread(item, indent + 4, WIDTH - indent - 5) for item in source.items]
    text = lines[0] + "".join(between.replace("\n", f"\n{inner}") + line for line in lines[1:])
    return f"{source.opening}\n{inner}{text}{end}{' ' * indent}{source.closing}"


def _spread_longest(joined: Joined, indent: int) -> str:
    """Break the longest piece in brackets; the others stay on their line."""
    lengths = [len(_flat(piece)) if _can_break(piece) else 0 for piece in joined.pieces]
    longest = lengths.index(max(lengths)) if any(lengths) else -1
    return "".join(
        _spread(piece, indent, 0) if position == longest else _flat(piece)
        for position, piece in enumerate(joined.pieces)
    )


def _can_break(source: Source) -> bool:
    if isinstance(source, Joined):
        return any(map(_can_break, source.pieces))
    return isinstance(source, Group) and bool(source.items)


def _quoted(text: str) -> str:
    """A text literal, in double quotes where that needs no further escapes."""
    literal = repr(text)
    return f'"{literal[1:-1]}"' if literal[0] == "'" and '"' not in text else literal


def _call(name: str, /, *arguments: Source, **keywords: Source | None) -> Group:
    named = [Joined((f"{key}=", value)) for key, value in keywords.items() if value is not None]
    return Group(f"{name}(", (*arguments, *named), ")")


def _data(value: object) -> Source:
    """Plain data as a literal."""
    if isinstance(value, dict):
        items = tuple(Joined((f"{_quoted(key)}: ", _data(item))) for key, item in value.items())
        return Group("{", items, "}")
    if isinstance(value, list):
        return Group("[", tuple(map(_data, value)), "]")
    return _quoted(value) if isinstance(value, str) else repr(value)


def _stream_source(stream: Stream) -> Source:
    named = {defined.name: defined.alternatives for defined in stream.named_conditions}
    return _call(
        "Stream",
        name=_quoted(stream.name),
        steps=Group("[", tuple(map(_step, stream.steps)), "]"),
        description=None if stream.description is None else _quoted(stream.description),
        enabled=None if stream.enabled else "False",
        per=None if stream.per == "session" else _per(stream.per),
        where=None if stream.where == All() else _criterion(stream.where),
        exclude=_excludes(stream.exclude),
        within=None if stream.within is None else _quoted(str(stream.within)),
        frequency=None if stream.frequency == "once" else _quoted(stream.frequency),
        cooldown=_cooldown(stream),
        payload=None if stream.payload is None else _data(stream.payload),
        destination=None if stream.destination is None else _data(stream.destination),
        defined=_table(named) if named else None,
    )


def _per(per: str | tuple[str, ...]) -> Source:
    return _quoted(per) if isinstance(per, str) else Group("[", tuple(map(_quoted, per)), "]")


def _excludes(excludes: tuple[Exclude, ...]) -> Source | None:
    if not excludes:
        return None
    return Group("[", tuple(_pattern(each.alternatives) for each in excludes), "]")


def _cooldown(stream: Stream) -> Source | None:
    if stream.cooldown is None:
        return None
    by = None if stream.cooldown.by == "key" else _quoted(stream.cooldown.by)
    return _call("cooldown", _quoted(str(stream.cooldown.for_)), by=by)


def _table(named: dict[str, tuple[Condition, ...]]) -> Source:
    items = [Joined((f"{_quoted(name)}: ", _pattern(each))) for name, each in named.items()]
    return Group("{", tuple(items), "}")


def _step(step: Step | Exclude) -> Source:
    if isinstance(step, Exclude):
        return _call(
            "exclude",
            _pattern(step.alternatives),
            lookback=_length(step.lookback),
            for_=_length(step.for_),
        )
    if len(step.alternatives) > MOST_OPERANDS:
        return _data(_plain_step(step))
    source = _pattern(step.alternatives)
    if len(step.alternatives) > 1 and (step.within is not None or step.at_least != 1):
        source = _bracketed(source)
    pieces = [source]
    if step.within is not None:
        pieces.append(_call(".within", _quoted(str(step.within))))
    if step.at_least != 1:
        pieces.append(_call(".at_least", str(step.at_least)))
    return pieces[0] if len(pieces) == 1 else Joined(tuple(pieces))


def _plain_step(step: Step) -> dict[str, object]:
    data = pattern_data(step.alternatives)
    options = {"within": step.within and str(step.within), "at_least": step.at_least}
    return {**data, **{key: value for key, value in options.items() if value is not None}}


def _length(length: Duration | None) -> Source | None:
    return None if length is None else _quoted(str(length))


def _bracketed(source: Source) -> Source:
    if isinstance(source, Group) and not source.opening:
        return Group("(", source.items, ")", source.separator)
    return Group("(", (source,), ")", " ")


def _pattern(pattern: Pattern) -> Source:
    if len(pattern) > MOST_OPERANDS:
        return _data(pattern_data(pattern))
    alternatives = tuple(map(_alternative, pattern))
    return alternatives[0] if len(alternatives) == 1 else Group("", alternatives, "", " | ")


def _alternative(alternative: Condition | Defined) -> Source:
    if isinstance(alternative, Defined):
        return _call("defined", _quoted(alternative.name))
    name = () if alternative.event is None else (_quoted(alternative.event),)
    if alternative.where == All():
        return _call("event", *name)
    where = alternative.where
    parts = where.criteria if isinstance(where, All) else (where,)
    return Joined((_call("event", *name), _call(".where", *map(_criterion, parts))))


def _criterion(criterion: Criterion) -> Source:
    if isinstance(criterion, Comparison):
        return _comparison(criterion)
    if not _is_shallow(criterion):
        return _data(criterion_data(criterion))
    if isinstance(criterion, Not):
        return Joined(("~", _operand(criterion.criterion)))
    sign = " & " if isinstance(criterion, All) else " | "
    return Group("", tuple(map(_operand, criterion.criteria)), "", sign)


def _is_shallow(criterion: Criterion, levels: int = 10) -> bool:
    """Whether it can be an expression all the way down, short chains throughout."""
    if isinstance(criterion, Comparison):
        return True
    if isinstance(criterion, Not):
        return levels > 0 and _is_shallow(criterion.criterion, levels - 1)
    return (
        levels > 0
        and len(criterion.criteria) <= MOST_OPERANDS
        and all(_is_shallow(each, levels - 1) for each in criterion.criteria)
    )


def _operand(criterion: Criterion) -> Source:
    """A criterion in brackets where & | ~ would bind more tightly than what it is made of."""
    source = _criterion(criterion)
    if isinstance(criterion, Not) or (
        isinstance(criterion, Comparison) and not _is_sign(criterion)
    ):
        return source
    return _bracketed(source)


def _is_sign(comparison: Comparison) -> bool:
    return comparison.operator in SIGNS and not comparison.ignore_case


def _comparison(comparison: Comparison) -> Source:
    subject = _call("prop", _quoted(str(comparison.path)))
    operator, operand = comparison.operator, comparison.operand
    if _is_sign(comparison) and not isinstance(operand, tuple):
        return Joined((subject, f" {SIGNS[operator]} ", _scalar(operand)))
    if operator == "exists":
        return Joined((subject, ".exists()" if operand else ".missing()"))
    ignore_case = "True" if comparison.ignore_case else None
    arguments: tuple[Source, ...]
    if not isinstance(operand, tuple):
        arguments = (_scalar(operand),)
    elif operator == "between":
        arguments = tuple(map(_scalar, operand))
    else:
        arguments = (Group("[", tuple(map(_scalar, operand)), "]"),)
    method = METHODS.get(operator, operator)
    return Joined((subject, _call(f".{method}", *arguments, ignore_case=ignore_case)))


def _scalar(value: Scalar) -> str:
    if isinstance(value, datetime):
        return f'datetime.fromisoformat("{format_time(value)}")'
    return _quoted(value) if isinstance(value, str) else repr(value)
