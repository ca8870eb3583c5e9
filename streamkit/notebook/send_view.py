"""The part of the builder that sends one request as a test."""

from __future__ import annotations

from typing import TYPE_CHECKING

from streamkit.errors import StreamkitError
from streamkit.markup import Markup, tag
from streamkit.notebook.bodies import SampleBody
from streamkit.notebook.fields import Kit, problem_html, scrolling

if TYPE_CHECKING:
    from streamkit.notebook.builder import Builder

__all__ = ["SendView"]


class SendView:
    """A sample that can be edited, the request with its secrets hidden, and the answer.

    Args:
        kit: Makes the widgets.
        builder: The value.
    """

    def __init__(self, kit: Kit, builder: Builder) -> None:
        self._kit = kit
        self._builder = builder
        self._sample = SampleBody("")
        self._words = kit.html()
        self._text = kit.area("Body to send; edit it as you like", rows=14)
        self._fill = kit.button("Fill in from a match again", self._filled)
        self._send = kit.button("Send test", self._pressed, classes="sk-main")
        self._outcome = kit.html(classes="sk-wide-content")
        self.box = kit.column(
            [self._words, self._text, kit.row([self._send, self._fill]), self._outcome], "sk-part"
        )

    def show(self) -> None:
        """Show the builder's draft."""
        draft = self._builder.draft
        can_send = draft.stream is not None and draft.stream.destination is not None
        self._send.disabled = not can_send
        words = "One request, now, outside of any ledger; its id begins with test-."
        if draft.stream is None:
            words = "A test can be sent when there are no problems."
        elif not can_send:
            words = "A test needs a destination."
        self._words.value = tag("div", words)

    def show_body(self, sample: SampleBody) -> None:
        """Offer the body of a match, unless the one there was edited."""
        with self._kit.showing():
            if self._text.value in ("", self._sample.text):
                self._text.value = sample.text
            self._sample = sample

    def _filled(self) -> None:
        with self._kit.showing():
            self._text.value = self._sample.text

    def _pressed(self) -> None:
        """Send in a thread: the notebook stays free meanwhile."""
        self._tell("Sending …")
        self._send.disabled = True
        self._builder.background(self._try)

    def _try(self) -> None:
        from streamkit.delivery.trial import send_test

        stream = self._builder.draft.stream
        text = self._text.value
        is_sample = self._sample.body is not None and text == self._sample.text
        try:
            if stream is None:
                raise StreamkitError("there are problems")
            trial = send_test(
                stream,
                self._builder.connections,
                body=self._sample.body if is_sample and self._sample.body else text,
            )
        except StreamkitError as error:
            self._tell("Not sent.", problem_html(error.problems))
        else:
            self._outcome.value = scrolling("Request and answer", Markup(trial._repr_html_()))
        self._send.disabled = False

    def _tell(self, words: str, more: str = "") -> None:
        self._outcome.value = tag("div", tag("span", words), Markup(more), role="status")
