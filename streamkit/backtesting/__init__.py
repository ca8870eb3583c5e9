"""Backtest: the answer over a history, as numbers, tables and reports."""

from streamkit.backtesting.result import Backtest
from streamkit.backtesting.run import backtest

__all__ = ["Backtest", "backtest"]
