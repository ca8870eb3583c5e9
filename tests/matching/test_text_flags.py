"""Questions about one column of texts are asked of the texts, with the same answers."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any

import polars as pl
import pytest

from streamkit import History, Stream, backtest, event, exclude, prop
from streamkit.definition.criteria_authoring import Where
from streamkit.events import footers
from streamkit.matching import reading, text_flags
from streamkit.matching.asked import Asked, ask_flags

START = datetime(2026, 3, 1, tzinfo=UTC)
NOW = datetime(2026, 4, 1, tzinfo=UTC)
ROWS = 4_000
ROLES = {"time": "time", "name": "event", "session": "session", "user": "user"}


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    """Two files whose dictionaries differ, with texts that are missing."""
    for number, countries in enumerate([["FR", "DE", None], ["DE", "", "fr", "IT"]]):
        pl.DataFrame(
            {
                "time": [START + timedelta(seconds=number * ROWS + row) for row in range(ROWS)],
                "event": ["view", "buy", "view", "leave", "look"] * (ROWS // 5),
                "session": [f"s{row % 7}" for row in range(ROWS)],
                "user": [f"u{row % 3}" for row in range(ROWS)],
                "country": [countries[row % len(countries)] for row in range(ROWS)],
                "price": [row % 11 for row in range(ROWS)],
            }
        ).write_parquet(tmp_path / f"{number}.parquet", row_group_size=1_000)
    return tmp_path


CRITERIA = {
    "unequal": prop("country") != "FR",
    "among": prop("country").is_in(["DE", "IT"]),
    "folded": prop("country").equals("fr", ignore_case=True),
    "missing": prop("country").missing(),
    "empty": prop("country") == "",
    "two of one": (prop("country") != "FR") & ~prop("country").contains("D"),
    "of a key": prop("user") == "u1",
    "of the name": prop("event") == "buy",
}


def streams(criterion: Where) -> list[Stream]:
    """The criterion on one name, on two, on any, beside another, and in an exclude."""
    view, buy = event("view").where(criterion), event("buy")
    every = {"frequency": "every", "within": "1m"}
    return [
        Stream("one", [view, buy], **every),
        Stream("two", [view, buy.where(criterion) | event("leave").where(criterion)], **every),
        Stream("any", [event().where(criterion)], per="user", **every),
        Stream("both", [view.where(prop("price") > 4), buy], **every),
        Stream("none", [event("view"), exclude(view), buy], **every),
    ]


def answer(folder: Path, *criteria: Where) -> list[list[str]]:
    """The ids of the matches of each stream, each criterion asked of one history in turn."""
    history = History(folder, ROLES)
    return [
        sorted(result.matches["match_id"])
        for criterion in criteria
        for result in [backtest([stream], history, now=NOW) for stream in streams(criterion)]
    ]


@pytest.mark.parametrize("criterion", CRITERIA.values(), ids=CRITERIA)
def test_texts_answer_as_rows_do(
    folder: Path, criterion: Where, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Whether a column refers to a dictionary, or its rows are asked one by one."""
    assert all("country" in footers.layout_of(str(file)).coded for file in folder.iterdir())
    together = backtest(streams(criterion), History(folder, ROLES), now=NOW).matches
    told = answer(folder, criterion)
    assert sorted(together["match_id"]) == sorted(id_ for ids in told for id_ in ids)
    monkeypatch.setattr(footers, "PLAIN_TEXT", 0)
    assert "country" not in footers.layout_of(str(folder / "0.parquet")).coded
    assert answer(folder, criterion) == told
    assert any(told)


def test_no_row_is_asked(folder: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """Neither at first nor with another criterion; only a number is asked of rows."""
    asked: list[object] = []

    def noted(*arguments: Any) -> Asked:
        asked.append(arguments)
        return ask_flags(*arguments)

    monkeypatch.setattr(reading, "ask_flags", noted)
    history = History(folder, ROLES)
    for country in ("FR", "DE"):
        one, *_, both, _ = streams(prop("country") != country)
        assert backtest(one, history, now=NOW).summary["streams"][0]["matches"]
        assert not asked
    backtest(both, history, now=NOW)
    assert len(asked) == 1


def test_another_column_is_asked_of_what_was_kept(folder: Path) -> None:
    """Rows that were read for one column know no numbers of another's texts."""
    first, second = CRITERIA["unequal"], CRITERIA["of a key"]
    assert answer(folder, first, second, first) == [
        ids for criterion in (first, second, first) for ids in answer(folder, criterion)
    ]


def test_a_column_of_many_texts_is_asked_row_by_row(
    folder: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """One with few is not, beside it."""
    told = answer(folder, CRITERIA["unequal"], CRITERIA["of a key"])
    monkeypatch.setattr(text_flags, "MOST_TEXTS", 4)
    assert answer(folder, CRITERIA["unequal"], CRITERIA["of a key"]) == told


def test_columns_may_have_any_name(tmp_path: Path) -> None:
    """Those of the query that asks texts included, and what SQL quotes."""
    frame = pl.DataFrame(
        {"time": [START + timedelta(seconds=row) for row in range(ROWS)], "event": ["a"] * ROWS}
        | {name: ["x", "y"] * (ROWS // 2) for name in ("place", "named", "texts", 'a "b', "names")}
    )
    frame.with_columns(session=pl.col("place")).write_parquet(tmp_path / "0.parquet")
    history = History(tmp_path, {"time": "time", "name": "event", "session": "session"})
    for name in ("place", "named", "texts", "names", '"a ""b"'):
        stream = Stream("s", [event("a").where(prop(name) == "x")], frequency="every")
        assert backtest([stream], history, now=NOW).summary["streams"][0]["matches"] == ROWS / 2
