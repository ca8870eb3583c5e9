"""What reading brought: the rows that touch some stream, and how they come together by key.

A key's rows are mostly read together: files are written in order of time, and a session is short.
Keys that lie in one piece are worked on there. The rows of all other keys are dealt into buckets, each
of which holds whole keys.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any, TypeAlias

import numpy as np
import numpy.typing as npt

from streamkit.matching.asked import words_of
from streamkit.matching.buckets import Buckets, Columns
from streamkit.matching.chains import Bools, Ints
from streamkit.matching.duplicates import suspected
from streamkit.matching.numbering import Hashes, Proofs
from streamkit.matching.order import together
from streamkit.matching.pieces import Codes, Piece, Pieces
from streamkit.matching.questions import FLAGS_PER_WORD
from streamkit.matching.scan import ROLES, Scan
from streamkit.matching.sessions import Sessions

__all__ = ["Keyed", "Prepared", "Touching", "any_flag", "has_flag"]

Key: TypeAlias = tuple[str, ...]
Prepared: TypeAlias = tuple[Piece, Mapping[int, int]]
"""A piece's rows that touch a stream, and how many of the piece's rows met the flags of what is
missing."""
ROWS_OF_A_HOME = 2**15
"""Pieces of fewer rows are dealt out, because each piece that is worked on has a cost of its own."""


@dataclass(frozen=True, eq=False)
class Keyed:
    """All rows of some keys, in source order.

    Args:
        columns: The rows.
        codes: A number for each row, the same where the key is.
        starts: Where keys are sessions made from gaps: when each row's began; the codes are users.
        proofs: What must be equal in all rows of a code if it stands for one text.
    """

    columns: Columns
    codes: Hashes | Codes
    starts: Ints | None
    proofs: Sequence[Proofs]


class Touching:
    """The rows that touch a stream.

    Args:
        scan: The scan.
        since: Of older rows nothing is counted, in microseconds.

    Attributes:
        sessions: The sessions made from gaps, if such are made; known when all rows were read.
        pieces: The rows as they were read.
        lacking: For each key of the streams, the counted rows that lack a part of it; known when
            all pieces were split.
        counts: How many rows meet the flags that count what is missing.
        is_on_disk: Whether there were more rows than memory should hold.
    """

    def __init__(self, scan: Scan, since: int) -> None:
        self.scan = scan
        self.since = since
        self.sessions: Sessions | None = None
        self.pieces = Pieces()
        self.lacking: dict[Key, list[Columns]] = {key: [] for key in scan.keys}
        self.counts: Counter[int] = Counter()
        self.is_on_disk = False
        self._sizes: list[int] = []
        self._texts: list[Mapping[str, Hashes | None]] = []
        self._masks = scan.questions.masks([f for s in scan.plan.streams for f in s.flags])

    def prepared(self, piece: Piece) -> Prepared:
        """Prepare a piece; nothing is kept yet, so that many threads can do it."""
        counts = {}
        if "flags_0" in piece.rows:
            words = words_of(piece.rows, self.scan)
            counted = piece.rows["time"] >= self.since
            for flag in (self.scan.questions.unreadable_flag, self.scan.questions.uncast_flag):
                counts[flag] = int((has_flag(words, flag) & counted).sum())
            piece = piece.only(any_flag(words, self._masks))
        return piece, counts

    def put(self, prepared: Prepared) -> None:
        """Keep a piece that was prepared."""
        piece, counts = prepared
        self.counts.update(counts)
        self.pieces.add(piece)
        self.is_on_disk |= self.pieces.is_on_disk
        self._texts.append(
            {
                name: None if texts.codes is None else texts.numbers
                for name, texts in piece.texts.items()
            }
        )
        self._sizes.append(len(piece))

    def homes(self, key: Key) -> list[Bools | None]:
        """For each piece, which of its texts occur in no other, as is seen of nearly all of them.

        Where a piece is no home of keys there is None.
        """
        told = [texts[self._names(key)[0]] for texts in self._texts]
        known = [numbers for numbers in told if numbers is not None]
        if len(key) > 1 or len(known) < len(told) or max(self._sizes) < ROWS_OF_A_HOME:
            return [None] * len(told)
        all_known = np.concatenate(known)
        is_alone = ~suspected(all_known, np.zeros(len(all_known), np.uint8))
        ends = np.cumsum([len(each) for each in known])
        return [
            alone if size >= ROWS_OF_A_HOME else None
            for alone, size in zip(np.split(is_alone, ends[:-1]), self._sizes, strict=True)
        ]

    def buckets(self, homes: Sequence[Bools | None]) -> Buckets:
        """Buckets for the rows that are not at home."""
        away = [1.0 if home is None else 1 - home.mean() for home in homes]
        rows = sum(size * share for size, share in zip(self._sizes, away, strict=True))
        return Buckets(int(rows))

    def split(self, number: int, key: Key, home: Bools | None) -> tuple[Keyed | None, Columns]:
        """The rows of a piece whose keys lie in it, and those that must be dealt.

        Args:
            number: The piece's place.
            key: The parts of the key; rows that lack one are only counted.
            home: Which of the piece's texts occur in no other; None if it is no home of keys.
        """
        piece = self._in_sessions(self.pieces.get(number))
        has_key = np.ones(len(piece), bool)
        for name in self._names(key):
            is_present = piece.texts[name].is_present()
            has_key &= True if is_present is None else is_present
        lacking = piece.only(~has_key & (piece.rows["time"] >= self.since))
        self.lacking[key].append(lacking.rows)
        if home is None:
            return None, self._numbered(piece.only(has_key), key)
        codes = piece.texts[self._names(key)[0]].codes
        assert codes is not None
        is_at_home = home.take(codes)
        is_at_home &= has_key
        at_home = piece.only(is_at_home)
        codes = at_home.texts[self._names(key)[0]].codes
        assert codes is not None
        keyed = Keyed(at_home.rows, codes, self._starts(at_home.rows, key), ())
        return keyed, self._numbered(piece.only(has_key & ~is_at_home), key)

    def deal(self, rows: Columns, key: Key, buckets: Buckets) -> list[Columns]:
        """Numbered rows by bucket."""
        lead = next((part for part in key if part in ROLES), key[0])
        return buckets.deal(rows, rows[f"part_{self.scan.parts.index(lead)}"])

    def keyed(self, columns: Columns, key: Key) -> Keyed:
        """The rows of a bucket."""
        names = self._names(key)
        starts = self._starts(columns, key)
        parts = [columns[name] for name in names]
        proofs = [columns[f"{name}_proof"] for name in names]
        if len(parts) > 1 and starts is not None:
            return Keyed(columns, together([*parts, starts.view(np.uint64)]), None, proofs)
        return Keyed(columns, together(parts), starts, proofs)

    def _in_sessions(self, piece: Piece) -> Piece:
        """A piece with when the sessions of its rows began, where sessions are made from gaps."""
        if self.sessions is None:
            return piece
        users = piece.texts[self.scan.user_number]
        starts = self.sessions.starts_of(users.numbers, piece.rows["time"], users.codes)
        return Piece(piece.rows | {"session_start": starts}, piece.texts)

    def _starts(self, columns: Columns, key: Key) -> Ints | None:
        return columns.get("session_start") if "session" in key else None

    def _numbered(self, piece: Piece, key: Key) -> Columns:
        """A piece's rows with the numbers of a key's parts."""
        rows = dict(piece.rows)
        for name in self._names(key):
            rows[name], rows[f"{name}_proof"] = piece.texts[name].by_row()
        return rows

    def _names(self, key: Sequence[str]) -> list[str]:
        return [f"part_{self.scan.parts.index(part)}" for part in key]


def any_flag(words: Sequence[npt.NDArray[Any]], masks: Mapping[int, int]) -> Bools:
    """Which rows meet any of some flags, of the words that hold the flags."""
    touches = np.zeros(len(words[0]), bool)
    for word, mask in masks.items():
        touches |= words[word] & mask != 0
    return touches


def has_flag(words: Sequence[npt.NDArray[Any]], flag: int) -> Bools:
    """Which rows meet a flag, of the words that hold the flags."""
    has: Bools = words[flag // FLAGS_PER_WORD] & (1 << flag % FLAGS_PER_WORD) != 0
    return has
