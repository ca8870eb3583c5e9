"""JSON documents in Python, read as the SQL side reads them.

RFC 8259 to the letter: no NaN, no comma before the end, no lone surrogate in any escape; of equal
keys the first counts. The standard library's scanner does the work; what it lets through or
cannot do (lone surrogates, numbers of thousands of digits, very deep nesting) is dealt with here.
"""

from __future__ import annotations

import json
import re
from collections.abc import Callable
from json.decoder import scanstring  # type: ignore[attr-defined] # public in the C and Python scanners alike
from typing import Any

from streamkit.matching.row_values import is_text

__all__ = ["INVALID", "parse_document"]


class _Invalid:
    """What an unreadable document is."""

    __slots__ = ()

    def __repr__(self) -> str:
        return "INVALID"


INVALID = _Invalid()
ESCAPE = re.compile(r"\\(?:u([0-9a-fA-F]{4})|.)", re.DOTALL)
TOKEN = re.compile(
    r'[ \t\n\r]*(?:([\[\]{},:])|(")|(-?(?:0|[1-9][0-9]*)(?:\.[0-9]+)?(?:[eE][+-]?[0-9]+)?)'
    r"|(true|false|null))"
)
BLANK = re.compile(r"[ \t\n\r]*")
WORDS = {"true": True, "false": False, "null": None}


def _first_of_equal_keys(pairs: list[tuple[str, Any]]) -> dict[str, Any]:
    found = dict(pairs)
    return found if len(found) == len(pairs) else dict(pairs[::-1])


def _refuse(word: str) -> Any:
    raise ValueError(word)


def _integer(digits: str) -> int | float:
    return int(digits) if len(digits) < 1000 else float(digits)


_decoder = json.JSONDecoder(object_pairs_hook=_first_of_equal_keys, parse_constant=_refuse)
_scan: Callable[[str, int], tuple[Any, int]] = _decoder.scan_once  # type: ignore[attr-defined] # the stubs lack it


def _decode(text: str) -> Any:
    """The value of a document; the scanner alone is enough where no blanks stand around it."""
    try:
        value, end = _scan(text, 0)
    except StopIteration:
        return _decoder.decode(text)
    return value if end == len(text) else _decoder.decode(text)


def parse_document(text: str) -> Any:
    """The value of a JSON document, or `INVALID`.

    Objects are dicts, arrays lists, integers exact whatever their length.

    Example:
        >>> parse_document('{"p": 1, "p": 2}'), parse_document("{p: 1}")
        ({'p': 1}, INVALID)
    """
    if not text.isascii() and not is_text(text):
        return INVALID
    if ("\\ud" in text or "\\uD" in text) and _has_lone_surrogate(text):
        return INVALID
    try:
        return _decode(text)
    except RecursionError:
        return _parse_deep(text)
    except ValueError:
        # thousands of digits are a number to JSON and an error to Python
        return _parse_deep(text) if _has_long_number(text) else INVALID


def _has_lone_surrogate(text: str) -> bool:
    """Whether an escape anywhere, dropped keys included, has no partner."""
    units = ESCAPE.sub(lambda found: chr(int(found[1], 16)) if found[1] else "?", text)
    try:
        units.encode("utf-16-le", "surrogatepass").decode("utf-16-le")
    except UnicodeDecodeError:
        return True
    return False


def _has_long_number(text: str) -> bool:
    return len(text) >= 4300 and re.search("[0-9]{4300}", text) is not None


def _parse_deep(text: str) -> Any:
    """The same without recursion, for documents nested deeper than Python's stack."""
    try:
        value, end = _parse_value(text)
    except ValueError:
        return INVALID
    rest = BLANK.match(text, end)
    return value if rest is not None and rest.end() == len(text) else INVALID


def _parse_value(text: str) -> tuple[Any, int]:
    """The value at the start of the text, and where it ends."""
    open_: list[dict[str, Any] | list[Any]] = []
    keys: list[str] = []
    position = 0
    while True:
        mark, value, position = _token(text, position)
        if mark in ("{", "["):
            container: dict[str, Any] | list[Any] = {} if mark == "{" else []
            following, _, after = _token(text, position)
            if following != {"{": "}", "[": "]"}[mark]:
                open_.append(container)
                if mark == "{":
                    key, position = _key(text, position)
                    keys.append(key)
                continue
            value, position = container, after
        elif mark:
            raise ValueError(mark)
        while open_:
            into = open_[-1]
            if isinstance(into, dict):
                into.setdefault(keys.pop(), value)
            else:
                into.append(value)
            mark, _, position = _token(text, position)
            if mark == ",":
                if isinstance(into, dict):
                    key, position = _key(text, position)
                    keys.append(key)
                break
            if mark != ("}" if isinstance(into, dict) else "]"):
                raise ValueError(mark)
            value = open_.pop()
        else:
            return value, position


def _key(text: str, position: int) -> tuple[str, int]:
    """The key at a position, and where its value begins."""
    mark, key, position = _token(text, position)
    colon, _, after = _token(text, position)
    if mark or not isinstance(key, str) or colon != ":":
        raise ValueError("a key is text with a colon behind it")
    return key, after


def _token(text: str, position: int) -> tuple[str, Any, int]:
    """A mark, or else a scalar; and where it ends."""
    found = TOKEN.match(text, position)
    if found is None:
        raise ValueError("neither a mark nor a value")
    mark, quote, number, word = found.groups()
    if mark:
        return mark, None, found.end()
    if quote:
        value, end = scanstring(text, found.end(), True)
        return "", value, end
    if word:
        return "", WORDS[word], found.end()
    is_whole = number.lstrip("-").isdecimal()
    return "", (_integer(number) if is_whole else float(number)), found.end()
