"""Sessions made piece by piece are those of all events together, one after the other."""

from __future__ import annotations

import numpy as np
import polars as pl
import pytest
from hypothesis import given
from hypothesis import strategies as st

from streamkit import Sessionizer
from streamkit.matching.numbering import SharedNumberError
from streamkit.matching.pieces import Texts
from streamkit.matching.sessions import SessionMaker, Sessions

SECOND = 1_000_000
events = st.tuples(st.sampled_from(["a", "b", "c", None]), st.integers(0, 40), st.booleans())
pieces = st.lists(st.lists(events, max_size=12), max_size=4)


def walked(
    events: list[tuple[str, int]], gap: int, longest: int | None
) -> dict[tuple[str, int], int]:
    """When the session of each event began, by going through each user's events in order."""
    starts: dict[tuple[str, int], int] = {}
    began: dict[str, int] = {}
    seen: dict[str, int] = {}
    for user, time in sorted(events, key=lambda event: event[1]):
        is_long = longest is not None and time - began.get(user, time) > longest
        if user not in seen or time - seen[user] > gap or is_long:
            began[user] = time
        seen[user] = time
        starts[user, time] = began[user]
    return starts


@given(pieces, st.integers(1, 6), st.none() | st.integers(1, 12), st.booleans())
def test_made_in_pieces(
    pieces: list[list[tuple[str | None, int, bool]]],
    gap: int,
    longest: int | None,
    coded: bool,
) -> None:
    """Whatever lies in which piece and in which order, unseen events and unknown users left out."""
    sessionizer = Sessionizer("user", f"{gap}s", max=longest and f"{longest}s")
    maker = SessionMaker(sessionizer, rows=100)
    for piece in [[], *pieces]:
        users = pl.Series([user for user, _, _ in piece], dtype=pl.String)
        words = pl.Series([*"abc", None])
        codes = np.array(["abc".find(user) if user else -1 for user in users], np.int32)
        texts = Texts.hashed(words, 0, codes) if coded else Texts.hashed(users, 0)
        times = np.array([time for _, time, _ in piece], np.int64) * SECOND
        unseen = np.flatnonzero([not is_seen for _, _, is_seen in piece])
        maker.put(maker.prepared(texts, times, unseen))
    sessions = maker.made()
    seen = [(user, time) for piece in pieces for user, time, is_seen in piece if user and is_seen]
    expected = walked(seen, gap, longest)
    assert len(sessions) == len({(user, began) for (user, _), began in expected.items()})
    numbers = Texts.hashed(pl.Series([user for user, _ in expected], dtype=pl.String), 0).numbers
    times = np.array([time for _, time in expected], np.int64) * SECOND
    assert (sessions.starts_of(numbers, times) // SECOND).tolist() == list(expected.values())


def test_users_that_share_a_number_are_seen() -> None:
    """In one piece, and where they come together."""
    maker = SessionMaker(Sessionizer("user", "1s"), rows=4)
    numbers, proofs = np.array([7, 7], np.uint64), np.array([1, 2], np.uint32)
    times, none = np.array([0, 9 * SECOND]), np.empty(0, np.int64)
    with pytest.raises(SharedNumberError):
        maker.prepared(Texts(numbers, proofs), times, none)
    for row in range(2):
        one = slice(row, row + 1)
        maker.put(maker.prepared(Texts(numbers[one], proofs[one]), times[one], none))
    with pytest.raises(SharedNumberError):
        maker.made()


def test_an_event_of_nobody_is_of_no_session() -> None:
    """Its session begins at 0, which stands for none."""
    sessions = Sessions(np.array([5], np.uint64), np.array([3]))
    users, codes = np.array([5, 0], np.uint64), np.array([0, 1, -1], np.int32)
    assert sessions.starts_of(users, np.array([4, 4, 4]), codes).tolist() == [3, 0, 0]
