"""The formats and zones of `formatTime`: a fixed set, the same on every machine."""

from __future__ import annotations

import re
from functools import lru_cache

from streamkit.suggest import did_you_mean

__all__ = ["DIRECTIVES", "LONGEST_FORMAT", "format_problem", "zone_problem"]

DIRECTIVES = {
    "Y": "year in four digits",
    "y": "year in two digits",
    "m": "month, 01 to 12",
    "B": "month's name in English",
    "b": "month's name in three letters",
    "d": "day, 01 to 31",
    "j": "day of the year, 001 to 366",
    "A": "weekday's name in English",
    "a": "weekday's name in three letters",
    "H": "hour, 00 to 23",
    "I": "hour, 01 to 12",
    "p": "AM or PM",
    "M": "minute",
    "S": "second",
    "f": "microsecond, six digits",
    "z": "offset such as +0100",
    "%": "a percent sign",
}
"""What may follow a % in a format; not the platform's own, whose words depend on its language."""
LONGEST_FORMAT = 200


def format_problem(text: str) -> tuple[str, str] | None:
    """What is wrong with a format, and what to do; None if nothing is.

    Example:
        >>> format_problem("%d.%m.%Y"), format_problem("%Q")[0]
        (None, "'%Q' is no part of a time")
    """
    if len(text) > LONGEST_FORMAT:
        return f"a format has at most {LONGEST_FORMAT} characters", "cut it"
    for found in re.finditer("%(.?)", text, re.DOTALL):
        if found[1] not in DIRECTIVES:
            known = " ".join(f"%{each}" for each in DIRECTIVES)
            return f"{found[0]!r} is no part of a time", f"the parts are {known}"
    return None


def zone_problem(name: str) -> tuple[str, str] | None:
    """What is wrong with the name of a time zone, and what to do; None if nothing is.

    Example:
        >>> zone_problem("Europe/Berlin"), zone_problem("Europe/Berln")[1]
        (None, "did you mean 'Europe/Berlin'?")
    """
    if name in _zones():
        return None
    near = did_you_mean(name, _zones())
    return f"no time zone is named {name[:80]!r}", near or "write one such as Europe/Berlin or UTC"


@lru_cache(maxsize=1)
def _zones() -> frozenset[str]:
    from zoneinfo import available_timezones

    return frozenset(available_timezones()) | {"UTC"}
