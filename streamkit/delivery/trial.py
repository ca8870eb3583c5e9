"""Send test: one request, shown as it was sent, with what came of it and why."""

from __future__ import annotations

import json
import secrets as random_source
from collections.abc import Callable, Mapping
from dataclasses import asdict, dataclass, replace
from typing import TYPE_CHECKING, Any, TypeAlias

from streamkit.definition import Stream
from streamkit.definition.destination_reading import read_headers
from streamkit.definition.plain_data import from_plain
from streamkit.definition.reading_context import Reading
from streamkit.delivery.answers import Outcome
from streamkit.delivery.connections import Connections
from streamkit.delivery.destination import Destination
from streamkit.delivery.own_loop import run_in_own_loop
from streamkit.errors import DeliveryError, PayloadError
from streamkit.markup import Markup, shown, tag
from streamkit.payload.body import Body
from streamkit.references import is_reference

if TYPE_CHECKING:
    from streamkit.delivery.wire import Exchange, Wire
    from streamkit.events import EventSource, History

__all__ = ["BodyLike", "Trial", "send_test", "trial_id"]

BodyLike: TypeAlias = "Body | bytes | str | Mapping[str, Any] | list[Any]"
"""A rendered body, the text of one, or its plain data."""

TEST_PREFIX = "test-"
LONGEST_LINE = 400
BLOCK = "margin:.3em 0;padding:.5em;border:1px solid #8888;overflow:auto;white-space:pre-wrap"


@dataclass(frozen=True, slots=True)
class Trial:
    """What was sent as a test, and what came of it; secrets are hidden everywhere.

    Args:
        stream: The stream's name.
        request: The request line, such as `POST https://hooks.example/crm`.
        headers: Names and values as they were sent.
        body: The body's text.
        outcome: `delivered`, `retry`, `parked` or `dead`, as for a real match.
        status: The status of the answer; None where none came.
        reason: The likely cause, in a sentence.
        seconds: How long it took.
        answer: The start of the answer's text.
    """

    stream: str
    request: str
    headers: tuple[tuple[str, str], ...]
    body: str
    outcome: Outcome
    status: int | None
    reason: str
    seconds: float
    answer: str

    @property
    def delivered(self) -> bool:
        """Whether the endpoint took it."""
        return self.outcome == "delivered"

    @property
    def verdict(self) -> str:
        """What came of it, in a sentence."""
        if self.delivered:
            return f"Delivered in {self.seconds:.2f} s: {self.reason}"
        return f"Not delivered ({self.seconds:.2f} s): {self.reason}"

    def to_dict(self) -> dict[str, Any]:
        """The trial as plain data for JSON."""
        data = asdict(self)
        return {
            **data,
            "headers": [list(each) for each in self.headers],
            "delivered": self.delivered,
        }

    def __str__(self) -> str:
        parts = [_visible(self._head()), _visible(_laid_out(self.body)), _visible(self.verdict)]
        if self.answer:
            parts.append("Answer:\n" + _visible(self.answer))
        return "\n\n".join(parts)

    def __repr__(self) -> str:
        return f"Trial({shown(self.stream)!r}, {shown(self.verdict, 200)!r})"

    def _repr_html_(self) -> str:
        parts = [
            tag("p", tag("strong", _visible(self.verdict)), role="status"),
            _block("Request", _visible(f"{self._head()}\n\n{_laid_out(self.body)}")),
        ]
        if self.answer:
            parts.append(_block("Answer", _visible(self.answer)))
        return tag("section", *parts, style="max-width:60em")

    def _head(self) -> str:
        return "\n".join([self.request, *(f"{name}: {value}" for name, value in self.headers)])


def _visible(text: str) -> str:
    """Text of others, line by line, with what would steer a terminal made visible."""
    return "\n".join(shown(line, LONGEST_LINE) for line in text.splitlines())


def _laid_out(body: str) -> str:
    """JSON with a line for each value; other text as it is."""
    try:
        return json.dumps(json.loads(body), ensure_ascii=False, indent=2)
    except (ValueError, RecursionError):
        return body


def _block(title: str, text: str) -> Markup:
    return tag("div", tag("div", title, style="margin-top:.6em"), tag("pre", text, style=BLOCK))


def send_test(
    stream: Stream,
    connections: Connections | None = None,
    *,
    history: History | EventSource | None = None,
    match_id: str | None = None,
    body: BodyLike | None = None,
    headers: Mapping[str, str] | None = None,
    wire: Callable[[], Wire] | None = None,
) -> Trial:
    """Send one request to a stream's destination, now and outside of any ledger.

    The endpoint sees an Idempotency-Key that starts with `test-` and is new each time, so that a
    test is taken neither for a match nor for the test before it.

    Args:
        stream: A stream with a destination.
        connections: What its `connection` may name.
        history: The events. What is sent is a made-up match with values of their catalogue.
        match_id: With the events: send this match of theirs instead.
        body: Send this instead: JSON text, plain data, or a rendered body.
        headers: More headers, or others than the destination's; secrets as references.
        wire: Makes the wire to send over.

    Returns:
        The request as it was sent and what came of it. An endpoint that refuses it, or cannot be
        reached, is an answer and no error.

    Raises:
        DeliveryError: There is no destination or connection, nothing to send, or a header or the
            body is not valid.
        EventsError: The events cannot be read.
        PayloadError: There is no such match, or it has no body.

    Example:
        >>> stream = Stream("x", [{"event": "a"}], destination={"url": "env:NO_SUCH_HOOK"})
        >>> send_test(stream, body={"id": 1}).reason
        'the environment variable NO_SUCH_HOOK is not set (export NO_SUCH_HOOK=… before the command)'
    """
    destination = _with_headers(Destination.of(stream, connections), headers or {})
    frozen = _frozen(body) if body is not None else _rendered(stream, history, match_id)
    exchange, mask = run_in_own_loop(lambda: _exchange(destination, trial_id(), frozen, wire))
    request, answer = exchange
    address = destination.url
    if request is not None and not is_reference(address):
        address = mask(request.url)
    sent = request.headers if request is not None else destination.headers
    content = request.content if request is not None else frozen.content
    return Trial(
        stream=stream.name,
        request=f"{destination.method} {address}",
        headers=tuple((name, mask(value)) for name, value in sent),
        body=mask(content.decode("utf-8", "replace")),
        outcome=answer.outcome,
        status=answer.status,
        reason=answer.reason,
        seconds=answer.seconds,
        answer=answer.text,
    )


def trial_id() -> str:
    """An id that no match has: `test-` and 32 random hex digits."""
    return TEST_PREFIX + random_source.token_hex(16)


def _with_headers(destination: Destination, headers: Mapping[str, str]) -> Destination:
    """The destination with more headers, or others of the same name.

    Raises:
        DeliveryError: One of them is not valid.
    """
    reading = Reading(from_plain({"headers": dict(headers)}))
    root = reading.document.root
    assert root is not None, "a mapping is a document"
    own = read_headers(reading, root.value["headers"], ("headers",))
    taken = {name.lower() for name in destination.connection.sets}
    for name in own:
        if name.lower() in taken:
            message = f"the header '{name}' is set by the connection"
            reading.report("header-form", ("headers",), message, "leave it out")
    if reading.problems:
        raise DeliveryError(reading.located_problems())
    replaced = {name.lower() for name in own}
    kept = [each for each in destination.headers if each[0].lower() not in replaced]
    return replace(destination, headers=(*kept, *own.items()))


def _rendered(stream: Stream, history: History | EventSource | None, match_id: str | None) -> Body:
    """The body of a match, or of a made-up one.

    Raises:
        DeliveryError: There are no events to take it from.
        PayloadError: There is no such match, or it has no body.
    """
    if history is None:
        raise DeliveryError(
            "there is nothing to send",
            code="no-body",
            hint="give events to take a match from, or a body",
        )
    from streamkit.events import History  # the engine, loaded when events are read
    from streamkit.payload import compile_payload, render, sample_context

    events = history if isinstance(history, History) else History(history)
    if match_id is None:
        return compile_payload(stream, events).render(*sample_context(stream, events))
    found = render(stream, events, match_id=match_id, limit=1).rendered[0]
    if found.body is None:
        raise PayloadError(f"the match has no body: {found.problem}", code="no-body")
    return found.body


def _frozen(body: BodyLike) -> Body:
    """A body's bytes.

    Raises:
        DeliveryError: It is no JSON.
    """
    if isinstance(body, Body):
        return body
    try:
        if not isinstance(body, bytes | str):
            return Body(json.dumps(body, ensure_ascii=False, allow_nan=False).encode())
        content = body.encode() if isinstance(body, str) else body
        json.loads(content.decode("utf-8"))
    except (ValueError, TypeError, RecursionError) as error:
        place = f" in line {error.lineno}" if isinstance(error, json.JSONDecodeError) else ""
        raise DeliveryError(
            f"the body is no JSON in UTF-8{place}",
            code="bad-body",
            hint="look for a comma or quote that is missing there" if place else None,
        ) from None
    return Body(content)


async def _exchange(
    destination: Destination, match_id: str, body: Body, make: Callable[[], Wire] | None
) -> tuple[Exchange, Callable[[str], str]]:
    from streamkit.delivery.wire import Wire  # the HTTP client, loaded when something is sent

    async with (make or Wire)() as wire:
        return await wire.exchange(destination, match_id, body), wire.mask
