"""Criteria from documents: `where` and what it holds."""

from __future__ import annotations

import math
from datetime import date, datetime
from typing import TYPE_CHECKING

from streamkit.definition.criteria import (
    NEGATIVES,
    OPERATORS,
    TEXT_OPERATORS,
    All,
    Any,
    Comparison,
    Criterion,
    Not,
    Scalar,
)
from streamkit.document.nodes import Node, Place, describe_kind, quoted, shorten
from streamkit.path import Path
from streamkit.suggest import did_you_mean
from streamkit.times import parse_time

if TYPE_CHECKING:
    from collections.abc import Callable

    from streamkit.definition.reading_context import Reading

__all__ = ["all_of", "any_of", "positive_operator", "read_criterion"]

GROUPS = ("any", "all", "not")
MOST_VALUES = 10_000
KIND_NAMES = {str: "text", bool: "boolean", int: "number", float: "number", datetime: "time"}
ORDERED_KINDS = frozenset(["text", "number", "time"])


def positive_operator(operator: str) -> str:
    """The operator that a negative one is NOT of; a positive one is itself."""
    return NEGATIVES.get(operator, operator)


def all_of(criteria: list[Criterion]) -> Criterion:
    """Every one of them, in the one form that equal criteria share."""
    flat = [
        part for each in criteria for part in (each.criteria if isinstance(each, All) else (each,))
    ]
    return flat[0] if len(flat) == 1 else All(tuple(flat))


def any_of(criteria: list[Criterion]) -> Criterion:
    """At least one of them, in the one form that equal criteria share."""
    flat = [
        part for each in criteria for part in (each.criteria if isinstance(each, Any) else (each,))
    ]
    return flat[0] if len(flat) == 1 else Any(tuple(flat))


def read_criterion(reading: Reading, node: Node, place: Place) -> Criterion:
    """Read a mapping of criteria, all of which must hold; the empty one always does."""
    hint = (
        "a list of criteria stands under 'all' or 'any'" if isinstance(node.value, list) else None
    )
    entries = reading.mapping(node, place, "a mapping of properties", hint)
    criteria: list[Criterion] = []
    for key, entry in (entries or {}).items():
        inside = (*place, key)
        if key == "not":
            found = _read_inner(reading, entry, inside)
            criteria += [Not(found)] if found is not None else []
        elif key in GROUPS:
            found = _read_group(reading, entry, inside, any_of if key == "any" else all_of)
            criteria += [found] if found is not None else []
        else:
            path = reading.path(key, place, key)
            criteria += _read_property(reading, entry, inside, path or Path(("?",)))
    return all_of(criteria)


def _read_inner(reading: Reading, node: Node, place: Place) -> Criterion | None:
    """A criterion inside any, all or not, where an empty one would be a mistake."""
    if node.value == {}:
        reading.report("empty-criterion", place, "no criterion", "name a property, or remove it")
        return None
    return read_criterion(reading, node, place)


def _read_group(
    reading: Reading, node: Node, place: Place, together: Callable[[list[Criterion]], Criterion]
) -> Criterion | None:
    items = reading.items(
        node, place, f"write a list: {place[-1]}: [{{country: NO}}, {{country: SE}}]"
    )
    if items is None:
        return None
    if not items:
        reading.report("empty-criterion", place, f"{place[-1]!r} is an empty list", "remove it")
        return None
    read = [_read_inner(reading, item, (*place, index)) for index, item in enumerate(items)]
    return together([each for each in read if each is not None] or [All()])


def _read_property(reading: Reading, node: Node, place: Place, path: Path) -> list[Criterion]:
    """The comparisons of one property: a bare value, or a mapping of operators."""
    if not isinstance(node.value, dict) or set(node.value) == {"time"}:
        if isinstance(node.value, list):
            reading.report(
                "wrong-operand",
                place,
                "a list is no value to compare with",
                "write in: [...] for any of them",
            )
            return []
        operand = _read_scalar(reading, node, place)
        return [Comparison(path, "eq", operand)] if operand is not None else []
    operators: dict[str, Node] = dict(node.value)
    ignore_case = False
    if "ignore_case" in operators:
        ignore_case = (
            reading.boolean(operators.pop("ignore_case"), (*place, "ignore_case")) or False
        )
    if not operators:
        reading.report(
            "empty-criterion",
            place,
            "no operator",
            "write a value, or an operator such as {gt: 20}",
        )
    comparisons: list[Criterion] = []
    for operator, operand_node in operators.items():
        comparison = _read_comparison(reading, operand_node, (*place, operator), path, ignore_case)
        comparisons += [comparison] if comparison is not None else []
    return comparisons


def _read_comparison(
    reading: Reading, node: Node, place: Place, path: Path, ignore_case: bool
) -> Comparison | None:
    operator = str(place[-1])
    if operator not in OPERATORS:
        _report_unknown_operator(reading, operator, place)
        return None
    positive = positive_operator(operator)
    operand: Scalar | tuple[Scalar, ...] | None
    if positive == "in":
        operand = _read_values(reading, node, place)
    elif positive == "between":
        operand = _read_bounds(reading, node, place)
    elif positive == "exists":
        operand = reading.boolean(node, place)
    elif positive in TEXT_OPERATORS:
        operand = _read_text(reading, node, place)
    else:
        operand = _read_single(reading, node, place, ordered=positive != "eq")
    if ignore_case and not _can_ignore_case(positive, operand):
        reading.report(
            "ignore-case",
            place[:-1],
            f"'ignore_case' beside {operator!r}, which does not compare text",
            "put the text operators and 'ignore_case' into a criterion of their own",
            "ignore_case",
        )
    return None if operand is None else Comparison(path, operator, operand, ignore_case)


def _report_unknown_operator(reading: Reading, operator: str, place: Place) -> None:
    hint = ALIASES.get(operator) or did_you_mean(operator, [*OPERATORS, "ignore_case"])
    reading.report(
        "unknown-operator",
        place[:-1],
        f"unknown operator {quoted(operator)}",
        hint or "a property inside another is written with a dot: props.price",
        operator,
    )


ALIASES = {
    sign: f"write '{operator}'"
    for sign, operator in {
        ">": "gt", ">=": "gte", "<": "lt", "<=": "lte", "=": "eq", "==": "eq", "!=": "ne", "<>": "ne",
        "equals": "eq", "is": "eq", "neq": "ne", "is_in": "in", "regex": "matches", "ge": "gte", "le": "lte",
    }.items()
}  # fmt: skip # a table reads better in rows


def _can_ignore_case(positive: str, operand: Scalar | tuple[Scalar, ...] | None) -> bool:
    if operand is None or positive in TEXT_OPERATORS:
        return True
    values = operand if isinstance(operand, tuple) else (operand,)
    return positive in {"eq", "in"} and all(isinstance(value, str) for value in values)


def _read_text(reading: Reading, node: Node, place: Place) -> str | None:
    if isinstance(node.value, list):
        reading.report(
            "wrong-operand",
            place,
            f"{place[-1]!r} compares with one text, not a list",
            "write any: [...] with one criterion each",
        )
        return None
    if not isinstance(node.value, str):
        message = f"{place[-1]!r} compares with text, not {describe_kind(node.value)}"
        code = "null-operand" if node.value is None else "wrong-operand"
        reading.report(code, place, message, "put it in quotes")
        return None
    if positive_operator(str(place[-1])) == "matches":
        _check_regex(reading, node.value, place)
    return node.value


def _check_regex(reading: Reading, pattern: str, place: Place) -> None:
    import re2  # needed for 'matches' only

    options = re2.Options()
    options.log_errors = False
    try:
        re2.compile(pattern, options)
    except re2.error as error:
        reason = error.args[0] if error.args else ""
        text = reason.decode("utf-8", "replace") if isinstance(reason, bytes) else str(reason)
        hint = "RE2 has no look-around and no back-references; see its syntax page"
        reading.report("bad-regex", place, f"not a pattern of RE2: {shorten(text)}", hint)


def _read_single(reading: Reading, node: Node, place: Place, *, ordered: bool) -> Scalar | None:
    if isinstance(node.value, list):
        hint = "write between: [low, high]" if ordered else "write in: [...] for any of them"
        reading.report(
            "wrong-operand", place, f"{place[-1]!r} compares with one value, not a list", hint
        )
        return None
    operand = _read_scalar(reading, node, place)
    if ordered and isinstance(operand, bool):
        message = f"{place[-1]!r} compares numbers, times and text, not booleans"
        reading.report("wrong-operand", place, message, "booleans have no order: write eq")
        return None
    return operand


def _read_values(reading: Reading, node: Node, place: Place) -> tuple[Scalar, ...] | None:
    if not isinstance(node.value, list):
        message = f"{place[-1]!r} compares with a list, not {describe_kind(node.value)}"
        reading.report("wrong-operand", place, message, f"write {place[-1]}: [...]")
        return None
    if not 1 <= len(node.value) <= MOST_VALUES:
        message = f"{place[-1]!r} lists {len(node.value):,} values; it takes 1 to {MOST_VALUES:,}"
        hint = "split it with any: [...]" if node.value else "list at least one"
        reading.report("in-size", place, message, hint)
        return None
    values = [_read_scalar(reading, item, (*place, index)) for index, item in enumerate(node.value)]
    return tuple(value for value in values if value is not None) or None


def _read_bounds(reading: Reading, node: Node, place: Place) -> tuple[Scalar, ...] | None:
    items: list[Node] = node.value if isinstance(node.value, list) else []
    if len(items) != 2:
        message = f"'between' takes a list of two bounds, not {describe_kind(node.value)}"
        if items:
            message = f"'between' takes two bounds, not {len(items)}"
        reading.report("between-bounds", place, message, "write between: [10, 20]")
        return None
    low, high = (_read_scalar(reading, item, (*place, index)) for index, item in enumerate(items))
    if low is None or high is None:
        return None
    kinds = KIND_NAMES[type(low)], KIND_NAMES[type(high)]
    if kinds[0] != kinds[1] or kinds[0] not in ORDERED_KINDS:
        message = f"the bounds of 'between' are a {kinds[0]} and a {kinds[1]}"
        reading.report(
            "between-bounds", place, message, "both are numbers, both times, or both text"
        )
    return low, high


def _read_scalar(reading: Reading, node: Node, place: Place) -> Scalar | None:
    """One operand; None, with a problem, where it is none."""
    value = node.value
    if isinstance(value, dict):
        return _read_time_mapping(reading, value, place)
    if isinstance(value, date):
        return _read_time(reading, value, place)
    if value is None:
        hint = "write exists: false for a property that is missing, or '' for empty text"
        reading.report("null-operand", place, "nothing to compare with", hint)
    elif isinstance(value, float) and not math.isfinite(value):
        reading.report(
            "bad-number", place, f"{value} cannot be compared with", "write a finite number"
        )
    elif isinstance(value, int) and not -(2**63) <= value < 2**64:
        message = "the integer lies outside -2^63 to 2^64-1"
        reading.report("number-range", place, message, "put it in quotes if it is an identifier")
    elif isinstance(value, str | bool | int | float):
        return value
    else:
        message = f"{describe_kind(value)} is no value to compare with"
        reading.report("wrong-operand", place, message, "text, a number, a boolean, or {time: ...}")
    return None


def _read_time_mapping(reading: Reading, entries: dict[str, Node], place: Place) -> datetime | None:
    if set(entries) != {"time"}:
        message = "a mapping is no value to compare with"
        reading.report(
            "wrong-operand", place, message, "a time is written {time: 2026-01-31T00:00:00Z}"
        )
        return None
    value = entries["time"].value
    if not isinstance(value, str | date):
        message = f"{describe_kind(value)} is no time"
        reading.report("bad-time", (*place, "time"), message, TIME_HINT)
        return None
    return _read_time(reading, value, (*place, "time"))


def _read_time(reading: Reading, value: str | date, place: Place) -> datetime | None:
    try:
        return parse_time(value)
    except ValueError as error:
        reading.report("bad-time", place, f"{quoted(str(value))}: {error}", TIME_HINT)
        return None


TIME_HINT = "write it like 2026-01-31T00:00:00Z"
