"""Charts as plain Vega-Lite 5 data, and the pictures of them; nothing is fetched from anywhere."""

from streamkit.charting.chart import Chart
from streamkit.charting.over_time import BarSeries, bars_over_time
from streamkit.charting.spread import Bin, bins, spread_chart

__all__ = ["BarSeries", "Bin", "Chart", "bars_over_time", "bins", "spread_chart"]
