"""Candidates: confirmed firing events as a ledger decides on them."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

from streamkit.delivery.ledger.rules import Place, Run
from streamkit.matching.identity import compact
from streamkit.times import to_microseconds

if TYPE_CHECKING:
    import polars as pl

    from streamkit.definition import Stream

__all__ = ["Candidate", "StreamRules", "cooldown_value", "pages", "read_candidates"]

WHOLE, HUNDREDTH = 100, 1


@dataclass(frozen=True, slots=True)
class Candidate:
    """A confirmed firing event, before frequency and cooldown.

    Args:
        match_id: Its id.
        key: The parts of its key.
        session: Session of the firing event.
        user: User of the firing event.
        fired_at: In microseconds.
        run: Its first and last row.
        cooldown_value: What its cooldown is counted by; None is never held back.
        place: Its row in the table it came from.
    """

    match_id: str
    key: tuple[str, ...]
    session: str | None
    user: str | None
    fired_at: int
    run: Run
    cooldown_value: str | None
    place: int

    @property
    def key_text(self) -> str:
        """The key as the ledger keeps it."""
        return compact(self.key)


@dataclass(frozen=True, slots=True)
class StreamRules:
    """What a ledger needs to know of a stream to decide on its candidates.

    Args:
        stream: The definition.
        dedupe: How far apart in time one event may come twice, in microseconds.
        max_age: How long after `fired_at` a match is still sent, in microseconds.
    """

    stream: Stream
    dedupe: int
    max_age: int

    @property
    def cooldown(self) -> int | None:
        """The cooldown, in microseconds."""
        rule = self.stream.cooldown
        return None if rule is None else rule.for_.microseconds

    @property
    def units(self) -> int:
        """What a match costs, in hundredths of an activation."""
        return WHOLE if self.stream.is_pattern else HUNDREDTH


def cooldown_value(stream: Stream, value: str | None) -> str | None:
    """What a ledger keeps of a cooldown value: with what it is the value of."""
    if stream.cooldown is None or value is None:
        return None
    return compact([stream.cooldown.by, value])


def read_candidates(
    stream: Stream,
    matches: pl.DataFrame,
    runs: pl.DataFrame,
    *,
    since: int | None,
    proven_only: bool,
) -> tuple[list[Candidate], int]:
    """The rows of two tables of `find_matches(…, undecided=True)`, in the order they are decided.

    Args:
        stream: The stream.
        matches: Columns of `MATCH_SCHEMA`.
        runs: Columns of `RUN_SCHEMA`.
        since: Only those that fire at or after it, in microseconds.
        proven_only: Whether to leave out sessions that may have begun before the input.

    Returns:
        The candidates, and how many were left out because of their sessions.
    """
    rows = enumerate(zip(matches.iter_rows(named=True), runs.iter_rows(named=True), strict=True))
    read = [
        (_candidate(stream, place, match, run), run["is_proven"]) for place, (match, run) in rows
    ]
    ranged = [(each, proven) for each, proven in read if since is None or each.fired_at >= since]
    found = [each for each, proven in ranged if proven or not proven_only]
    found.sort(key=lambda each: (each.fired_at, each.run.last.rank))
    return found, len(ranged) - len(found)


def _candidate(
    stream: Stream, place: int, match: Mapping[str, Any], run: Mapping[str, Any]
) -> Candidate:
    return Candidate(
        match_id=match["match_id"],
        key=tuple(match["key"]),
        session=match["session"],
        user=match["user"],
        fired_at=to_microseconds(match["fired_at"]),
        run=Run(
            Place(run["first_row"], to_microseconds(match["started_at"]), run["first_rank"]),
            Place(run["last_row"], to_microseconds(match["matched_at"]), run["last_rank"]),
        ),
        cooldown_value=cooldown_value(stream, run["cooldown_value"]),
        place=place,
    )


def pages(candidates: Sequence[Candidate], size: int) -> Iterator[Sequence[Candidate]]:
    """Candidates in transactions' worth; those that fire at one time stay together.

    The cooldown decides between them by their ids, so it has to see all of them.
    """
    begin = 0
    while begin < len(candidates):
        end = min(begin + size, len(candidates))
        while end < len(candidates) and candidates[end].fired_at == candidates[end - 1].fired_at:
            end += 1
        yield candidates[begin:end]
        begin = end
