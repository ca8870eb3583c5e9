"""Delivery: a match reaches its endpoint, at least once and under one id.

Names are found when they are first used: who only names a connection loads no engine.
"""

from __future__ import annotations

from importlib import import_module
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from streamkit.delivery.ledger import Ledger, Status
    from streamkit.delivery.live_sink import LedgerSink
    from streamkit.delivery.send_report import SendReport
    from streamkit.delivery.sending import send
    from streamkit.delivery.settings import Settings

__all__ = ["Ledger", "LedgerSink", "SendReport", "Settings", "Status", "send"]

HOMES = {
    "Ledger": "ledger",
    "LedgerSink": "live_sink",
    "SendReport": "send_report",
    "Settings": "settings",
    "Status": "ledger",
    "send": "sending",
}


def __getattr__(name: str) -> Any:
    if name not in HOMES:
        raise AttributeError(f"module 'streamkit.delivery' has no attribute {name!r}")
    return getattr(import_module(f"streamkit.delivery.{HOMES[name]}"), name)
