"""What a run of `send` did, as a value."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any

from streamkit.delivery.ledger.notices import Notice
from streamkit.times import format_time, from_microseconds

__all__ = ["SendReport", "StreamReport"]


@dataclass(frozen=True, slots=True)
class StreamReport:
    """One stream's part of a run.

    Args:
        name: Its name.
        version: Its version.
        destination: Where it goes.
        since: From when on matches were handed over; None is from the start.
        found: Confirmed firing events in the range.
        known: How many of them the ledger held already.
        added: How many became `waiting`, `delivered` (marked as sent), `dead`, or
            `skipped: <reason>`.
        pending: Waits that were still open at the horizon.
        unproven: Firing events left out because their session may have begun before the input.
        delivered: How many matches the endpoint took in this run, earlier ones included.
        retried: Attempts that failed and are tried again.
        parked: Attempts that parked the destination.
        dead: Matches that died in this run.
        waiting: How many wait when the run ends.
        waits_for: What they wait for, in words.
        activations: What the matches that this run added will cost.
    """

    name: str
    version: str
    destination: str
    since: int | None
    found: int
    known: int = 0
    added: Mapping[str, int] = field(default_factory=dict)
    pending: int = 0
    unproven: int = 0
    delivered: int = 0
    retried: int = 0
    parked: int = 0
    dead: int = 0
    waiting: int = 0
    waits_for: str = ""
    activations: float = 0.0

    @property
    def skipped(self) -> int:
        """How many of those that were added are not sent."""
        return sum(count for state, count in self.added.items() if state.startswith("skipped"))


@dataclass(frozen=True, repr=False)
class SendReport:
    """What a run did, or would do.

    It shows itself as a report in a notebook and in a terminal, and holds no secret and no body
    but the samples of a dry run.

    Args:
        streams: Each stream's part.
        notes: What a reader should know.
        notices: What a person should hear of.
        parked: Destinations that are parked when the run ends, and why.
        month: The month, such as 2026-03.
        used: Activations reserved in it.
        budget: How many there are.
        stopped: Whether the budget keeps matches waiting.
        interrupted: Whether Ctrl-C ended the run early; what was under way is in the report.
        horizon: How far time is known, in microseconds.
        seconds: How long the run took.
        dry_run: Whether nothing was written or sent.
        seconds_to_send: In a dry run: how long sending would take at the destinations' rates.
        samples: In a dry run: the first bodies of each stream, secrets left out.
    """

    streams: Sequence[StreamReport]
    notes: Sequence[str] = ()
    notices: Sequence[Notice] = ()
    parked: Mapping[str, str] = field(default_factory=dict)
    month: str = ""
    used: float = 0.0
    budget: float = 0.0
    stopped: bool = False
    interrupted: bool = False
    horizon: int | None = None
    seconds: float = 0.0
    dry_run: bool = False
    seconds_to_send: float = 0.0
    samples: Mapping[str, Sequence[str]] = field(default_factory=dict)

    @property
    def needs_person(self) -> bool:
        """Whether matches died, a destination is parked or the budget is used up."""
        return bool(
            self.stopped
            or self.parked
            or any(each.dead or each.added.get("dead") for each in self.streams)
        )

    @property
    def exit_code(self) -> int:
        """0 done, 1 a person is needed, 130 interrupted."""
        return 130 if self.interrupted else int(self.needs_person)

    def to_dict(self) -> dict[str, Any]:
        """The same as plain data: what `streamkit send --json` prints."""
        return {
            "streams": [
                {
                    **{name: getattr(each, name) for name in StreamReport.__slots__},
                    "added": dict(each.added),
                    "since": _time(each.since),
                }
                for each in self.streams
            ],
            "notes": list(self.notes),
            "notices": [{**each._asdict(), "at": _time(each.at)} for each in self.notices],
            "parked": dict(self.parked),
            "month": self.month,
            "activations": self.used,
            "budget": self.budget,
            "stopped": self.stopped,
            "interrupted": self.interrupted,
            "horizon": _time(self.horizon),
            "seconds": round(self.seconds, 3),
            "dry_run": self.dry_run,
            "seconds_to_send": round(self.seconds_to_send, 1),
            "samples": {name: list(each) for name, each in self.samples.items()},
            "needs_person": self.needs_person,
        }

    def __repr__(self) -> str:
        from streamkit.delivery.showing import report_text

        return report_text(self)

    def _repr_html_(self) -> str:
        from streamkit.delivery.showing import report_html

        return report_html(self)


def _time(micros: int | None) -> str | None:
    return None if micros is None else format_time(from_microseconds(micros))
