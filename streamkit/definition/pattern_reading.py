"""Steps, excludes and the conditions in them, from documents."""

from __future__ import annotations

from typing import TYPE_CHECKING

from streamkit.definition.criteria import All
from streamkit.definition.criteria_reading import read_criterion
from streamkit.definition.model import Condition, Defined, Exclude, Pattern, Step
from streamkit.document.nodes import Node, Place, describe_kind, quoted, shorten
from streamkit.duration import Duration
from streamkit.suggest import did_you_mean

if TYPE_CHECKING:
    from streamkit.definition.reading_context import Reading

__all__ = ["read_exclude", "read_pattern", "read_step"]

CONDITION_KEYS = ("event", "where", "any_of", "defined")
STEP_KEYS = (*CONDITION_KEYS, "within", "at_least")
EXCLUDE_KEYS = ("exclude", "lookback", "for")
EXCLUDE_HINT = "it stands beside 'exclude': {exclude: {event: purchase}, for: 30m}"
STEP_ONLY_HINT = "an exclude has 'for' in the last place and 'lookback' in the first"
ANY_TIME = Duration(1)
"""Stands in for a duration that could not be read, so that no rule complains of it as well."""


def read_step(reading: Reading, node: Node, place: Place) -> Step | Exclude | None:
    """Read an item of `steps`; None, with a problem, where there is no telling what it is."""
    hint = f"write {{event: {shorten(node.value, 30)}}}" if isinstance(node.value, str) else None
    entries = reading.mapping(node, place, "a mapping", hint)
    if entries is None:
        return None
    if "exclude" in entries:
        return _read_exclude_step(reading, entries, place)
    pattern = _pattern_of(reading, entries, place, STEP_KEYS)
    within = None
    if "within" in entries and entries["within"].value is not None:
        within = reading.duration(entries["within"], (*place, "within"))
    at_least = 1
    if "at_least" in entries:
        at_least = _read_at_least(reading, entries["at_least"], (*place, "at_least"))
    return None if pattern is None else Step(pattern, within, at_least)


def _read_exclude_step(reading: Reading, entries: dict[str, Node], place: Place) -> Exclude | None:
    for key in entries:
        if key not in EXCLUDE_KEYS:
            hint = STEP_ONLY_HINT if key in {"within", "at_least"} else None
            if key in CONDITION_KEYS:
                hint = f"'{key}' stands inside: {{exclude: {{{key}: ...}}}}"
            reading.unknown_key(key, place, EXCLUDE_KEYS, hint)
    pattern = read_pattern(reading, entries["exclude"], (*place, "exclude"))
    lengths = {}
    for key in ("lookback", "for"):
        if key in entries and entries[key].value is not None:
            lengths[key] = reading.duration(entries[key], (*place, key)) or ANY_TIME
    return (
        None if pattern is None else Exclude(pattern, lengths.get("lookback"), lengths.get("for"))
    )


def read_exclude(reading: Reading, node: Node, place: Place) -> Exclude | None:
    """Read an item of the top-level `exclude`."""
    if isinstance(node.value, dict) and "exclude" in node.value:
        hint = "the items of a top-level 'exclude' are conditions: [{event: purchase}]"
        reading.unknown_key("exclude", place, CONDITION_KEYS, hint)
        return None
    pattern = read_pattern(reading, node, place)
    return None if pattern is None else Exclude(pattern)


def read_pattern(reading: Reading, node: Node, place: Place) -> Pattern | None:
    """Read a condition, alternatives, or the name of them; None, with a problem, for others."""
    hint = f"write {{event: {shorten(node.value, 30)}}}" if isinstance(node.value, str) else None
    if isinstance(node.value, list):
        hint = "alternatives are written {any_of: [...]}"
    entries = reading.mapping(node, place, "a mapping", hint)
    return None if entries is None else _pattern_of(reading, entries, place, CONDITION_KEYS)


def _pattern_of(
    reading: Reading, entries: dict[str, Node], place: Place, known: tuple[str, ...]
) -> Pattern | None:
    """The pattern in a mapping that may hold other known keys as well."""
    unknown = [key for key in entries if key not in known]
    for key in unknown:
        hint = EXCLUDE_HINT if key in {"for", "lookback"} else None
        if known == CONDITION_KEYS and key in {"within", "at_least"}:
            hint = "it belongs to a step as a whole"
        reading.unknown_key(key, place, known, hint)
    forms = [key for key in CONDITION_KEYS if key in entries]
    if "any_of" in forms or "defined" in forms:
        if len(forms) > 1:
            _report_mixed(reading, forms, place)
            return None
        if forms == ["any_of"]:
            return _read_alternatives(reading, entries["any_of"], (*place, "any_of"))
        return _read_defined(reading, entries["defined"], (*place, "defined"))
    if not forms:
        if not unknown:
            hint = "name an event, or write {where: {}} for any event"
            reading.report("condition-form", place, "no condition: which event?", hint)
        return None
    return _read_condition(reading, entries, place)


def _report_mixed(reading: Reading, forms: list[str], place: Place) -> None:
    sole = "defined" if "defined" in forms else "any_of"
    others = " and ".join(repr(key) for key in forms if key != sole)
    hint = "move it into the alternatives" if sole == "any_of" else "put it into events.yaml"
    reading.report("condition-form", place, f"{sole!r} beside {others}", hint, forms[-1])


def _read_condition(reading: Reading, entries: dict[str, Node], place: Place) -> Pattern | None:
    event = None
    if "event" in entries:
        event = reading.text(entries["event"], (*place, "event"))
        if event is None:
            return None
    where = All()
    if "where" in entries:
        criterion = read_criterion(reading, entries["where"], (*place, "where"))
        return (Condition(event, criterion),)
    return (Condition(event, where),)


def _read_alternatives(reading: Reading, node: Node, place: Place) -> Pattern | None:
    items = reading.items(node, place, "write any_of: [{event: a}, {event: b}]")
    if items is None:
        return None
    if not items:
        reading.report(
            "condition-form", place, "'any_of' is an empty list", "list at least one condition"
        )
        return None
    alternatives: list[Condition | Defined] = []
    readable = True
    for index, item in enumerate(items):
        inside = (*place, index)
        if isinstance(item.value, dict) and "any_of" in item.value:
            hint = "write its conditions into the outer list"
            reading.report("condition-form", inside, "'any_of' inside 'any_of'", hint)
            readable = False
            continue
        pattern = read_pattern(reading, item, inside)
        readable = readable and pattern is not None
        alternatives += pattern or ()
    return tuple(alternatives) if readable else None


def _read_defined(reading: Reading, node: Node, place: Place) -> Pattern | None:
    if isinstance(node.value, Defined):
        return (node.value,)
    name = reading.text(node, place)
    if name is None:
        return None
    if reading.named is None:
        hint = "put an events.yaml beside the stream, or pass defined=... in Python"
        reading.report(
            "unknown-defined", place, f"no conditions are named here: {quoted(name)}", hint
        )
        return None
    if name not in reading.named:
        hint = did_you_mean(name, reading.named) or ""
        if not hint and reading.named:
            hint = f"the names are {shorten(', '.join(reading.named), 200)}"
        reading.report(
            "unknown-defined", place, f"no condition is named {quoted(name)}", hint or None
        )
        return None
    return (Defined(name, reading.named[name]),)


def _read_at_least(reading: Reading, node: Node, place: Place) -> int:
    value = node.value
    if isinstance(value, bool) or not isinstance(value, int):
        reading.wrong_kind(node, place, "a whole number")
        return 1
    if not 1 <= value <= 100:
        message = f"'at_least' is 1 to 100, not {describe_kind(value).removeprefix('the number ')}"
        reading.report("at-least-range", place, message)
        return 1
    return value
