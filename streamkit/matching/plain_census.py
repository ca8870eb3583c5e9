"""The census of plain rows: counted as they are read, without a query."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass

import numpy as np
import polars as pl

from streamkit.events.values import FIRST_TIME, LAST_TIME
from streamkit.matching.census import Census
from streamkit.matching.chains import Ints
from streamkit.matching.numbering import ODD, Hashes
from streamkit.matching.pieces import Texts
from streamkit.matching.plain_rows import UnitRows
from streamkit.matching.scan import ROLES, Scan

__all__ = ["UnitCount", "census_of", "count_unit"]


@dataclass(frozen=True, eq=False)
class UnitCount:
    """What the rows of a unit tell.

    Args:
        rows: How many there are.
        null_time: Rows without a time.
        unparsable_time: Rows with a time of no year from 1 to 9999.
        future_time: Rows with a time that is too far ahead.
        null_key: Other rows that lack a role that some stream is keyed by.
        newest: The newest time that is not too far ahead; None where there is none.
        oldest: The oldest.
        ahead: The first time that is too far ahead; None where there is none.
        keys: The numbers of the keys seen, by the parts of the key.
    """

    rows: int
    null_time: int
    unparsable_time: int
    future_time: int
    null_key: int
    newest: int | None
    oldest: int | None
    ahead: int | None
    keys: Mapping[tuple[str, ...], Hashes]


def count_unit(scan: Scan, rows: UnitRows) -> UnitCount:
    """What a unit's rows tell; of a scan without a time range."""
    count = len(rows.times)
    untimed, unseen = rows.outside(FIRST_TIME, LAST_TIME), rows.unseen(scan)
    seen = rows.times if unseen is rows.untimed else np.delete(rows.times, unseen)
    has_seen = len(unseen) < count
    texts = {part: rows.texts[f"part_{place}"] for place, part in enumerate(scan.parts)}
    lacking = [texts[part].lacking() for part in scan.parts if part in ROLES]
    return UnitCount(
        rows=count,
        null_time=len(rows.untimed),
        unparsable_time=len(untimed) - len(rows.untimed),
        future_time=len(unseen) - len(untimed),
        null_key=_count_without(lacking, unseen, count),
        newest=int(seen.max()) if has_seen else None,
        oldest=int(seen.min()) if has_seen else None,
        ahead=_first_after(scan.latest, rows),
        keys={key: _distinct([texts[part] for part in key], unseen) for key in scan.keys},
    )


def _first_after(latest: int, rows: UnitRows) -> int | None:
    """The first time of a unit that is too far ahead."""
    if not len(rows.times) or rows.bounds[1] <= latest:
        return None
    return int(rows.times.compress(rows.times > latest).min())


def _count_without(chosen: Sequence[Ints], others: Ints, rows: int) -> int:
    """How many of so many rows are chosen, others left out."""
    is_chosen = np.zeros(rows, bool)
    for each in chosen:
        is_chosen[each] = True
    is_chosen[others] = False
    return int(np.count_nonzero(is_chosen))


def _distinct(parts: Sequence[Texts], unseen: Ints) -> Hashes:
    """The different keys of all rows but some, each as one number."""
    if len(parts) == 1:
        return parts[0].distinct(unseen)
    away = np.concatenate([unseen, *(part.lacking() for part in parts)])
    mixed, *others = (part.by_row()[0] for part in parts)
    for other in others:
        mixed = mixed * ODD + other
    return pl.Series(np.delete(mixed, away)).unique().to_numpy()


def census_of(scan: Scan, counted: Sequence[UnitCount]) -> Census:
    """The census of all units."""
    newest = [each.newest for each in counted if each.newest is not None]
    oldest = [each.oldest for each in counted if each.oldest is not None]
    skipped = ("null_key", "null_time", "unparsable_time", "future_time")
    numbers = {key: np.concatenate([unit.keys[key] for unit in counted]) for key in scan.keys}
    return Census(
        rows=sum(each.rows for each in counted),
        skipped={name: sum(getattr(each, name) for each in counted) for name in skipped},
        horizon=max(newest, default=None),
        newest=max(newest, default=None),
        begin=min(oldest, default=0),
        keys={key: pl.Series(each).n_unique() for key, each in numbers.items()},
    )
