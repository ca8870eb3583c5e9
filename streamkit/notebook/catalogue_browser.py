"""The catalogue to look around in: search, properties, values, and a step for a stream.

What is found stands in an output of its own, which a saved notebook keeps; the fields below it are
only there while the kernel runs.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from typing import Any

from streamkit.definition import Stream
from streamkit.errors import DefinitionError
from streamkit.events.cataloguing import Catalog
from streamkit.events.cataloguing.html import catalog_html, event_html, findings_html
from streamkit.markup import Markup, tag
from streamkit.notebook.choices import OPERATOR_WORDS, Choices, operators_of
from streamkit.notebook.fields import Kit
from streamkit.notebook.style import KEYS, STYLE

__all__ = ["CatalogBrowser"]

Condition = Mapping[str, Any]
"""An event and its criteria, as plain data of a step."""
ANY_PROPERTY = "(any)"
CODE = "white-space:pre-wrap;overflow-wrap:anywhere;margin:.3em 0"


class CatalogBrowser:
    """A catalogue with fields to search it and to take a step from it.

    Args:
        catalog: What `History.catalog` found.
        use: Called with the condition that was put together, when "Use in a stream" is pressed;
            by default the step is only shown, as YAML and as Python.

    Example:
        >>> import polars as pl
        >>> from streamkit import History
        >>> events = pl.DataFrame({"time": ["2026-03-01T10:00:00Z"], "event": ["visit"],
        ...                        "session_id": ["s1"], "plan": ["pro"]})
        >>> browser = CatalogBrowser(History(events).catalog())
        >>> browser.event.value = "visit"
        >>> browser.property.value = "plan"
        >>> browser.value.value = "pro"
        >>> browser.condition
        {'event': 'visit', 'where': {'plan': 'pro'}}
    """

    def __init__(self, catalog: Catalog, use: Callable[[Condition], None] | None = None) -> None:
        self.catalog = catalog
        self.choices = Choices.of(catalog)
        self._use = use
        self._kit = Kit()
        self._handle: Any = None
        self._shown: str = ""
        self.search = self._kit.text(
            "Search", hint="an event, a property or a value", classes="sk-wide"
        )
        self.event = self._kit.choice("Event", self._events(), classes="sk-wide")
        self.property = self._kit.choice("Property", [(ANY_PROPERTY, "")], classes="sk-wide")
        self.operator = self._kit.choice("Operator", [("is", "eq")], classes="sk-narrow")
        self.value = self._kit.combo("Value", hint="choose or type")
        self.take = self._kit.button("Use in a stream", self._take, classes="sk-main")
        self._said = self._kit.html(tag("div", "", role="status"))
        self._kit.on_change(self.search, self._search)
        self._kit.on_change(self.event, self._choose_event)
        self._kit.on_change(self.property, self._choose_property)
        self._offer_properties()

    def show(self) -> None:
        """Show the summary, the fields, and below them what is looked at."""
        from IPython.display import HTML, display

        display(HTML(catalog_html(self.catalog)))
        display(self.fields)
        self._handle = display(HTML(self._shown + KEYS), display_id=True)
        self._handle.update(HTML(self._shown))

    @property
    def fields(self) -> Any:
        """The fields as one box, for a page of the caller's."""
        kit = self._kit
        looking = kit.row([self.search, self.event])
        taking = kit.row([self.property, self.operator, self.value, self.take], "sk-aligned")
        return kit.column([kit.html(STYLE), looking, taking, self._said], "sk-builder")

    @property
    def condition(self) -> dict[str, Any]:
        """The event and the criterion that the fields say, as plain data of a step."""
        condition: dict[str, Any] = {"event": self.event.value}
        path, operator = self.property.value, self.operator.value
        if path and operator in ("exists", "missing"):
            condition["where"] = {path: {"exists": operator == "exists"}}
        elif path and self.value.value:
            value = self._typed(path, self.value.value)
            condition["where"] = {path: value if operator == "eq" else {operator: value}}
        return condition

    def _events(self, found: frozenset[str] | None = None) -> list[tuple[str, str | None]]:
        counted = [
            (f"{name}  ·  {choice.words}", name)
            for name, choice in self.choices.events.items()
            if found is None or name in found
        ]
        return [("(choose one)", None), *counted]

    def _search(self, text: str) -> None:
        """Show what a text is met in, and offer only the events it is met in."""
        text = text.strip()
        if not text:
            self._offer_events(None)
            self._show("")
            return
        findings = self.catalog.search(text)
        self._offer_events(frozenset(each.event for each in findings if each.event is not None))
        self._say(f"{len(findings):,} found")
        self._show(findings_html(findings, text))

    def _offer_events(self, found: frozenset[str] | None) -> None:
        chosen = self.event.value
        with self._kit.showing():
            self.event.options = self._events(found)
            if chosen is not None and (found is None or chosen in found):
                self.event.value = chosen
        self._offer_properties()

    def _choose_event(self, name: str | None) -> None:
        self._offer_properties()
        if name is not None:
            self._show(event_html(self.catalog.event(name)))

    def _offer_properties(self) -> None:
        name = self.event.value
        paths = self.choices.properties(name) if name is not None else {}
        with self._kit.showing():
            self.property.options = [
                (ANY_PROPERTY, ""),
                *((f"{path}  ·  {each.words}", path) for path, each in paths.items()),
            ]
            self.property.value = ""
        self.take.disabled = name is None
        self._choose_property("")

    def _choose_property(self, path: str) -> None:
        choice = self.choices.properties(self.event.value).get(path) if path else None
        with self._kit.showing():
            names = operators_of(choice.kind) if choice else ("eq",)
            self.operator.options = [(OPERATOR_WORDS[name], name) for name in names
                                     if name not in ("in", "not_in", "between")]  # fmt: skip
            self.value.options = choice.values if choice else ()
            self.value.value = ""
        self.operator.disabled = self.value.disabled = choice is None

    def _typed(self, path: str, text: str) -> Any:
        """A value as the property's kind has it; text that is none of it stays text."""
        kind = self.choices.properties(self.event.value)[path].kind
        if kind == "boolean" and text in ("true", "false"):
            return text == "true"
        if kind == "time":
            return {"time": text}
        if kind == "number":
            for number in (int, float):
                try:
                    return number(text)
                except ValueError:
                    continue
        return text

    def _take(self) -> None:
        condition = self.condition
        try:
            stream = Stream("my-stream", [condition])
        except DefinitionError as error:
            self._say(str(error))
            return
        if self._use is not None:
            self._use(condition)
            self._say("Put into the stream.")
            return
        self._say("The step stands below, as a file and as Python.")
        self._show(
            Markup(
                tag("strong", "As a file")
                + tag("pre", stream.to_yaml(), style=CODE)
                + tag("strong", "In Python")
                + tag("pre", stream.to_python(), style=CODE)
            )
        )

    def _show(self, html: str) -> None:
        """Show what is looked at where a saved notebook keeps it."""
        self._shown = html
        if self._handle is not None:
            from IPython.display import HTML

            self._handle.update(HTML(html))

    def _say(self, words: str) -> None:
        self._said.value = tag("div", words, role="status")
