"""Running: the same streams, one event at a time, with the same answer."""

from streamkit.running.event_types import EventTypes
from streamkit.running.matcher import Matcher
from streamkit.running.matches import Match, MatchedEvent, match_table
from streamkit.running.tallies import BadEvent, LateEvent, Stats
from streamkit.running.verification import Difference, Verification, verify

__all__ = [
    "BadEvent",
    "Difference",
    "EventTypes",
    "LateEvent",
    "Match",
    "MatchedEvent",
    "Matcher",
    "Stats",
    "Verification",
    "match_table",
    "verify",
]
