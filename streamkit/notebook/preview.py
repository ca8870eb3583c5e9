"""What a stream would have done, found while it is edited: in a thread, on a sample first."""

from __future__ import annotations

import threading
import time
from collections.abc import Callable
from dataclasses import dataclass, replace
from datetime import UTC, datetime
from functools import cached_property
from pathlib import PurePath
from typing import TYPE_CHECKING, Literal, TypeAlias

from streamkit.errors import Problem, StreamkitError

if TYPE_CHECKING:
    import duckdb

    from streamkit.backtesting import Backtest
    from streamkit.definition import Stream
    from streamkit.events import History

__all__ = ["Preview", "Previewed", "Stage"]

Stage: TypeAlias = Literal["idle", "sample", "whole", "done", "cancelled", "failed"]
DELAY = 0.4
"""Seconds without an edit before a preview starts: the pause between two words."""
SAMPLED_FROM = 250_000
"""Rows: of fewer the whole history is as quick as a sample."""
SAMPLED_SHARE = 10
"""One file in so many, the last of them, is a sample."""


@dataclass(frozen=True, slots=True)
class Previewed:
    """How far a preview is, and what it has found.

    Args:
        stage: What is being done.
        scope: What `result` was read from, in words.
        result: The last answer; None while there is none.
        warnings: What in the stream can never match.
        is_whole: Whether the answer is of the whole history, and the warnings were looked for.
        reason: Why it failed.
    """

    stage: Stage = "idle"
    scope: str = ""
    result: Backtest | None = None
    warnings: tuple[Problem, ...] = ()
    is_whole: bool = False
    reason: str = ""

    @property
    def is_running(self) -> bool:
        """Whether it can be cancelled."""
        return self.stage in ("sample", "whole")


class _Overtaken(Exception):  # noqa: N818 # no error: another request came
    """Raised inside a run that nobody waits for any more."""


class Preview:
    """Backtests of the last stream asked for; asking again or cancelling stops what runs.

    Args:
        history: The events.
        rows: How many rows the history has; None where that is not known.
        show: Called with each state, in the preview's thread.
        delay: Seconds to wait for a newer request before starting.
    """

    def __init__(
        self,
        history: History,
        show: Callable[[Previewed], None],
        *,
        rows: int | None = None,
        delay: float = DELAY,
    ) -> None:
        self.rows = rows
        self._history = history
        self._show = show
        self._delay = delay
        self._changed = threading.Condition()
        self._asked: Stream | None = None
        self._ticket = 0
        self._connection: duckdb.DuckDBPyConnection | None = None
        self._is_closed = False
        self.state = Previewed()
        self._thread = threading.Thread(target=self._serve, name="streamkit-preview", daemon=True)
        self._thread.start()

    def ask(self, stream: Stream) -> None:
        """Ask for a stream's preview; returns at once."""
        self._next(stream)

    def cancel(self) -> None:
        """Stop what runs; what was found before stays to be seen."""
        self._next(None)
        self._tell(replace(self.state, stage="cancelled"))

    def close(self) -> None:
        """Stop for good."""
        self._is_closed = True
        self._next(None)
        self._thread.join()

    def _next(self, stream: Stream | None) -> None:
        with self._changed:
            self._ticket += 1
            self._asked = stream
            if self._connection is not None:
                self._connection.interrupt()
            self._changed.notify_all()

    def _serve(self) -> None:
        done = 0
        while True:
            with self._changed:
                self._changed.wait_for(lambda seen=done: self._ticket != seen)  # type: ignore[misc]
                while self._changed.wait(self._delay):
                    pass  # a newer request: wait again
                done, stream = self._ticket, self._asked
            if self._is_closed:
                return
            if stream is not None:
                self._run(stream, done)

    def _run(self, stream: Stream, ticket: int) -> None:
        """Sample, then everything; tells each state."""
        import duckdb

        from streamkit.matching.check import check_streams

        try:
            sample = self._sample
            if sample is not None:
                history, words = sample
                self._tell_of(ticket, replace(self.state, stage="sample"))
                result = self._find(stream, history, ticket)
                self._tell_of(ticket, Previewed("sample", words, result))
            self._tell_of(ticket, replace(self.state, stage="whole"))
            result = self._find(stream, self._history, ticket)
            found = Previewed("done", f"the whole history, {self._history.source.label}", result)
            self._tell_of(ticket, found)
            warnings = tuple(check_streams([stream], self._history))
            self._tell_of(ticket, replace(found, warnings=warnings, is_whole=True))
        except (_Overtaken, duckdb.InterruptException):
            return
        except StreamkitError as error:
            reason = "; ".join(str(each) for each in error.problems)
            self._fail(ticket, Previewed("failed", reason=reason))
        except Exception as error:  # noqa: BLE001 # a thread's error would be seen by nobody
            self._fail(ticket, Previewed("failed", reason=f"{type(error).__name__}: {error}"))

    def _find(self, stream: Stream, history: History, ticket: int) -> Backtest:
        """A backtest whose queries `interrupt` can stop."""
        from streamkit.backtesting import Backtest
        from streamkit.matching import find_matches

        def check(_: str = "") -> None:
            if self._ticket != ticket:
                raise _Overtaken

        began = time.monotonic()
        with history.connect() as connection:
            with self._changed:
                check()
                self._connection = connection
            try:
                found = find_matches(
                    [stream],
                    history,
                    connection,
                    since=None,
                    until=None,
                    now=datetime.now(UTC),
                    report=check,
                )
            finally:
                with self._changed:
                    self._connection = None
        return Backtest((stream,), history, found, None, None, time.monotonic() - began)

    @cached_property
    def _sample(self) -> tuple[History, str] | None:
        """The last files of a long history; None where there is no need or no way to sample."""
        from streamkit.events import History

        files = list(self._history.source.files)
        if len(files) < SAMPLED_SHARE or (self.rows is not None and self.rows < SAMPLED_FROM):
            return None
        last = files[-(len(files) // SAMPLED_SHARE) :]
        names = [PurePath(file).name for file in (last[0], last[-1])]
        words = f"a sample, the last {len(last)} of {len(files)} files: {' to '.join(dict.fromkeys(names))}"
        try:
            return History(last, self._history.schema), words
        except StreamkitError:  # such as a column that only earlier files have
            return None

    def _tell_of(self, ticket: int, state: Previewed) -> None:
        """Tell what a run found, unless it was overtaken."""
        with self._changed:
            if self._ticket != ticket:
                raise _Overtaken
            self.state = state
        self._show(state)

    def _fail(self, ticket: int, state: Previewed) -> None:
        if self._ticket == ticket:
            self._tell(state)

    def _tell(self, state: Previewed) -> None:
        self.state = state
        self._show(state)
