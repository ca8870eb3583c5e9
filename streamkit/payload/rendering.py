"""`render`: the bodies that a stream's matches would send."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from datetime import datetime
from typing import Any

from streamkit.backtesting import backtest
from streamkit.definition import Stream
from streamkit.errors import PayloadError
from streamkit.events import EventSource, History
from streamkit.matching.context_rows import read_contexts
from streamkit.payload.body import Body
from streamkit.payload.payload import compile_payload
from streamkit.payload.sampling import sample_context

__all__ = ["Rendered", "Rendering", "render"]


@dataclass(frozen=True, slots=True)
class Rendered:
    """A match and what would be sent of it.

    Args:
        match: The match, as a row of the table of matches.
        body: The body; None where none could be made.
        problem: Why none could be made.
    """

    match: Mapping[str, Any]
    body: Body | None
    problem: str | None = None

    @property
    def text(self) -> str:
        """The body as text, with `<secret env:NAME>` where a secret goes in."""
        if self.body is None:
            return ""
        return self.body.fill(lambda reference: f"<secret {reference}>").decode()


@dataclass(frozen=True)
class Rendering:
    """The bodies of a stream's matches.

    Args:
        stream: The stream.
        rendered: The matches, in the order of `fired_at`, and their bodies.
        count: How many matches there are in all.
        is_sample: Whether nothing matched, so that the one body holds made-up values.
    """

    stream: Stream
    rendered: tuple[Rendered, ...]
    count: int
    is_sample: bool

    def __str__(self) -> str:
        name = self.stream.name
        if self.is_sample:
            head = f"{name}: no match; a sample with values of the catalogue, made up together"
        else:
            head = f"{name}: {len(self.rendered):,} of {self.count:,} matches"
        lines = [head]
        for each in self.rendered:
            shown = each.text if each.problem is None else f"no body: {each.problem}"
            lines.append(f"  {each.match['match_id']}  {shown}")
        return "\n".join(lines)

    def __repr__(self) -> str:
        return str(self)


def render(
    stream: Stream,
    history: History | EventSource,
    *,
    since: datetime | str | None = None,
    until: datetime | str | None = None,
    limit: int | None = None,
    match_id: str | None = None,
    now: datetime | None = None,
) -> Rendering:
    """The bodies that a stream's matches in a history would send.

    Nothing is sent and no secret is read. Where nothing matches, one body is made of values that
    the catalogue knows, and marked as a sample.

    Args:
        stream: The definition; without a payload it sends the generic envelope.
        history: The events; anything a `History` can be made from will do.
        since: Only matches with `fired_at` at or after it.
        until: Only events before it, and matches with `fired_at` before it.
        limit: At most so many bodies, of the first matches; None for all.
        match_id: Only the match of this id.
        now: The present; the clock's by default.

    Raises:
        EventsError: The input cannot be read, or the stream asks for what it does not have.
        PayloadError: The payload asks for what the events do not have.

    Example:
        >>> import polars as pl
        >>> from streamkit import Stream
        >>> events = pl.DataFrame({"time": ["2026-03-01T10:00:00Z"], "event": ["order"],
        ...                        "session_id": ["s1"], "total": [99.5]})
        >>> stream = Stream("big", [{"event": "order"}],
        ...                 payload={"json": {"total": ["var", "event.0.total"]}})
        >>> render(stream, events).rendered[0].text
        '{"total":99.5}'
    """
    if not isinstance(history, History):
        history = History(history)
    payload = compile_payload(stream, history)
    found = backtest(stream, history, since=since, until=until, now=now, report=_silently).found
    tables = found.streams[0].tables
    matches, positions = tables.matches, tables.positions
    count = len(matches)
    if match_id is not None:
        chosen = (matches["match_id"] == match_id).to_numpy()
        matches, positions = matches.filter(chosen), positions[:, chosen]
        if not len(matches):
            raise PayloadError(
                f"{stream.name!r} has no match {match_id[:80]!r} there",
                code="no-such-match",
                hint="see the ids with 'streamkit render' without --match-id",
            )
    if limit is not None:
        matches, positions = matches[:limit], positions[:, :limit]
    rows = matches.to_dicts()
    if count:
        with history.connect() as connection:
            contexts = read_contexts(history, connection, matches, positions, payload.needs)
    else:
        row, context = sample_context(stream, history)
        rows, contexts = [row], [context]
    rendered = []
    for row, context in zip(rows, contexts, strict=True):
        try:
            rendered.append(Rendered(row, payload.render(row, context)))
        except PayloadError as error:
            rendered.append(Rendered(row, None, str(error)))
    return Rendering(stream, tuple(rendered), count, is_sample=not count)


def _silently(_: str, __: float | None) -> None:
    """Progress that nobody asked for."""
