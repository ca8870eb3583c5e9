"""What tests of the wire share: a destination for a URL, and attempts to deliver."""

from __future__ import annotations

import asyncio
from collections.abc import Mapping
from datetime import UTC, datetime, timedelta
from typing import Any

from streamkit.definition import Stream
from streamkit.delivery.answers import Answer
from streamkit.delivery.connections import Connections
from streamkit.delivery.destination import Destination
from streamkit.delivery.wire import Limits, Wire
from streamkit.payload.body import Body

__all__ = ["BODY", "SHORT", "VirtualClock", "deliver", "destination", "stream"]

BODY = Body(b'{"id":1,"name":"\xc3\xa9"}')
SHORT = Limits(connect=0.5, attempt=0.5, text=0.3)
"""Less patience than in earnest, where a test waits for the end of it."""


class VirtualClock:
    """A time that passes when it is told to."""

    def __init__(self, now: datetime = datetime(2026, 3, 1, 10, 0, tzinfo=UTC)) -> None:
        self.now = now

    def __call__(self) -> datetime:
        return self.now

    def pass_time(self, seconds: float) -> None:
        self.now += timedelta(seconds=seconds)


def stream(url: str, **more: Any) -> Stream:
    return Stream("x", [{"event": "a"}], destination={"url": url, **more})


def destination(url: str, connection: Mapping[str, Any] | None = None, **more: Any) -> Destination:
    """The destination of a stream that sends to a URL, over a connection if one is given."""
    if connection is None:
        return Destination.of(stream(url, **more))
    return Destination.of(stream(url, connection="c", **more), Connections({"c": connection}))


def deliver(*destinations: Destination, body: Body = BODY, **settings: Any) -> list[Answer]:
    """One attempt for each destination, one after the other over one wire."""

    async def run() -> list[Answer]:
        async with Wire(**settings) as wire:
            return [
                await wire.deliver(each, f"m{number}", body)
                for number, each in enumerate(destinations)
            ]

    return asyncio.run(run())
