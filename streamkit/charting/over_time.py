"""Counts over time, as bars: one row of bars for each series."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import Any

from streamkit.charting.chart import BLUE, GREY, Chart

__all__ = ["BarSeries", "bars_over_time"]

HEIGHT_ALONE, HEIGHT_OF_MANY, WIDTH_OF_MANY = 140, 26, 420
MILLISECOND = timedelta(milliseconds=1)
ROOM = 0.8
"""How much of its room the highest bar of one of several takes."""
LONGEST_NAME = 100
FEW_PERIODS = 150
"""With more periods than these a gap between bars would leave no bar."""


@dataclass(frozen=True, slots=True)
class BarSeries:
    """Counts of one thing, period by period.

    Args:
        name: What is counted.
        counts: A count for each period.
    """

    name: str
    counts: Sequence[int]


def bars_over_time(
    series: Sequence[BarSeries],
    starts: Sequence[datetime],
    every: timedelta,
    *,
    unit: str,
    period: str,
) -> Chart:
    """Bars for each period, times in UTC.

    Args:
        series: What is counted; several are drawn below one another, each with a scale of its own.
        starts: When each period begins.
        every: How long a period is.
        unit: What is counted, in the plural, such as `matches`.
        period: What a period is called, such as `day`.

    Example:
        >>> from datetime import UTC
        >>> start = datetime(2026, 3, 1, tzinfo=UTC)
        >>> chart = bars_over_time([BarSeries("a", [3])], [start], timedelta(days=1),
        ...                        unit="matches", period="day")
        >>> chart.description
        'Matches a day (UTC), 2026-03-01 to 2026-03-01: 3 in all, at most 3 on 2026-03-01.'
    """
    first, last = _shown(starts[0], every), _shown(starts[-1], every)
    is_alone = len(series) == 1
    values = [
        {"series": place, "place": number, "count": count}
        for place, each in enumerate(series)
        for number, (_, count) in enumerate(zip(starts, each.counts, strict=True))
        if count
    ]
    gap = 0.5 if len(starts) < FEW_PERIODS else 0
    horizontal = {
        "title": f"{period} (UTC), {first} to {last}",
        "grid": False,
        "tickCount": 6,
        "format": _format(starts[-1] + every - starts[0]),
    }
    name = [] if is_alone else [{"field": "name", "type": "nominal", "title": "stream"}]
    bars: dict[str, Any] = {
        "data": {"values": values},
        "transform": _transforms(series, starts[0], every),
        "mark": {"type": "bar", "color": BLUE, "xOffset": gap, "x2Offset": -gap},
        "encoding": {
            "x": {
                "field": "start",
                "type": "temporal",
                "scale": {
                    "type": "utc",
                    "nice": False,
                    "domain": [_milliseconds(starts[0]), _milliseconds(starts[-1] + every)],
                },
                "axis": horizontal,
            },
            "x2": {"field": "end"},
            "y": {"field": "high", "type": "quantitative"},
            "y2": {"field": "low"},
            "tooltip": [
                *name,
                {"field": "period", "type": "nominal", "title": f"{period} (UTC)"},
                {"field": "count", "type": "quantitative", "title": unit, "format": ",d"},
            ],
        },
    }
    counted = unit[:1].upper() + unit[1:]
    if is_alone:
        bars["encoding"]["y"]["axis"] = {
            "title": f"{unit} a {period}",
            "tickMinStep": 1,
            "tickCount": 4,
            "format": ",d",
        }
        description = _described(series[0], starts, every, counted, period)
        return Chart({"height": HEIGHT_ALONE, **bars}, description)
    bars["encoding"]["y"] |= {"axis": None, "scale": {"domain": [0, len(series)], "nice": False}}
    body = {
        "height": HEIGHT_OF_MANY * len(series),
        "width": WIDTH_OF_MANY,
        "autosize": {"type": "pad"},
        "layer": [bars, _names(series)],
    }
    sums = "; ".join(f"{each.name[:LONGEST_NAME]}: {sum(each.counts):,}" for each in series)
    words = f"{counted} a {period} (UTC), {first} to {last}, by stream. {sums}."
    return Chart(body, words)


def _transforms(
    series: Sequence[BarSeries], first: datetime, every: timedelta
) -> list[dict[str, Any]]:
    """Where each bar begins and ends; of fixed names and numbers only."""
    length = every // MILLISECOND
    transforms: list[dict[str, Any]] = [
        {"calculate": f"{_milliseconds(first)} + datum.place * {length}", "as": "start"},
        {"calculate": f"datum.start + {length}", "as": "end"},
        {"calculate": f"utcFormat(datum.start, '{_pattern(every)}')", "as": "period"},
    ]
    if len(series) == 1:
        return [
            *transforms,
            {"calculate": "0", "as": "low"},
            {"calculate": "datum.count", "as": "high"},
        ]
    names = [{"at": place, "name": each.name[:LONGEST_NAME]} for place, each in enumerate(series)]
    # several stand below one another, each as high as its own most
    top = {"op": "max", "field": "count", "as": "top"}
    looked_up = {"data": {"values": names}, "key": "at", "fields": ["name"]}
    return [
        *transforms,
        {"joinaggregate": [top], "groupby": ["series"]},
        {"calculate": f"{len(series) - 1} - datum.series", "as": "low"},
        {"calculate": f"datum.low + {ROOM} * datum.count / datum.top", "as": "high"},
        {"lookup": "series", "from": looked_up},
    ]


def _names(series: Sequence[BarSeries]) -> dict[str, Any]:
    """The name of each series and its highest bar, to the left of its bars."""
    names = [
        {
            "name": f"{each.name[:LONGEST_NAME]}, up to {max(each.counts):,}",
            "at": len(series) - 1 - place,
        }
        for place, each in enumerate(series)
    ]
    return {
        "data": {"values": names},
        "mark": {
            "type": "text",
            "color": GREY,
            "align": "right",
            "baseline": "bottom",
            "x": -8,
            "limit": 260,
            "fontSize": 11,
        },
        "encoding": {
            "y": {"field": "at", "type": "quantitative"},
            "text": {"field": "name", "type": "nominal"},
        },
    }


def _described(
    series: BarSeries, starts: Sequence[datetime], every: timedelta, counted: str, period: str
) -> str:
    top = max(series.counts)
    busiest = _shown(starts[list(series.counts).index(top)], every)
    return (
        f"{counted} a {period} (UTC), {_shown(starts[0], every)} to {_shown(starts[-1], every)}:"
        f" {sum(series.counts):,} in all, at most {top:,} on {busiest}."
    )


def _format(length: timedelta) -> str:
    """How the axis writes times."""
    if length <= timedelta(days=3):
        return "%-d %b %H:%M"
    return "%-d %b" if length <= timedelta(days=400) else "%b %Y"


def _milliseconds(time: datetime) -> int:
    return round(time.timestamp() * 1000)


def _shown(time: datetime, every: timedelta) -> str:
    """The start of a period, as exact as its length needs."""
    return format(time, _pattern(every))


def _pattern(every: timedelta) -> str:
    return "%Y-%m-%d" if every % timedelta(days=1) == timedelta(0) else "%Y-%m-%d %H:%M"
