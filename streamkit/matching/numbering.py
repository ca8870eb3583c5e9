"""Numbers that stand for texts, and how it is seen that no two texts share one.

Numbers are what makes grouping cheap. A text has two: rows are grouped by the first, of 64 bits, and
the second, of 32 bits, which has nothing to do with the first, must be the same in all rows of a
group. Together they are 96 bits, so that no two texts of any history share both by chance; where two
share the first alone, everything is read again with the next salt.
"""

from __future__ import annotations

from typing import TypeAlias

import numpy as np
import numpy.typing as npt
import polars as pl

from streamkit.matching.chains import Bools

__all__ = [
    "ODD",
    "Hashes",
    "Proofs",
    "SharedNumberError",
    "check_proofs",
    "hash_sql",
    "hashed",
    "proof_sql",
]

Hashes: TypeAlias = npt.NDArray[np.uint64]
"""First numbers; 0 stands for no text."""
Proofs: TypeAlias = npt.NDArray[np.uint32]
"""Second numbers."""
ODD = np.uint64(0x9E3779B97F4A7C15)
"""Makes one number of several: the golden ratio's, as in Knuth's multiplicative hashing."""


class SharedNumberError(Exception):
    """Two texts share a number: another salt must be taken."""


def check_proofs(is_same: Bools, proofs: Proofs) -> None:
    """Make sure that equal first numbers stand for equal texts.

    Args:
        is_same: Which rows, from the second on, have the first number of the row before.
        proofs: The second number of each row.

    Raises:
        SharedNumberError: They do not.

    Example:
        >>> check_proofs(np.array([True, False]), np.array([5, 5, 7], np.uint32))
    """
    if (is_same & (proofs[1:] != proofs[:-1])).any():
        raise SharedNumberError


def hashed(texts: pl.Series, salt: int) -> tuple[Hashes, Proofs]:
    """The two numbers of each text."""
    numbers, proofs = (texts.hash(2 * salt + nth) for nth in range(2))
    if texts.null_count():
        numbers = numbers.set(texts.is_null(), 0)
    return numbers.to_numpy(), proofs.to_numpy().astype(np.uint32)


def hash_sql(text: str, salt: int) -> str:
    """The first number of a text, as SQL; 0 for NULL."""
    return f"CASE WHEN {text} IS NULL THEN 0 ELSE hash({_salted(text, 2 * salt)}) END"


def proof_sql(text: str, salt: int) -> str:
    """The second number of a text, as SQL."""
    return f"coalesce(CAST(hash({_salted(text, 2 * salt + 1)}) >> 32 AS UINTEGER), 0)"


def _salted(text: str, salt: int) -> str:
    return f"'{salt}:' || {text}" if salt else text
