"""The state file: what goes on, what stays out of memory, what is refused."""

from __future__ import annotations

import sqlite3
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import pytest

from streamkit import EventsError, Schema
from streamkit.matching.contexts import Context, Needs
from streamkit.running import Matcher
from streamkit.streaming.packed_matches import pack_match, unpack_match
from streamkit.streaming.state_file import StateFile
from tests.running.examples import a_then_b, after, event, matcher

ONCE = a_then_b(name="once", steps=[{"event": "A"}], within=None)


@contextmanager
def opened(path: Path, running: Matcher, **arguments: Any) -> Iterator[StateFile]:
    state = StateFile(path, **arguments)
    try:
        state.restore(running)
        yield state
    finally:
        state.close()


def rows(path: Path, sql: str) -> list[Any]:
    with sqlite3.connect(path) as connection:
        found = connection.execute(sql).fetchall()
    connection.close()
    return found


def test_what_was_committed_goes_on_and_the_rest_never_was(tmp_path: Path):
    """The matcher, the place in the source and the matches on their way are of one commit."""
    first = matcher(a_then_b())
    with opened(tmp_path / "s.db", first) as state:
        first.push(event("A", 0))
        state.commit(position={"file": [1, 2]})
        first.push(event("B", 1))
    second = matcher(a_then_b())
    with opened(tmp_path / "s.db", second) as state:
        assert state.position == {"file": [1, 2]}
        assert second.stats.events == 1
        assert second.flush() == []
        second.push(event("B", 2))
        (match,) = second.flush()
        state.commit(position={"file": [2, 2]}, batch=1, matches=[match])
        assert match.matched == after(2)
    third = matcher(a_then_b())
    with opened(tmp_path / "s.db", third) as state:
        assert state.outbox == [(1, [match])]
        state.commit(taken=1)
        assert state.outbox == []
        assert (state.batch, state.position) == (1, {"file": [2, 2]})


def test_a_commit_writes_what_changed_and_not_what_is_known(tmp_path: Path):
    """The cost of a commit follows the events, not the keys."""
    running = matcher(a_then_b())
    path = tmp_path / "s.db"
    with opened(path, running) as state:
        running.push_many(event("A", n / 100, f"s{n}") for n in range(2000))
        running.flush()
        state.commit()
        assert rows(path, "SELECT count(*) FROM live_keys") == [(2000,)]
        written = []
        state._connection.connection.driver_connection.set_trace_callback(written.append)
        running.push(event("B", 30, "s7"))
        running.flush()
        state.commit()
        touched = [line for line in written if "live_keys" in line]
        assert len(touched) == 1
        assert '"s7"' in touched[0]


def test_a_key_with_nothing_left_leaves_the_file(tmp_path: Path):
    """What the matcher drops is dropped in the file too."""
    running = matcher(a_then_b(frequency="every"))
    with opened(tmp_path / "s.db", running) as state:
        running.push(event("A", 0))
        running.flush()
        state.commit()
        assert len(rows(tmp_path / "s.db", "SELECT * FROM live_keys")) == 1
        for second in range(3600, 7200, 60):
            running.push(event("A", second, "s2"))
        state.commit()
        keys = [key for (key,) in rows(tmp_path / "s.db", "SELECT key FROM live_keys")]
        assert keys == ['"s2"']


def test_keys_that_rest_leave_memory_and_are_found_again(tmp_path: Path):
    """Fired once is for ever, however few keys stay in memory and however often it restarts."""
    path, found = tmp_path / "s.db", []
    for start in (0, 1000, 2000):
        running = matcher(ONCE)
        with opened(path, running, keys_in_memory=10) as state:
            for n in range(0, 1000, 50):
                for each in range(n, n + 50):
                    found += running.push(event("A", start * 10 + each * 10, f"s{each}"))
                state.commit()
            found += running.flush()
            state.commit()
            assert running.stats.keys["once"] <= 100
    assert len(found) == 1000
    assert rows(path, "SELECT count(*) FROM live_keys") == [(1000,)]


def test_an_unbounded_window_rests_in_the_file(tmp_path: Path):
    """A run that nothing but its next step can end is found when that comes, days later."""
    stream = a_then_b(within="unbounded")
    running = matcher(stream)
    with opened(tmp_path / "s.db", running, keys_in_memory=0) as state:
        for n in range(50):
            running.push(event("A", n * 10, f"s{n}"))
            state.commit()
        assert running.stats.keys["s"] < 5
        running.push(event("B", 10_000, "s3"))
        (match,) = running.flush()
    assert match.started == after(30)


def test_a_key_forgotten_in_memory_is_not_found_in_the_file(tmp_path: Path):
    """A key that lost its state since the last commit must not come back from the file."""
    stream = a_then_b(
        steps=[{"event": "A"}, {"exclude": {"event": "X"}}, {"event": "B"}], within="unbounded"
    )
    running = matcher(stream)
    with opened(tmp_path / "s.db", running, keys_in_memory=0) as state:
        for n in range(20):
            running.push(event("A", n * 10, f"s{n}"))
            state.commit()
        running.push_many([event("X", 5000, "s1"), event("B", 5001, "s1"), event("B", 5002, "s2")])
        assert [match.key for match in running.flush()] == [("s2",)]


def test_cooldowns_are_looked_for_in_the_file(tmp_path: Path):
    """A restart holds back what the run before would have."""
    stream = a_then_b(frequency="every", cooldown={"for": "1h", "by": "user"})
    path = tmp_path / "s.db"
    for second, expected in ((0, 1), (1800, 0), (3700, 1)):
        running = matcher(stream)
        with opened(path, running, keys_in_memory=0) as state:
            running.push_many([event("A", second), event("B", second + 1)])
            assert len(running.flush()) == expected
            state.commit()


def test_forget_after_holds_for_keys_in_the_file(tmp_path: Path):
    """A lasting fact that rests is forgotten when it would have been in memory."""
    running = matcher(ONCE, forget_after="1h")
    with opened(tmp_path / "s.db", running, keys_in_memory=0) as state:
        for n in range(20):
            running.push(event("A", n * 10, f"s{n}"))
            state.commit()
        running.flush()
        state.commit()
        assert running.stats.keys["once"] < 5
        running.push_many([event("A", 1000, "s0"), event("A", 9000, "s0")])
        assert [match.matched for match in running.flush()] == [after(9000)]


def test_keys_that_are_gone_do_not_rest(tmp_path: Path):
    """What is noted of keys that rest follows the keys, or memory would grow with every one."""
    running = matcher(ONCE, forget_after="1m")
    with opened(tmp_path / "s.db", running) as state:
        for n in range(1000):
            running.push(event("A", n * 10, f"s{n}"))
            if n % 100 == 0:
                state.commit()
        (stream,) = running.decider.streams
        assert len(stream.resting) <= len(stream.states) < 100


def test_a_changed_stream_begins_afresh_and_says_what_it_drops(tmp_path: Path):
    """The others go on, held events and remembered ids included; what is gone leaves the file."""
    schema = Schema(time="at", name="event", session="sid", id="id")
    kept, other = a_then_b(name="kept"), a_then_b(name="changed")
    path = tmp_path / "s.db"
    first = matcher(
        other, kept, a_then_b(name="gone", steps=[{"event": "C"}, {"event": "A"}]), schema=schema
    )
    with opened(path, first) as state:
        first.push_many(
            [event("C", 0, id="c"), event("A", 1, id="a"), event("A", 30, "s2", id="b")]
        )
        state.commit()
    second = matcher(
        kept, a_then_b(name="changed", within="9m"), a_then_b(name="new"), schema=schema
    )
    state = StateFile(path)
    notes = state.restore(second)
    assert [note.split("'")[1] for note in notes] == ["changed", "new", "gone"]
    assert "1 keys and 0 waits" in notes[0]
    state.commit()
    state.close()
    assert sorted(rows(path, "SELECT name FROM live_streams")) == [
        ("changed",),
        ("kept",),
        ("new",),
    ]
    third = matcher(
        kept, a_then_b(name="changed", within="9m"), a_then_b(name="new"), schema=schema
    )
    with opened(path, third):
        third.push_many(
            [event("A", 31, "s3", id="a"), event("B", 31, id="d"), event("B", 32, "s2", id="e")]
        )
        found = third.flush()
    assert {(m.stream, m.key) for m in found} >= {("kept", ("s1",)), ("kept", ("s2",))}


def refuse_newer(path: Path) -> None:
    with sqlite3.connect(path) as connection:
        connection.execute("UPDATE live_about SET value = '99' WHERE name = 'format'")
    connection.close()


def refuse_older(path: Path) -> None:
    with sqlite3.connect(path) as connection:
        connection.execute("UPDATE live_about SET value = '0' WHERE name = 'format'")
    connection.close()


def overwrite(path: Path) -> None:
    for side in ("-wal", "-shm"):
        path.with_name(path.name + side).unlink(missing_ok=True)
    path.write_bytes(b"not a database at all" * 500)


def damage(path: Path) -> None:
    for side in ("-wal", "-shm"):
        path.with_name(path.name + side).unlink(missing_ok=True)
    content = bytearray(path.read_bytes())
    content[4096:] = b"\xff" * (len(content) - 4096)
    path.write_bytes(content)


REFUSED = [
    pytest.param(refuse_newer, "other-format", "newer version", id="a newer form"),
    pytest.param(refuse_older, "other-format", "older version", id="an older form"),
    pytest.param(overwrite, "damaged-state", "cannot be used", id="something else"),
    pytest.param(damage, "damaged-state", "cannot be used", id="damaged"),
]


@pytest.mark.parametrize(("spoil", "code", "words"), REFUSED)
def test_what_cannot_be_gone_on_with_is_refused(spoil: Any, code: str, words: str, tmp_path: Path):
    """In one line that names the file and says what to do; the lock is let go of."""
    path = tmp_path / "s.db"
    with opened(path, matcher()) as state:
        state.commit()
    spoil(path)
    for _ in range(2):
        with pytest.raises(EventsError, match=words) as caught, opened(path, matcher()):
            pass
        assert caught.value.code == code
        assert str(path) in str(caught.value)


def test_a_state_of_another_schema_is_refused(tmp_path: Path):
    """Keys and times would not mean the same."""
    with opened(tmp_path / "s.db", matcher()) as state:
        state.commit()
    other = matcher(schema=Schema(time="at", name="event", session="uid"))
    with pytest.raises(EventsError, match="another schema"), opened(tmp_path / "s.db", other):
        pass


def test_a_file_belongs_to_one_run_at_a_time(tmp_path: Path):
    """The second is refused, and may come when the first has gone."""
    with opened(tmp_path / "s.db", matcher()):
        with pytest.raises(EventsError, match="in use by process") as caught:
            StateFile(tmp_path / "s.db")
        assert caught.value.code == "state-in-use"
    StateFile(tmp_path / "s.db").close()


def test_a_folder_that_is_not_there_is_named(tmp_path: Path):
    """No traceback of the operating system."""
    with pytest.raises(EventsError, match="state file"):
        StateFile(tmp_path / "no" / "s.db")


def test_a_full_disk_ends_the_run_and_leaves_the_last_commit(tmp_path: Path):
    """What could not be written was never there; the file is as it was."""
    path, first = tmp_path / "s.db", matcher(ONCE)
    with opened(path, first) as state:
        first.push(event("A", 0))
        state.commit(position=1)
        driver = state._connection.connection.driver_connection
        pages = driver.execute("PRAGMA page_count").fetchone()[0]
        driver.execute(f"PRAGMA max_page_count = {pages}")
        first.push_many(event("A", n, f"s{n}") for n in range(5000))
        with pytest.raises(EventsError, match="full"):
            state.commit(position=2)
        assert not state.is_sound
    with opened(path, matcher(ONCE)) as state:
        assert state.position == 1


def test_positions_are_written_part_by_part(tmp_path: Path):
    """Of a position with parts only the new ones are written; one without is replaced."""
    with opened(tmp_path / "s.db", matcher()) as state:
        state.commit(position={"a": 1, "b": 2})
        state.commit(position={"b": 3, "c": [None, "x"]})
        assert state.position == {"b": 3, "c": [None, "x"]}
        state.commit(position=7)
        assert state.position == 7
        state.commit()
        assert state.position == 7


def test_what_time_has_made_useless_is_purged(tmp_path: Path):
    """Ids, cooldowns and forgotten keys do not stay in the file for ever."""
    schema = Schema(time="at", name="event", session="sid", id="id", dedupe="100s")
    stream = a_then_b(
        steps=[{"event": "A"}], within=None, frequency="every", cooldown={"for": "60s"}
    )
    running = matcher(stream, ONCE, schema=schema, forget_after="5m")
    with opened(tmp_path / "s.db", running, keys_in_memory=5) as state:
        for n in range(600):
            running.push(event("A", n * 10, f"s{n}", id=f"i{n}"))
            state.commit()
    for table in ("keys", "ids", "cooldowns"):
        ((count,),) = rows(tmp_path / "s.db", f"SELECT count(*) FROM live_{table}")
        assert count < 400


def test_a_match_survives_the_outbox():
    """With all that it carries, numbers beyond 64 bits and odd text included."""
    running = matcher(a_then_b(), needs={"s": Needs({0: ("p",)}, session_facts=True)})
    running.push_many([event("A", 0, "ü\x00", p=[2**70, None, 1.5]), event("B", 1, "ü\x00")])
    (match,) = running.flush()
    again = unpack_match(pack_match(match))
    assert again == match
    assert isinstance(match.context, Context)
    assert again.context == match.context
