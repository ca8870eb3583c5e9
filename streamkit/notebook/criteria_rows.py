"""`where` as rows that a form can show, and back: nothing is lost on the way."""

from __future__ import annotations

import json
import re
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from typing import Any, TypeAlias

from streamkit.definition.criteria import TEXT_OPERATORS
from streamkit.definition.criteria_reading import positive_operator
from streamkit.document.nodes import Place

__all__ = [
    "KINDS",
    "MANY_OPERATORS",
    "Group",
    "Item",
    "Row",
    "fits_text_only",
    "kind_of",
    "operand_text",
    "read_operand",
    "rows_of",
    "where_of",
]

KINDS = ("text", "number", "boolean", "time")
MANY_OPERATORS = ("in", "not_in", "between")
CELL = re.compile(r'(\s*"(?:[^"]|"")*"\s*|[^,]*)(?:,|$)')
NUMBER = re.compile(r"-?[0-9]+(\.[0-9]+)?([eE][-+]?[0-9]+)?", re.ASCII)


@dataclass(frozen=True, slots=True)
class Row:
    """One comparison.

    Args:
        path: The property, as written.
        operator: As written; empty where a property has none yet.
        operand: Plain data; None where nothing is filled in yet.
        ignore_case: Whether upper and lower case are one.
        is_bare: Whether it is written as a value without an operator.
        place: Where it stands in its `where`.
    """

    path: str = ""
    operator: str = "eq"
    operand: Any = None
    ignore_case: bool = False
    is_bare: bool = True
    place: Place = ()


@dataclass(frozen=True, slots=True)
class Group:
    """Criteria held together.

    Args:
        kind: `any`, `all` or `not`; `both` is a mapping of several criteria inside a list.
        items: What it holds.
        place: Where it stands in its `where`.
    """

    kind: str
    items: tuple[Item, ...]
    place: Place = ()


Item: TypeAlias = "Row | Group"


def rows_of(where: Any, place: Place = ()) -> tuple[Item, ...] | None:
    """The criteria of a `where` as rows and groups; None where no form can show it.

    Example:
        >>> [(row.path, row.operator, row.operand) for row in rows_of({"price": {"gt": 20, "lt": 50}})]
        [('price', 'gt', 20), ('price', 'lt', 50)]
    """
    if not isinstance(where, Mapping):
        return None
    if set(where) == {"all"} and isinstance(where["all"], list) and not place:
        chunks = [rows_of(each, ("all", n)) for n, each in enumerate(where["all"])]
        if None in chunks:
            return None
        return tuple(item for chunk in chunks for item in chunk or ())
    items: list[Item] = []
    for key, value in where.items():
        found = _items_of(key, value, (*place, key))
        if found is None:
            return None
        items += found
    return tuple(items)


def _items_of(key: str, value: Any, place: Place) -> Sequence[Item] | None:
    if key == "not":
        inside = rows_of(value, place)
        return None if inside is None else [Group("not", inside, place)]
    if key in ("any", "all"):
        return _group_of(key, value, place)
    if not isinstance(value, Mapping) or set(value) == {"time"}:
        return [Row(key, "eq", value, place=place)]
    ignore_case = value.get("ignore_case", False)
    if not isinstance(ignore_case, bool):
        return None
    operators = {name: operand for name, operand in value.items() if name != "ignore_case"}
    if not operators:
        return None if ignore_case else [Row(key, "", None, is_bare=False, place=place)]
    return [
        Row(key, operator, operand, ignore_case, is_bare=False, place=(*place, operator))
        for operator, operand in operators.items()
    ]


def _group_of(kind: str, value: Any, place: Place) -> Sequence[Item] | None:
    if not isinstance(value, list):
        return None
    items: list[Item] = []
    for number, each in enumerate(value):
        inside = rows_of(each, (*place, number))
        if inside is None:
            return None
        items.append(inside[0] if len(inside) == 1 else Group("both", inside, (*place, number)))
    return [Group(kind, tuple(items), place)]


def where_of(items: Iterable[Item]) -> dict[str, Any]:
    """The `where` of rows and groups; it takes an `all` where two rows would share a key.

    Example:
        >>> where_of([Row("price", "gt", 20, is_bare=False), Row("plan", "eq", "pro")])
        {'price': {'gt': 20}, 'plan': 'pro'}
    """
    chunks: list[dict[str, Any]] = []
    for item in items:
        if not chunks or not _put(chunks[-1], item):
            chunks.append({})
            _put(chunks[-1], item)
    if not chunks:
        return {}
    return chunks[0] if len(chunks) == 1 else {"all": chunks}


def _put(chunk: dict[str, Any], item: Item) -> bool:
    """Add an item to a mapping; False where its key is taken."""
    if isinstance(item, Row):
        return _put_row(chunk, item)
    if item.kind == "both":
        return _put(chunk, Group("all", item.items))
    if item.kind in chunk:
        return False
    chunk[item.kind] = (
        where_of(item.items) if item.kind == "not" else [_listed(each) for each in item.items]
    )
    return True


def _listed(item: Item) -> dict[str, Any]:
    """An item of `any` or `all`."""
    return where_of(item.items if isinstance(item, Group) and item.kind == "both" else [item])


def _put_row(chunk: dict[str, Any], row: Row) -> bool:
    path = f'"{row.path}"' if row.path in ("any", "all", "not") else row.path
    bare = row.operator == "eq" and row.is_bare and not row.ignore_case
    if path not in chunk:
        chunk[path] = row.operand if bare else _operators(row)
        return True
    known = chunk[path]
    mergeable = (
        isinstance(known, dict)
        and next(reversed(chunk)) == path  # the order of criteria stays
        and set(known) != {"time"}
        and row.operator
        and row.operator not in known
        and known.get("ignore_case", False) == row.ignore_case
        and set(known) - {"ignore_case"}
    )
    if not mergeable:
        return False
    merged = {key: value for key, value in known.items() if key != "ignore_case"}
    chunk[path] = merged | _operators(row)
    return True


def _operators(row: Row) -> dict[str, Any]:
    operators: dict[str, Any] = {row.operator: row.operand} if row.operator else {}
    return operators | ({"ignore_case": True} if row.ignore_case else {})


def kind_of(operand: Any) -> str | None:
    """What an operand is: one of `KINDS`, `mixed` for lists of several, None for nothing.

    Example:
        >>> kind_of("DE"), kind_of([1, 2.5]), kind_of({"time": "2026-01-31T00:00:00Z"})
        ('text', 'number', 'time')
    """
    match operand:
        case None | []:
            return None
        case bool():
            return "boolean"
        case int() | float():
            return "number"
        case str():
            return "text"
        case {"time": str()} if len(operand) == 1:
            return "time"
        case list():
            kinds = {kind_of(each) for each in operand} - {None}
            return kinds.pop() if len(kinds) == 1 else "mixed"
    return "mixed"


def operand_text(operand: Any) -> str:
    """An operand as it stands in a field; `read_operand` reads it back.

    Example:
        >>> operand_text(["DE", "a, b"]), operand_text(True), operand_text(1.10)
        ('DE, "a, b"', 'true', '1.1')
    """
    match operand:
        case None:
            return ""
        case list():
            return ", ".join(map(_cell, operand))
        case str():
            return _quoted(operand) if _is_odd(operand) else operand
        case {"time": str(text)} if len(operand) == 1:
            return text
    return json.dumps(operand, ensure_ascii=False)


def _is_odd(text: str) -> bool:
    """Whether a text alone in a field stands in quotes: as nothing, or in quotes of its own."""
    return not text or (len(text) > 1 and text[0] == text[-1] == '"')


def _quoted(text: str) -> str:
    return '"' + text.replace('"', '""') + '"'


def _cell(value: Any) -> str:
    """A value of a list; a text that a comma or a quote would spoil stands in quotes."""
    text = value if isinstance(value, str) else operand_text(value)
    spoilt = not text or text != text.strip() or any(mark in text for mark in ',"')
    return _quoted(text) if spoilt else text


def read_operand(text: str, kind: str, *, many: bool) -> Any:
    """What a field's text means; None where it is nothing of that kind.

    Args:
        text: The text.
        kind: One of `KINDS`.
        many: Whether it is a list with commas between.

    Example:
        >>> read_operand("10, 20.5", "number", many=True), read_operand("x", "number", many=False)
        ([10, 20.5], None)
    """
    if many:
        cells = [_unquoted(found[1].strip()) for found in CELL.finditer(text) if found[1].strip()]
        return [_read_one(cell, kind) for cell in cells] or None
    if kind == "text" and not text:
        return None
    return _read_one(_unquoted(text) if kind == "text" else text, kind)


def _read_one(text: str, kind: str) -> Any:
    if kind == "text":
        return text
    text = text.strip()
    if kind == "time":
        return {"time": text} if text else None
    if kind == "boolean":
        return {"true": True, "false": False}.get(text)
    if NUMBER.fullmatch(text) is None:
        return None
    return int(text) if text.lstrip("-").isdigit() else float(text)


def _unquoted(text: str) -> str:
    return text[1:-1].replace('""', '"') if text and _is_odd(text) else text


def fits_text_only(operator: str) -> bool:
    """Whether an operator compares with text and nothing else."""
    return positive_operator(operator) in TEXT_OPERATORS
