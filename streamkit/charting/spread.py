"""How values are spread, as a histogram with an edge that they cannot pass."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

from streamkit.charting.chart import BLUE, GREY, VERMILLION, Chart

__all__ = ["Bin", "bins", "spread_chart"]

MOST_BINS = 30


@dataclass(frozen=True, slots=True)
class Bin:
    """How many values lie from `low` to below `high` (in the last bin: to `high`, inclusive)."""

    low: float
    high: float
    count: int


def bins(values: Sequence[float], top: float) -> list[Bin]:
    """Count values from 0 to `top` in bins of one width.

    Args:
        values: Not negative and not above `top`.
        top: The end of the last bin.

    Example:
        >>> [each.count for each in bins([0, 1, 30], 30)][:2], bins([0], 0)
        ([1, 1], [Bin(low=0.0, high=1.0, count=1)])
    """
    top = float(top) or 1.0
    counts = [0] * MOST_BINS
    if not any(values):
        return [Bin(0.0, top, len(values))]
    for value in values:
        counts[min(int(MOST_BINS * value / top), MOST_BINS - 1)] += 1
    width = top / MOST_BINS
    return [Bin(place * width, (place + 1) * width, count) for place, count in enumerate(counts)]


def spread_chart(
    counted: Sequence[Bin],
    *,
    unit: str,
    of: str,
    count_unit: str,
    middle: float | None = None,
    edge: float | None = None,
) -> Chart:
    """A histogram.

    Args:
        counted: The bins.
        unit: Unit of the values, such as `minutes`.
        of: What the values are, such as `from first to last event`.
        count_unit: What is counted, in the plural.
        middle: The median, marked by a line; None for no line.
        edge: Where values must end, marked by a line; None for no line.

    Example:
        >>> spread_chart(bins([1, 2], 3), unit="minutes", of="to match", count_unit="matches",
        ...              middle=1.5, edge=3).description
        'Matches by minutes to match: 2 in all, half of them within 1.5 minutes; the window ends at 3 minutes.'
    """
    rows = [
        {
            "low": each.low,
            "high": each.high,
            "count": each.count,
            "span": f"{_shown(each.low)} to {_shown(each.high)} {unit}",
        }
        for each in counted
    ]
    lines: list[dict[str, Any]] = [
        {"at": value, "what": f"{name} {_shown(value)}", "colour": colour}
        for name, value, colour in (("median", middle, GREY), ("window ends", edge, VERMILLION))
        if value is not None
    ]
    x = {
        "field": "low",
        "type": "quantitative",
        "axis": {"title": f"{unit} {of}", "grid": False},
        "scale": {"zero": True, "nice": False, "domain": [0, counted[-1].high]},
    }
    layers: list[dict[str, Any]] = [
        {
            "data": {"values": rows},
            "mark": {"type": "bar", "color": BLUE, "xOffset": 0.5, "x2Offset": -0.5},
            "encoding": {
                "x": x,
                "x2": {"field": "high"},
                "y": {
                    "field": "count",
                    "type": "quantitative",
                    "axis": {"title": count_unit, "tickMinStep": 1, "tickCount": 4, "format": ",d"},
                },
                "y2": {"datum": 0},
                "tooltip": [
                    {"field": "span", "type": "nominal", "title": of},
                    {"field": "count", "type": "quantitative", "title": count_unit, "format": ",d"},
                ],
            },
        }
    ]
    if lines:
        at = {"field": "at", "type": "quantitative"}
        colour = {"field": "colour", "type": "nominal", "scale": None}
        rule = {"type": "rule", "strokeWidth": 2, "strokeDash": [5, 3]}
        # a label stands on the side of its line where there is room
        half = counted[-1].high / 2
        sides = (
            ([each for each in lines if each["at"] > half], "right", -5),
            ([each for each in lines if each["at"] <= half], "left", 5),
        )
        layers.append(
            {"data": {"values": lines}, "mark": rule, "encoding": {"x": at, "color": colour}}
        )
        layers += [
            {
                "data": {"values": chosen},
                "mark": {
                    "type": "text",
                    "color": GREY,
                    "align": align,
                    "dx": shift,
                    "y": -7,
                    "fontSize": 11,
                },
                "encoding": {"x": at, "text": {"field": "what", "type": "nominal"}},
            }
            for chosen, align, shift in sides
            if chosen
        ]
    words = f"{sum(each.count for each in counted):,} in all"
    if middle is not None:
        words += f", half of them within {_shown(middle)} {unit}"
    if edge is not None:
        words += f"; the window ends at {_shown(edge)} {unit}"
    counted_name = count_unit[:1].upper() + count_unit[1:]
    return Chart(
        {
            "height": 120,
            "padding": {"top": 18, "left": 5, "right": 5, "bottom": 5},
            "layer": layers,
        },
        f"{counted_name} by {unit} {of}: {words}.",
    )


def _shown(value: float) -> str:
    """At most one digit behind the point, two below one."""
    return (
        f"{value:,.{1 if value >= 1 else 2}f}".rstrip("0").rstrip(".")
        if value % 1
        else f"{value:,.0f}"
    )
