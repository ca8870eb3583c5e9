"""Changing plain data without changing it: every edit gives new data that shares what stayed."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any, Final

from streamkit.definition.stream_reading import STREAM_KEYS
from streamkit.document.nodes import Place

__all__ = ["REMOVED", "inserted", "moved", "put", "value_at"]

REMOVED: Final = object()
"""Put in place of a value to take its key or item away."""
ORDERS: tuple[tuple[str, ...], ...] = (
    STREAM_KEYS,
    ("event", "where", "any_of", "defined", "exclude", "within", "at_least", "lookback", "for", "by"),
)  # fmt: skip # a table reads better in rows


def value_at(data: Any, place: Place, default: Any = None) -> Any:
    """The value at a place; the default where there is none.

    Example:
        >>> value_at({"steps": [{"event": "visit"}]}, ("steps", 0, "event"))
        'visit'
    """
    for part in place:
        if isinstance(part, int):
            found = isinstance(data, list) and part < len(data)
        else:
            found = isinstance(data, Mapping) and part in data
        if not found:
            return default
        data = data[part]
    return data


def put(data: Any, place: Place, value: Any) -> Any:
    """The data with one value replaced, added or (`REMOVED`) taken away.

    A new key stands where people write it: behind those that come before it in the documentation.

    Example:
        >>> put({"name": "a", "within": "1h"}, ("enabled",), False)
        {'name': 'a', 'enabled': False, 'within': '1h'}
        >>> put({"name": "a", "within": "1h"}, ("within",), REMOVED)
        {'name': 'a'}
    """
    if not place:
        return value
    part, *rest = place
    if isinstance(part, int):
        items = list(data) if isinstance(data, list) else []
        inside = put(items[part] if part < len(items) else None, tuple(rest), value)
        items[part : part + 1] = [] if inside is REMOVED else [inside]
        return items
    entries = dict(data) if isinstance(data, Mapping) else {}
    inside = put(entries.get(part), tuple(rest), value)
    if inside is REMOVED:
        entries.pop(part, None)
        return entries
    if part in entries:
        entries[part] = inside
        return entries
    return _with_key(entries, part, inside)


def _with_key(entries: Mapping[str, Any], key: str, value: Any) -> dict[str, Any]:
    """The entries and a new one, behind the last of those that the documentation has before it."""
    order = next((each for each in ORDERS if key in each and set(entries) <= set(each)), ())
    earlier = set(order[: order.index(key)]) if order else set(entries)
    position = max((place + 1 for place, name in enumerate(entries) if name in earlier), default=0)
    items = list(entries.items())
    return dict([*items[:position], (key, value), *items[position:]])


def inserted(data: Any, place: Place, index: int, item: Any) -> Any:
    """The data with an item added to a list, which is made where it is missing."""
    items = value_at(data, place)
    items = list(items) if isinstance(items, Sequence) and not isinstance(items, str) else []
    return put(data, place, [*items[:index], item, *items[index:]])


def moved(data: Any, place: Place, index: int, to: int) -> Any:
    """The data with an item of a list in another position."""
    items = list(value_at(data, place, []))
    items.insert(to, items.pop(index))
    return put(data, place, items)
