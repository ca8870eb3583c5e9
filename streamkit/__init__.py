"""Say once what should trigger a message; know from history how often it would have; switch it on.

Importing this package loads nothing else: each name is found when it is first used.
"""

from __future__ import annotations

from importlib import import_module
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from streamkit.backtesting import Backtest, backtest
    from streamkit.definition import (
        Stream,
        cooldown,
        defined,
        event,
        exclude,
        load,
        load_named,
        prop,
        save_named,
        stream_json_schema,
    )
    from streamkit.errors import (
        DefinitionError,
        DeliveryError,
        EventsError,
        PayloadError,
        Problem,
        StreamkitError,
    )
    from streamkit.events import History, Schema, Sessionizer
    from streamkit.running import Match, Matcher, verify

__all__ = [
    "Backtest",
    "DefinitionError",
    "DeliveryError",
    "EventsError",
    "History",
    "Match",
    "Matcher",
    "PayloadError",
    "Problem",
    "Schema",
    "Sessionizer",
    "Stream",
    "StreamkitError",
    "backtest",
    "cooldown",
    "defined",
    "event",
    "exclude",
    "load",
    "load_named",
    "prop",
    "save_named",
    "stream_json_schema",
    "verify",
]

HOMES = {
    "streamkit.backtesting": ("Backtest", "backtest"),
    "streamkit.definition": (
        "Stream",
        "cooldown",
        "defined",
        "event",
        "exclude",
        "load",
        "load_named",
        "prop",
        "save_named",
        "stream_json_schema",
    ),
    "streamkit.errors": (
        "DefinitionError",
        "DeliveryError",
        "EventsError",
        "PayloadError",
        "Problem",
        "StreamkitError",
    ),
    "streamkit.events": ("History", "Schema", "Sessionizer"),
    "streamkit.running": ("Match", "Matcher", "verify"),
}
HOME_OF = {name: home for home, names in HOMES.items() for name in names}


def __getattr__(name: str) -> Any:
    if name not in HOME_OF:
        raise AttributeError(f"module 'streamkit' has no attribute {name!r}")
    value = getattr(import_module(HOME_OF[name]), name)
    globals()[name] = value
    return value


def __dir__() -> list[str]:
    return __all__
