"""The body of a real match of the stream in the making."""

from __future__ import annotations

import json
from dataclasses import dataclass
from typing import TYPE_CHECKING

from streamkit.errors import Problem, StreamkitError

if TYPE_CHECKING:
    from streamkit.definition import Stream
    from streamkit.events import History
    from streamkit.notebook.preview import Previewed
    from streamkit.payload import Body

__all__ = ["SampleBody", "sample_body"]


@dataclass(frozen=True, slots=True)
class SampleBody:
    """A body to look at.

    Args:
        words: Which match it is of.
        body: What would be sent; None where none can be made.
        problems: Why.
    """

    words: str
    body: Body | None = None
    problems: tuple[Problem, ...] = ()

    @property
    def text(self) -> str:
        """The body on lines of its own, with `<secret env:NAME>` where a secret goes in."""
        if self.body is None:
            return ""
        compact = self.body.fill(lambda reference: f"<secret {reference}>").decode()
        return json.dumps(json.loads(compact), ensure_ascii=False, indent=2)


def sample_body(stream: Stream, history: History, previewed: Previewed) -> SampleBody:
    """What would be sent of the preview's first match; of made-up values where nothing matched.

    Args:
        stream: The stream.
        history: The events.
        previewed: The preview, whose matches are those of this very stream.
    """
    from streamkit.matching.context_rows import read_contexts
    from streamkit.payload import compile_payload, sample_context

    result = previewed.result
    try:
        payload = compile_payload(stream, history)
        if result is not None and len(result.matches):
            tables = result.found.streams[0].tables
            matches, positions = tables.matches[:1], tables.positions[:, :1]
            with result.history.connect() as connection:
                found = read_contexts(result.history, connection, matches, positions, payload.needs)
            match, context = matches.to_dicts()[0], found[0]
            words = f"The body of match {match['match_id']}, fired {match['fired_at']:%Y-%m-%d %H:%M:%S} UTC"
        else:
            match, context = sample_context(stream, history)
            words = "Nothing matched: a body of made-up values from the catalogue"
        return SampleBody(words, payload.render(match, context))
    except StreamkitError as error:
        return SampleBody("No body can be made", problems=error.problems)
