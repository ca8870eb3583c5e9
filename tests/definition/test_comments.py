"""A file that is edited keeps its comments, its order and its spelling."""

from __future__ import annotations

import dataclasses
from typing import TYPE_CHECKING

import pytest

from streamkit.definition import Stream, event, exclude, prop

from .examples import RESCUE_YAML

if TYPE_CHECKING:
    from pathlib import Path


def stored(text: str, folder: Path) -> Stream:
    file = folder / "stream.yaml"
    file.write_text(text, encoding="utf-8", newline="")
    return Stream.from_file(file)


def edited(text: str, folder: Path, **changes: object) -> str:
    changed = dataclasses.replace(stored(text, folder), **changes)  # type: ignore[arg-type]
    result = changed.to_yaml()
    assert stored(result, folder) == changed
    return result


SPELLINGS = [
    RESCUE_YAML,
    RESCUE_YAML.replace("\n", "\r\n"),
    "\ufeff" + RESCUE_YAML,
    "# only comments around\nsteps: [{event: 'a'}] # here\n\n\nname:   \"x\"   \n# end",
    "steps:\n- event: a\n  where: {p: {eq: 1.10}}\n- event: &b b\nwithin: 60m\nname: *b\n",
]


@pytest.mark.parametrize("text", SPELLINGS)
def test_unchanged_text(text: str, tmp_path: Path) -> None:
    """A stream nobody changed is written byte for byte as it was read."""
    assert stored(text, tmp_path).to_yaml() == text
    assert edited(text, tmp_path) == text


@pytest.mark.parametrize(
    ("changes", "old", "new"),
    [
        ({"within": "2h"}, "within: 1h ", "within: 2h "),
        ({"enabled": False}, "enabled: true", "enabled: false"),
        ({"frequency": "every"}, "frequency: once", "frequency: every"),
        ({"name": "other"}, "name: checkout-rescue", "name: other"),
        (
            {"description": None},
            "description: Shopper hits checkout errors with a full basket and does not buy\n",
            "",
        ),
        ({"per": "user"}, "enabled: true\n", "enabled: true\nper: user\n"),
    ],
)
def test_one_key(changes: dict[str, object], old: str, new: str, tmp_path: Path) -> None:
    """Changing one key changes that key's line and nothing else."""
    assert edited(RESCUE_YAML, tmp_path, **changes) == RESCUE_YAML.replace(old, new)


def test_line_ends_and_byte_order_mark(tmp_path: Path) -> None:
    """Line ends and a byte order mark stay as they are in the file."""
    text = "\ufeff" + RESCUE_YAML.replace("\n", "\r\n")
    assert edited(text, tmp_path, within="2h") == text.replace("within: 1h ", "within: 2h ")


def test_step_in_the_middle(tmp_path: Path) -> None:
    """Adding, removing or changing a step leaves the comments with the other steps."""
    steps = stored(RESCUE_YAML, tmp_path).steps
    added = edited(RESCUE_YAML, tmp_path, steps=[*steps[:3], event("login"), *steps[3:]])
    new = "  - event: login\n  - event: checkout_error\n"
    assert added == RESCUE_YAML.replace("  - event: checkout_error\n", new)
    removed = edited(RESCUE_YAML, tmp_path, steps=[steps[0], *steps[2:]])
    line = "  - exclude: {event: remove_from_cart}      # never between the steps around it\n"
    assert removed == RESCUE_YAML.replace(line, "")
    price = event("add_to_cart").where(prop("price") > 30)
    changed = edited(RESCUE_YAML, tmp_path, steps=[price, *steps[1:]])
    assert changed == RESCUE_YAML.replace("{gt: 20}", "{gt: 30}")


def test_depth(tmp_path: Path) -> None:
    """A change deep inside an alternative touches its line only."""
    steps = list(stored(RESCUE_YAML, tmp_path).steps)
    steps[2] = (  # type: ignore[call-overload]
        event("checkout_start") | event("page_view").where(prop("url").contains("/pay"))
    ).within("10m")
    text = edited(RESCUE_YAML, tmp_path, steps=steps)
    assert text == RESCUE_YAML.replace("/checkout}", "/pay}")


def test_indentation_is_kept(tmp_path: Path) -> None:
    """A file whose lists are not indented stays so."""
    text = "name: x\nsteps:\n- event: a # first\n- event: b\nwithin: 60m\n"
    assert edited(text, tmp_path, name="y") == text.replace("name: x", "name: y")


def test_from_python_to_yaml() -> None:
    """A stream written in Python has a YAML form that people would have written."""
    stream = Stream("x", [event("NO").where(prop("p") > 1), exclude(event("12:30"))], within="90m")
    assert stream.to_yaml() == (
        "name: x\n"
        "steps:\n"
        "  - event: NO\n"
        "    where: {p: {gt: 1}}\n"
        "  - exclude: {event: 12:30}\n"
        "within: 90m\n"
    )
