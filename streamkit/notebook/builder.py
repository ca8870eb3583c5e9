"""`Builder`: a stream made by hand in a notebook."""

from __future__ import annotations

import asyncio
import threading
import time
from contextlib import suppress
from os import PathLike, fspath
from typing import TYPE_CHECKING, Any

from streamkit.definition import Stream
from streamkit.errors import DefinitionError, StreamkitError
from streamkit.events import History
from streamkit.notebook.bodies import SampleBody, sample_body
from streamkit.notebook.choices import Choices
from streamkit.notebook.draft import Draft
from streamkit.notebook.editing import Editing
from streamkit.notebook.latest import Latest
from streamkit.notebook.opening import (
    budget_for,
    file_of,
    named_conditions,
    open_connections,
    open_draft,
)
from streamkit.notebook.preview import Preview, Previewed
from streamkit.notebook.saving import file_name, save, text_in
from streamkit.notebook.style import KEYS
from streamkit.notebook.summary import report_html, summary_html, text_of

if TYPE_CHECKING:
    from collections.abc import Callable, Mapping

    from streamkit.backtesting import Backtest
    from streamkit.events import EventSource
    from streamkit.notebook.window import Window

__all__ = ["Builder"]

PAUSE = 0.3
"""Seconds without an edit before the summary's YAML is made again."""


class Builder:
    """Makes a stream without code, and shows what it would have done while it is made.

    In a notebook it shows itself: a summary that stays in the saved notebook, and below it the
    fields. What is made is a value at any moment: `stream`, `to_yaml()`, `to_python()`.

    Args:
        history: The events; anything a `History` can be made from will do.
        stream: What to open: a `Stream`, a stream file, or the name of one that is not there
            yet. None starts from nothing.
        connections: `Connections`, their plain data by name, or their file.

    Raises:
        DefinitionError: The file is no text.
        EventsError: The events cannot be read.
        DeliveryError: The connections cannot be read.

    Example:
        >>> import polars as pl
        >>> events = pl.DataFrame({"time": ["2026-03-01T10:00:00Z"], "event": ["visit"],
        ...                        "session_id": ["s1"]})
        >>> builder = Builder(events, Stream("any", [{"event": "visit"}]))
        >>> builder.edit(("name",), "visits")
        >>> builder.stream.name, builder.stream.sentence
        ('visits', 'For each session, fires once, the first time that visit happens.')
        >>> builder.undo()
        >>> print(builder.to_yaml(), end="")
        name: any
        steps:
          - event: visit
        >>> builder.close()
    """

    def __init__(
        self,
        history: History | EventSource,
        stream: Stream | str | PathLike[str] | None = None,
        *,
        connections: Mapping[str, Any] | str | PathLike[str] | None = None,
    ) -> None:
        self.history = history if isinstance(history, History) else History(history)
        self.file = file_of(stream)
        self.named = named_conditions(self.file, stream)
        self.editing = Editing(open_draft(stream, self.named))
        self.connections_file, self.connections = open_connections(connections)
        self.choices = Choices()
        self.previewed = Previewed()
        self.saved = ""
        self._known = text_in(self.file) if self.file else ""
        self.lock = threading.RLock()  # whoever shows or edits holds it
        self._handles: list[Any] = []
        self._window: Window | None = None
        self._loop: asyncio.AbstractEventLoop | None = None
        self._asked: str | None = None
        self._preview: Preview | None = None
        self._worker = Latest("streamkit-builder")
        self._bodies = Latest("streamkit-body")
        self._summaries = Latest("streamkit-summary")
        self._text = text_of(self.draft)
        self.editing.listen(self._changed)

    @property
    def draft(self) -> Draft:
        """What is being edited, complete or not, with its problems."""
        return self.editing.draft

    @property
    def stream(self) -> Stream:
        """The stream as it was when it was last complete.

        Raises:
            DefinitionError: It never was complete; the problems are those of the draft.
        """
        if self.editing.valid is None:
            raise DefinitionError(self.draft.problems)
        return self.editing.valid

    def to_yaml(self) -> str:
        """The stream as YAML, with the comments of the file it came from."""
        return self.stream.to_yaml()

    def to_python(self) -> str:
        """Python source that builds the stream."""
        return self.stream.to_python()

    def edit(self, place: tuple[str | int, ...], value: Any) -> None:
        """Set a value of the draft, as a field does.

        Args:
            place: Keys and positions that lead to it, such as `("steps", 0, "event")`.
            value: Plain data, as a stream file holds it.
        """
        from streamkit.notebook.plain_edits import put

        self.editing.change(put(self.draft.data, place, value))

    def add_step(self, condition: Mapping[str, Any]) -> None:
        """Add a step behind the last one, such as one that the catalogue put together.

        Args:
            condition: `event`, `where`, `any_of` or `defined`, as a stream file holds them.
        """
        from streamkit.notebook.plain_edits import inserted, value_at

        steps = value_at(self.draft.data, ("steps",), [])
        self.editing.change(inserted(self.draft.data, ("steps",), len(steps), dict(condition)))

    def undo(self) -> None:
        """Take back the last edit."""
        self.editing.undo()

    def redo(self) -> None:
        """Take back the last undo."""
        self.editing.redo()

    def save(self, path: str | PathLike[str] | None = None, *, overwrite: bool = False) -> None:
        """Write the stream's file, whole or not at all; its comments are kept.

        Args:
            path: The file; by default the one it came from, or one named like the stream.
            overwrite: Write over a file that holds something else than what was opened here.

        Raises:
            FileExistsError: Such a file is there.
            EventsError: It cannot be written.
            DefinitionError: The draft has problems.
        """
        file = self.save_file if path is None else fspath(path)
        draft = save(self.draft, file, known=self._known, overwrite=overwrite)
        self.file, self.saved, self._known = file, f"Saved to {file}.", text_in(file)
        self.editing.rebase(draft)

    @property
    def save_file(self) -> str:
        """Where `save` writes."""
        return self.file or file_name(self.draft.data.get("name"))

    def close(self) -> None:
        """Stop the preview and take the fields away; the value stays."""
        if self._preview is not None:
            self._preview.close()
            self._preview = None
        self._worker.close()
        self._bodies.close()
        self._summaries.close()
        with self.lock:
            if self._window is not None:
                self._window.close()
                self._window = None

    def _ipython_display_(self) -> None:
        from IPython.core.getipython import get_ipython
        from IPython.display import HTML, display

        if not hasattr(get_ipython(), "kernel"):  # a terminal has no fields
            print(repr(self))  # noqa: T201 # what a terminal shows of a value
            return

        from streamkit.notebook.window import Window

        with self.lock:
            if self._window is None:
                with suppress(RuntimeError):  # no loop: not in a notebook
                    self._loop = asyncio.get_running_loop()
                self._window = Window(self)
                self._start()
            handle = display(HTML(self._summary() + KEYS), display_id=True)
            self._handles.append(handle)
        display(self._window.box)
        handle.update(HTML(self._summary()))

    def __repr__(self) -> str:
        problems = self.draft.problems
        state = f"{len(problems)} problems" if problems else self.draft.sentence
        return f"Builder({self.draft.data.get('name')!r}: {state})"

    def _start(self) -> None:
        """Read the catalogue and preview what is there, in threads."""
        self._preview = Preview(self.history, self._show_preview)
        threading.Thread(target=self._read_catalog, name="streamkit-catalog", daemon=True).start()
        self._ask()

    def _read_catalog(self) -> None:
        from streamkit.matching.defined import with_defined

        try:
            catalog = self.history.catalog()
        except StreamkitError:  # the preview says what is wrong with the events
            return
        with suppress(StreamkitError):  # some condition is not for these events
            catalog = with_defined(catalog, self.history, self.named)
        self.choices = Choices.of(catalog, self.named)
        if self._preview is not None:
            self._preview.rows = catalog.rows
        self._in_turn(self.show)

    def _changed(self) -> None:
        """The draft is another one."""
        with self.lock:
            with suppress(RuntimeError):  # no loop: not in a notebook
                self._loop = asyncio.get_running_loop()
            self._update_summary()
            if self._window is not None:
                self._window.show()
            self._ask()
            self.ask_body()

    def _ask(self) -> None:
        """Ask for a preview, if what matches has changed."""
        stream = self.draft.matching
        if self._preview is not None and stream is not None and stream.version != self._asked:
            self._asked = stream.version
            self._preview.ask(stream)

    @property
    def connection_names(self) -> tuple[str, ...]:
        """The connections that a destination can name."""
        return () if self.connections is None else self.connections.names

    def show(self) -> None:
        """Show the present state again, after something beside the draft has changed."""
        with self.lock:
            if self._window is not None:
                self._window.show()

    def background(self, work: Callable[[], None]) -> None:
        """Have something done in a thread, so that the notebook stays free."""
        self._worker.ask(work)

    def ask_body(self) -> None:
        """Ask for the body of a match, where a part is open that shows it."""
        window, previewed = self._window, self.previewed
        if window is None or not window.wants_body:
            return
        stream = self.draft.stream
        is_ready = self.is_previewed and previewed.is_whole
        if stream is None:
            window.show_body(SampleBody("It appears when there are no problems."))
        elif not is_ready:
            window.show_body(SampleBody("It appears when the preview is done."))
        else:
            self._bodies.ask(lambda: self._show_body(stream, previewed))

    def _show_body(self, stream: Stream, previewed: Previewed) -> None:
        """Make a body and show it; runs in a thread."""
        sample = sample_body(stream, self.history, previewed)
        self._in_turn(lambda: self._window.show_body(sample) if self._window else None)

    @property
    def is_previewed(self) -> bool:
        """Whether what the preview shows is the present stream."""
        stream, result = self.draft.matching, self.previewed.result
        shown = None if result is None else result.streams[0].version
        return stream is not None and (shown is None or stream.version == shown)

    def cancel_preview(self) -> None:
        """Stop the preview that runs; the next edit, or `preview_again`, starts another."""
        if self._preview is not None:
            self._preview.cancel()

    def result(self) -> Backtest:
        """The backtest of `stream`: the preview's when it is done, else a new one.

        Raises:
            DefinitionError: The stream never was complete.
            EventsError: The events cannot be read, or lack what the stream asks for.
        """
        from streamkit.backtesting import backtest

        stream = self.stream
        while self._preview is not None and self._asked == stream.version:
            previewed = self.previewed
            if previewed.is_whole and previewed.result is not None and self.is_previewed:
                return previewed.result
            if self._preview.state.stage in ("cancelled", "failed"):
                break
            time.sleep(0.05)
        return backtest(stream, self.history)

    def preview_again(self) -> None:
        """Start the preview of the present stream."""
        self._asked = None
        self._ask()

    def _show_preview(self, previewed: Previewed) -> None:
        """Show a state of the preview; runs in the preview's thread."""
        preview, window = self._preview, self._window
        if preview is None or window is None:
            return
        # made before the lock is taken: editing never waits for it
        result, report = previewed.result, ""
        is_new = result is not self.previewed.result or not self.previewed.is_whole
        if result is not None and previewed.is_whole and is_new:
            report = report_html(
                result,
                lambda: preview.state is previewed,
                budget=budget_for(self.save_file).activations,
            )
        with self.lock:
            if preview.state is not previewed:
                return
            self.previewed = previewed
            window.show_preview(report)
            self._update_summary()
        self._in_turn(self._previewed)

    def _previewed(self) -> None:
        """Show what the preview knows beside the fields."""
        self.show()
        self.ask_body()

    def _in_turn(self, work: Callable[[], None]) -> None:
        """Have something done between two messages of the user's.

        It is done where the last edit was made: JupyterLab gives its fields a thread of their own.
        In the middle of a message it could set back a field that is being typed in.
        """
        if self._loop is None or self._loop.is_closed():
            work()
        else:
            self._loop.call_soon_threadsafe(work)

    def _summary(self, text: str | None = None) -> str:
        return summary_html(self.draft, self.previewed, self.saved, text)

    def _update_summary(self) -> None:
        """Bring the summary up to date: its sentence at once, its YAML after a pause."""
        self._show_summary(self._summary(self._text))
        self._summaries.ask(self._complete_summary)

    def _complete_summary(self) -> None:
        """Show the whole summary; runs in a thread."""
        time.sleep(PAUSE)
        draft = self.draft
        text = text_of(draft)
        with self.lock:
            if draft is self.draft and text != self._text:
                self._text = text
                self._show_summary(self._summary(text))

    def _show_summary(self, html: str) -> None:
        from IPython.display import HTML

        for handle in self._handles:
            handle.update(HTML(html))
