"""A made-up online shop and its history, the same for everybody who asks for the same seed.

`data/shop/` holds the history that is shipped: 320,000 events of March 2026, one Parquet file a
day, made by `python -m streamkit.sample data/shop`. `data/schema.yaml` says what its columns mean
and `data/streams/` holds streams to try on it. Larger ones, with the same behaviour and fewer
columns, are for benchmarks: `python -m streamkit.sample OUT --events 20000000 --profile bench`.

Columns, those of the benchmark marked with a star:

| column | type | holds |
|---|---|---|
| `event_id` * | text | 16 hexadecimal digits |
| `event_time` * | timestamp, µs, UTC | whole milliseconds |
| `event_name` * | text | 25 names, from `page_view` (44 %) to `return_request` |
| `session_id` * | text | 16 hexadecimal digits; 20 events on average, with a heavy tail |
| `user_id` * | text | `u0000042`; null until the shopper is known, by a cookie or a login |
| `country` * | text | null for some |
| `plan` | text | `free`, `plus`, `premium`; null for unknown shoppers and some others |
| `device` | struct | `type`, `os`, `browser`, `screen_width` |
| `url` * | text | the page that was opened last |
| `sku` * | text | events about one product |
| `price` * | double | of the product; the basket's total where `items` is set |
| `items` | list of struct | the basket (`sku`, `quantity`, `price`) in cart, checkout and purchase |
| `traits` | map | `segment`, `language`, sometimes `newsletter`; null for unknown shoppers |
| `experiments` | map | variants that the session sees |
| `properties` * | JSON text | differs by event; `properties.TEMPLATES` lists it |

What there is to find: evenings and weekends are busy; a checkout error costs baskets, and some of
the shoppers who left over it come back on a later day and buy; on 17 March the payment service is
down from 13 to 18 UTC; rage clicks come in bursts.

Faults that are planted, because real histories have them: 0.3 % of the rows come twice with one
`event_id`, half of them under a later time; ids, sessions and, rarely, times are null; some rows
arrive minutes or hours late, into the middle of a file or into the next one; rows of a session
share a time; one row is from the year 2099; some JSON is cut off, has numbers as text
(`"19.90"`), explicit nulls or missing keys; one event name carries only `{}`.

The data is generated, describes nobody, and is under the Apache License 2.0 like the code.
"""

from __future__ import annotations

from datetime import date, timedelta
from pathlib import Path
from typing import TYPE_CHECKING

from streamkit.errors import EventsError
from streamkit.sample.history import days_of
from streamkit.sample.writing import write_day

if TYPE_CHECKING:
    from streamkit.sample.writing import Profile

__all__ = ["generate"]

FIRST_DAY = date(2026, 3, 1)
LEAST_OF_A_DAY = 500
"""With fewer, one long session could be more than a day has room for."""


def generate(
    folder: str | Path,
    events: int = 320_000,
    *,
    seed: int = 2026,
    days: int = 30,
    profile: Profile = "shop",
) -> list[Path]:
    """Write a shop's history from 1 March 2026 on, one Parquet file a day.

    Only one day is in memory at a time.

    Args:
        folder: Where the files go; made if need be. Files of an earlier history of as many days
            are replaced.
        events: Number of rows in all, at least 500 a day.
        seed: Same seed, same rows; with the same pyarrow the same bytes.
        days: Number of days.
        profile: `shop` for all columns, `bench` for the ten that a large benchmark needs.

    Returns:
        The files, oldest first.

    Raises:
        EventsError: The numbers make no history, or the folder holds other Parquet files, which
            would be read along with the history.

    Example:
        >>> import tempfile
        >>> with tempfile.TemporaryDirectory() as folder:
        ...     [file.name for file in generate(folder, 2_000, days=2)]
        ['events_2026-03-01.parquet', 'events_2026-03-02.parquet']
    """
    if days < 1 or events < LEAST_OF_A_DAY * days:
        message = f"{events} events cannot fill {days} days"
        hint = f"ask for {LEAST_OF_A_DAY} events a day or more"
        raise EventsError(message, code="sample-size", hint=hint)
    folder = Path(folder)
    folder.mkdir(parents=True, exist_ok=True)
    files = [folder / f"events_{FIRST_DAY + timedelta(day)}.parquet" for day in range(days)]
    others = sorted(set(folder.glob("*.parquet")) - set(files))
    if others:
        message = f"{folder} holds Parquet files that are not replaced, such as {others[0].name}"
        raise EventsError(message, code="sample-folder", hint="name a new folder, or empty it")
    history = days_of(events=events, seed=seed, days=days, first=FIRST_DAY)
    for day, file in zip(history, files, strict=True):
        write_day(day, file, seed=seed, profile=profile)
    return files
