"""The census of plain rows: counted as they are read, without a query."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass

import numpy as np
import polars as pl

from streamkit.matching.census import Census
from streamkit.matching.chains import Bools, Ints
from streamkit.matching.numbering import Hashes
from streamkit.matching.pieces import Texts
from streamkit.matching.plain_rows import UnitRows, both
from streamkit.matching.scan import ROLES, Scan

__all__ = ["UnitCount", "census_of", "count_unit"]

ODD = np.uint64(0x9E3779B97F4A7C15)
"""Makes one number of several: the golden ratio's, as in Knuth's multiplicative hashing."""


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
        keys: The numbers of the keys seen, by the parts of the key.
    """

    rows: int
    null_time: int
    unparsable_time: int
    future_time: int
    null_key: int
    newest: int | None
    oldest: int | None
    keys: Mapping[tuple[str, ...], Hashes]


def count_unit(scan: Scan, rows: UnitRows) -> UnitCount:
    """What a unit's rows tell; of a scan without a time range."""
    times = rows.times
    nulls = 0 if rows.is_timed is None else len(times) - int(rows.is_timed.sum())
    timed, is_seen = count_of(rows.has_time(), times), rows.is_seen(scan)
    seen = times if is_seen is rows.is_timed else times[is_seen]
    count = count_of(is_seen, times)
    is_present = {
        part: rows.texts[f"part_{place}"].is_present() for place, part in enumerate(scan.parts)
    }
    has_roles = None
    for part in scan.parts:
        has_roles = both(has_roles, is_present[part] if part in ROLES else None)
    keys = {}
    for key in scan.keys:
        whole = is_seen
        for part in key:
            whole = both(whole, is_present[part])
        parts = [rows.texts[f"part_{scan.parts.index(part)}"] for part in key]
        keys[key] = _distinct(parts, None if whole is None else np.flatnonzero(whole))
    return UnitCount(
        rows=len(times),
        null_time=nulls,
        unparsable_time=len(times) - nulls - timed,
        future_time=timed - count,
        null_key=count - count_of(both(is_seen, has_roles), times),
        newest=int(seen.max()) if count else None,
        oldest=int(seen.min()) if count else None,
        keys=keys,
    )


def count_of(which: Bools | None, rows: Ints) -> int:
    """How many of the rows are meant."""
    return len(rows) if which is None else int(which.sum())


def _distinct(parts: Sequence[Texts], rows: Ints | None) -> Hashes:
    """The different keys of some rows, each as one number; of all rows by default."""
    chosen = parts if rows is None else [part.only(rows) for part in parts]
    if len(chosen) == 1 and chosen[0].codes is not None:
        return chosen[0].numbers[chosen[0].is_used()]
    mixed, *others = (part.by_row()[0] for part in chosen)
    for other in others:
        mixed = mixed * ODD + other
    return pl.Series(mixed).unique().to_numpy()


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
