"""The payload of a stream: what is wrong with its form, with places and near names."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any

from streamkit.definition.context_paths import ContextPathError, parse_context_path
from streamkit.definition.payload_calls import CALLS
from streamkit.definition.payload_templates import TEMPLATE_CALLS, TEMPLATES, Template
from streamkit.definition.plain_data import from_plain
from streamkit.definition.time_formats import format_problem, zone_problem
from streamkit.document.nodes import Node, Place, describe_kind, quoted
from streamkit.references import REFERENCE_HINT, reference_problem
from streamkit.suggest import did_you_mean

if TYPE_CHECKING:
    from streamkit.definition.reading_context import Reading
    from streamkit.definition.rules import Draft

__all__ = ["MISSING", "MODES", "PAYLOAD_KEYS", "read_payload"]

PAYLOAD_KEYS = ("fields", "json", "template", "with", "missing", "strict")
MODES = ("fields", "json", "template")
FIELD_KEYS = ("step", "property", "as")
MISSING = ("as_null", "omit", "error")
SMALLEST, LARGEST = -(2**63), 2**64 - 1


def read_payload(reading: Reading, node: Node, draft: Draft) -> None:
    """Check the form of a payload; the problems are added to the reading.

    Args:
        reading: The document.
        node: The payload.
        draft: The stream, its steps and key already read.
    """
    place: Place = ("payload",)
    entries = reading.entries(node, place, PAYLOAD_KEYS, "a mapping")
    if entries is None:
        return
    given = {key: entry for key, entry in entries.items() if entry.value is not None}
    modes = [key for key in MODES if key in entries]
    if len(modes) != 1 and len(entries) == len(node.value):  # no key is misspelt
        shown = " and ".join(modes) if modes else "none of fields, json and template"
        message = f"{shown} in one payload" if modes else f"there is {shown}"
        reading.report("payload-form", place, message, "write exactly one of the three")
    if "missing" in given:
        reading.word(given["missing"], (*place, "missing"), MISSING)
    is_strict = False
    if "strict" in given:
        is_strict = reading.word(given["strict"], (*place, "strict"), ("fullstory",)) is not None
    check = _Check(
        reading,
        len(draft.positions) if draft.complete and draft.positions else None,
        1 if isinstance(draft.per, str) else len(draft.per),
        is_strict=is_strict,
    )
    if "with" in given and "template" not in entries:
        hint = "it holds what a template asks for"
        reading.report("payload-form", (*place, "with"), "'with' without a template", hint)
    if "fields" in entries:
        _read_fields(check, entries["fields"], (*place, "fields"))
    if "json" in entries:
        _read_json(check, entries["json"], (*place, "json"))
    if "template" in entries:
        _read_template(check, entries["template"], given.get("with"), place)


def _read_fields(check: _Check, node: Node, place: Place) -> None:
    reading = check.reading
    items = reading.items(node, place, "write [{step: 0, property: price, as: price}]")
    if items == []:
        reading.report("payload-form", place, "no field at all", "a body holds something")
    names: dict[str, Place] = {}
    for index, item in enumerate(items or []):
        at: Place = (*place, index)
        entries = reading.entries(item, at, FIELD_KEYS, "a mapping")
        if entries is None:
            continue
        for key in ("property", "as"):
            if key not in entries:
                reading.report("missing-key", at, f"{key!r} is missing")
        texts = {
            key: reading.text(entries[key], (*at, key))
            for key in ("property", "as")
            if key in entries
        }
        name = texts.get("as")
        if name is not None and name in names:
            reading.report(
                "duplicate-field", (*at, "as"), f"{quoted(name)} stands twice", "rename one of them"
            )
        elif name is not None:
            names[name] = at
        step = None
        if "step" in entries:
            step = _field_step(reading, entries["step"], (*at, "step"))
            if step is None:
                continue
        root = "" if step is None else f"event.{step}."
        if (text := texts.get("property")) is not None:
            key = "step" if root and check.points_at_nothing(f"{root}x") else "property"
            check.path(root + text, (*at, key))


def _field_step(reading: Reading, node: Node, place: Place) -> str | None:
    step = node.value
    if step in ("first", "last"):
        return str(step)
    if isinstance(step, int) and not isinstance(step, bool) and 0 <= step < 10**6:
        return str(step)
    hint = "write 0 for the first step, or first or last"
    reading.report("wrong-kind", place, f"'step' is a number, not {describe_kind(step)}", hint)
    return None


def _read_json(check: _Check, node: Node, place: Place) -> None:
    if isinstance(node.value, str):
        message = "the body is a mapping, not a text that holds one"
        hint = "take away the quotes or the |: JSON is YAML as it stands"
        check.reading.report("payload-form", place, message, hint)
        return
    check.expression(node, place, is_value=True)


def _read_template(check: _Check, node: Node, given: Node | None, place: Place) -> None:
    reading = check.reading
    name = reading.word(node, (*place, "template"), TEMPLATES)
    at = (*place, "with")
    entries = {} if given is None else reading.mapping(given, at, "a mapping")
    if name is None or entries is None:
        return
    template = TEMPLATES[name]
    if check.is_strict:
        hint = "take one of the two away"
        message = "a template uses more calls than 'strict: fullstory' allows"
        reading.report("strict-call", (*place, "strict"), message, hint)
    for key in entries:
        if key not in template.parameters:
            nothing = None if template.parameters else f"{name} asks for nothing"
            reading.unknown_key(key, at, template.parameters, nothing)
    for key, parameter in template.parameters.items():
        if parameter.is_required and key not in entries:
            message = f"{key!r} is missing, which {name} asks for"
            reading.report("missing-key", at, message, parameter.help)
        elif parameter.choices and key in entries and isinstance(entries[key].value, str):
            reading.word(entries[key], (*at, key), parameter.choices)
    check.template(template, entries, at)


@dataclass(slots=True)
class _Check:
    """One walk over the mapping of a payload.

    Args:
        reading: Where problems are reported.
        steps: How many positive steps there are, if known.
        parts: How many parts the key has.
        is_strict: Whether only Fullstory's own calls are allowed.
        given: Inside a template: what `with` holds, and where.
    """

    reading: Reading
    steps: int | None
    parts: int
    is_strict: bool = False
    given: Mapping[str, tuple[Node, Place]] | None = None
    seen: set[tuple[str, bool]] = field(default_factory=set)

    def template(self, template: Template, entries: Mapping[str, Node], at: Place) -> None:
        """Check what `with` holds, where the template puts it."""
        self.is_strict = False
        self.given = {key: (node, (*at, key)) for key, node in entries.items()}
        root = from_plain(template.mapping).root
        assert root is not None
        self.expression(root, (*at[:-1], "template"), is_value=True)

    def points_at_nothing(self, text: str) -> bool:
        """Whether a path is wrong."""
        try:
            parse_context_path(text, self.steps, self.parts)
        except ContextPathError:
            return True
        return False

    def path(self, text: str, place: Place) -> None:
        """Check a path."""
        try:
            parse_context_path(text, self.steps, self.parts)
        except ContextPathError as error:
            self.reading.report("bad-path", place, f"{quoted(text)}: {error}", error.hint)

    def expression(self, node: Node, place: Place, *, is_value: bool) -> None:
        """Check a mapping.

        Args:
            node: It.
            place: Where it stands.
            is_value: Whether it becomes a value of the body, where a secret may stand.
        """
        value = node.value
        if isinstance(value, dict):
            for key, item in value.items():
                self.expression(item, (*place, key), is_value=is_value)
        elif isinstance(value, list):
            if value and isinstance(value[0].value, str):
                self.call(value[0].value, value[1:], place, is_value=is_value)
                return
            for index, item in enumerate(value):
                self.expression(item, (*place, index), is_value=is_value)
        elif (
            isinstance(value, int)
            and not isinstance(value, bool)
            and not SMALLEST <= value <= LARGEST
        ):
            self.reading.report("number-range", place, "an integer of more than 64 bits")

    def call(self, name: str, arguments: list[Node], place: Place, *, is_value: bool) -> None:
        """Check a call: its name, how many arguments it has, and those that are no mapping."""
        if self.given is not None and name in TEMPLATE_CALLS:
            self._template_call(name, arguments, place, is_value=is_value)
            return
        call = CALLS.get(name)
        if call is None:
            self._unknown(name, place)
            return
        if self.is_strict and not call.is_fullstory:
            self.reading.report(
                "strict-call",
                (*place, 0),
                f"{name!r} is no call of Fullstory's mapping",
                "take 'strict: fullstory' away to use it",
            )
        count = len(arguments)
        if count < call.least or (call.most is not None and count > call.most):
            self.reading.report(
                "call-arguments",
                place,
                f"{name!r} takes {_count_text(call.least, call.most)}, not {count}",
                f"write [{name}, {call.arguments}]",
            )
            return
        if name == "literal":
            return
        if (special := SPECIAL.get(name)) is not None:
            special(self, arguments, place, is_value)
            return
        keeps = name in ("list", "concat") and is_value
        for index, argument in enumerate(arguments, 1):
            self.expression(argument, (*place, index), is_value=keeps)

    def constant(self, node: Node, place: Place, what: str) -> str | None:
        """The text of an argument that must be written out."""
        if isinstance(node.value, str):
            return node.value
        self.reading.report(
            "call-arguments", place, f"{what} is text, not {describe_kind(node.value)}"
        )
        return None

    def _unknown(self, name: str, place: Place) -> None:
        near = did_you_mean(name, CALLS)
        rest = '["list", …] makes an array that begins with text, ["literal", …] leaves it as it is'
        hint = f"{near[:-1]}, or: {rest}" if near else rest
        self.reading.report("unknown-call", (*place, 0), f"no call is named {quoted(name)}", hint)

    def _template_call(
        self, name: str, arguments: list[Node], place: Place, *, is_value: bool
    ) -> None:
        if name != "param":
            self.expression(arguments[0], (*place, 1), is_value=is_value and name == "need")
            return
        assert self.given is not None
        parameter = arguments[0].value
        if parameter in self.given and (parameter, is_value) not in self.seen:
            self.seen.add((parameter, is_value))
            node, at = self.given[parameter]
            outside, self.given = self.given, None
            self.expression(node, at, is_value=is_value)
            self.given = outside


def _check_var(check: _Check, arguments: list[Node], place: Place, _: bool) -> None:
    text = check.constant(arguments[0], (*place, 1), "a path")
    if text is not None:
        check.path(text, (*place, 1))
    for default in arguments[1:]:
        check.expression(default, (*place, 2), is_value=False)


def _check_secret(check: _Check, arguments: list[Node], place: Place, is_value: bool) -> None:
    if not is_value:
        check.reading.report(
            "secret-place",
            place,
            "a secret is a value of the body or an item of concat, nothing else",
            "other calls work before the secret is known",
        )
    reference = check.constant(arguments[0], (*place, 1), "a reference")
    if reference is not None and (problem := reference_problem(reference)) is not None:
        check.reading.report("reference-form", (*place, 1), problem, REFERENCE_HINT)


def _check_format_time(check: _Check, arguments: list[Node], place: Place, _: bool) -> None:
    check.expression(arguments[0], (*place, 1), is_value=False)
    for index, what, find in ((1, "a format", format_problem), (2, "a time zone", zone_problem)):
        if index < len(arguments):
            at = (*place, index + 1)
            text = check.constant(arguments[index], at, what)
            if text is not None and (problem := find(text)) is not None:
                check.reading.report("time-format", at, *problem)


SPECIAL: Mapping[str, Callable[[Any, list[Node], Place, bool], None]] = {
    "var": _check_var,
    "secret": _check_secret,
    "formatTime": _check_format_time,
}
"""Calls with arguments that are no mappings."""


def _count_text(least: int, most: int | None) -> str:
    if most is None:
        return f"{least} or more arguments"
    if least == most:
        return f"{least} argument{'s' if least != 1 else ''}"
    return f"{least} to {most} arguments"
