"""Notices sent to a webhook of their own."""

from __future__ import annotations

import json
import logging
from collections.abc import Mapping, Sequence
from typing import TYPE_CHECKING, Any

from streamkit.delivery.ledger.notices import Notice
from streamkit.delivery.ledger.tables import digest
from streamkit.payload.body import Body
from streamkit.times import format_time, from_microseconds

if TYPE_CHECKING:
    from streamkit.delivery.connections import Connections
    from streamkit.delivery.destination import Destination
    from streamkit.delivery.sender import Deliverer

__all__ = ["notice_destination", "send_notices"]

log = logging.getLogger("streamkit.delivery")


def notice_destination(
    data: Mapping[str, Any] | None, connections: Connections | None
) -> Destination | None:
    """The destination of notices.

    Raises:
        DefinitionError: Its form is not valid.
        DeliveryError: It cannot be used.
    """
    if data is None:
        return None
    from streamkit.definition import Stream
    from streamkit.delivery.destination import Destination

    stream = Stream("notices", [{"event": "notice"}], destination=data)
    return Destination.of(stream, connections)


async def send_notices(
    wire: Deliverer, destination: Destination | None, notices: Sequence[Notice]
) -> None:
    """Send notices, once each; one that cannot be sent is logged and is in the ledger anyway."""
    if destination is None:
        return
    for notice in notices:
        data = {
            "time": format_time(from_microseconds(notice.at)),
            "kind": notice.kind,
            "subject": notice.subject,
            "text": notice.text,
        }
        body = Body(json.dumps(data, ensure_ascii=False).encode())
        notice_id = digest(f"{notice.at} {notice}").removeprefix("sha256:")
        answer = await wire.deliver(destination, notice_id, body)
        if answer.outcome != "delivered":
            log.warning("a notice could not be sent: %s", answer.reason)
