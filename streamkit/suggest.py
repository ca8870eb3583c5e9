"""The nearest right name, for error messages."""

from __future__ import annotations

from collections.abc import Iterable

__all__ = ["did_you_mean"]

LONGEST = 200
"""Longer names are not compared: the comparison is quadratic in their length."""


def did_you_mean(name: str, known: Iterable[str]) -> str | None:
    """A hint that names the nearest of the known names.

    Args:
        name: What the user wrote.
        known: The names that would have been right.

    Returns:
        A sentence, or None where nothing is near.

    Example:
        >>> did_you_mean("wher", ["event", "where"])
        "did you mean 'where'?"
    """
    from difflib import get_close_matches  # seldom needed: most names are right

    if len(name) > LONGEST:
        return None
    folded = {candidate.casefold(): candidate for candidate in known if len(candidate) <= LONGEST}
    near = get_close_matches(name.casefold(), folded, n=1, cutoff=0.6)
    return f"did you mean {folded[near[0]]!r}?" if near else None
