"""What a live run has done so far."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import datetime

from streamkit.running import Stats
from streamkit.times import to_microseconds

__all__ = ["LiveStats"]


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
    """

    matcher: Stats
    commits: int
    sent: int
    queue: int | None
    watermark_lag: float | None

    @classmethod
    def of(
        cls, matcher: Stats, *, commits: int, sent: int, queue: int | None, wall_time: datetime
    ) -> LiveStats:
        """The numbers at a moment of the wall clock."""
        lag = None
        if matcher.watermark is not None:
            lag = (to_microseconds(wall_time) - matcher.watermark) / 1e6
        return cls(matcher, commits, sent, queue, lag)
