"""`Stream`: a definition as a frozen value, from whatever source."""

from __future__ import annotations

import json
from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field
from functools import cached_property
from typing import TYPE_CHECKING, Any, Literal, Self

from streamkit.definition.authoring import (
    CooldownLike,
    CriterionLike,
    ExcludeLike,
    Length,
    StepLike,
    plain,
    plain_pattern,
)
from streamkit.definition.criteria import All, Criterion
from streamkit.definition.model import Cooldown, Defined, Exclude, Frequency, Step
from streamkit.definition.named import NamedCondition, as_named, read_named_beside
from streamkit.definition.plain_data import from_plain
from streamkit.definition.python_writing import stream_python
from streamkit.definition.reading_context import NamedAlternatives, Reading, raise_problems
from streamkit.definition.sentences import stream_sentence
from streamkit.definition.stream_reading import read_stream
from streamkit.definition.versions import stream_version
from streamkit.definition.writing import stream_data
from streamkit.definition.yaml_writing import stream_yaml
from streamkit.document.files import Origin, read_document
from streamkit.document.nodes import Document
from streamkit.duration import Duration

if TYPE_CHECKING:
    from os import PathLike

    from streamkit.definition.rules import Draft

__all__ = ["Stream"]


@dataclass(frozen=True, init=False)
class Stream:
    """What to match, what to send and where to send it.

    Authoring objects, plain data and model values are all accepted, durations as text. The
    result is checked as a file is.

    Args:
        name: 1 to 100 characters; part of every match id.
        steps: The order of events: `event(...)`, `exclude(...)`, or their plain data.
        description: For people.
        enabled: Whether it is switched on.
        per: What a match lives inside: `session`, `user`, or a list that is the whole key.
        where: Criteria that every step's event meets as well; excludes are not narrowed.
        exclude: What must not happen anywhere between the first and the last event.
        within: First to last event, inclusive; `unbounded` is the whole key.
        frequency: `once`, `every`, `per_start` or `non_overlapping`.
        cooldown: The least time between two matches of one value.
        payload: What to send, as plain data.
        destination: Where to send it, as plain data.
        defined: What the names of `defined(...)` stand for.
        origin: The text it was read from, whose comments `to_yaml` keeps.

    Raises:
        DefinitionError: Something is wrong; it carries all the problems.

    Example:
        >>> from streamkit.definition import event, exclude, prop
        >>> stream = Stream(
        ...     name="left-with-a-full-basket",
        ...     steps=[event("add_to_cart").where(prop("price") > 20), exclude(event("purchase"))],
        ...     within="1h",
        ... )
        >>> stream.version
        '1d5948e45701'
    """

    name: str
    steps: tuple[Step | Exclude, ...]
    description: str | None
    enabled: bool
    per: str | tuple[str, ...]
    where: Criterion
    exclude: tuple[Exclude, ...]
    within: Duration | Literal["unbounded"] | None
    frequency: Frequency
    cooldown: Cooldown | None
    payload: Mapping[str, Any] | None = field(hash=False)
    destination: Mapping[str, Any] | None = field(hash=False)
    origin: Origin | None = field(repr=False, compare=False)

    def __init__(  # one argument for each key of a stream file
        self,
        name: str,
        steps: Iterable[StepLike],
        *,
        description: str | None = None,
        enabled: bool = True,
        per: str | Iterable[str] = "session",
        where: CriterionLike = All(),  # a frozen value
        exclude: Iterable[ExcludeLike] = (),
        within: Length | None = None,
        frequency: str = "once",
        cooldown: CooldownLike | None = None,
        payload: Mapping[str, Any] | None = None,
        destination: Mapping[str, Any] | None = None,
        defined: Mapping[str, object] | None = None,
        origin: Origin | None = None,
    ) -> None:
        data = {
            "name": name,
            "steps": _listed(steps, plain),
            "description": description,
            "enabled": enabled,
            "per": _listed(per, plain),
            "where": plain(where),
            "exclude": _listed(exclude, plain_pattern),
            "within": within,
            "frequency": frequency,
            "cooldown": plain(cooldown),
            "payload": payload,
            "destination": destination,
        }
        self._read(from_plain(data), as_named(defined), origin)

    def _read(
        self, document: Document, named: NamedAlternatives | None, origin: Origin | None
    ) -> None:
        """Fill the fields from a document, or raise its problems."""
        reading = Reading(document, named)
        draft = read_stream(reading)
        reading.raise_if_any()
        self._fill(draft, origin)

    def _fill(self, draft: Draft, origin: Origin | None) -> None:
        values = {
            "name": draft.name,
            "steps": tuple(step for step in draft.steps if step is not None),
            "description": draft.description,
            "enabled": draft.enabled,
            "per": draft.per,
            "where": draft.where,
            "exclude": tuple(each for each in draft.exclude if each is not None),
            "within": draft.within,
            "frequency": draft.frequency,
            "cooldown": draft.cooldown,
            "payload": draft.payload,
            "destination": draft.destination,
            "origin": origin,
        }
        for name, value in values.items():
            object.__setattr__(self, name, value)

    @classmethod
    def from_dict(
        cls, data: Mapping[str, Any], *, defined: Mapping[str, object] | None = None
    ) -> Self:
        """Read a stream from plain data, as a file holds it.

        Args:
            data: The keys of a stream file.
            defined: What the names of `defined` stand for: patterns or plain data by name.

        Raises:
            DefinitionError: Something is wrong; it carries all the problems.

        Example:
            >>> Stream.from_dict({"name": "any", "steps": [{"event": "purchase"}]}).name
            'any'
        """
        stream = cls.__new__(cls)
        stream._read(from_plain(data), as_named(defined), None)  # noqa: SLF001 # its own
        return stream

    @classmethod
    def from_file(cls, path: str | PathLike[str]) -> Self:
        """Read a stream file, and the events.yaml beside it if there is one.

        Args:
            path: A .yaml, .yml or .json file.

        Raises:
            DefinitionError: It cannot be read or something is wrong in it; all problems.
        """
        document, origin = read_document(path)
        named, problems = read_named_beside(path)
        stream, found = cls._from_document(document, named, origin)
        raise_problems([*problems, *found])
        return stream

    @classmethod
    def _from_document(
        cls,
        document: Document,
        named: Mapping[str, NamedCondition] | None,
        origin: Origin | None,
    ) -> tuple[Self, list[Any]]:
        """The stream of a document together with its problems, for callers who go on."""
        table = None if named is None else {name: each.alternatives for name, each in named.items()}
        reading = Reading(document, table)
        draft = read_stream(reading)
        return cls.from_draft(draft, origin), reading.located_problems()

    @classmethod
    def from_draft(cls, draft: Draft, origin: Origin | None = None) -> Self:
        """The stream of a draft in which no problem was found."""
        stream = cls.__new__(cls)
        stream._fill(draft, origin)  # noqa: SLF001 # its own
        return stream

    def to_dict(self) -> dict[str, Any]:
        """The stream as plain data with defaults left out; `from_dict` reads it back.

        Example:
            >>> Stream("any", [{"event": "purchase"}]).to_dict()
            {'name': 'any', 'steps': [{'event': 'purchase'}]}
        """
        return stream_data(self)

    def to_json(self) -> str:
        """The stream as a JSON document.

        Example:
            >>> Stream("any", [{"event": "purchase"}]).to_json().splitlines()[1]
            '  "name": "any",'
        """
        return json.dumps(self.to_dict(), ensure_ascii=False, indent=2) + "\n"

    def to_yaml(self) -> str:
        r"""The stream as a YAML document.

        Returns:
            The text it was read from, comments included, with the changes made since.

        Example:
            >>> Stream("any", [{"event": "purchase"}]).to_yaml()
            'name: any\nsteps:\n  - event: purchase\n'
        """
        return stream_yaml(self)

    def to_python(self) -> str:
        """Python source that builds the stream and names it `stream`.

        Example:
            >>> print(Stream("any", [{"event": "purchase"}]).to_python(), end="")
            from streamkit import Stream, event
            <BLANKLINE>
            stream = Stream(name="any", steps=[event("purchase")])
        """
        return stream_python(self)

    @cached_property
    def sentence(self) -> str:
        """The whole definition in plain English.

        Example:
            >>> Stream("any", [{"event": "purchase"}], per="user").sentence
            'For each user, fires once, the first time that purchase happens.'
        """
        return stream_sentence(self)

    @cached_property
    def version(self) -> str:
        """Twelve hex digits that change exactly when the definition matches otherwise."""
        return stream_version(self)

    @property
    def positive_steps(self) -> tuple[Step, ...]:
        """The steps that an event must meet, excludes left out."""
        return tuple(step for step in self.steps if isinstance(step, Step))

    @property
    def copies(self) -> int:
        """How many events a run has: the sum of `at_least` over the positive steps."""
        return sum(step.at_least for step in self.positive_steps)

    @cached_property
    def excludes_before(self) -> tuple[tuple[Exclude, ...], ...]:
        """For each positive step the excludes between it and the one before.

        The first item holds the excludes before the first step, which count back from it.
        """
        places: list[tuple[Exclude, ...]] = []
        waiting: list[Exclude] = []
        for step in self.steps:
            if isinstance(step, Exclude):
                waiting.append(step)
            else:
                places.append(tuple(waiting))
                waiting = []
        return tuple(places)

    @property
    def first_excludes(self) -> tuple[Exclude, ...]:
        """The excludes before the first step."""
        return self.excludes_before[0]

    @cached_property
    def last_excludes(self) -> tuple[Exclude, ...]:
        """The excludes after the last step, each with its `for_` filled in."""
        last = max(index for index, step in enumerate(self.steps) if isinstance(step, Step))
        default = self.within if isinstance(self.within, Duration) else None
        return tuple(
            Exclude(step.alternatives, for_=step.for_ or default)
            for step in self.steps[last + 1 :]
            if isinstance(step, Exclude)
        )

    @property
    def wait(self) -> Duration | None:
        """From the last event to the moment the match fires; None where it fires at once."""
        lengths = [each.for_ for each in self.last_excludes if each.for_ is not None]
        return max(lengths, default=None)

    @property
    def named_conditions(self) -> tuple[Defined, ...]:
        """The named conditions that the steps and excludes use, each once."""
        patterns = [each.alternatives for each in (*self.steps, *self.exclude)]
        found = {
            each.name: each for pattern in patterns for each in pattern if isinstance(each, Defined)
        }
        return tuple(found.values())

    @property
    def is_pattern(self) -> bool:
        """Whether a match takes more than one event or a wait (a whole activation)."""
        return self.copies > 1 or bool(self.last_excludes)


def _listed(values: Any, write: Any) -> Any:
    """The items as plain data; what is no collection is left for the reader to refuse."""
    if (
        values is None
        or isinstance(values, str | bytes | Mapping)
        or not isinstance(values, Iterable)
    ):
        return values
    return [write(value) for value in values]
