"""Connections: how endpoints know who sends, each under a name that streams use.

They hold the references of secrets, never secrets, so they may be shown, shared and kept.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import TYPE_CHECKING, Any, Self

from streamkit.definition.plain_data import from_plain
from streamkit.definition.reading_context import Reading
from streamkit.definition.yaml_writing import dump_yaml, merge_text
from streamkit.delivery.connection_reading import (
    ConnectionDraft,
    read_connection,
    read_connections,
    set_by,
)
from streamkit.document.files import read_document, replace_text
from streamkit.document.yaml_text import read_yaml
from streamkit.errors import DeliveryError
from streamkit.references import is_reference, resolve
from streamkit.suggest import did_you_mean

if TYPE_CHECKING:
    from os import PathLike

    from streamkit.document.nodes import Document

__all__ = ["Connection", "Connections", "ReferenceCheck", "check_references", "no_connection"]


@dataclass(frozen=True, init=False, repr=False)
class Connection:
    """How an endpoint knows who sends.

    Args:
        type: `bearer`, `basic`, `api_key`, `oauth2`, `hmac` or `none`.
        headers: Sent with every stream that uses the connection, unless it sets its own.
        settings: The keys of that type as connections.yaml has them; `in_` stands for `in`.

    Raises:
        DeliveryError: A setting is missing, unknown or not valid, or a secret stands there in
            plain text; all problems, and no secret in their texts.

    Example:
        >>> Connection("bearer", token="env:CRM_TOKEN")
        Connection('bearer', token='env:CRM_TOKEN')
        >>> Connection("bearer", token="s3cret")
        Traceback (most recent call last):
        streamkit.errors.DeliveryError: token: 'token' is a secret in plain text [plain-secret]...
    """

    type: str
    settings: tuple[tuple[str, Any], ...]
    headers: tuple[tuple[str, str], ...]

    def __init__(
        self,
        type: str,  # noqa: A002 # the word of connections.yaml
        *,
        headers: Mapping[str, str] | None = None,
        **settings: Any,
    ) -> None:
        if "in_" in settings:
            settings["in"] = settings.pop("in_")
        document = from_plain({"type": type, **settings, "headers": headers})
        reading = Reading(document)
        draft = read_connection(reading, document.root, ()) if document.root else None
        _raise_problems(reading)
        assert draft is not None, "without problems there is a connection"
        self._fill(draft)

    def _fill(self, draft: ConnectionDraft) -> None:
        for name, value in draft._asdict().items():
            object.__setattr__(self, name, value)

    @classmethod
    def from_draft(cls, draft: ConnectionDraft) -> Self:
        """The connection of a draft in which no problem was found."""
        connection = cls.__new__(cls)
        connection._fill(draft)  # noqa: SLF001 # its own
        return connection

    def get(self, name: str, default: Any = None) -> Any:
        """A setting, or the default where it is not set."""
        return dict(self.settings).get(name, default)

    @property
    def values(self) -> tuple[str, ...]:
        """The texts of all settings and headers, references among them."""
        texts = [value for _, value in (*self.settings, *self.headers)]
        return tuple(text for text in texts if isinstance(text, str))

    @property
    def sets(self) -> tuple[str, ...]:
        """The headers that say who sends: a stream cannot set them."""
        return set_by(self.type, dict(self.settings))

    def to_dict(self) -> dict[str, Any]:
        """The connection as plain data, as connections.yaml has it.

        Example:
            >>> Connection("none", headers={"X-Source": "shop"}).to_dict()
            {'type': 'none', 'headers': {'X-Source': 'shop'}}
        """
        settings = {
            key: list(value) if isinstance(value, tuple) else value for key, value in self.settings
        }
        headers = {"headers": dict(self.headers)} if self.headers else {}
        return {"type": self.type, **settings, **headers}

    def __repr__(self) -> str:
        words = [repr(self.type)]
        for key, value in self.to_dict().items():
            if key != "type":
                words.append(f"{'in_' if key == 'in' else key}={value!r}")
        return f"Connection({', '.join(words)})"


def no_connection() -> Connection:
    """The connection of a stream that names none."""
    return Connection.from_draft(ConnectionDraft("none", (), ()))


@dataclass(frozen=True, slots=True)
class ReferenceCheck:
    """Whether something is behind a reference; never what.

    Args:
        owner: The name of the connection or stream.
        key: The setting or header.
        reference: The reference.
        problem: Why nothing is behind it; None where something is.
    """

    owner: str
    key: str
    reference: str
    problem: str | None

    @property
    def found(self) -> bool:
        """Whether something is behind it."""
        return self.problem is None

    def __str__(self) -> str:
        return f"{self.owner}: {self.key}: {self.problem or f'{self.reference}: found'}"


@dataclass(frozen=True, init=False, repr=False)
class Connections(Mapping[str, Connection]):
    """Connections by name.

    Args:
        entries: A connection or its plain data for each name.

    Raises:
        DeliveryError: Something is not valid; all problems.

    Example:
        >>> connections = Connections({"crm": {"type": "bearer", "token": "env:CRM_TOKEN"}})
        >>> connections.names, connections["crm"].get("token")
        (('crm',), 'env:CRM_TOKEN')
        >>> print(connections.to_yaml(), end="")
        crm: {type: bearer, token: env:CRM_TOKEN}
    """

    entries: Mapping[str, Connection] = field(hash=False)
    file: str | None = field(compare=False)

    def __init__(self, entries: Mapping[str, Connection | Mapping[str, Any]] | None = None) -> None:
        plain = {
            name: each.to_dict() if isinstance(each, Connection) else each
            for name, each in (entries or {}).items()
        }
        self._read(from_plain(plain))

    def _read(self, document: Document) -> None:
        reading = Reading(document)
        drafts = read_connections(reading)
        _raise_problems(reading)
        entries = {name: Connection.from_draft(draft) for name, draft in drafts.items()}
        object.__setattr__(self, "entries", entries)
        object.__setattr__(self, "file", document.file)

    @classmethod
    def from_dict(cls, data: Mapping[str, Any]) -> Self:
        """Read connections from plain data, as connections.yaml has them.

        Raises:
            DeliveryError: Something is not valid; all problems.
        """
        return cls(data)

    @classmethod
    def from_file(cls, path: str | PathLike[str]) -> Self:
        """Read connections.yaml.

        Args:
            path: A .yaml, .yml or .json file.

        Raises:
            DeliveryError: It cannot be read or something is not valid; all problems with lines.
        """
        document, _ = read_document(path, DeliveryError)
        connections = cls.__new__(cls)
        connections._read(document)  # noqa: SLF001 # its own
        return connections

    @property
    def names(self) -> tuple[str, ...]:
        """The names, in the order of the file."""
        return tuple(self.entries)

    def entry(self, name: str, path: str = "", file: str | None = None) -> Connection:
        """The connection of a name.

        Args:
            name: What the stream calls it.
            path: For the message: the place that names it.
            file: For the message: the file that names it.

        Raises:
            DeliveryError: There is none of that name.
        """
        if name in self.entries:
            return self.entries[name]
        hint = did_you_mean(name, self.names)
        if hint is None:
            hint = f"the connections are {', '.join(self.names)}" if self.names else None
        raise DeliveryError(
            f"there is no connection '{name}'",
            code="unknown-connection",
            path=path,
            file=file,
            hint=hint or "pass the file that has it: --connections connections.yaml",
        )

    def with_entry(self, name: str, connection: Connection | Mapping[str, Any]) -> Connections:
        """These and one more, or another one under the same name.

        Raises:
            DeliveryError: The name or the connection is not valid.
        """
        return Connections({**self.entries, name: connection})

    def check(self, reader: Callable[[str], str] = resolve) -> tuple[ReferenceCheck, ...]:
        """Look behind every reference, without telling what is there.

        Args:
            reader: Gives the text behind a reference, or raises DeliveryError.

        Example:
            >>> connections = Connections({"crm": Connection("bearer", token="env:NO_SUCH_TOKEN")})
            >>> [check.problem for check in connections.check()]
            ['the environment variable NO_SUCH_TOKEN is not set']
        """
        return tuple(
            check
            for name, connection in self.entries.items()
            for check in check_references(name, connection.to_dict(), reader)
        )

    def to_dict(self) -> dict[str, Any]:
        """The connections as plain data."""
        return {name: each.to_dict() for name, each in self.entries.items()}

    def to_yaml(self) -> str:
        """The connections as a YAML document."""
        return dump_yaml(self.to_dict()) if self.entries else "{}\n"

    def save(self, path: str | PathLike[str]) -> None:
        """Write connections.yaml; where the file is there already its comments are kept.

        Raises:
            DeliveryError: The file that is there is not valid; nothing is written.
        """
        file = Path(path)
        text = None
        if file.exists():
            before = Connections.from_file(file)
            _, origin = read_document(file, DeliveryError)
            text = merge_text(origin, before.to_dict(), self.to_dict()) if before.entries else None
            if text is not None and not self._is_said_by(text):
                text = None
        replace_text(file, self.to_yaml() if text is None else text)

    def _is_said_by(self, text: str) -> bool:
        """Whether a text reads as these connections."""
        reading = Reading(read_yaml(text.removeprefix("\ufeff")))
        drafts = read_connections(reading)
        entries = {name: Connection.from_draft(draft) for name, draft in drafts.items()}
        return not reading.problems and entries == self.entries

    def __getitem__(self, name: str) -> Connection:
        return self.entries[name]

    def __iter__(self) -> Iterator[str]:
        return iter(self.entries)

    def __len__(self) -> int:
        return len(self.entries)

    def __repr__(self) -> str:
        return f"Connections({self.to_dict()!r})"


def check_references(
    owner: str, data: Mapping[str, Any], reader: Callable[[str], str] = resolve
) -> tuple[ReferenceCheck, ...]:
    """Look behind the references of a connection or a destination.

    Args:
        owner: Its name.
        data: Its plain data.
        reader: Gives the text behind a reference, or raises DeliveryError.
    """
    headers = data.get("headers") or {}
    return tuple(
        ReferenceCheck(owner, key, value, _problem_behind(value, reader))
        for key, value in (*data.items(), *headers.items())
        if isinstance(value, str) and is_reference(value)
    )


def _problem_behind(reference: str, reader: Callable[[str], str]) -> str | None:
    try:
        reader(reference)
    except DeliveryError as error:
        return error.problems[0].message
    return None


def _raise_problems(reading: Reading) -> None:
    problems = reading.located_problems()
    if problems:
        raise DeliveryError(problems)
