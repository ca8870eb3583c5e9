"""Numbers that look random but follow from what they belong to: a shopper's country, an id."""

from __future__ import annotations

import numpy as np
import pyarrow as pa
from numpy.typing import NDArray

__all__ = ["Floats", "Integers", "Mask", "Words", "hex_text", "mix", "pick", "spread"]

Words = NDArray[np.uint64]
Integers = NDArray[np.int64]
Floats = NDArray[np.float64]
Mask = NDArray[np.bool_]

HEX_PAIRS = np.array([f"{byte:02x}" for byte in range(256)], dtype="S2").view(np.uint16)


def mix(numbers: Integers | Words, salt: int) -> Words:
    """Scramble numbers one to one, each salt in its own way.

    The steps are those of SplitMix64 (Steele, Lea and Flood, 2014), a bijection on 64 bits, so
    different numbers never meet in one result.
    """
    words = numbers.astype(np.uint64)
    words += np.uint64((salt + 1) * 0x9E3779B97F4A7C15 & 0xFFFF_FFFF_FFFF_FFFF)
    words ^= words >> np.uint64(30)
    words *= np.uint64(0xBF58476D1CE4E5B9)
    words ^= words >> np.uint64(27)
    words *= np.uint64(0x94D049BB133111EB)
    words ^= words >> np.uint64(31)
    return words


def hex_text(words: Words) -> pa.StringArray:
    """Sixteen lower-case hexadecimal digits for each word."""
    pairs = HEX_PAIRS[words.astype(">u8").view(np.uint8)]
    offsets = np.arange(len(words) + 1, dtype=np.int32) * 16
    return pa.StringArray.from_buffers(len(words), pa.py_buffer(offsets), pa.py_buffer(pairs))


def spread(weights: list[float] | Floats, size: int = 4096) -> Integers:
    """A table of `size` entries in which each choice has its share of the places.

    A uniformly drawn place then gives a choice with its weight: drawing is one look-up.
    """
    edges = np.cumsum(np.asarray(weights, dtype=np.float64))
    places = (np.arange(size) + 0.5) / size * edges[-1]
    choices: Integers = np.searchsorted(edges, places, side="right").astype(np.int64)
    return choices


def pick(table: Integers, words: Words, shift: int = 0) -> Integers:
    """One choice from a `spread` table for each word, by the word's bits from `shift` up."""
    places = (words >> np.uint64(shift)) % np.uint64(len(table))
    return table[places.astype(np.int64)]
