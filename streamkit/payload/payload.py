"""`compile_payload`: a stream's payload, checked and ready to render."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Mapping
from typing import TYPE_CHECKING, Any

from streamkit.definition.payload_mapping import payload_mapping, payload_paths
from streamkit.errors import PayloadError
from streamkit.matching.context_checks import context_problems
from streamkit.matching.contexts import Columns, Context, Needs
from streamkit.payload.compiling import Compiler
from streamkit.payload.reading import Facts, fact_of
from streamkit.payload.state import LARGEST_BODY, State
from streamkit.payload.writing import write_body, write_plain

if TYPE_CHECKING:
    from streamkit.definition import Stream
    from streamkit.payload.body import Body
    from streamkit.running import Match

__all__ = ["Payload", "compile_payload"]


class Payload:
    """What is sent of a stream's matches.

    Made by `compile_payload`.

    Args:
        stream: The stream.
        needs: What it asks of a match's events.
    """

    def __init__(self, stream: Stream, needs: Needs) -> None:
        self.stream = stream
        self.needs = needs
        facts = Facts(stream.name, stream.version, len(stream.positive_steps))
        compiler = Compiler(payload_mapping(stream), facts)
        self._evaluate = compiler.body()
        self._write = write_body if compiler.has_secrets else write_plain

    def __repr__(self) -> str:
        return f"Payload({self.stream.name!r})"

    def render(self, match: Mapping[str, Any] | Match, context: Context) -> Body:
        """The body of a match: the same bytes for the same match and context.

        Args:
            match: A row of the table of matches, or a `Match`.
            context: The match's values.

        Raises:
            PayloadError: A value is missing under `missing: error`, or the body is too large.
        """
        try:
            body = self._write(self._evaluate(State(fact_of(match), context)))
        except (RecursionError, ValueError, TypeError) as error:
            raise PayloadError(
                f"a value of the match is no JSON: {error}",
                code="not-json",
                hint="a context holds plain JSON values",
            ) from None
        if len(body.content) > LARGEST_BODY:
            raise PayloadError(
                f"the body has {len(body.content):,} bytes, and at most {LARGEST_BODY:,} are sent",
                code="body-too-large",
                hint="choose single properties instead of whole documents",
            )
        return body

    def body_schema(self, columns: Columns | None = None) -> dict[str, Any]:
        """The JSON Schema (draft 2020-12) that every body meets.

        Args:
            columns: The events, whose types then show in it.
        """
        from streamkit.payload.body_schema import body_schema

        return body_schema(self.stream, columns)


def compile_payload(stream: Stream, columns: Columns | None = None) -> Payload:
    """Make a stream's payload ready to render; the generic envelope where it has none.

    Args:
        stream: The stream.
        columns: What the events have: a `History` or `EventTypes`; None checks no paths.

    Raises:
        PayloadError: Paths that the events do not have; all of them.

    Example:
        >>> from streamkit import Stream
        >>> stream = Stream("big", [{"event": "order"}], payload={
        ...     "json": {"total": ["var", "event.0.total"], "id": ["var", "match.id"]}})
        >>> payload = compile_payload(stream)
        >>> payload.needs.steps
        {0: ('total',)}
        >>> payload.render({"match_id": "4f"}, Context(({"total": 99.5},))).content
        b'{"total":99.5,"id":"4f"}'
    """
    if columns is not None:
        problems = [each for each in context_problems(stream, columns) if each.code != "no-column"]
        if problems:
            raise PayloadError(problems)
    return Payload(stream, _needs(stream))


def _needs(stream: Stream) -> Needs:
    steps: dict[int, dict[str, None]] = defaultdict(dict)
    firing: dict[str, None] = {}
    last: dict[str, None] = {}
    session_facts = False
    for each in payload_paths(stream):
        path = each.path
        if path.root == "event" and path.step is not None:
            steps[path.step][str(path.path)] = None
        elif path.root == "last":
            last[str(path.path)] = None
        elif path.root == "session" and path.fact not in (None, "id"):
            session_facts = True
        elif path.path is not None and path.fact is None:
            firing[str(path.path)] = None
    return Needs(
        {step: tuple(paths) for step, paths in sorted(steps.items())},
        tuple(firing),
        session_facts,
        tuple(last),
    )
