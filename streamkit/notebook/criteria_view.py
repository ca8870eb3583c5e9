"""Criteria as rows of property, operator and value, and groups of rows."""

from __future__ import annotations

import json
from collections.abc import Callable, Mapping, Sequence
from dataclasses import replace
from typing import TYPE_CHECKING, Any

from streamkit.document.nodes import Place, place_text, shorten
from streamkit.markup import tag
from streamkit.notebook.criteria_rows import (
    Group,
    Item,
    Row,
    rows_of,
    where_of,
)
from streamkit.notebook.criterion_view import CriterionView, Replace, Shown
from streamkit.notebook.fields import Field, Kit

if TYPE_CHECKING:
    pass

__all__ = ["CriteriaView", "field_name", "where_edited"]

DEEPEST = 2
"""Groups inside groups that have a form; deeper ones are kept and edited as YAML."""
GROUP_WORDS = [("any of these", "any"), ("all of these", "all"), ("not all of these", "not")]


class CriteriaView:
    """The rows of a `where`, or of a group in it.

    Args:
        kit: Makes the widgets.
        context: Where it is, for readers of screens.
        change: Called with the new items, and a name for the field that was edited.
        depth: How many groups it is in.
    """

    def __init__(
        self,
        kit: Kit,
        context: str,
        change: Callable[[tuple[Item, ...], str], None],
        depth: int = 0,
    ) -> None:
        self._kit = kit
        self._context = context
        self._change = change
        self._depth = depth
        self._items: tuple[Item, ...] = ()
        self._rows: list[CriterionView] = []
        self._groups: list[_GroupView] = []
        self._kept = kit.html(classes="sk-kept")
        add = kit.button("Add criterion", self._add_row, title=f"{context}: add a criterion")
        self._adding = [add]
        if depth < DEEPEST:
            self._adding.append(
                kit.button(
                    "Add group", self._add_group, title=f"{context}: any of, all of or none of"
                )
            )
        self._buttons = kit.row(self._adding, "sk-quiet")
        self.box = kit.column(classes="sk-criteria")

    def show_button(self, button: Any | None) -> None:
        """Show one more button beside those that add."""
        more = [] if button is None else [button]
        self._kit.fill(self._buttons, [*self._adding, *more])

    def show_where(self, where: Any, place: Place, shown: Shown) -> None:
        """Show the criteria of a `where`."""
        items = rows_of({} if where is None else where)
        if items is None or _depth(items) > DEEPEST:
            text = shorten(json.dumps(where, ensure_ascii=False, default=str), 300)
            self._kept.value = tag("div", "Kept as it is; edit it as YAML: ", tag("code", text))
            self._kit.fill(self.box, [self._kept])
            return
        self.show(items, place, shown)

    def show(self, items: tuple[Item, ...], place: Place, shown: Shown) -> None:
        """Show rows and groups."""
        self._items = items
        rows, groups = iter(self._rows), iter(self._groups)
        views: list[Any] = []
        for number, item in enumerate(items):
            if isinstance(item, Row):
                view = next(rows, None) or self._new(CriterionView, self._rows)
                view.show(number, item, (*place, *item.place), shown)
            else:
                view = next(groups, None) or self._new(_GroupView, self._groups)
                view.show(number, item, place, shown)
            views.append(view.box)
        self._kit.fill(self.box, [*views, self._buttons])

    def focus(self) -> None:
        """Put the cursor into the last row."""
        rows = [item for item in self._items if isinstance(item, Row)]
        if rows and len(self._rows) >= len(rows):
            self._rows[len(rows) - 1].focus()

    def _new(self, kind: Any, views: list[Any]) -> Any:
        view = kind(self._kit, self._context, self._replace, self._depth)
        views.append(view)
        return view

    def _replace(self, number: int, items: Sequence[Item], field: str) -> None:
        """One of the items became others."""
        new = (*self._items[:number], *items, *self._items[number + 1 :])
        self._change(new, f"{number} {field}" if items else "")

    def _add_row(self) -> None:
        self._change((*self._items, Row()), "")
        self.focus()

    def _add_group(self) -> None:
        self._change((*self._items, Group("any", (Row(),))), "")


def _depth(items: Sequence[Item]) -> int:
    return max((1 + _depth(each.items) for each in items if isinstance(each, Group)), default=0)


class _GroupView:
    """Criteria of which any, all or none must hold."""

    def __init__(self, kit: Kit, context: str, replace_item: Replace, depth: int) -> None:
        self._kit = kit
        self._replace = replace_item
        self._number = 0
        self._group = Group("any", ())
        self._kind = kit.choice("Group", GROUP_WORDS, context)
        inner = f"{context}, in a group"
        self._inside = CriteriaView(kit, inner, self._items_changed, depth + 1)
        remove = kit.button(
            "Remove group", self._removed, title=f"{context}: remove this group", classes="sk-small"
        )
        self._lines = Field(kit, kit.row([self._kind, remove], "sk-criterion sk-aligned"))
        self.box = kit.column([self._lines.box, self._inside.box], "sk-group")
        kit.on_change(self._kind, self._kind_edited)

    def show(self, number: int, group: Group, place: Place, shown: Shown) -> None:
        self._number, self._group = number, group
        self._kind.value = "all" if group.kind == "both" else group.kind
        self._inside.show(group.items, place, shown)
        self._lines.say(shown.lines((*place, *group.place)))

    def _items_changed(self, items: tuple[Item, ...], field: str) -> None:
        new = [replace(self._group, items=items)] if items else []
        self._replace(self._number, new, f"{field} in a group" if field else "")

    def _kind_edited(self, kind: str) -> None:
        self._replace(self._number, [replace(self._group, kind=kind)], "")

    def _removed(self) -> None:
        self._replace(self._number, [], "")


def where_edited(items: Sequence[Item], condition: Mapping[str, Any]) -> dict[str, Any]:
    """A condition with other criteria; one without an event keeps an empty `where`."""
    where = where_of(items)
    rest = {key: value for key, value in condition.items() if key != "where"}
    if where or ("event" not in rest and "where" in condition):
        return {**rest, "where": where}
    return rest


def field_name(place: Place, field: str) -> str | None:
    """What to call an edited field, so that letters typed in it are undone together."""
    return f"{place_text(place)} {field}" if field else None
