"""The calls of the mapping language as functions of values that were already evaluated.

A missing value comes as None and goes as None. Calls that look at the mapping itself (`var`,
`list`, `literal`, `concat`, `if`, `and`, `or`, `coalesce`, `formatTime`, `secret`) are compiled in
`streamkit.payload.compiling`.
"""

from __future__ import annotations

import hashlib
from collections.abc import Callable, Mapping
from typing import Any, TypeAlias
from urllib.parse import quote

from streamkit.payload.arithmetic import add, div, mul, round_half_up, sub
from streamkit.payload.casting import (
    as_bool,
    as_bools,
    as_number,
    as_numbers,
    as_string,
    as_strings,
    number,
)
from streamkit.payload.state import MOST_WORK, too_large
from streamkit.payload.times import unix_seconds

__all__ = ["FUNCTIONS", "Function", "limit_text"]

Function: TypeAlias = Callable[..., Any]


def is_equal(left: Any, right: Any) -> bool:
    """Whether two values are the same: numbers by value, booleans never numbers.

    Example:
        >>> is_equal(1, 1.0), is_equal(1, True), is_equal([1, {"a": 2}], [1.0, {"a": 2}])
        (True, False, True)
        >>> is_equal(None, None)
        False
    """
    return left is not None and right is not None and _same(left, right)


def _same(left: Any, right: Any) -> bool:
    kind = type(left)
    if kind is bool or type(right) is bool:
        return left is right
    if kind is list and type(right) is list:
        return len(left) == len(right) and all(map(_same, left, right))
    if kind is dict and type(right) is dict:
        return left.keys() == right.keys() and all(_same(left[key], right[key]) for key in left)
    return bool(left == right)


def _ordered(left: Any, right: Any) -> tuple[Any, Any] | None:
    """Two values that have an order: numbers, or text by code point."""
    if type(left) is str and type(right) is str:
        return left, right
    if type(left) is str or type(right) is str:
        left, right = number(left), number(right)
    if type(left) in (int, float) and type(right) in (int, float):
        return left, right
    return None


def is_greater(left: Any, right: Any) -> bool:
    """Whether the left value is greater.

    Example:
        >>> is_greater(2, 1.5), is_greater("10", 9), is_greater("b", "a"), is_greater(None, 1)
        (True, True, True, False)
    """
    pair = _ordered(left, right)
    return pair is not None and bool(pair[0] > pair[1])


def is_less(left: Any, right: Any) -> bool:
    """Whether the left value is less."""
    return is_greater(right, left)


def _of_text(change: Callable[[str], Any]) -> Function:
    def changed(value: Any) -> Any:
        text = as_string(value)
        return None if text is None else change(text)

    return changed


def replace_text(value: Any, search: Any, by: Any) -> str | None:
    """Text with every occurrence of another replaced; what is empty occurs nowhere."""
    text, old, new = as_string(value), as_string(search), as_string(by)
    if text is None or old is None or new is None:
        return None
    if not old:
        return text
    if len(new) > len(old) and text.count(old) * (len(new) - len(old)) > MOST_WORK:
        raise too_large()
    return text.replace(old, new)


def split_text(value: Any, separator: Any) -> list[str] | None:
    """Text cut at a separator; None where that is empty."""
    text, mark = as_string(value), as_string(separator)
    return text.split(mark) if text is not None and mark else None


def join_texts(value: Any, separator: Any) -> str | None:
    """The items of a list as text with a separator between, missing ones left out."""
    mark = as_string(separator)
    if type(value) is not list or mark is None:
        return None
    texts = [text for text in map(as_string, value) if text is not None]
    if len(mark) * len(texts) > MOST_WORK:
        raise too_large()
    return mark.join(texts)


def length(value: Any) -> int | None:
    """How many characters, items or keys."""
    return len(value) if type(value) in (str, list, dict) else None


def get_item(value: Any, key: Any, default: Any = None) -> Any:
    """The value under a key of an object, or at a place of a list, from 0."""
    found = None
    if type(value) is dict and type(key) is str:
        found = value.get(key)
    elif type(value) is list and type(key) is int and 0 <= key < len(value):
        found = value[key]
    return default if found is None else found


def limit_text(value: Any, most: int) -> str | None:
    """Text cut to at most so many characters, with an ellipsis where it was cut."""
    text = as_string(value)
    return text if text is None or len(text) <= most else text[: most - 1] + "…"


FUNCTIONS: Mapping[str, Function] = {
    "toUnixTimestamp": unix_seconds,
    "asString": as_string,
    "asNumber": as_number,
    "asBool": as_bool,
    "asStrings": as_strings,
    "asNumbers": as_numbers,
    "asBools": as_bools,
    "eq": is_equal,
    "gt": is_greater,
    "lt": is_less,
    "not": lambda value: value is not True,
    "lower": _of_text(str.lower),
    "upper": _of_text(str.upper),
    "trim": _of_text(str.strip),
    "replace": replace_text,
    "split": split_text,
    "join": join_texts,
    "length": length,
    "get": get_item,
    "add": add,
    "sub": sub,
    "mul": mul,
    "div": div,
    "round": round_half_up,
    "sha256": _of_text(lambda text: hashlib.sha256(text.encode()).hexdigest()),
    "urlEncode": _of_text(lambda text: quote(text, safe="")),
}
"""The function of each call that takes values alone."""
