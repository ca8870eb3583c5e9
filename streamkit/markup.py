"""HTML, built where everything is escaped, and text made fit to show."""

from __future__ import annotations

from html import escape

__all__ = ["Markup", "shown", "tag"]


class Markup(str):
    """Text that is HTML already."""

    __slots__ = ()


def tag(name: str, *children: str, **attributes: str) -> Markup:
    """An element; children and attribute values that are not `Markup` are escaped.

    Example:
        >>> tag("b", "<script>", style="color:red")
        '<b style="color:red">&lt;script&gt;</b>'
    """
    inner = "".join(c if isinstance(c, Markup) else escape(c) for c in children)
    written = "".join(f' {key}="{escape(value)}"' for key, value in attributes.items())
    return Markup(f"<{name}{written}>{inner}</{name}>")


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
