"""Columns of a history as Python values: what a live source would have handed over."""

from __future__ import annotations

from typing import Any

from streamkit.events.history import History
from streamkit.events.sql import quote
from streamkit.events.types import Kind

__all__ = ["raw_column", "raw_values"]


def raw_column(history: History, column: str) -> str:
    """SQL of a column as Python can hold it: times floored to microseconds, of years 1 to 9999."""
    sql = quote(history.source.renamed.get(column, column))
    type_ = history.columns[column]
    if type_.kind is Kind.TIMESTAMP and type_.name == "TIMESTAMP_NS":
        return f"make_timestamp(in_years(floor_us(epoch_ns({sql}))))"
    if type_.kind is Kind.TIMESTAMP:
        return f"make_timestamp(in_years(epoch_us({sql})))"
    if type_.kind is Kind.DATE:
        return f"CASE WHEN {sql} BETWEEN DATE '0001-01-01' AND DATE '9999-12-31' THEN {sql} END"
    return sql


def raw_values(values: list[Any], kind: Kind) -> list[Any]:
    """Values as a live source has them: a map as a mapping."""
    if kind is not Kind.MAP:
        return values
    return [None if value is None else dict(value) for value in values]
