"""Definitions as plain data: what `to_dict` gives and every reader reads back."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from datetime import datetime
from typing import TYPE_CHECKING, TypeAlias

from streamkit.definition.criteria import All, Any, Comparison, Criterion, Not, Scalar
from streamkit.definition.model import Condition, Cooldown, Defined, Exclude, Pattern, Step
from streamkit.times import format_time

if TYPE_CHECKING:
    from streamkit.definition.stream import Stream

__all__ = [
    "cooldown_data",
    "criterion_data",
    "exclude_data",
    "pattern_data",
    "step_data",
    "stream_data",
]

Data: TypeAlias = dict[str, object]
WriteDefined: TypeAlias = Callable[[Defined], object]
RESERVED = ("any", "all", "not")


def name_of(defined: Defined) -> object:
    """Write a named condition as its name."""
    return defined.name


def property_key(comparison: Comparison) -> str:
    """The key of a comparison's property in `where`; quoted where it would mean a group."""
    text = str(comparison.path)
    return f'"{text}"' if text in RESERVED else text


def scalar_data(value: Scalar) -> object:
    """An operand as plain data."""
    return {"time": format_time(value)} if isinstance(value, datetime) else value


def criterion_data(criterion: Criterion) -> Data:
    """A criterion as the mapping that reads back to it, in the same order."""
    parts = list(criterion.criteria) if isinstance(criterion, All) else [criterion]
    chunks: list[Data] = []
    ignoring: dict[str, bool] = {}
    for part in parts:
        if not chunks or not _fits(chunks[-1], part, ignoring):
            chunks.append({})
            ignoring = {}
        _put(chunks[-1], part, ignoring)
    if not chunks:
        return {}
    return chunks[0] if len(chunks) == 1 else {"all": list(chunks)}


def _fits(chunk: Data, part: Criterion, ignoring: dict[str, bool]) -> bool:
    """Whether a mapping can take one more criterion and still be read in the same order."""
    if isinstance(part, Any):
        return "any" not in chunk
    if isinstance(part, Not):
        return "not" not in chunk
    if isinstance(part, All):
        return "all" not in chunk
    key = property_key(part)
    if key not in chunk:
        return True
    operators = chunk[key]
    return (
        next(reversed(chunk)) == key
        and isinstance(operators, dict)
        and part.operator not in operators
        and ignoring.get(key) == part.ignore_case
    )


def _put(chunk: Data, part: Criterion, ignoring: dict[str, bool]) -> None:
    if isinstance(part, Any):
        chunk["any"] = [criterion_data(each) for each in part.criteria]
    elif isinstance(part, All):
        chunk["all"] = [criterion_data(each) for each in part.criteria]
    elif isinstance(part, Not):
        chunk["not"] = criterion_data(part.criterion)
    else:
        _put_comparison(chunk, part, ignoring)


def _put_comparison(chunk: Data, part: Comparison, ignoring: dict[str, bool]) -> None:
    key = property_key(part)
    operand = part.operand
    data = (
        [scalar_data(each) for each in operand]
        if isinstance(operand, tuple)
        else scalar_data(operand)
    )
    operators = chunk.get(key)
    if part.operator == "eq" and not part.ignore_case and operators is None:
        chunk[key] = data
        return
    operators = dict(operators) if isinstance(operators, dict) else {}
    folded = operators.pop("ignore_case", part.ignore_case)
    operators[part.operator] = data
    if folded:
        operators["ignore_case"] = True
    chunk[key] = operators
    ignoring[key] = part.ignore_case


def pattern_data(pattern: Pattern, write: WriteDefined = name_of) -> Data:
    """A pattern as the mapping that reads back to it."""
    alternatives = [_alternative_data(each, write) for each in pattern]
    return alternatives[0] if len(alternatives) == 1 else {"any_of": alternatives}


def _alternative_data(alternative: Condition | Defined, write: WriteDefined) -> Data:
    if isinstance(alternative, Defined):
        return {"defined": write(alternative)}
    data: Data = {} if alternative.event is None else {"event": alternative.event}
    if alternative.where != All() or not data:
        data["where"] = criterion_data(alternative.where)
    return data


def step_data(step: Step | Exclude, write: WriteDefined = name_of) -> Data:
    """An item of `steps` as plain data."""
    if isinstance(step, Exclude):
        return exclude_data(step, write)
    data = pattern_data(step.alternatives, write)
    if step.within is not None:
        data["within"] = str(step.within)
    if step.at_least != 1:
        data["at_least"] = step.at_least
    return data


def exclude_data(exclude: Exclude, write: WriteDefined = name_of) -> Data:
    """An exclude of `steps` as plain data."""
    data: Data = {"exclude": pattern_data(exclude.alternatives, write)}
    if exclude.lookback is not None:
        data["lookback"] = str(exclude.lookback)
    if exclude.for_ is not None:
        data["for"] = str(exclude.for_)
    return data


def cooldown_data(cooldown: Cooldown) -> Data:
    """A cooldown as plain data."""
    data: Data = {"for": str(cooldown.for_)}
    if cooldown.by != "key":
        data["by"] = cooldown.by
    return data


def stream_data(stream: Stream, write: WriteDefined = name_of) -> Data:
    """A stream as plain data, defaults left out, keys in the order of the documentation."""
    data: Data = {"name": stream.name}
    if stream.description is not None:
        data["description"] = stream.description
    if not stream.enabled:
        data["enabled"] = False
    if stream.per != "session":
        data["per"] = stream.per if isinstance(stream.per, str) else list(stream.per)
    if stream.where != All():
        data["where"] = criterion_data(stream.where)
    data["steps"] = [step_data(step, write) for step in stream.steps]
    if stream.exclude:
        data["exclude"] = [pattern_data(exclude.alternatives, write) for exclude in stream.exclude]
    if stream.within is not None:
        data["within"] = str(stream.within)
    if stream.frequency != "once":
        data["frequency"] = stream.frequency
    if stream.cooldown is not None:
        data["cooldown"] = cooldown_data(stream.cooldown)
    for key, plain in (("payload", stream.payload), ("destination", stream.destination)):
        if plain is not None:
            data[key] = copy_plain(plain)
    return data


def copy_plain(value: object) -> object:
    """A copy of plain data that shares nothing that can be changed."""
    if isinstance(value, Mapping):
        return {key: copy_plain(item) for key, item in value.items()}
    if isinstance(value, list | tuple):
        return [copy_plain(item) for item in value]
    return value
