"""Which confirmed firing events become matches: the frequency rule, then the cooldown."""

from __future__ import annotations

import numpy as np

from streamkit.definition import Frequency
from streamkit.matching.chains import Bools, Ints, follow, group_starts, next_in_group

__all__ = ["kept_by_cooldown", "kept_by_frequency"]


def kept_by_frequency(frequency: Frequency, keys: Ints, starts: Ints, ends: Ints) -> Bools:
    """The firing events that the frequency rule lets through.

    Args:
        frequency: The rule.
        keys: Key of each firing event, as a number that grows with the rows, shape (events,).
        starts: Row of each run's first event; it never goes back as `ends` go on.
        ends: Row of each firing event, in order.

    Example:
        >>> keys = np.zeros(3, int)
        >>> kept_by_frequency("per_start", keys, np.array([1, 1, 4]), np.array([2, 3, 5])).tolist()
        [True, False, True]
    """
    match frequency:
        case "once":
            return group_starts(keys)
        case "every":
            return np.ones(len(ends), bool)
        case "per_start":
            return group_starts(starts)
        case "non_overlapping":
            # rows are numbered through all keys, so the next run may be the next key's first
            return follow(np.searchsorted(starts, ends, side="right"), group_starts(keys))


def kept_by_cooldown(values: Ints, fired_at: Ints, length: int) -> Bools:
    """The matches that the cooldown does not hold back.

    Args:
        values: What the cooldown is counted by, as numbers; negative for null, which is never
            held back, shape (matches,). Matches are sorted by `fired_at`, then match id.
        fired_at: In microseconds.
        length: The cooldown, in microseconds.

    Example:
        >>> kept_by_cooldown(np.array([0, 0, -1, 0]), np.array([0, 5, 6, 10]), 10).tolist()
        [True, False, True, True]
    """
    kept = np.ones(len(values), bool)
    counted = np.flatnonzero(values >= 0)
    order = counted[np.argsort(values[counted], kind="stable")]
    groups = values[order]
    following = next_in_group(groups, fired_at[order], length, inclusive=True)
    kept[order] = follow(following, group_starts(groups))
    return kept
