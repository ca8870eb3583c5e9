"""Say once what should trigger a message; know from history how often it would have; switch it on.

Importing this package loads nothing else: each name is found when it is first used.
"""

from __future__ import annotations

import sys
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
    from streamkit.delivery.connections import Connection, Connections
    from streamkit.delivery.ledger import Ledger
    from streamkit.delivery.live_sink import LedgerSink
    from streamkit.delivery.send_report import SendReport
    from streamkit.delivery.sending import send
    from streamkit.delivery.trial import Trial, send_test
    from streamkit.errors import (
        DefinitionError,
        DeliveryError,
        EventsError,
        PayloadError,
        Problem,
        StreamkitError,
    )
    from streamkit.events import History, Schema, Sessionizer
    from streamkit.notebook.builder import Builder
    from streamkit.payload import Rendering, render
    from streamkit.running import Match, Matcher, verify
    from streamkit.streaming import LiveRun, live

__all__ = [
    "Backtest",
    "Builder",
    "Connection",
    "Connections",
    "DefinitionError",
    "DeliveryError",
    "EventsError",
    "History",
    "Ledger",
    "LedgerSink",
    "LiveRun",
    "Match",
    "Matcher",
    "PayloadError",
    "Problem",
    "Rendering",
    "Schema",
    "SendReport",
    "Sessionizer",
    "Stream",
    "StreamkitError",
    "Trial",
    "backtest",
    "cooldown",
    "defined",
    "event",
    "exclude",
    "live",
    "load",
    "load_named",
    "prop",
    "render",
    "save_named",
    "send",
    "send_test",
    "stream_json_schema",
    "verify",
]

HOMES = {
    "streamkit.notebook.builder": ("Builder",),
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
    "streamkit.delivery.connections": ("Connection", "Connections"),
    "streamkit.delivery.trial": ("Trial", "send_test"),
    "streamkit.delivery.ledger": ("Ledger",),
    "streamkit.delivery.live_sink": ("LedgerSink",),
    "streamkit.delivery.send_report": ("SendReport",),
    "streamkit.delivery.sending": ("send",),
    "streamkit.errors": (
        "DefinitionError",
        "DeliveryError",
        "EventsError",
        "PayloadError",
        "Problem",
        "StreamkitError",
    ),
    "streamkit.events": ("History", "Schema", "Sessionizer"),
    "streamkit.payload": ("Rendering", "render"),
    "streamkit.running": ("Match", "Matcher", "verify"),
    "streamkit.streaming": ("LiveRun", "live"),
}
HOME_OF = {name: home for home, names in HOMES.items() for name in names}


if "IPython" in sys.modules:  # some values show themselves in a notebook with fields and buttons
    import_module("streamkit.notebook.displays").register()


def __getattr__(name: str) -> Any:
    if name not in HOME_OF:
        raise AttributeError(f"module 'streamkit' has no attribute {name!r}")
    value = getattr(import_module(HOME_OF[name]), name)
    globals()[name] = value
    return value


def __dir__() -> list[str]:
    return __all__
