"""Status cards of what runs: a live run, a ledger while matches are sent.

A card is HTML behind a display handle that a thread brings up to date, at most four times a second,
also while another cell runs; the last state stays in the saved notebook. The buttons below it are
only there while the kernel runs.
"""

from __future__ import annotations

import threading
from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime
from types import TracebackType
from typing import Any, Protocol, Self

from streamkit.markup import QUIET, Markup, shown, table, tag
from streamkit.notebook.fields import Kit
from streamkit.notebook.style import KEYS, STYLE
from streamkit.times import from_microseconds

__all__ = [
    "Card",
    "LiveLike",
    "Monitor",
    "card_html",
    "hear_during_cells",
    "watch_ledger",
    "watch_live",
]

SECONDS = 0.25
"""Least time between two looks."""
MOST_MATCHES, MOST_NOTES = 5, 8


class MatchLike(Protocol):
    """What a card shows of a match."""

    stream: str
    key: Sequence[str]
    fired_at: datetime


class LiveLike(Protocol):
    """What a card asks of a live run; see `streamkit.streaming.LiveRun`."""

    @property
    def running(self) -> bool:
        """Whether it is at work."""

    @property
    def paused(self) -> bool:
        """Whether it takes no events."""

    @property
    def last(self) -> Iterable[MatchLike]:
        """The newest matches, the newest last."""

    @property
    def stats(self) -> Any:
        """What has been done so far."""

    def pause(self) -> None:
        """Take no more events."""

    def resume(self) -> None:
        """Take events again."""

    def stop(self) -> None:
        """End it."""

    def wait(self, timeout: float | None = None) -> bool:
        """Wait for its end; raises what ended it."""


@dataclass(frozen=True, slots=True)
class Card:
    """What a status card says.

    Args:
        title: What runs.
        state: How it is, in a word or a sentence.
        numbers: Counts with their names and units, as text.
        matches: The last matches, newest first.
        notes: Failures and whatever else a person should know, as sentences.
        is_over: Whether nothing will change any more.
    """

    title: str
    state: str
    numbers: tuple[tuple[str, str], ...] = ()
    matches: tuple[MatchLike, ...] = ()
    notes: tuple[str, ...] = ()
    is_over: bool = False


def card_html(card: Card) -> Markup:
    """A card in the elements that a saved and untrusted notebook keeps.

    Example:
        >>> "&lt;b&gt;" in card_html(Card("<b>", "running"))
        True
    """
    matches = [
        (
            shown(match.stream, 60),
            shown(" · ".join(match.key), 80),
            f"{match.fired_at:%Y-%m-%d %H:%M:%S}",
        )
        for match in card.matches[:MOST_MATCHES]
    ]
    notes = [tag("li", shown(note, 300)) for note in card.notes[:MOST_NOTES]]
    head = ("last matches", "key", "fired (UTC)")
    return tag(
        "div",
        tag(
            "p",
            tag("strong", shown(card.title, 200)),
            tag("span", f": {shown(card.state, 300)}", role="status"),
            style="margin:.2em 0",
        ),
        table(None, card.numbers, numbers=(1,)) if card.numbers else Markup(""),
        table(head, matches) if matches else tag("div", "No match yet.", style=QUIET),
        tag("ul", *notes, style="margin:.2em 0") if notes else Markup(""),
        style="border-left:4px solid #1a80bb;padding:2px 12px;line-height:1.45;max-width:60em",
    )


class Monitor:
    """A card that is brought up to date until what it shows is over.

    Args:
        read: What the card says now; called in a thread.
        buttons: What is done when a button with these words is pressed; the sentence that comes
            back is shown.
        seconds: Least time between two looks.
    """

    def __init__(
        self,
        read: Callable[[], Card],
        buttons: Mapping[str, Callable[[], str]],
        *,
        seconds: float = SECONDS,
    ) -> None:
        self._read = read
        self._seconds = max(seconds, SECONDS)
        self._closing = threading.Event()
        self._shown: Markup | None = None
        self._handle: Any = None
        self._thread = threading.Thread(target=self._watch, name="streamkit-monitor", daemon=True)
        kit = Kit()
        self._said = kit.html(tag("div", ""))
        self.buttons = {
            words: kit.button(words, lambda press=press: self._press(press))  # type: ignore[misc] # bound as it is now
            for words, press in buttons.items()
        }
        for button in self.buttons.values():
            hear_during_cells(button)
        row = kit.row([*self.buttons.values(), self._said])
        self.controls = kit.column([kit.html(STYLE), row], "sk-builder")

    def show(self) -> Self:
        """Show the card and its buttons, and begin to look."""
        from IPython.display import HTML, display

        self._shown = card_html(self._read())
        self._handle = display(HTML(self._shown + KEYS), display_id=True)
        if self.buttons:
            display(self.controls)
        self._handle.update(HTML(self._shown))
        self._thread.start()
        return self

    def close(self) -> None:
        """Look once more, and then no more."""
        self._closing.set()
        if self._thread.is_alive() and threading.current_thread() is not self._thread:
            self._thread.join()

    def __enter__(self) -> Self:
        return self.show()

    def __exit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        traceback: TracebackType | None,
    ) -> None:
        self.close()

    def _watch(self) -> None:
        is_over = False
        while not is_over:
            is_last = self._closing.wait(self._seconds)
            is_over = self._look() or is_last
        for button in self.buttons.values():
            button.disabled = True

    def _look(self) -> bool:
        """Bring the card up to date; whether it is over."""
        from IPython.display import HTML

        try:
            card = self._read()
        except Exception as error:  # noqa: BLE001 # the card says it; there is nobody to raise it to
            card = Card("Monitor", f"cannot be read: {error}", is_over=True)
        html = card_html(card)
        if html != self._shown and self._handle is not None:
            self._shown = html
            self._handle.update(HTML(html))
        return card.is_over

    def _press(self, press: Callable[[], str]) -> None:
        try:
            words = press()
        except Exception as error:  # noqa: BLE001 # shown beside the button
            words = str(error)
        self._said.value = tag("div", shown(words, 300), role="status")


def hear_during_cells(widget: Any) -> None:
    """Let a widget's messages be heard while a cell runs.

    JupyterLab sends them to a thread of the kernel's own (a subshell), but ipykernel leads them
    back to the thread that made the widget, where they wait for the running cell. What they call
    must not mind in which thread it runs.
    """
    comm = widget.comm
    if hasattr(comm, "_reply_subshell_for"):  # ipykernel 7.4; without it they wait as ever
        comm._reply_subshell_for = lambda _, subshell: subshell  # noqa: SLF001 # there is no other way


def watch_live(run: LiveLike) -> Monitor:
    """A card for a live run, with buttons to pause, resume and stop it.

    Args:
        run: The run.

    Returns:
        The monitor; `show()` shows it.
    """

    def stop() -> str:
        run.stop()
        return "Stopped."

    buttons = {
        "Pause": _doing(run.pause, "Pause"),
        "Resume": _doing(run.resume, "Resume"),
        "Stop": stop,
    }
    return Monitor(lambda: live_card(run), buttons)


def live_card(run: LiveLike) -> Card:
    """What there is to say of a live run."""
    is_over = not run.running
    stats = run.stats
    matcher = stats.matcher
    numbers = [
        ("events", f"{matcher.events:,}"),
        ("matches", f"{sum(matcher.matches.values()):,}"),
        ("taken by the sink, this process", f"{stats.sent:,}"),
        ("waits still open", f"{matcher.pending:,}"),
        ("held until time is known", f"{matcher.held:,}"),
        ("late events", f"{matcher.late:,}"),
        ("skipped events", f"{sum(matcher.skipped.values()):,}"),
        ("commits", f"{stats.commits:,}"),
    ]
    if stats.queue is not None:
        numbers.append(("events in the queue", f"{stats.queue:,}"))
    if matcher.watermark is not None:
        known = f"{from_microseconds(matcher.watermark):%Y-%m-%d %H:%M:%S} UTC"
        numbers.append(("time is known up to", known))
    samples = [f"{bad.reason}: {shown(bad.shown, 200)}" for bad in matcher.samples]
    last = tuple(reversed(tuple(run.last)))[:MOST_MATCHES]
    state = _ended(run) if is_over else "paused" if run.paused else "running"
    return Card("Live", state, tuple(numbers), last, tuple(samples), is_over)


def _ended(run: LiveLike) -> str:
    try:
        run.wait(0)
    except Exception as error:  # noqa: BLE001 # whatever ended the run is said on its card
        return f"ended by an error: {error}"
    return "ended"


def watch_ledger(ledger: Any, *, streams: Sequence[str] = ()) -> Monitor:
    """A card for a ledger while matches are sent, with a Pause and a Resume button a stream.

    Use it around `send`: `with watch_ledger(ledger): send(...)`. It closes at the block's end.

    Args:
        ledger: The ledger.
        streams: The streams that can be paused; those in the ledger by default.

    Returns:
        The monitor, a context manager; `show()` shows it and `close()` ends it.
    """
    names = streams or tuple(ledger.status().streams)
    buttons = {
        f"{words} {shown(name, 40)}": _doing(getattr(ledger, words.lower()), words, name)
        for name in names
        for words in ("Pause", "Resume")
    }
    return Monitor(lambda: ledger_card(ledger), buttons)


def ledger_card(ledger: Any) -> Card:
    """What there is to say of a ledger."""
    status = ledger.status()
    counts = status.counts
    numbers = [(name, f"{count:,}") for name, count in counts.items()]
    numbers.append((f"activations in {status.month}", f"{status.used:,.2f}"))
    notes = []
    for name, each in status.streams.items():
        words = ", ".join(f"{each[state]:,} {state}" for state in counts if each[state])
        paused = ", paused" if each["paused"] else ""
        notes.append(f"{shown(name, 60)}: {words or 'nothing yet'}{paused}")
        notes += [f"{shown(why, 200)}: {count:,}" for why, count in each["reasons"].items()]
    for label, each in status.destinations.items():
        if reason := each.get("parked"):
            notes.append(f"{shown(label, 60)} is parked: {reason}")
    state = "a person is needed" if status.needs_person else "all is well"
    return Card("Ledger", state, tuple(numbers), (), tuple(notes))


def _doing(do: Callable[..., Any], words: str, *arguments: str) -> Callable[[], str]:
    def press() -> str:
        do(*arguments)
        return f"{words.lower()}d {' '.join(arguments)}".strip() + "."

    return press
