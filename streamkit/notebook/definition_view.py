"""The part of the builder where a stream is defined."""

from __future__ import annotations

from collections.abc import Mapping
from functools import partial
from typing import Any

from streamkit.document.nodes import Place
from streamkit.markup import tag
from streamkit.notebook.choices import Choices
from streamkit.notebook.criteria_rows import Item, where_of
from streamkit.notebook.criteria_view import CriteriaView, field_name
from streamkit.notebook.criterion_view import Shown
from streamkit.notebook.draft import Draft
from streamkit.notebook.editing import Editing
from streamkit.notebook.fields import Field, Kit, Open, problem_html
from streamkit.notebook.pattern_view import PatternView
from streamkit.notebook.plain_edits import REMOVED, inserted, put, value_at
from streamkit.notebook.step_view import DURATIONS, Position, StepView, typed_text

__all__ = ["DefinitionView"]

MOST_OPEN = 6
"""Steps whose cards are open when a stream is opened; of a longer one they are closed."""
FREQUENCIES = [
    ("once for each key", "once"),
    ("every time", "every"),
    ("once for each first event", "per_start"),
    ("every time, runs that overlap once", "non_overlapping"),
]


class DefinitionView:
    """Name and key, steps with excludes between them, windows, frequency and cooldown.

    Args:
        kit: Makes the widgets.
        editing: The draft.
    """

    def __init__(self, kit: Kit, editing: Editing) -> None:
        self._kit = kit
        self._editing = editing
        self._scalars = _Scalars(kit, editing)
        self._steps = _StepsView(kit, editing)
        self._where = CriteriaView(kit, "Every step", self._where_edited)
        self._excludes = _ExcludesView(kit, editing)
        self._lines = kit.html(classes="sk-problem")
        field = self._scalars.boxes
        self.box = kit.column(
            [
                kit.row([field["name"], field["per"], field["enabled"]], "sk-options sk-aligned"),
                kit.row([field["description"]], "sk-options sk-aligned"),
                kit.html(tag("h4", "Steps")),
                self._steps.box,
                kit.html(tag("h4", "The whole run")),
                kit.row(
                    [field["within"], field["frequency"], field["for"], field["by"]],
                    "sk-options sk-aligned",
                ),
                kit.html(tag("h4", "Every step's event must also meet")),
                self._where.box,
                kit.html(tag("h4", "Never between the first and the last event")),
                self._excludes.box,
                self._lines,
            ],
            "sk-part",
        )

    def show(self, draft: Draft, choices: Choices, warnings: Open) -> None:
        """Show a draft."""
        problems = Open(draft.problems if draft.broken is None else ())
        self._scalars.show(draft, choices, problems)
        self._steps.show(draft, choices, problems, warnings)
        properties = choices.properties(None)
        shown = Shown(properties, problems, warnings)
        self._where.show_where(draft.data.get("where"), ("where",), shown)
        self._excludes.show(draft, choices, problems, warnings)
        for place in (("payload",), ("destination",)):
            problems.take(place)
        self._lines.value = problem_html(problems.take(()))

    def _where_edited(self, items: tuple[Item, ...], field: str) -> None:
        data = put(self._editing.draft.data, ("where",), where_of(items) or REMOVED)
        self._editing.change(data, field_name(("where",), field))


class _Scalars:
    """The keys of a stream that hold one value."""

    def __init__(self, kit: Kit, editing: Editing) -> None:
        self._editing = editing
        self._kit = kit
        self._fields: dict[str, tuple[Place, Field]] = {}
        hint = "such as 1h, or unbounded"
        lengths = (*DURATIONS, "unbounded")
        self._add("name", ("name",), kit.text("Name", hint="1 to 100 characters"))
        self._add("description", ("description",), kit.text("Description", classes="sk-widest"))
        self._add("enabled", ("enabled",), kit.check("Enabled"))
        self._add("per", ("per",), kit.combo("Key: a match lives inside", hint="session"))
        within = kit.combo("Within, first to last event", options=lengths, hint=hint)
        self._add("within", ("within",), within)
        self._add("frequency", ("frequency",), kit.choice("Fires", FREQUENCIES))
        self._add("for", ("cooldown", "for"),
                  kit.combo("Cooldown (empty: none)", options=DURATIONS, hint="such as 24h"))  # fmt: skip
        self._add("by", ("cooldown", "by"), kit.combo("Cooldown by", hint="key"))

    @property
    def boxes(self) -> dict[str, Any]:
        """The fields by name."""
        return {name: field.box for name, (_, field) in self._fields.items()}

    def _add(self, name: str, place: Place, widget: Any) -> None:
        self._fields[name] = (place, Field(self._kit, widget))
        self._kit.on_change(widget, lambda value: self._edited(name, value))

    def show(self, draft: Draft, choices: Choices, problems: Open) -> None:
        properties = tuple(choices.properties(None))
        paired = tuple(f"session, {path}" for path in properties)
        self._kit.offer(self._fields["per"][1].widget, ("session", "user", *paired))
        by = self._fields["by"][1]
        self._kit.offer(by.widget, ("key", "session", "user", *properties))
        has_cooldown = "cooldown" in draft.data
        by.widget.disabled = not has_cooldown
        for name, (place, field) in self._fields.items():
            value = value_at(draft.data, place)
            widget = field.widget
            if name == "frequency":
                words = dict(FREQUENCIES).values()
                known = (
                    FREQUENCIES if value in (None, *words) else [*FREQUENCIES, (str(value), value)]
                )
                self._kit.offer(widget, known)
            shown = _field_value(name, value)
            if name not in ("enabled", "frequency") and _read(name, widget.value) == value:
                shown = widget.value
            code = {"within": "within-required"}.get(name)
            found = problems.take(place)
            if code is not None:
                found += problems.take((), code)
            if name == "for":
                found += [each for each in problems.take(("cooldown",)) if has_cooldown]
            field.show(shown, problem_html(found))

    def _edited(self, name: str, value: Any) -> None:
        data = self._editing.draft.data
        place, _ = self._fields[name]
        read = _read(name, value)
        if name == "for" and read is None:
            place = ("cooldown",)
        data = put(data, place, REMOVED if read is None and name != "name" else read)
        self._editing.change(data, field_name(place, name))


def _field_value(name: str, value: Any) -> Any:
    """A value as its field has it."""
    if name == "enabled":
        return value is not False
    if name == "frequency":
        return "once" if value is None else value
    if name == "per" and isinstance(value, list):
        return ", ".join(map(typed_text, value))
    return typed_text(value)


def _read(name: str, value: Any) -> Any:
    """What a field's value means; None for a key to be left out."""
    match name:
        case "name":
            return value
        case "enabled":
            return None if value else False
        case "frequency":
            return None if value == "once" else value
        case "per":
            parts = [part.strip() for part in value.split(",") if part.strip()]
            if len(parts) > 1:
                return parts
            return None if parts in ([], ["session"]) else parts[0]
        case "by":
            return None if value.strip() in ("", "key") else value.strip()
    return value if name == "description" and value else value.strip() or None


class _StepsView:
    """The cards, and between them where excludes can be added."""

    def __init__(self, kit: Kit, editing: Editing) -> None:
        self._kit = kit
        self._editing = editing
        self._views: list[StepView] = []
        self._gaps: list[Any] = []
        self._is_opened = False
        self._lines = kit.html(classes="sk-problem")
        self._add = kit.button("Add step", self._add_step, classes="sk-main")
        self.box = kit.column(classes="sk-steps")

    def show(self, draft: Draft, choices: Choices, problems: Open, warnings: Open) -> None:
        steps = draft.data.get("steps")
        items = steps if isinstance(steps, list) else []
        self._views = self._matched(items, is_open=self._is_opened or len(items) <= MOST_OPEN)
        self._is_opened = True
        positive = [n for n, item in enumerate(items) if not _is_exclude(item)]
        children: list[Any] = []
        number = 0
        for index, (item, view) in enumerate(zip(items, self._views, strict=True)):
            is_exclude = _is_exclude(item)
            if not is_exclude:
                children.append(self._gap(number, len(positive)))
                number += 1
            position = Position(
                index,
                len(items),
                number,
                is_first=number == 0,
                is_last=bool(positive) and index > positive[-1],
            )
            view.show(position, draft, choices, problems, warnings)
            children.append(view.box)
        if positive:
            children.append(self._gap(number, len(positive)))
        self._lines.value = problem_html(problems.take(("steps",)))
        self._kit.fill(self.box, [*children, self._lines, self._add])

    def _matched(self, items: list[Any], *, is_open: bool) -> list[StepView]:
        """A view for each item: the one that showed it, else one nobody needs, else a new one."""
        unused = list(self._views)
        found: list[StepView | None] = []
        for item in items:
            view = next((each for each in unused if each.item is item), None)
            if view is not None:
                unused.remove(view)
            found.append(view)
        for number, item in enumerate(items):
            if found[number] is None:
                kind = _is_exclude(item)
                same = [each for each in unused if each.is_exclude == kind]
                if same:
                    unused.remove(same[0])
                found[number] = same[0] if same else StepView(
                    self._kit, self._editing, is_exclude=kind, is_open=is_open
                )  # fmt: skip
        return [view for view in found if view is not None]

    def _gap(self, number: int, count: int) -> Any:
        """The button that adds an exclude behind so many steps."""
        while len(self._gaps) <= count:
            place = len(self._gaps)
            button = self._kit.button("", partial(self._add_exclude, place), classes="sk-gap")
            self._gaps.append(button)
        button = self._gaps[number]
        if number == 0:
            words = "Exclude before step 1"
        elif number == count:
            words = f"Exclude after step {number}"
        else:
            words = f"Exclude between {number} and {number + 1}"
        button.description = words
        return button

    def _add_exclude(self, gap: int) -> None:
        data = self._editing.draft.data
        steps = data["steps"]
        positive = [n for n, item in enumerate(steps) if not _is_exclude(item)]
        index = positive[gap] if gap < len(positive) else len(steps)
        self._editing.change(inserted(data, ("steps",), index, {"exclude": {}}))
        self._views[index].focus()

    def _add_step(self) -> None:
        data = self._editing.draft.data
        steps = data.get("steps")
        index = len(steps) if isinstance(steps, list) else 0
        self._editing.change(inserted(data, ("steps",), index, {}))
        self._views[index].focus()


def _is_exclude(item: Any) -> bool:
    return isinstance(item, Mapping) and "exclude" in item


class _ExcludesView:
    """The top-level excludes."""

    def __init__(self, kit: Kit, editing: Editing) -> None:
        self._kit = kit
        self._editing = editing
        self._views: list[tuple[PatternView, Any]] = []
        self._lines = kit.html(classes="sk-problem")
        self._add = kit.row([kit.button("Add exclude for the whole run", self._added)], "sk-quiet")
        self.box = kit.column()

    def show(self, draft: Draft, choices: Choices, problems: Open, warnings: Open) -> None:
        items = draft.data.get("exclude")
        items = items if isinstance(items, list) else []
        while len(self._views) < len(items):
            self._views.append(self._new(len(self._views)))
        for number, item in enumerate(items):
            self._views[number][0].show(item, ("exclude", number), choices, problems, warnings)
        self._lines.value = problem_html(problems.take(("exclude",)))
        boxes = [box for _, box in self._views[: len(items)]]
        self._kit.fill(self.box, [*boxes, self._lines, self._add])

    def _new(self, number: int) -> tuple[PatternView, Any]:
        place: Place = ("exclude", number)

        def change(pattern: dict[str, Any], field: str) -> None:
            data = put(self._editing.draft.data, place, pattern)
            self._editing.change(data, field_name(place, field))

        view = PatternView(self._kit, f"Exclude {number + 1} of the whole run", change)
        remove = self._kit.button(
            f"Remove exclude {number + 1}", lambda: self._remove(place), classes="sk-small"
        )
        return view, self._kit.column([view.box, remove], "sk-card sk-exclude")

    def _added(self) -> None:
        data = self._editing.draft.data
        items = data.get("exclude")
        index = len(items) if isinstance(items, list) else 0
        self._editing.change(inserted(data, ("exclude",), index, {}))
        self._views[index][0].focus()

    def _remove(self, place: Place) -> None:
        data = put(self._editing.draft.data, place, REMOVED)
        self._editing.change(data if data["exclude"] else put(data, ("exclude",), REMOVED))
