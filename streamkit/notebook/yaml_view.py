"""The part of the builder where the file's text is edited."""

from __future__ import annotations

from typing import TYPE_CHECKING

from streamkit.markup import Markup, tag
from streamkit.notebook.draft import Draft
from streamkit.notebook.editing import Editing
from streamkit.notebook.fields import Field, Kit

if TYPE_CHECKING:
    from streamkit.errors import Problem

__all__ = ["YamlView"]


class YamlView:
    """The text, comments included; what is typed is the draft as soon as it can be read.

    Args:
        kit: Makes the widgets.
        editing: The draft.
    """

    def __init__(self, kit: Kit, editing: Editing) -> None:
        self._editing = editing
        self._text = Field(kit, kit.area("The stream's file, as YAML", rows=24), "sk-widest")
        kit.on_change(self._text.widget, self._edited)
        self.box = kit.column([self._text.box], "sk-part")

    def show(self, draft: Draft) -> None:
        """Show a draft."""
        self._text.show(draft.text, _lines_html(draft.text_problems))

    def _edited(self, text: str) -> None:
        self._editing.become(self._editing.draft.with_text(text), "yaml")


def _lines_html(problems: tuple[Problem, ...]) -> Markup:
    """Problems with their lines."""
    return Markup(
        "".join(
            tag(
                "div",
                tag("strong", f"Line {each.line}: " if each.line else "Problem: "),
                f"{each.path}: " if each.path else "",
                f"{each.message}{f': {each.hint}' if each.hint else ''}",
                **{"class": "sk-line"},
            )
            for each in problems
        )
    )
