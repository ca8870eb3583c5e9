"""The calls of the mapping language: name, arguments, and an example each.

This is the one list of them: definitions are checked against it, the docs' table is made from it,
and `streamkit.payload` has a function for each.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

__all__ = ["CALLS", "EXAMPLE_VALUES", "Call", "call_table"]


@dataclass(frozen=True, slots=True)
class Call:
    """A call of the mapping language.

    Args:
        name: Its first item.
        least: Fewest arguments.
        most: Most arguments; None for any number.
        is_fullstory: Whether Fullstory's own mapping has it, so that `strict: fullstory` allows it.
        help: What it gives, as one sentence.
        arguments: The arguments as the docs name them.
        example: A mapping; its paths are those of `EXAMPLE_VALUES`.
        result: What the example gives.
    """

    name: str
    least: int
    most: int | None
    is_fullstory: bool
    help: str
    arguments: str
    example: Any
    result: Any


EXAMPLE_VALUES: Mapping[str, Any] = {
    "price": 19.9,
    "quantity": 3,
    "id": 9007199254740993,
    "sku": " Ab-12 ",
    "tags": ["new", "sale"],
    "time": "2026-03-01T10:00:00.500000Z",
    "paid": True,
    "email": "ada@example.com",
    "address": {"city": "Zürich"},
}
"""Properties of step 0 in the examples."""


def _var(name: str) -> list[Any]:
    return ["var", f"event.0.{name}"]


FULLSTORY = (
    Call("var", 1, 2, True, "The value at a path, or the default where it is missing.",
         "path, default", ["var", "event.0.coupon", "none"], "none"),
    Call("list", 0, None, True, "An array of the items.", "item, …",
         ["list", "a", _var("quantity")], ["a", 3]),
    Call("literal", 1, 1, True, "The argument untouched, arrays included.", "x",
         ["literal", ["var", "x"]], ["var", "x"]),
    Call("concat", 0, None, True, "The items as one text; a missing one is empty.", "item, …",
         ["concat", _var("email"), " bought ", _var("quantity"), _var("coupon")],
         "ada@example.com bought 3"),
    Call("toUnixTimestamp", 1, 1, True, "A time as whole seconds since 1970, rounded down.", "time",
         ["toUnixTimestamp", _var("time")], 1772359200),
    Call("asString", 1, 1, True, "As text: 1.0 is 1, a list's items stand with commas between.", "x",
         ["asString", _var("tags")], "new, sale"),
    Call("asNumber", 1, 1, True, "As a number: text that is a JSON number, true is 1, false 0.", "x",
         ["asNumber", "42"], 42),
    Call("asBool", 1, 1, True, "As a boolean: true, t, 1 and false, f, 0 and empty text, any case.",
         "x", ["asBool", "T"], True),
    Call("asStrings", 1, 1, True, "A list with each item as text; a single value is a list of one.",
         "x", ["asStrings", ["list", 1.0, True]], ["1", "true"]),
    Call("asNumbers", 1, 1, True, "A list with each item as a number.", "x",
         ["asNumbers", ["list", "1", "2.5"]], [1, 2.5]),
    Call("asBools", 1, 1, True, "A list with each item as a boolean.", "x",
         ["asBools", ["list", "true", 0]], [True, False]),
)  # fmt: skip
EXTENSIONS = (
    Call("coalesce", 1, None, False, "The first item that is not missing.", "item, …",
         ["coalesce", _var("coupon"), _var("email")], "ada@example.com"),
    Call("if", 2, 3, False, "The second item if the first is true, or else the third.",
         "condition, then, else", ["if", ["gt", _var("price"), 15], "high", "low"], "high"),
    Call("eq", 2, 2, False, "Whether two values are equal; false if one is missing.", "a, b",
         ["eq", _var("quantity"), 3.0], True),
    Call("gt", 2, 2, False, "Whether a is greater: numbers, or text by code point.", "a, b",
         ["gt", _var("price"), 20], False),
    Call("lt", 2, 2, False, "Whether a is less: numbers, or text by code point.", "a, b",
         ["lt", _var("price"), 20], True),
    Call("and", 1, None, False, "Whether all items are true.", "item, …",
         ["and", _var("paid"), ["eq", _var("quantity"), 3]], True),
    Call("or", 1, None, False, "Whether any item is true.", "item, …",
         ["or", _var("gift"), _var("paid")], True),
    Call("not", 1, 1, False, "Whether the item is not true; a missing one is not.", "x",
         ["not", _var("gift")], True),
    Call("lower", 1, 1, False, "Text in lower case.", "text", ["lower", "ÄB"], "äb"),
    Call("upper", 1, 1, False, "Text in upper case.", "text", ["upper", "äb"], "ÄB"),
    Call("trim", 1, 1, False, "Text without blanks at its ends.", "text",
         ["trim", _var("sku")], "Ab-12"),
    Call("replace", 3, 3, False, "Text with every occurrence replaced; no patterns.",
         "text, search, by", ["replace", "a-b-c", "-", "_"], "a_b_c"),
    Call("split", 2, 2, False, "Text as a list, cut at a separator.", "text, separator",
         ["split", "a,b", ","], ["a", "b"]),
    Call("join", 2, 2, False, "A list as text with a separator between; missing items left out.",
         "list, separator", ["join", _var("tags"), "|"], "new|sale"),
    Call("length", 1, 1, False, "How many characters, items or keys.", "x",
         ["length", _var("tags")], 2),
    Call("get", 2, 3, False, "The value under a key of an object or at a place of a list, from 0.",
         "x, key, default", ["get", _var("address"), "city"], "Zürich"),
    Call("add", 2, None, False, "The sum.", "number, …", ["add", _var("quantity"), 1], 4),
    Call("sub", 2, 2, False, "The difference.", "a, b", ["sub", _var("quantity"), 1], 2),
    Call("mul", 2, None, False, "The product.", "number, …",
         ["round", ["mul", _var("price"), _var("quantity")], 2], 59.7),
    Call("div", 2, 2, False, "The quotient; by zero it is missing.", "a, b",
         ["div", _var("quantity"), 2], 1.5),
    Call("round", 1, 2, False, "Rounded to digits behind the point (0), halves away from zero.",
         "number, digits", ["round", 2.5], 3),
    Call("formatTime", 2, 3, False,
         "A time as text: %Y %m %d %H %M %S and others, in a time zone (UTC).",
         "time, format, zone", ["formatTime", _var("time"), "%d.%m.%Y %H:%M", "Europe/Berlin"],
         "01.03.2026 11:00"),
    Call("sha256", 1, 1, False, "The SHA-256 of the text in UTF-8, as lower-case hex digits.", "text",
         ["sha256", ["lower", _var("email")]],
         "b5fc85e55755f9e0d030a10ab4429b6b2944855f9a0d60077fe832becbc41d72"),
    Call("urlEncode", 1, 1, False, "The text percent-encoded, as part of a URL.", "text",
         ["urlEncode", "a b/é"], "a%20b%2F%C3%A9"),
    Call("secret", 1, 1, False,
         "A secret by reference, filled in when the body is sent; a value or an item of concat.",
         "reference", ["secret", "env:CRM_TOKEN"], "<secret env:CRM_TOKEN>"),
)  # fmt: skip

CALLS: Mapping[str, Call] = {call.name: call for call in (*FULLSTORY, *EXTENSIONS)}
"""Every call by its name: those of Fullstory's mapping, then the extensions."""


def call_table() -> str:
    """The calls as a Markdown table for the docs."""
    import json

    lines = ["| call | result | example | gives |", "|---|---|---|---|"]
    for call in CALLS.values():
        name = call.name if call.is_fullstory else f"{call.name} *"
        cells = [
            f"`{name}` ({call.arguments})",
            call.help,
            f"`{json.dumps(call.example, ensure_ascii=False)}`",
            f"`{json.dumps(call.result, ensure_ascii=False)}`",
        ]
        lines.append("| " + " | ".join(cell.replace("|", "\\|") for cell in cells) + " |")
    return "\n".join(lines) + "\n"
