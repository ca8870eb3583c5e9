"""Rows as they are read, piece by piece, and where they wait for what follows."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any, TypeAlias

import numpy as np
import numpy.typing as npt
import polars as pl

from streamkit.events.opened import Scratch
from streamkit.matching.buckets import BYTES_IN_MEMORY, Columns
from streamkit.matching.chains import Bools, Ints
from streamkit.matching.numbering import Hashes, Proofs, check_proofs, hashed

__all__ = ["Codes", "Piece", "Pieces", "Texts"]

Codes: TypeAlias = npt.NDArray[np.int32]


@dataclass(frozen=True, eq=False)
class Texts:
    """A column of texts as numbers that stand for them.

    Args:
        numbers: A number for each text; 0 for none.
        proofs: A second number for each.
        codes: Which of the numbers, all different, each row has, -1 for the last, which is that of
            no text; None where each row has its own, in order.
    """

    numbers: Hashes
    proofs: Proofs
    codes: Codes | None = None

    @classmethod
    def hashed(cls, texts: pl.Series, salt: int, codes: Codes | None = None) -> Texts:
        """The numbers of some texts."""
        return cls(*hashed(texts, salt), codes)

    @classmethod
    def with_codes(cls, numbers: Hashes, proofs: Proofs, codes: Codes) -> Texts:
        """Numbers that rows refer to, each once.

        Raises:
            SharedNumberError: Two texts share a number.
        """
        order = np.argsort(numbers)
        is_same = np.diff(numbers[order]) == 0
        if not is_same.any():
            return cls(numbers, proofs, codes)
        check_proofs(is_same, proofs[order])
        first = order[np.append(True, ~is_same)]
        places = np.empty(len(numbers), np.int32)
        places[order] = np.append(-1, np.cumsum(~is_same) - 1)
        # none is 0, the least of them: it must be the last
        return cls(np.roll(numbers[first], -1), np.roll(proofs[first], -1), places.take(codes))

    def __len__(self) -> int:
        return len(self.numbers if self.codes is None else self.codes)

    def only(self, rows: Ints) -> Texts:
        """The texts of some rows."""
        if self.codes is not None:
            return Texts(self.numbers, self.proofs, self.codes.take(rows))
        return Texts(self.numbers.take(rows), self.proofs.take(rows))

    def by_row(self) -> tuple[Hashes, Proofs]:
        """The number and the proof of each row."""
        if self.codes is None:
            return self.numbers, self.proofs
        return self.numbers.take(self.codes), self.proofs.take(self.codes)

    def is_present(self) -> Bools | None:
        """Which rows have a text; None if all have one."""
        if self.codes is None:
            return None if self.numbers.all() else self.numbers != 0
        return None if self.codes.min(initial=0) >= 0 else self.codes >= 0

    def lacking(self) -> Ints:
        """The rows that have no text."""
        is_present = self.is_present()
        return np.empty(0, np.int64) if is_present is None else np.flatnonzero(~is_present)

    def distinct(self, unseen: Ints) -> Hashes:
        """The different numbers of all rows but some, without that of no text."""
        if self.codes is None:
            numbers = pl.Series(np.delete(self.numbers, unseen)).unique().to_numpy()
            return numbers.compress(numbers != 0)
        codes = self.codes
        if len(unseen):
            codes = codes.copy()
            codes[unseen] = -1
        is_used = np.zeros(len(self.numbers), bool)  # a dictionary may hold what no row has
        is_used[codes] = True
        is_used[-1] = False
        return self.numbers.compress(is_used)


@dataclass(frozen=True, eq=False)
class Piece:
    """Rows that were read together, in source order or not.

    Args:
        rows: Their columns: position, time, and whatever else the sequence pass needs.
        texts: Their key parts, by what the scan calls them.
    """

    rows: Columns
    texts: Mapping[str, Texts]

    def __len__(self) -> int:
        return len(self.rows["position"])

    def only(self, which: Bools) -> Piece:
        """Some of the rows."""
        if which.all():
            return self
        chosen = np.flatnonzero(which)
        return Piece(
            {name: column.take(chosen) for name, column in self.rows.items()},
            {name: texts.only(chosen) for name, texts in self.texts.items()},
        )

    def arrays(self) -> dict[str, npt.NDArray[Any]]:
        """All that it is made of."""
        arrays: dict[str, npt.NDArray[Any]] = dict(self.rows)
        for name, texts in self.texts.items():
            arrays |= {f"{name}.numbers": texts.numbers, f"{name}.proofs": texts.proofs}
            if texts.codes is not None:
                arrays[f"{name}.codes"] = texts.codes
        return arrays

    @classmethod
    def of(cls, arrays: Mapping[str, npt.NDArray[Any]]) -> Piece:
        """The piece that is made of arrays."""
        rows = {name: array for name, array in arrays.items() if "." not in name}
        names = dict.fromkeys(name.partition(".")[0] for name in arrays if "." in name)
        texts = {
            name: Texts(
                arrays[f"{name}.numbers"], arrays[f"{name}.proofs"], arrays.get(f"{name}.codes")
            )
            for name in names
        }
        return cls(rows, texts)

    @property
    def bytes(self) -> int:
        """What it takes."""
        return sum(array.nbytes for array in self.arrays().values())


class Pieces:
    """Pieces in the order in which they came; on disk from where they would be too many for memory.

    Example:
        >>> pieces = Pieces()
        >>> pieces.add(Piece({"position": np.array([3, 4])}, {}))
        >>> [len(pieces.get(number)) for number in range(len(pieces))]
        [2]
    """

    def __init__(self) -> None:
        self._held: list[Piece | str] = []
        self._scratch: Scratch | None = None
        self._bytes = 0

    def __len__(self) -> int:
        return len(self._held)

    @property
    def is_on_disk(self) -> bool:
        """Whether there were more rows than memory should hold."""
        return self._scratch is not None

    def add(self, piece: Piece) -> None:
        """Keep a piece."""
        self._bytes += piece.bytes
        if self._bytes <= BYTES_IN_MEMORY:
            self._held.append(piece)
            return
        self._scratch = self._scratch or Scratch()
        file = self._scratch.folder / f"{len(self._held)}.npz"
        with file.open("wb") as opened:
            np.savez(opened, allow_pickle=False, **piece.arrays())
        self._held.append(str(file))

    def get(self, number: int) -> Piece:
        """A piece, by its place."""
        held = self._held[number]
        if isinstance(held, Piece):
            return held
        with np.load(held, allow_pickle=False) as arrays:
            return Piece.of(arrays)

    def clear(self) -> None:
        """Forget all of them."""
        self._held.clear()
