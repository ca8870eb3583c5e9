"""How fast bodies are rendered; `make bench` prints it."""

from __future__ import annotations

import time
from datetime import UTC, datetime

from streamkit.definition import Stream
from streamkit.matching.contexts import Context, SessionFacts
from streamkit.payload import compile_payload

__all__ = ["render_figures"]

TYPICAL = {
    "event": ["var", "stream.name"],
    "id": ["var", "match.id"],
    "at": ["toUnixTimestamp", ["var", "event.0.event_time"]],
    "fired_at": ["var", "match.fired_at"],
    "user": {"id": ["var", "user.id"], "email": ["lower", ["var", "user.email"]]},
    "browser": ["list", ["var", "event.0.ua_browser"], ["var", "event.0.ua_browser_version"]],
    "promo": {
        "accepted": ["var", "event.0.custom_properties.accepted"],
        "code": ["var", "event.0.custom_properties.promo_code", "none"],
    },
    "session": ["concat", ["var", "event.0.device_id"], "%3A", ["var", "event.0.session_id"]],
    "total": ["round", ["mul", ["var", "event.1.price"], ["var", "event.1.quantity"]], 2],
}
MATCH = {
    "match_id": "f7bf16a70cc638e8e44f208096b17326",
    "key": ["s1"],
    "session": "s1",
    "user": "u1",
    "started_at": datetime(2026, 3, 1, 10, tzinfo=UTC),
    "matched_at": datetime(2026, 3, 1, 10, 5, tzinfo=UTC),
    "fired_at": datetime(2026, 3, 1, 10, 35, tzinfo=UTC),
}
CONTEXT = Context(
    (
        {
            "event_time": "2026-03-01T10:00:00.000000Z",
            "ua_browser": "Chrome",
            "ua_browser_version": "121.0",
            "custom_properties.accepted": True,
            "custom_properties.promo_code": "SPRING",
            "device_id": 9007199254740993,
            "session_id": 4611686018427387904,
        },
        {"price": 19.9, "quantity": 3},
    ),
    {"user.email": "Ada@Example.com"},
    SessionFacts(7, 0, 1),
)


def render_figures(count: int = 50_000) -> dict[str, float]:
    """Bodies a second on one core, by payload."""
    payloads = {
        "typical": {"json": TYPICAL},
        "typical, omit": {"json": TYPICAL, "missing": "omit"},
        "with a secret": {"json": {**TYPICAL, "key": ["secret", "env:KEY"]}},
        "envelope": None,
    }
    figures = {}
    for name, payload in payloads.items():
        steps = [{"event": "a"}, {"event": "b"}]
        compiled = compile_payload(Stream("speed", steps, within="1h", payload=payload))
        began = time.process_time()
        for _ in range(count):
            compiled.render(MATCH, CONTEXT)
        figures[name] = count / (time.process_time() - began)
    return figures


if __name__ == "__main__":
    for name, figure in render_figures().items():
        print(f"{name}: {figure:,.0f} bodies/s")  # noqa: T201 # a script that prints
