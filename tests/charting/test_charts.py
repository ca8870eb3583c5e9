"""Charts: plain data, drawn offline, legible on both grounds, and no place for the user's markup."""

from __future__ import annotations

import json
import struct
import zlib
from collections.abc import Iterator
from datetime import UTC, datetime, timedelta
from itertools import pairwise
from typing import Any

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from streamkit.charting import BarSeries, Chart, bars_over_time, bins, spread_chart
from streamkit.charting.chart import BLUE, GREY, MIME_TYPE, VERMILLION
from streamkit.charting.png import FRAME, SIGNATURE, smaller

START = datetime(2026, 3, 1, tzinfo=UTC)
DAY, HOUR = timedelta(days=1), timedelta(hours=1)
HOSTILE = "<img src=x onerror=alert(1)>\"'{{datum}} ${7*7}"


def over_time(names: list[str], counts: list[int], every: timedelta = DAY) -> Chart:
    series = [BarSeries(name, counts) for name in names]
    starts = [START + place * every for place in range(len(counts))]
    return bars_over_time(series, starts, every, unit="matches", period="day")


def spread(edge: float | None = 60.0) -> Chart:
    return spread_chart(
        bins([1.0, 2.0, 50.0], 60.0),
        unit="minutes",
        of="to match",
        count_unit="matches",
        middle=2.0,
        edge=edge,
    )


CHARTS = {
    "one": over_time(["a"], [3, 0, 1]),
    "many": over_time(["a", "b"], [3, 0, 1]),
    "none": over_time(["a", "b"], [0, 0, 0]),
    "hours": over_time(["a"], [1, 2], HOUR),
    "spread": spread(),
    "unbounded": spread(None),
}


def luminance(colour: str) -> float:
    parts = [int(colour[place : place + 2], 16) / 255 for place in (1, 3, 5)]
    red, green, blue = [p / 12.92 if p <= 0.04045 else ((p + 0.055) / 1.055) ** 2.4 for p in parts]
    return 0.2126 * red + 0.7152 * green + 0.0722 * blue


@pytest.mark.parametrize("ground", ["#ffffff", "#111111"], ids=["light", "dark"])
@pytest.mark.parametrize("colour", [BLUE, VERMILLION, GREY])
def test_colours_stand_out_on_light_and_dark_ground(colour: str, ground: str) -> None:
    """At least 3 to 1, what WCAG 2 asks of graphics."""
    light, dark = sorted([luminance(colour), luminance(ground)], reverse=True)
    assert (light + 0.05) / (dark + 0.05) >= 3


@pytest.mark.parametrize("name", CHARTS)
def test_a_bundle_has_a_specification_a_picture_and_words(name: str) -> None:
    """So that every viewer has something; the menu without an accessible name is off."""
    chart = CHARTS[name]
    bundle = chart._repr_mimebundle_()
    assert set(bundle) == {MIME_TYPE, "image/png", "text/plain"}
    assert bundle["text/plain"] == chart.description == bundle[MIME_TYPE]["description"]
    assert bundle[MIME_TYPE]["usermeta"] == {"embedOptions": {"actions": False}}
    assert chart.png().startswith(SIGNATURE)
    assert chart.svg().startswith("<svg")
    assert json.loads(json.dumps(chart.spec)) == chart.spec


def strings(value: Any, key: str = "", *, in_data: bool = False) -> Iterator[tuple[str, str, bool]]:
    """Each text of a specification with its key, and whether it is data."""
    match value:
        case dict():
            for name, item in value.items():
                yield name, "", in_data
                yield from strings(item, name, in_data=in_data or name == "values")
        case list():
            for item in value:
                yield from strings(item, key, in_data=in_data)
        case str():
            yield key, value, in_data


def test_names_of_the_users_stand_in_data_only() -> None:
    """Never in an expression, a link, a title or a field name; and a drawing shows them as text."""
    chart = over_time([HOSTILE, "b"], [3, 1])
    found = [(key, text, in_data) for key, text, in_data in strings(chart.spec) if HOSTILE in text]
    assert {(key, in_data) for key, _, in_data in found} == {("description", False), ("name", True)}
    keys = {key for key, _, _ in strings(chart.spec)}
    assert not keys & {"href", "url", "signal", "expr", "loader", "image"}
    assert "<img" not in chart.svg()


def test_axes_say_unit_and_period() -> None:
    """A number without a unit says nothing."""
    drawn = CHARTS["one"].svg()
    assert "matches a day" in drawn
    assert "day (UTC), 2026-03-01 to 2026-03-03" in drawn
    assert "minutes to match" in CHARTS["spread"].svg()
    assert "window ends 60" in CHARTS["spread"].svg()
    assert "window" not in CHARTS["unbounded"].svg()
    assert "2026-03-01 01:00" in CHARTS["hours"].description


def pixels(png: bytes) -> Any:
    """The picture as an array, its filters undone one byte at a time."""
    content, place = b"", len(SIGNATURE)
    while place < len(png):
        (length,) = struct.unpack_from(">I", png, place)
        kind, chunk = png[place + 4 : place + 8], png[place + 8 : place + 8 + length]
        assert struct.unpack_from(">I", png, place + 8 + length) == (zlib.crc32(kind + chunk),)
        if kind == b"IHDR":
            width, height = struct.unpack_from(">II", chunk)
        content += chunk if kind == b"IDAT" else b""
        place += length + FRAME
    rows = np.frombuffer(zlib.decompress(content), np.uint8).reshape(height, 1 + 4 * width)
    picture = np.zeros((height, 4 * width), np.uint8)
    for line, row in enumerate(rows):
        for byte, value in enumerate(row[1:]):
            left = int(picture[line, byte - 4]) if byte >= 4 else 0
            above = int(picture[line - 1, byte]) if line else 0
            picture[line, byte] = (int(value) + {0: 0, 1: left, 2: above}[int(row[0])]) % 256
    return picture


def drawn_by_the_renderer() -> bytes:
    import vl_convert

    png: bytes = vl_convert.vegalite_to_png(
        {"width": 40, "height": 20, "data": {"values": [{"a": 1}, {"a": 3}]}, "mark": "bar",
         "encoding": {"x": {"field": "a"}, "y": {"field": "a"}}, "background": "transparent"},
        vl_version="5.21",
    )  # fmt: skip
    return png


def test_a_smaller_picture_is_the_same_picture() -> None:
    """Not one pixel differs, and it is smaller."""
    before = drawn_by_the_renderer()
    after = smaller(before)
    assert len(after) < len(before)
    assert (pixels(after) == pixels(before)).all()
    assert smaller(after) == after  # already filtered in another way: left as it is


MICROSECONDS = st.integers(0, 10**10).map(lambda count: count / 1e6)


@given(st.lists(MICROSECONDS), MICROSECONDS)
def test_bins_hold_every_value(values: list[float], more: float) -> None:
    """Each once, in a bin whose ends enclose it."""
    top = max([0.0, *values]) + more
    counted = bins(values, top)
    assert sum(each.count for each in counted) == len(values)
    assert counted[0].low == 0
    assert all(a.high == pytest.approx(b.low) for a, b in pairwise(counted))
    for each in counted:
        inside = [v for v in values if each.low - 1e-9 <= v <= each.high + 1e-9]
        assert each.count <= len(inside)
