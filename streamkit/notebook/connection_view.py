"""Where a connection is made and looked behind; only references of secrets are ever typed."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from streamkit.errors import StreamkitError
from streamkit.markup import Markup, table, tag
from streamkit.notebook.fields import Field, Kit, Open, problem_html, scrolling

if TYPE_CHECKING:
    from streamkit.notebook.builder import Builder

__all__ = ["ConnectionView"]

FLAGS = ("standard_webhooks", "allow_http", "allow_private")
SECRETS = ("token", "password", "value", "client_secret", "secret", "previous_secret")


class ConnectionView:
    """The connections there are, and a form for one more.

    Args:
        kit: Makes the widgets.
        builder: The value.
    """

    def __init__(self, kit: Kit, builder: Builder) -> None:
        from streamkit.delivery.connection_reading import TYPES

        self._kit = kit
        self._builder = builder
        self._types = TYPES
        self._known = kit.html(classes="sk-wide-content")
        self._name = Field(kit, kit.text("Name", "New connection", hint="such as crm"))
        self._type = kit.choice("Type", [(each, each) for each in TYPES], "New connection")
        self._settings: dict[str, Field] = {}
        self._fields = kit.row(classes="sk-options sk-aligned")
        self._status = kit.html()
        self._file = kit.text("File of the connections", hint="connections.yaml")
        add = kit.button("Add connection", self._added)
        check = kit.button("Look behind the references", self._checked)
        save = kit.button("Save connections", self._saved)
        self.box = kit.column(
            [
                self._known,
                self._fields,
                kit.row([add, check], "sk-quiet"),
                kit.row([self._file, save], "sk-options sk-aligned"),
                self._status,
            ]
        )
        kit.on_change(self._type, lambda _: self._show_fields())
        self._file.value = builder.connections_file or "connections.yaml"
        self._show_fields()

    def show(self) -> None:
        """Show the builder's connections."""
        connections = self._builder.connections
        if connections is None or not connections.names:
            self._known.value = tag("div", "No connections yet.")
            return
        rows = [
            (name, connections[name].type, ", ".join(connections[name].values) or "nothing")
            for name in connections.names
        ]
        head = ("connection", "type", "settings and references")
        self._known.value = scrolling("Connections", table(head, rows))

    def _show_fields(self) -> None:
        fields = [self._name.box, self._type]
        for key in self._types[self._type.value]:
            if key not in self._settings:
                self._settings[key] = Field(self._kit, self._setting(key))
            fields.append(self._settings[key].box)
        self._kit.fill(self._fields, fields)

    def _setting(self, key: str) -> Any:
        label = key.replace("_", " ").capitalize()
        if key in FLAGS:
            return self._kit.check(label, "New connection")
        hint = "such as env:NAME" if key in SECRETS else ""
        return self._kit.text(label, "New connection", hint=hint)

    def _entered(self) -> dict[str, Any]:
        """The new connection as plain data."""
        data: dict[str, Any] = {"type": self._type.value}
        for key in self._types[self._type.value]:
            value = self._settings[key].widget.value
            if value:
                data[key] = value if isinstance(value, bool) else value.strip()
        return data

    def _added(self) -> None:
        from streamkit.delivery.connections import Connections

        name, data = self._name.widget.value.strip(), self._entered()
        problems = Open()
        try:
            known = self._builder.connections or Connections()
            self._builder.connections = known.with_entry(name, data)
        except StreamkitError as error:
            problems = Open(error.problems)
        for key in self._types[data["type"]]:
            self._settings[key].say(problem_html(problems.take((name, key))))
        rest = problem_html(problems.take(()))
        is_added = not rest and name in self._builder.connection_names
        self._name.say(rest)
        self._tell(f"The connection {name} can be chosen above." if is_added else "Not added.")
        if is_added:
            for key in SECRETS:
                if key in self._settings:
                    self._settings[key].widget.value = ""
            self._builder.show()

    def _checked(self) -> None:
        connections = self._builder.connections
        found = () if connections is None else connections.check()
        lines = [
            tag("li", f"{each.owner}, {each.key}: {each.problem or 'something is there'}")
            for each in found
        ]
        words = Markup(tag("ul", *lines)) if lines else tag("div", "There are no references.")
        self._status.value = tag("div", words, role="status")

    def _saved(self) -> None:
        file = self._file.value.strip() or "connections.yaml"
        if self._builder.connections is None:
            self._tell("There are no connections to save.")
            return
        try:
            self._builder.connections.save(file)
        except (StreamkitError, OSError) as error:
            self._tell(f"Not saved: {error}")
            return
        self._builder.connections_file = file
        self._tell(f"Saved to {file}. It holds references, and no secrets.")

    def _tell(self, words: str) -> None:
        self._status.value = tag("div", words, role="status")
