"""Streams to start from: the shapes that people ask for, with the events left to choose."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

__all__ = ["STARTS"]

STARTS: Mapping[str, Mapping[str, Any]] = {
    "one event": {"name": "", "steps": [{}], "frequency": "every"},
    "one event, then another": {"name": "", "steps": [{}, {}], "within": "1h"},
    "one event, and then not another": {
        "name": "",
        "steps": [{}, {"exclude": {}, "for": "30m"}],
    },
    "two events with nothing in between": {
        "name": "",
        "steps": [{}, {"exclude": {}}, {}],
        "within": "1h",
    },
    "the same event several times": {
        "name": "",
        "steps": [{"at_least": 3}],
        "within": "10m",
        "frequency": "non_overlapping",
    },
    "back after some quiet days": {
        "name": "",
        "per": "user",
        "steps": [{"exclude": {}, "lookback": "7d"}, {}],
        "frequency": "every",
    },
}
"""By what they do, in words; each lacks its name and its events."""
