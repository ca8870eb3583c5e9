"""HTML, built where everything is escaped, and text made fit to show.

What is built here must survive a saved or untrusted notebook, which keeps tables, `details`,
`progress`, pictures in data addresses and inline styles, and drops scripts, SVG, style sheets and
`aria-label`.
"""

from __future__ import annotations

import re
from collections.abc import Collection, Sequence
from html import escape, unescape

__all__ = ["QUIET", "Markup", "bar", "shown", "table", "tag"]

QUIET = "opacity:.75"
"""A style for what stands back; in either theme."""
BAR = "#1a80bb"
NUMBER = "text-align:right;padding:2px 8px;font-variant-numeric:tabular-nums;white-space:nowrap"
CELL = "text-align:left;padding:2px 12px 2px 0;overflow-wrap:anywhere"
TABLE = "border-collapse:collapse;margin:.3em 0 .8em 0;table-layout:auto;max-width:100%"
ANY_TAG = re.compile("<[^>]*>")
VOID = ("br", "img", "meta")
"""Elements that hold nothing and have no end."""


class Markup(str):
    """Text that is HTML already."""

    __slots__ = ()


def tag(name: str, /, *children: str, **attributes: str) -> Markup:
    """An element; children and attribute values that are not `Markup` are escaped.

    Example:
        >>> tag("b", "<script>", style="color:red")
        '<b style="color:red">&lt;script&gt;</b>'
    """
    inner = "".join(c if isinstance(c, Markup) else escape(c) for c in children)
    written = "".join(f' {key}="{escape(value)}"' for key, value in attributes.items())
    return Markup(f"<{name}{written}>" if name in VOID else f"<{name}{written}>{inner}</{name}>")


def table(
    head: Sequence[str] | None, rows: Sequence[Sequence[str]], *, numbers: Collection[int] = ()
) -> Markup:
    """A table; the first cell of each row names the row.

    Args:
        head: The names of the columns; None where the rows' names say enough.
        rows: A text or `Markup` for each column.
        numbers: The columns (from 0) whose cells are numbers, set to the right.

    Example:
        >>> "&lt;b&gt;" in table(["event", "rows"], [["<b>", "3"]], numbers=[1])
        True
    """
    columns = range(len(rows[0] if head is None else head))
    styles = [
        NUMBER if place in numbers else f"{CELL};min-width:{_width([row[place] for row in rows])}ch"
        for place in columns
    ]
    lines = [
        tag(
            "tr",
            tag("th", row[0], scope="row", style=f"{styles[0]};font-weight:normal"),
            *(
                tag("td", text, style=style)
                for text, style in zip(row[1:], styles[1:], strict=True)
            ),
        )
        for row in rows
    ]
    parts = [tag("tbody", *lines)]
    if head is not None:
        bold = "white-space:normal;font-weight:600;vertical-align:bottom"
        names = [
            tag("th", name, scope="col", style=f"{style};{bold}")
            for name, style in zip(head, styles, strict=True)
        ]
        parts.insert(0, tag("thead", tag("tr", *names)))
    return tag("table", *parts, style=TABLE)


def _width(texts: Sequence[str]) -> int:
    """How narrow a column of texts may become, in characters."""
    return min(max([0, *(len(_words(each)) for each in texts)]), 18)


def _words(text: str) -> str:
    """What is read of a cell, near enough."""
    return unescape(ANY_TAG.sub("", text)) if isinstance(text, Markup) else text


def bar(share: float, *, width: int = 160, colour: str = BAR) -> Markup:
    """A bar as long as a share; what it says stands in a cell beside it as a number.

    Args:
        share: 0 to 1.
        width: Length of the whole, in pixels.
        colour: A colour that reads on light and dark ground.
    """
    length = max(width * min(share, 1.0), 1 if share else 0)
    return tag(
        "div",
        style=f"background:{colour};height:4px;margin:3px 0 1px;max-width:100%;width:{length:.0f}px",
    )


def shown(text: str, longest: int = 60) -> str:
    r"""Text of the user's on one line and cut, with what would steer a terminal made visible.

    Line ends, NUL, escape codes and marks that turn the direction of writing are shown as escapes.

    Example:
        >>> print(shown("pay\nnow\u202e", 40))
        pay\nnow\u202e
    """
    cut = text[: longest + 1]
    visible = "".join(
        each if each.isprintable() else each.encode("unicode_escape", "surrogatepass").decode()
        for each in cut
    )
    return (
        visible if len(cut) <= longest and len(visible) <= longest else visible[: longest - 1] + "…"
    )
