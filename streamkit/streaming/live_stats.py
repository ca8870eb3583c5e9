"""What a live run has done so far."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from datetime import datetime

from streamkit.running import Stats
from streamkit.times import to_microseconds

__all__ = ["Counts", "LiveStats"]


@dataclass(frozen=True)
class Counts:
    """What came and what was found, over some time.

    Args:
        events: Events that came.
        late: Events that came too late.
        skipped: Events that took no part, by reason; only reasons that occurred.
        matches: Matches of each stream.

    Example:
        >>> Counts(5, matches={"rescue": 3}).less(Counts(2, matches={"rescue": 2}))
        Counts(events=3, late=0, skipped={}, matches={'rescue': 1})
    """

    events: int = 0
    late: int = 0
    skipped: Mapping[str, int] = field(default_factory=dict)
    matches: Mapping[str, int] = field(default_factory=dict)

    @classmethod
    def of(cls, stats: Stats) -> Counts:
        """What a matcher counts, from its first event on."""
        return cls(stats.events, stats.late, dict(stats.skipped), dict(stats.matches))

    def less(self, before: Counts) -> Counts:
        """What was added since."""
        skipped = _less(self.skipped, before.skipped)
        return Counts(
            events=self.events - before.events,
            late=self.late - before.late,
            skipped={reason: count for reason, count in skipped.items() if count},
            matches=_less(self.matches, before.matches),
        )


def _less(now: Mapping[str, int], before: Mapping[str, int]) -> dict[str, int]:
    names = dict.fromkeys((*now, *before))
    return {name: now.get(name, 0) - before.get(name, 0) for name in names}


@dataclass(frozen=True)
class LiveStats:
    """What a live run has done so far.

    Args:
        matcher: What the matcher counts; all of it goes on after a restart with a state file.
        commits: Commits of this process.
        sent: Matches that the sink has taken from this process.
        queue: Events that the source holds; None where it cannot tell.
        watermark_lag: How far the watermark is behind the wall clock, in seconds; None before the
            first event.
        this_run: What this process added to the matcher's counts.
    """

    matcher: Stats
    commits: int
    sent: int
    queue: int | None
    watermark_lag: float | None
    this_run: Counts

    @classmethod
    def of(
        cls,
        matcher: Stats,
        *,
        commits: int,
        sent: int,
        queue: int | None,
        wall_time: datetime,
        before: Counts | None = None,
    ) -> LiveStats:
        """The numbers at a moment of the wall clock; `before` is what was counted before this run."""
        lag = None
        if matcher.watermark is not None:
            lag = (to_microseconds(wall_time) - matcher.watermark) / 1e6
        this_run = Counts.of(matcher).less(before or Counts())
        return cls(matcher, commits, sent, queue, lag, this_run)

    @property
    def total(self) -> Counts:
        """What this run and the earlier ones over its state counted."""
        return Counts.of(self.matcher)
