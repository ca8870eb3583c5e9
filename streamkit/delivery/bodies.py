"""Bodies for candidates: their events are read once for a whole page, then each is rendered."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import TYPE_CHECKING, Any

import numpy as np

from streamkit.errors import PayloadError
from streamkit.matching.context_rows import read_contexts

if TYPE_CHECKING:
    import duckdb

    from streamkit.delivery.ledger.candidates import Candidate
    from streamkit.events import History
    from streamkit.matching.contexts import Context
    from streamkit.matching.table import MatchTables
    from streamkit.payload import Body, Payload
    from streamkit.running import Match

__all__ = ["BodyMaker", "rendered"]


def rendered(
    payload: Payload, match: Mapping[str, Any] | Match, context: Context
) -> Body | PayloadError:
    """A body, or why there is none."""
    try:
        return payload.render(match, context)
    except PayloadError as error:
        return error


class BodyMaker:
    """Makes the bodies of one stream's candidates.

    Args:
        payload: The stream's compiled payload.
        tables: Where the candidates came from.
        history: The events.
        connection: A connection made by the history.
    """

    def __init__(
        self,
        payload: Payload,
        tables: MatchTables,
        history: History,
        connection: duckdb.DuckDBPyConnection,
    ) -> None:
        self._payload = payload
        self._tables = tables
        self._history = history
        self._connection = connection
        self._made: dict[str, Body | PayloadError] = {}

    def prepare(self, candidates: Sequence[Candidate]) -> None:
        """Make bodies ahead, so that no other sender has to wait for it; earlier ones are let go."""
        self._made = dict(
            zip((each.match_id for each in candidates), self._make(candidates), strict=True)
        )

    def __call__(self, candidates: Sequence[Candidate]) -> list[Body | PayloadError]:
        """The bodies of candidates, or why there is none."""
        missing = [each for each in candidates if each.match_id not in self._made]
        made = self._made | dict(
            zip((each.match_id for each in missing), self._make(missing), strict=True)
        )
        return [made[each.match_id] for each in candidates]

    def _make(self, candidates: Sequence[Candidate]) -> list[Body | PayloadError]:
        if not candidates:
            return []
        places = np.array([each.place for each in candidates])
        matches = self._tables.matches[places]
        contexts = read_contexts(
            self._history,
            self._connection,
            matches,
            self._tables.positions[:, places],
            self._payload.needs,
        )
        rows = matches.iter_rows(named=True)
        return [
            rendered(self._payload, row, context)
            for row, context in zip(rows, contexts, strict=True)
        ]
