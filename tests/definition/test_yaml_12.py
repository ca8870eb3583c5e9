"""Scalars mean what YAML 1.2's core schema says."""

from __future__ import annotations

import math
from typing import Any

import pytest

from streamkit.document.json_text import read_json
from streamkit.document.yaml_text import read_yaml, resolve_plain

PLAIN: list[tuple[str, Any]] = [
    ("NO", "NO"), ("no", "no"), ("on", "on"), ("y", "y"), ("12:30", "12:30"), ("1.10", 1.1), ("1_000", "1_000"),
    ("true", True), ("True", True), ("FALSE", False), ("tRUE", "tRUE"), ("null", None), ("~", None), ("Null", None),
    ("0", 0), ("-0", 0), ("+7", 7), ("007", 7), ("0o17", 15), ("0x1F", 31), ("0b1", "0b1"), ("08", 8), ("-0x1", "-0x1"),
    ("1.", 1.0), (".5", 0.5), ("+.5e-1", 0.05), ("1e3", 1000.0), ("1e", "1e"), ("-", "-"), (".", "."), ("..", ".."),
    ("2026-01-31", "2026-01-31"), ("2026-01-31T00:00:00Z", "2026-01-31T00:00:00Z"), (".inf", math.inf),
    ("-.INF", -math.inf), ("nan", "nan"), ("=", "="), ("<<", "<<"), ("\uff11", "\uff11"), ("18446744073709551616", 2**64),
]  # fmt: skip # a table reads better in rows


@pytest.mark.parametrize(("text", "meaning"), PLAIN, ids=[text for text, _ in PLAIN])
def test_plain_scalars(text: str, meaning: Any) -> None:
    """A plain scalar is a number, boolean or null by YAML 1.2 only; in quotes it is text."""
    resolved = resolve_plain(text)
    assert resolved == meaning
    assert type(resolved) is type(meaning)
    root = read_yaml(f"plain: {text}\nquoted: '{text}'\n").root if text not in {"-", "="} else None
    if root is not None:
        assert root.value["plain"].value == meaning
        assert root.value["quoted"].value == text


def test_nan() -> None:
    """`.nan` is the only spelling of NaN."""
    assert math.isnan(resolve_plain(".nan"))  # type: ignore[arg-type]


def test_anchors_are_followed() -> None:
    """An alias stands for what its anchor marks, on its own line."""
    root = read_yaml("a: &x {b: [1]}\nc: *x\n").root
    assert root is not None
    assert root.value["c"].value["b"].value[0].value == 1
    assert root.value["c"].line == 2


def test_text_tag() -> None:
    """`!!str` makes a number text; it is the one tag that is read."""
    root = read_yaml("a: !!str 5\n").root
    assert root is not None
    assert root.value["a"].value == "5"


def test_json_with_tabs() -> None:
    """JSON may be indented with tabs, and keeps large integers and escapes."""
    document = read_json(
        '{\n\t"a": [1, -0.5, 1e2, 18446744073709551616, "\\u00e9\\ud83d\\ude00\\u0000"],\r\n\t"b": {}, "c": []}'
    )
    assert document.problems == []
    assert document.root is not None
    assert [item.value for item in document.root.value["a"].value] == [
        1,
        -0.5,
        100.0,
        2**64,
        "é😀\0",
    ]
    assert document.root.value["b"].key_line == 3
