"""The preview: a sample, then everything; never in the way, and never of an older stream."""

from __future__ import annotations

import asyncio
import threading
from collections.abc import Callable, Iterator
from dataclasses import replace
from pathlib import Path
from typing import Any

import duckdb
import polars as pl
import pytest

from streamkit import Builder, History, Stream
from streamkit.notebook.bodies import sample_body
from streamkit.notebook.choices import Choices, operators_of
from streamkit.notebook.preview import Preview, Previewed, _Overtaken
from streamkit.notebook.summary import status_html
from streamkit.notebook.window import Window

PATIENCE = 60
PURCHASES = Stream("orders", [{"event": "purchase"}], frequency="every")
SEARCHES = Stream("searches", [{"event": "search"}], frequency="every")


class Told:
    """The states that a preview told, and a way to wait for one."""

    def __init__(self) -> None:
        self.states: list[Previewed] = []
        self._changed = threading.Condition()

    def __call__(self, state: Previewed) -> None:
        with self._changed:
            self.states.append(state)
            self._changed.notify_all()

    def wait(self, is_it: Callable[[Previewed], bool]) -> Previewed:
        with self._changed:
            assert self._changed.wait_for(lambda: any(map(is_it, self.states)), PATIENCE)
            return next(filter(is_it, self.states))


class Gated(Preview):
    """A preview whose reading takes until the gate is opened: it stands for a long history."""

    def __init__(self, *arguments: Any, **options: Any) -> None:
        self.gate = threading.Event()
        self.began = threading.Event()
        super().__init__(*arguments, **options)

    def _find(self, stream: Stream, history: History, ticket: int) -> Any:
        self.began.set()
        while not self.gate.wait(0.01):
            if self._ticket != ticket:
                raise _Overtaken
        return super()._find(stream, history, ticket)


@pytest.fixture
def told() -> Told:
    return Told()


@pytest.fixture
def history(shop: Path, schema_file: Path) -> History:
    return History(shop, schema_file)


@pytest.fixture
def gated(history: History, told: Told) -> Iterator[Gated]:
    preview = Gated(history, told, rows=1, delay=0.01)
    yield preview
    preview.close()


def test_a_sample_comes_first_and_says_so(history: History, told: Told) -> None:
    """Of a long history in many files the last tenth is read first, then all of it."""
    preview = Preview(history, told, delay=0.01)
    preview.ask(PURCHASES)
    whole = told.wait(lambda state: state.is_whole)
    preview.close()
    sample = told.wait(lambda state: state.result is not None)
    assert "the last 3 of 30 files: events_2026-03-28.parquet to events_2026-03-30" in sample.scope
    assert sample.result is not None
    assert whole.result is not None
    assert sample.result.summary["rows"] < whole.result.summary["rows"] == 320_000
    assert whole.stage == "done"
    words = status_html(whole, is_current=True)
    assert "the whole history" in words
    assert "320,000 rows in" in words
    assert "last complete version" in status_html(whole, is_current=False)


def test_a_short_history_has_no_sample(history: History, told: Told) -> None:
    """Where all of it is quick to read, it is read at once."""
    preview = Preview(history, told, rows=1000, delay=0.01)
    preview.ask(PURCHASES)
    told.wait(lambda state: state.is_whole)
    preview.close()
    assert {state.stage for state in told.states} == {"whole", "done"}


def test_what_can_never_match_is_told(history: History, told: Told) -> None:
    """A misspelt event is a warning with the near name, beside the answer."""
    preview = Preview(history, told, rows=1000, delay=0.01)
    preview.ask(Stream("x", [{"event": "purchsae"}]))
    found = told.wait(lambda state: state.is_whole)
    preview.close()
    assert [(each.code, each.path) for each in found.warnings] == [
        ("unknown-event", "steps[0].event")
    ]


def test_a_newer_stream_overtakes(gated: Gated, told: Told) -> None:
    """Asking again stops what runs; only the newest answer is ever told."""
    gated.ask(PURCHASES)
    assert gated.began.wait(PATIENCE)
    gated.ask(SEARCHES)
    gated.gate.set()
    told.wait(lambda state: state.is_whole)
    answers = [state.result.streams[0].name for state in told.states if state.result]
    assert set(answers) == {"searches"}


def test_cancelled_and_asked_again(gated: Gated, told: Told) -> None:
    """Cancel stops it; nothing is told of it afterwards; asked again it comes."""
    gated.ask(PURCHASES)
    assert gated.began.wait(PATIENCE)
    gated.cancel()
    assert told.states[-1].stage == "cancelled"
    gated.gate.set()
    gated.ask(PURCHASES)
    told.wait(lambda state: state.is_whole)
    stages = [state.stage for state in told.states]
    assert stages[stages.index("cancelled") :] == ["cancelled", "whole", "done", "done"]


def test_why_it_failed(history: History, told: Told) -> None:
    """What the events do not have is said in the words of the error."""
    preview = Preview(history, told, rows=1, delay=0.01)
    preview.ask(Stream("x", [{"event": "purchase", "where": {"pirce": 1}}]))
    failed = told.wait(lambda state: state.stage == "failed")
    preview.close()
    assert "did you mean 'price'" in failed.reason


def test_a_query_is_interrupted(history: History, told: Told) -> None:
    """The query itself is stopped, not only what comes after it."""
    preview = Preview(history, told, delay=0.01)
    ended = threading.Event()

    def cancel() -> None:
        while not ended.wait(0.05):
            preview.cancel()

    with history.connect() as connection:
        preview._connection = connection
        canceller = threading.Thread(target=cancel)
        canceller.start()
        days = "SELECT sum(hash(a.range, b.range)) FROM range(1_000_000) a, range(1_000_000) b"
        with pytest.raises(duckdb.InterruptException):
            connection.execute(days)
        ended.set()
        canceller.join()
        preview._connection = None
    preview.close()


def test_a_body_of_a_real_match(history: History, told: Told) -> None:
    """It is that of the preview's first match; of made-up values where nothing matched."""
    stream = replace(
        PURCHASES, payload={"json": {"id": ["var", "match.id"], "price": ["var", "event.0.price"]}}
    )
    preview = Preview(history, told, rows=1, delay=0.01)
    preview.ask(stream)
    found = told.wait(lambda state: state.is_whole)
    preview.close()
    assert found.result is not None
    first = found.result.matches["match_id"][0]
    assert first in sample_body(stream, history, found).text
    wrong = replace(stream, payload={"json": {"x": ["var", "event.0.pirce"]}})
    assert sample_body(wrong, history, found).problems
    nothing = Stream("x", [{"event": "purchase", "where": {"price": -5}}])
    assert "made-up" in sample_body(nothing, history, Previewed()).words


def test_what_is_offered() -> None:
    """Events with their counts, properties with their kinds and values."""
    events = pl.DataFrame(
        {"time": ["2026-03-01T10:00:00Z"] * 3, "event": ["buy", "buy", "defined: x"],
         "session_id": ["s", "s", "t"], "price": [5.5, 5.5, None], "plan": ["pro", "pro", None]}
    )  # fmt: skip # a table reads better in rows
    choices = Choices.of(History(events).catalog(), ["rage"])
    assert choices.options == (
        "defined: rage",
        "buy  ·  2 rows",
        "event: defined: x",
        "(any event)",
    )
    found = choices.properties("buy")
    assert (found["price"].kind, found["price"].values) == ("number", ("5.5",))
    assert found["plan"].kind == "text"
    catalog = replace(History(events).catalog(), friendly={"tariff": "plan"})
    assert Choices.of(catalog).properties("buy")["tariff"].values == ("pro",)
    assert "contains" not in operators_of("number")
    assert "gt" not in operators_of("boolean")
    assert set(choices.properties("never seen")) == set(choices.properties(None)) >= {"plan"}


def test_what_threads_find_is_shown_in_turn(history: History) -> None:
    """It is shown between two messages of the user's, where these are handled, never during one."""
    builder = Builder(history, PURCHASES)
    builder._window = Window(builder)
    threads: list[threading.Thread] = []
    builder._window.show = lambda: threads.append(threading.current_thread())  # type: ignore[method-assign]

    async def shown() -> None:
        builder._loop = asyncio.get_running_loop()
        await asyncio.to_thread(builder._read_catalog)
        await asyncio.sleep(0)

    asyncio.run(shown())
    assert builder.choices.is_read
    assert threads == [threading.main_thread()]
    builder.close()


def test_the_result_is_a_value(history: History) -> None:
    """Without a preview it is found on the spot."""
    builder = Builder(history, PURCHASES)
    assert len(builder.result().matches) == builder.result().summary["streams"][0]["matches"] > 0
    builder.close()
