"""One stream in a running matcher: the state of its keys, its waits, its frequency and cooldown."""

from __future__ import annotations

from collections import deque
from collections.abc import Callable, Sequence

from streamkit.matching.contexts import Needs
from streamkit.matching.plan import StreamPlan
from streamkit.running.firing import Firing, goes_on_after, make_match
from streamkit.running.generations import Deadlines, Generations
from streamkit.running.matches import Match
from streamkit.running.moves import Move, move_of
from streamkit.running.runs import NOTHING, Key, Links, Run, Runs, State

__all__ = ["FOREVER", "Lifetime", "StreamState"]

Lifetime = Callable[[Key, int, int], "int | None"]
"""When a key's end makes its state useless: of key, last touch and now; None for never."""
FOREVER = 2**63 - 1
STRETCHES = 8
SECOND = 1_000_000
ENDED_KEPT = 1000
"""Of so many waits that an exclude has ended at least is it worth looking for them."""


class StreamState:
    """The state of one stream's keys.

    A key is in `states` with a list (see `moves.Layout`), or, once a stream of frequency `once`
    is done with it, with the time at which it fired. A key with nothing left is not in it.

    Args:
        plan: The stream.
        links: Makes runs longer, for all streams.
        lifetime: When a key can be forgotten whatever it holds.
        asked: What the stream's payload asks of its matches.
        can_rest: Whether the end of a key depends on nothing but its last touch.

    Attributes:
        changed: Keys whose state changed since somebody asked; None where nobody does.
        resting: Keys that only hold lasting facts, those longest untouched first; None where
            there is no file that they could lie in.
        recall: Finds the state of a key that is not in memory, and puts it back; None where no
            key lies in a file.
        changed_cooldowns: Cooldown values that were kept anew, as `changed`.
        recall_cooldown: When a match of a cooldown value was last kept, as `recall`.
    """

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
        self.changed_cooldowns: set[Key] | None = None
        self.recall_cooldown: Callable[[Key], int | None] | None = None
        self._can_rest = can_rest
        self.runs = Runs(plan, links)
        self.states: dict[Key, State | int] = {}
        self.waits: deque[Firing] = deque()
        """In order; also some that an exclude has ended."""
        self._ended = 0
        self.matched = 0
        self.held_back = 0
        self.dropped = 0
        self.forgotten = 0
        cooldown = plan.stream.cooldown
        self.cooldown: Generations[Key, int] | None = None
        self.cooldown_length = 0
        if cooldown is not None:
            self.cooldown_length = cooldown.for_.microseconds
            self.cooldown = Generations(self.cooldown_length)
        self._lifetime = lifetime
        self._layout = self.runs.layout
        self._touched = self._layout.touched
        self._waiting, self._fired = self._layout.waiting, self._layout.fired
        self._waits_for = bool(plan.last_excludes)
        self._is_once = plan.stream.frequency == "once"
        self._moves: dict[int, Move | None] = {}
        self._live = self._layout.live
        longest = max([plan.within or 0, plan.wait, *(b or 0 for _, b in plan.first_excludes)])
        self.deadlines: Deadlines[Key] = Deadlines(max(longest // STRETCHES, SECOND))
        self._horizon = longest

    def move(self, flags: int) -> Move | None:
        """What an event with these flags does; None if it does not touch the stream."""
        if flags not in self._moves:
            self._moves[flags] = move_of(self._layout, flags)
        return self._moves[flags]

    def begin(self, key: Key, move: Move, event: Run) -> Run | None:
        """Let an event take its part in a key without a state; a run that it completes."""
        layout, time = self._layout, event[0]
        state: State = [None] * layout.size
        state[layout.touched] = time
        completed = None
        if move.opens is not None:
            state[move.opens] = [event]
        else:
            completed = self.runs.advance(state, move, event)
            if self._is_empty(state):
                if completed is None:
                    return None
                if not self._waits_for and not self._is_once and event.id is None:
                    return completed  # nothing has to be remembered of it
        self.states[key] = state
        if self.changed is not None:
            self.changed.add(key)
        state[layout.due] = self.deadlines.add(key, time + self._horizon)
        return completed

    def block(self, key: Key, state: State, move: Move, time: int) -> None:
        """Let an event take its part in its key, of a move that only blocks."""
        if self.changed is not None:
            self.changed.add(key)
        state[self._touched] = time
        for slot in move.blocks:
            state[slot] = time

    def kill(self, key: Key, state: State, move: Move, time: int) -> None:
        """The same of a move that only ends waits."""
        assert move.kills is not None
        if self.changed is not None:
            self.changed.add(key)
        state[self._touched] = time
        self._kill(state, time - move.kills)
        self._drop_if_useless(key, state)

    def advance(self, key: Key, state: State, move: Move, event: Run) -> Run | None:
        """Let an event take its part in its key, whose state is given; a run that it completes."""
        if self.changed is not None:
            self.changed.add(key)
        state[self._touched] = event[0]
        if move.kills is not None:
            self._kill(state, event[0] - move.kills)
        if move.only_step is not None and not move.may_empty:
            return self.runs.take_step(state, move.only_step, event)
        completed = self.runs.advance(state, move, event)
        if move.may_empty and completed is None:
            self._drop_if_useless(key, state)
        return completed

    def _drop_if_useless(self, key: Key, state: State) -> None:
        if self._is_empty(state) and not self._remembers(state):
            self._drop(key)

    def _is_empty(self, state: State) -> bool:
        """Whether it holds no run, no candidate and no block."""
        return state[: self._live].count(None) == self._live

    def _remembers(self, state: State) -> bool:
        waiting, fired = self._waiting, self._fired
        return (waiting is not None and state[waiting] is not None) or (
            fired is not None and state[fired] is not None
        )

    def waiting(self, state: State) -> Sequence[Firing]:
        """The runs of a key whose wait has not ended, in order."""
        found: Firing | list[Firing] | None = (
            None if self._waiting is None else state[self._waiting]
        )
        if found is None:
            return ()
        return (found,) if isinstance(found, Firing) else found

    def set_waiting(self, state: State, waiting: Sequence[Firing]) -> None:
        """Keep what `waiting` shall give; there is mostly one, which needs no list."""
        if self._waiting is not None:
            state[self._waiting] = (
                list(waiting) if len(waiting) > 1 else waiting[0] if waiting else None
            )

    def _kill(self, state: State, since: int) -> None:
        """End the waits of events at or after a time."""
        assert self._waiting is not None
        waiting = self.waiting(state)
        if not waiting or waiting[-1].run.time < since:
            return
        kept = waiting if isinstance(waiting, list) else list(waiting)
        while kept and kept[-1].run.time >= since:
            kept.pop()
            self._ended += 1
        if len(kept) < 2:
            self.set_waiting(state, kept)
        if self._ended > max(ENDED_KEPT, len(self.waits) // 2):
            self.waits = deque(self.open_waits())
            self._ended = 0

    def open_waits(self) -> list[Firing]:
        """The waits that no exclude has ended, in order."""
        states = [self.states.get(key) for key in {firing.key for firing in self.waits}]
        found = {
            id(firing)
            for state in states
            if isinstance(state, list)
            for firing in self.waiting(state)
        }
        return [firing for firing in self.waits if id(firing) in found]

    def wait_again(self) -> None:
        """Find the waits in the states of the keys, because these were put back."""
        states = (state for state in self.states.values() if isinstance(state, list))
        self.waits = deque(sorted(firing for state in states for firing in self.waiting(state)))
        self._ended = 0

    def next_deadline(self) -> int:
        """When the first of `waits` ends, in microseconds."""
        return self.waits[0].run.time + self.plan.wait

    def complete(self, firing: Firing) -> Match | None:
        """Take a firing event: keep it waiting, or make its match at once.

        Returns:
            The match, where the stream has no wait and the frequency rule lets it through.
        """
        layout, run, key = self._layout, firing.run, firing.key
        state = self.states.get(key)
        if type(state) is int:
            return None
        if state is None:  # nothing of it has to be remembered
            return make_match(self.plan, firing, self.asked)
        assert isinstance(state, list)
        waiting = self.waiting(state)
        if self._is_once and waiting:
            return None
        if (
            run.id is not None
            and layout.fired is not None
            and (
                run.id in (state[layout.fired] or ())
                or any(other.run.id == run.id for other in waiting)
            )
        ):
            return None
        taken: tuple[int, int] | None = None if layout.taken is None else state[layout.taken]
        for other in reversed(waiting):
            if other.is_kept:
                taken = (other.run.first.ordinal, other.run.ordinal)
                break
        is_kept = goes_on_after(self.plan.stream.frequency, taken, run)
        if self._waits_for:
            if is_kept or run.id is not None:
                kept = firing if is_kept else firing._replace(is_kept=False)
                if isinstance(waiting, list):
                    waiting.append(kept)
                else:
                    self.set_waiting(state, (*waiting, kept))
                self.waits.append(kept)
            return None
        return self._confirm(state, firing if is_kept else firing._replace(is_kept=False))

    def _confirm(self, state: State, firing: Firing) -> Match | None:
        """A firing event is sure: remember what later ones are judged by."""
        layout, event = self._layout, firing.run
        match = make_match(self.plan, firing, self.asked) if firing.is_kept else None
        if layout.fired is None:  # it fires once
            self.states[firing.key] = event.time
            return match
        if event.id is not None:
            state[layout.fired] = (*(state[layout.fired] or ()), event.id)
        if firing.is_kept and layout.taken is not None:
            state[layout.taken] = (firing.run.first.ordinal, event.ordinal)
        return match

    def end_waits(self, horizon: int) -> list[tuple[Match, Key | None]]:
        """Fire the waits whose deadline is before a time; with each match its cooldown value."""
        fired: list[tuple[Match, Key | None]] = []
        before = horizon - self.plan.wait
        while self.waits and self.waits[0].run.time < before:
            firing = self.waits.popleft()
            key = firing.key
            state = self.states.get(key)
            waiting = self.waiting(state) if isinstance(state, list) else ()
            if not waiting or waiting[0] is not firing:
                self._ended -= 1
                continue
            assert isinstance(state, list)
            if self.changed is not None:
                self.changed.add(key)
            if isinstance(waiting, list) and len(waiting) > 2:
                del waiting[0]
            else:
                self.set_waiting(state, waiting[1:])
            match = self._confirm(state, firing)
            if match is not None:
                fired.append((match, firing.by))
            if self.states.get(key) is state:
                self._drop_if_useless(key, state)
        return fired

    def is_held_back(self, by: Key | None, fired_at: int) -> bool:
        """Whether the cooldown holds a match back; if not, it begins anew."""
        if self.cooldown is None or by is None:
            return False
        last = self.cooldown.get(by)
        if last is None and self.recall_cooldown is not None:
            last = self.recall_cooldown(by)
        if last is not None and fired_at < last + self.cooldown_length:
            self.held_back += 1
            return True
        self.cooldown.set(by, fired_at)
        if self.changed_cooldowns is not None:
            self.changed_cooldowns.add(by)
        return False

    def pending(self) -> list[Match]:
        """Matches whose wait has not ended, as far as the frequency rule would keep them."""
        return [
            make_match(self.plan, firing, self.asked)
            for firing in self.open_waits()
            if firing.is_kept
        ]

    def put_back(self, key: Key, state: State | int) -> None:
        """Take a key's state out of a snapshot."""
        self.states[key] = state
        touched = state[self._layout.touched] if isinstance(state, list) else state
        stretch = self.deadlines.add(key, touched + self._horizon)
        if isinstance(state, list):
            state[self._layout.due] = stretch

    def sweep(self, now: int, limit: int) -> None:
        """Drop states that no later event can make anything of.

        Args:
            now: No event before it will come, in microseconds.
            limit: How many keys to look at.
        """
        again: list[tuple[Key, int]] = []
        due = self._layout.due
        for keys, stretch in self.deadlines.take(now - 1, limit):
            for key in keys:
                state = self.states.get(key)
                if type(state) is list:
                    if state[due] == stretch:  # or else it is looked at in another stretch
                        self._sweep_state(key, state, now, again)
                elif type(state) is int:
                    self._sweep_lasting(key, state, now, again)
        for key, time in again:
            stretch = self.deadlines.add(key, max(time, now))
            kept = self.states[key]
            if isinstance(kept, list):
                kept[self._layout.due] = stretch

    def _sweep_state(self, key: Key, state: State, now: int, again: list[tuple[Key, int]]) -> None:
        if not self._remembers(state):
            expires = self.runs.expires(state)
        elif waiting := self.waiting(state):
            expires = waiting[-1].run.time + self.plan.wait
        else:
            expires = None
        if expires is None:
            self._sweep_lasting(key, state[self._touched], now, again)
        elif expires < now:
            self._drop(key)
            self.dropped += expires != NOTHING
        else:
            again.append((key, expires))

    def _sweep_lasting(
        self, key: Key, touched: int, now: int, again: list[tuple[Key, int]]
    ) -> None:
        """A key that only its own end can end."""
        ends = None if self._lifetime is None else self._lifetime(key, touched, now)
        if ends is not None and ends < now:
            self._drop(key)
            self.forgotten += 1
            return
        if self.resting is not None and self._can_rest:
            self.resting[key] = None
        if ends is not None:
            again.append((key, ends))

    def _drop(self, key: Key) -> None:
        del self.states[key]
        if self.changed is not None:
            self.changed.add(key)
        if self.resting:
            self.resting.pop(key, None)

    def rests_until(self, key: Key, state: State | int) -> int | None:
        """Until when a state may lie in a file and nobody looks for it.

        Returns:
            Microseconds; `FOREVER`; None for a state that must be in memory, because time alone
            makes something of it.
        """
        if not self._can_rest:
            return None
        touched = state
        if isinstance(state, list):
            layout = self._layout
            if self.waiting(state) or (
                not self._remembers(state) and self.runs.expires(state) is not None
            ):
                return None
            touched = state[layout.touched]
        assert isinstance(touched, int)
        ends = None if self._lifetime is None else self._lifetime(key, touched, touched)
        return FOREVER if ends is None else ends

    def evict(self, limit: int) -> list[Key]:
        """Let go of resting keys whose state lies in a file, until only so many are in memory."""
        evicted = []
        resting = self.resting or {}
        for _ in range(len(resting) - limit):
            key = next(iter(resting))
            del resting[key]
            state = self.states.get(key)
            if state is None:
                continue
            if self.rests_until(key, state) is None:
                resting[key] = None  # it waits; it will rest again
            else:
                del self.states[key]
                evicted.append(key)
        return evicted
