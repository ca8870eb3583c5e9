"""What the tests render: a stream of one or two steps, and a context made by hand."""

from __future__ import annotations

import json
from datetime import UTC, datetime
from typing import Any

from streamkit.definition import Stream
from streamkit.definition.payload_calls import EXAMPLE_VALUES
from streamkit.matching.contexts import Context, SessionFacts
from streamkit.payload import Body, compile_payload

__all__ = ["CONTEXT", "MATCH", "body_of", "evaluate", "shown", "stream_of"]

MATCH: dict[str, Any] = {
    "stream": "s",
    "version": "v",
    "match_id": "f7bf16a70cc638e8e44f208096b17326",
    "key": ["s1", "sku-7"],
    "session": "s1",
    "user": "u1",
    "started_at": datetime(2026, 3, 1, 10, tzinfo=UTC),
    "matched_at": datetime(2026, 3, 1, 10, 5, 0, 250_000, tzinfo=UTC),
    "fired_at": datetime(2026, 3, 1, 10, 35, tzinfo=UTC),
    "events": [],
}
CONTEXT = Context(
    (dict(EXAMPLE_VALUES), {"price": 5}),
    {"user.email": "ada@example.com", "session.plan": "pro"},
    SessionFacts(7, 1_772_359_200_000_000, 1_772_359_290_500_000, {"url": "/end"}),
)


def stream_of(payload: Any, **more: Any) -> Stream:
    data = {
        "name": "left with a full basket",
        "steps": [{"event": "a"}, {"event": "b"}],
        "within": "1h",
        "per": ["session", "sku"],
        "payload": payload,
    }
    return Stream.from_dict({**data, **more})


def body_of(mapping: Any, context: Context = CONTEXT, **payload: Any) -> Body:
    return compile_payload(stream_of({"json": mapping, **payload})).render(MATCH, context)


def shown(body: Body) -> Any:
    return json.loads(body.fill(lambda reference: f"<secret {reference}>"))


def evaluate(mapping: Any, context: Context = CONTEXT, **payload: Any) -> Any:
    """The value of a mapping, as it stands in a body."""
    return shown(body_of({"value": mapping}, context, **payload)).get("value", "<omitted>")
