"""One stream in a running matcher: its parts of the keys' records, its frequency and cooldown."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import replace

from streamkit.matching.contexts import Needs
from streamkit.matching.plan import StreamPlan
from streamkit.running.cooldowns import Cooldown
from streamkit.running.firing import Firing, goes_on_after, make_match
from streamkit.running.matches import Match
from streamkit.running.moves import Layout, Move, move_of
from streamkit.running.records import KEY, OVER, SHAPE, Record, Records
from streamkit.running.runs import NOTHING, Key, Links, Run, Runs, State
from streamkit.running.waits import Waits

__all__ = ["FOREVER", "Lifetime", "StreamState"]

Lifetime = Callable[[Key, int, int], "int | None"]
"""When a key's end makes its state useless: of key, last touch and now; None for never."""
FOREVER = 2**63 - 1


class StreamState:
    """What one stream knows.

    Of a key it has a part of the key's record (see `moves.Layout`), or, once a stream of frequency
    `once` is done with it, the time at which it fired. Of a key with nothing left it has none.

    Args:
        plan: The stream.
        links: Makes runs longer, for all streams.
        lifetime: When a key can be forgotten whatever it holds.
        asked: What the stream's payload asks of its matches.
        can_rest: Whether the end of a key depends on nothing but its last touch.

    Attributes:
        records: The records of its kind of key.
        number: The stream's number.
        keys: Of how many keys it knows something.
        changed: Keys whose part changed since somebody asked; None where nobody does.
        resting: Keys that only hold lasting facts, those longest untouched first; None where
            there is no file that they could lie in.
        recall: Finds the part of a key that is not in memory, and puts it back; None where no
            key lies in a file.
    """

    records: Records
    number: int

    def __init__(
        self,
        plan: StreamPlan,
        links: Links,
        lifetime: Lifetime | None,
        asked: Needs | None = None,
        *,
        can_rest: bool = True,
    ) -> None:
        self.plan = plan
        self.asked = asked
        self.changed: set[Key] | None = None
        self.resting: dict[Key, None] | None = None
        self.recall: Callable[[Key], State | int | None] | None = None
        self._can_rest = can_rest
        self.layout = Layout.of(plan, keeps_touch=lifetime is not None)
        self.runs = Runs(plan, self.layout, links)
        self.waits = Waits(self.layout.waiting, plan.wait, self._waiting_of)
        self.keys = 0
        self.matched = 0
        self.held_back = 0
        self.dropped = 0
        self.forgotten = 0
        cooldown = plan.stream.cooldown
        self.cooldown = None if cooldown is None else Cooldown(cooldown.for_.microseconds)
        self._lifetime = lifetime
        self._touched = self.layout.touched
        self._lasting = tuple(
            place for place in (self.layout.waiting, self.layout.fired) if place is not None
        )
        self._waits_for = bool(plan.last_excludes)
        self._is_once = plan.stream.frequency == "once"
        self._moves: dict[int, Move | None] = {}
        self.horizon = max([plan.within or 0, plan.wait, *(b or 0 for _, b in plan.first_excludes)])

    def join(self, records: Records, number: int) -> None:
        """Let the stream know where the records of its keys are."""
        self.records = records
        self.number = number

    def move(self, flags: int) -> Move | None:
        """What an event with these flags does; None if it does not touch the stream."""
        if flags not in self._moves:
            self._moves[flags] = move_of(self.layout, flags)
        return self._moves[flags]

    @property
    def states(self) -> dict[Key, State | int]:
        """What the stream knows, by key: copies of its parts."""
        return dict(self.records.parts(self.number))

    def begin(self, key: Key, move: Move, event: Run) -> Run | None:
        """Let an event take its part in a key without a part; a run that it completes."""
        part: State = [None] * self.layout.size
        completed = self.runs.advance(part, 0, move, event)
        if self._is_empty(part, 0):
            if completed is None:
                return None
            if not self._waits_for and not self._is_once and event.id is None:
                return completed  # nothing has to be remembered of it
        if self._touched is not None:
            part[self._touched] = event[0]
        self.records.put(key, self.number, part, event[0] + self.horizon)
        self.keys += 1
        self.has_changed(key)
        return completed

    def advance(self, record: Record, at: int, move: Move, event: Run) -> Run | None:
        """Let an event take its part in a key; a run that it completes.

        Args:
            record: The key's record.
            at: Where the stream's part begins.
            move: What the event does.
            event: The event.
        """
        if self.changed is not None:
            self.changed.add(record[KEY])
        if self._touched is not None:
            record[at + self._touched] = event[0]
        if move.only_step is not None:
            return self.runs.take_step(record, at, move.only_step, event)
        if move.kills is not None:
            is_less = self.waits.kill(record, at, event[0] - move.kills)
            if move.only_kills and not is_less:
                return None
        completed = self.runs.advance(record, at, move, event)
        if move.may_empty and completed is None:
            self._drop_if_useless(record, at)
        return completed

    def has_changed(self, key: Key) -> None:
        """Note that the stream's part of a key changed, for who asks."""
        if self.changed is not None:
            self.changed.add(key)

    def _drop_if_useless(self, record: Record, at: int) -> None:
        if self._is_empty(record, at) and not self._remembers(record, at):
            self._drop(record)

    def _is_empty(self, state: State, at: int) -> bool:
        """Whether it holds no run, no candidate and no block."""
        live = self.layout.live
        return state[at : at + live].count(None) == live

    def _remembers(self, state: State, at: int) -> bool:
        return any(state[at + place] is not None for place in self._lasting)

    def _waiting_of(self, key: Key) -> Sequence[Firing]:
        """The runs of a key whose wait has not ended, in order."""
        found = self._find(key)
        return () if found is None else self.waits.of(*found)

    def _find(self, key: Key) -> tuple[Record, int] | None:
        """The record of a key and where the stream's part begins; None if it has none."""
        record = self.records.of_key.get(key)
        at = None if record is None else record[SHAPE].places.get(self.number)
        return None if record is None or at is None else (record, at)

    def complete(self, firing: Firing) -> Match | None:
        """Take a firing event: keep it waiting, or make its match at once.

        Returns:
            The match, where the stream has no wait and the frequency rule lets it through.
        """
        layout, run = self.layout, firing.run
        found = self._find(firing.key)
        if found is None:  # nothing of it has to be remembered
            return make_match(self.plan, firing, self.asked)
        waiting = self.waits.of(*found)
        if self._is_once and waiting:
            return None
        state, at = found
        fired = None if layout.fired is None else state[at + layout.fired]
        if self._fires_twice(run.id, fired, waiting):
            return None
        taken: tuple[int, int] | None = None if layout.taken is None else state[at + layout.taken]
        for other in reversed(waiting):
            if other.is_kept:
                taken = (other.run.first.ordinal, other.run.ordinal)
                break
        if not goes_on_after(self.plan.stream.frequency, taken, run):
            firing = replace(firing, is_kept=False)
        if self._waits_for:
            if firing.is_kept or run.id is not None:
                self.waits.add(state, at, firing)
            return None
        return self._confirm(state, at, firing)

    def _fires_twice(
        self, event_id: str | None, fired: Sequence[str] | None, waiting: Sequence[Firing]
    ) -> bool:
        """Whether an event with this id fired before: of equal match ids only the first counts."""
        if event_id is None or self.layout.fired is None:
            return False
        return event_id in (fired or ()) or any(each.run.id == event_id for each in waiting)

    def _confirm(self, record: Record, at: int, firing: Firing) -> Match | None:
        """A firing event is sure: remember what later ones are judged by."""
        layout, event = self.layout, firing.run
        match = make_match(self.plan, firing, self.asked) if firing.is_kept else None
        if layout.fired is None:  # it fires once
            self.records.finish(record, self.number, event.time)
            return match
        if event.id is not None:
            record[at + layout.fired] = (*(record[at + layout.fired] or ()), event.id)
        if firing.is_kept and layout.taken is not None:
            record[at + layout.taken] = (firing.run.first.ordinal, event.ordinal)
        return match

    def end_waits(self, horizon: int) -> list[tuple[Match, Key | None]]:
        """Fire the waits whose deadline is before a time; with each match its cooldown value."""
        fired: list[tuple[Match, Key | None]] = []
        before = horizon - self.plan.wait
        while (firing := self.waits.take(before)) is not None:
            found = self._find(firing.key)
            waiting = () if found is None else self.waits.of(*found)
            if found is None or not waiting or waiting[0] is not firing:
                self.waits.was_ended()
                continue
            record, at = found
            if self.changed is not None:
                self.changed.add(firing.key)
            self.waits.end(record, at)
            match = self._confirm(record, at, firing)
            if match is not None:
                fired.append((match, firing.by))
            if not self._is_once:
                self._drop_if_useless(record, at)
        return fired

    def is_held_back(self, by: Key | None, fired_at: int) -> bool:
        """Whether the cooldown holds a match back; if not, it begins anew."""
        if self.cooldown is None or by is None or not self.cooldown.holds_back(by, fired_at):
            return False
        self.held_back += 1
        return True

    def pending(self) -> list[Match]:
        """Matches whose wait has not ended, as far as the frequency rule would keep them."""
        return [
            make_match(self.plan, firing, self.asked)
            for firing in self.waits.open()
            if firing.is_kept
        ]

    def put_back(self, key: Key, part: State | int) -> None:
        """Take a key's part out of a snapshot; it is looked at soon."""
        self.records.put(key, self.number, part, NOTHING)
        self.keys += 1

    def wait_again(self) -> None:
        """Find the waits in the parts of the keys, because these were put back."""
        parts = (part for part in self.states.values() if isinstance(part, list))
        self.waits.put_back(firing for part in parts for firing in self.waits.of(part, 0))

    def look_at(self, record: Record, at: int, now: int) -> int | None:
        """Find out whether a later event can make anything of the stream's part.

        Args:
            record: A key's record, in which the stream has a part.
            at: Where the part begins.
            now: No event before it will come, in microseconds.

        Returns:
            When to look again; None for never; `OVER` if the part is to be dropped.
        """
        if self._is_once and self.number in record[SHAPE].done:
            return self._look_at_lasting(record, record[at], now)
        for place in self._lasting:
            if record[at + place] is not None:
                waiting = self.waits.of(record, at)
                expires = waiting[-1].run.time + self.plan.wait if waiting else None
                break
        else:
            expires = self.runs.expires(record, at)
        if expires is None:
            return self._look_at_lasting(record, self._last_touch(record, at), now)
        if expires >= now:
            return expires
        self.dropped += expires != NOTHING
        self._forget(record[KEY])
        return OVER

    def _last_touch(self, state: State, at: int) -> int:
        """When an event last touched a key, where something depends on it."""
        return 0 if self._touched is None else int(state[at + self._touched])

    def _look_at_lasting(self, record: Record, touched: int, now: int) -> int | None:
        """The same of a key that only its own end can end."""
        ends = None if self._lifetime is None else self._lifetime(record[KEY], touched, now)
        if ends is not None and ends < now:
            self.forgotten += 1
            self._forget(record[KEY])
            return OVER
        if self.resting is not None and self._can_rest:
            self.resting[record[KEY]] = None
        return ends

    def _drop(self, record: Record) -> None:
        self.records.drop(record, self.number)
        self._forget(record[KEY])

    def _forget(self, key: Key) -> None:
        """Note that a key's part is dropped."""
        self.keys -= 1
        if self.changed is not None:
            self.changed.add(key)
        if self.resting:
            self.resting.pop(key, None)

    def rests_until(self, key: Key, part: State | int) -> int | None:
        """Until when a part may lie in a file and nobody looks for it.

        Returns:
            Microseconds; `FOREVER`; None for one that must be in memory, because time alone makes
            something of it.
        """
        if not self._can_rest:
            return None
        touched = part
        if isinstance(part, list):
            if self.waits.of(part, 0) or (
                not self._remembers(part, 0) and self.runs.expires(part, 0) is not None
            ):
                return None
            touched = self._last_touch(part, 0)
        assert isinstance(touched, int)
        ends = None if self._lifetime is None else self._lifetime(key, touched, touched)
        return FOREVER if ends is None else ends

    def evict(self, limit: int) -> list[Key]:
        """Let go of resting keys whose part lies in a file, until only so many are in memory."""
        evicted = []
        resting = self.resting or {}
        for _ in range(len(resting) - limit):
            key = next(iter(resting))
            del resting[key]
            part = self.records.part(key, self.number)
            if part is None:
                continue
            if self.rests_until(key, part) is None:
                resting[key] = None  # it waits; it will rest again
            else:
                self.records.drop(self.records.of_key[key], self.number)
                self.keys -= 1
                evicted.append(key)
        return evicted
