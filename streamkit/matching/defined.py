"""Named conditions beside the raw events of a catalogue, counted as matching sees them."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import replace
from datetime import datetime

from streamkit.definition import All
from streamkit.definition.named import NamedCondition
from streamkit.errors import EventsError, Problem
from streamkit.events.asking import ask
from streamkit.events.cataloguing import Catalog, DefinedEntry
from streamkit.events.history import History
from streamkit.events.row_values import RowValues
from streamkit.events.sql import Parameters, Query, join_lines
from streamkit.matching.predicates import criterion_sql
from streamkit.times import from_microseconds

__all__ = ["with_defined"]


def with_defined(
    catalog: Catalog, history: History, named: Mapping[str, NamedCondition]
) -> Catalog:
    """A catalogue with named conditions beside its events, all counted in one scan.

    Args:
        catalog: The catalogue of the history.
        history: The history.
        named: Conditions by name, as `load_named` reads them from an events.yaml.

    Raises:
        EventsError: A condition asks for what the events do not have; all problems.
    """
    values = RowValues(parameters := Parameters())
    name_sql = history.text_sql(history.role("name"), values)
    has_session = history.schema.session is not None
    session = history.text_sql(history.role("session"), values) if has_session else "NULL"
    time = history.time_sql(values)
    items, problems = [], []
    for name, condition in named.items():
        alternatives = []
        for each in condition.alternatives:
            parts = []
            if each.event is not None:
                parts.append(f"coalesce({name_sql} = {parameters.bind(each.event)}, false)")
            if each.where != All():
                try:
                    parts.append(criterion_sql(each.where, history.bind, values, parameters))
                except EventsError as error:
                    problems += [replace(p, path=name) for p in error.problems]
            alternatives.append("(" + (" AND ".join(parts) or "true") + ")")
        flag = " OR ".join(alternatives)
        items += [
            f"count(*) FILTER ({flag})",
            f"approx_count_distinct({session}) FILTER ({flag})",
            f"min({time}) FILTER ({flag})",
            f"max({time}) FILTER ({flag})",
        ]
    _raise(problems)
    if not items:
        return catalog
    named_items = (f"{item} AS item_{place}" for place, item in enumerate(items))
    sql = f"{history.steps_sql(values)}\nSELECT {join_lines(named_items)}\nFROM valued"
    with history.connect() as connection:
        found = ask(connection, Query(sql, parameters.values)).row(0)
    entries = []
    for place, condition in enumerate(named.values()):
        count, sessions, first, last = found[4 * place : 4 * place + 4]
        entries.append(
            DefinedEntry(
                condition.name,
                condition.description,
                count,
                sessions if has_session else None,
                _time(first),
                _time(last),
            )
        )
    return replace(catalog, defined=tuple(entries))


def _raise(problems: list[Problem]) -> None:
    if problems:
        raise EventsError(problems)


def _time(microseconds: int | None) -> datetime | None:
    return None if microseconds is None else from_microseconds(microseconds)
