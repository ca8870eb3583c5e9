"""Deciding events: in order, each against every stream it touches."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import replace
from itertools import groupby
from operator import itemgetter
from typing import Any, TypeAlias

from streamkit.events.schema import Schema
from streamkit.matching.contexts import Needs
from streamkit.matching.plan import Plan, StreamPlan
from streamkit.running.asking import Values
from streamkit.running.dispatch import Dispatch, Group, Member, Members
from streamkit.running.duplicates import SeenIds
from streamkit.running.firing import Firing
from streamkit.running.matches import Match
from streamkit.running.records import KEY, SHAPE, Record, Records
from streamkit.running.runs import Key, Links, Run, new_tuple
from streamkit.running.sessions import Sessions
from streamkit.running.stream_state import Lifetime, StreamState
from streamkit.running.tallies import NAMES_KEPT, OTHERS, Tallies
from streamkit.running.totals import SessionTotals
from streamkit.running.twins import Twins

__all__ = ["Decider", "Held"]

Held: TypeAlias = (
    "tuple[int, Any, Any, int, str | None, int, list[str | None], str | None, Values | None]"
)
"""What is held of an event: time, sequence, position, arrival, name, flags, texts, id, and what
payloads ask of it."""
KEYS_AN_EVENT = 2
FEW_KEYS = 16


class Decider:
    """Everything that is known of the events decided so far.

    Args:
        plan: The compiled streams.
        schema: Roles, sessionizer, how long ids count.
        facts: Names of the texts that come with each event.
        tallies: Counts.
        forget_after: How long lasting facts are kept after a key was last touched, in
            microseconds; None for ever.
        asked: What the streams' payloads ask for, by the stream's name.
    """

    def __init__(
        self,
        plan: Plan,
        schema: Schema,
        facts: Sequence[str],
        tallies: Tallies,
        forget_after: int | None,
        asked: Mapping[str, Needs],
    ) -> None:
        self.tallies = tallies
        self.ordinal = 0
        self._counts = 1 << len(plan.flags.questions)
        self.last: tuple[int, Any, Any] | None = None
        """Time, sequence and position of the last event that was decided."""
        self.sessions = Sessions(schema.sessionizer) if schema.sessionizer is not None else None
        self.keys = tuple(dict.fromkeys(stream.key for stream in plan.streams))
        places = [tuple(facts.index(part) for part in key) for key in self.keys]
        self.seen = (
            [SeenIds(schema.dedupe.microseconds) for _ in self.keys]
            if schema.id is not None
            else None
        )
        self.twins = Twins(places)
        links = Links()
        self.streams = [
            StreamState(
                stream,
                links,
                self._lifetime(stream, schema, forget_after),
                asked.get(stream.stream.name),
                can_rest=self.sessions is None or "session" not in stream.key,
            )
            for stream in plan.streams
        ]
        self._asking = frozenset(name for name, needs in asked.items() if needs.is_of_session)
        self.totals: SessionTotals | None = None
        if self._asking:
            longest = max(stream.wait for stream in plan.streams)
            self.totals = SessionTotals(_kept_for(schema, forget_after, longest))
        self._with_waits = [stream for stream in self.streams if stream.plan.last_excludes]
        kinds = [self.keys.index(stream.key) for stream in plan.streams]
        self.records = [self._records(kind, kinds) for kind in range(len(self.keys))]
        self._dispatch = Dispatch(self.streams, self.records, places)
        self._cooldowns = {
            id(stream): facts.index(rule.by) if rule.by != "key" else None
            for stream in self.streams
            if (rule := stream.plan.stream.cooldown) is not None
        }
        self._session = facts.index("session") if "session" in facts else None
        self._user = facts.index("user") if "user" in facts else None
        self.lacking: dict[tuple[int, str | None], int] = {}
        """Events that lack a part of a key: how many, by the streams (as bits) and the name."""
        self._swept = 0
        self.in_file = False
        """Whether some stream has keys that lie in a file and not in memory."""
        self.is_watched = False
        """Whether somebody wants to know which keys change."""

    def _records(self, kind: int, kinds: Sequence[int]) -> Records:
        """The records of one kind of key, which its streams share."""
        streams = {n: stream for n, stream in enumerate(self.streams) if kinds[n] == kind}
        records = Records(streams)
        for number, stream in streams.items():
            stream.join(records, number)
        return records

    def _lifetime(
        self, stream: StreamPlan, schema: Schema, forget_after: int | None
    ) -> Lifetime | None:
        """When a key ends by itself: with its session, or when the user wants it forgotten."""
        place = stream.key.index("session") if "session" in stream.key else None
        sessions = self.sessions
        longest = schema.session_max.microseconds if schema.session_max else None

        def ends(key: Key, touched: int, now: int) -> int | None:
            found = [] if forget_after is None else [touched + forget_after]
            if place is not None and sessions is not None:
                found.append(sessions.ends(key if isinstance(key, str) else key[place], now))
            elif place is not None and longest is not None:
                found.append(touched + longest)
            return min(found, default=None)

        ends_ever = forget_after is not None or (
            place is not None and (sessions is not None or longest is not None)
        )
        return ends if ends_ever else None

    def decide(self, events: Sequence[Held], oldest: int) -> list[tuple[Match, Key | None]]:
        """Decide events that come in order.

        Args:
            events: What was held of them.
            oldest: The oldest time of any event.

        Returns:
            What fired, each with its cooldown value.
        """
        if self.totals is None:
            return self._decide(events, oldest)
        fired: list[tuple[Match, Key | None]] = []
        for time, group in groupby(events, key=itemgetter(0)):
            # What fires before this time is told about its session before this time changes it.
            fired += self.end_waits(time)
            fired = self.with_sessions(fired)
            same_time = list(group)
            fired += self._decide(same_time, oldest)
            for held in same_time:
                session = None if self._session is None else held[6][self._session]
                if session is not None:
                    self.totals.add(session, time, held[8])
        return self.with_sessions(fired)

    def with_sessions(
        self, fired: list[tuple[Match, Key | None]]
    ) -> list[tuple[Match, Key | None]]:
        """Tell matches about their session as it is now, where the payload asks for it."""
        if self.totals is None:
            return fired
        told = []
        for match, by in fired:
            context = match.context
            if context is not None and context.session is None and match.stream in self._asking:
                facts = self.totals.facts(match.session, match.stream)
                match = replace(match, context=replace(context, session=facts))  # noqa: PLW2901 # told
            told.append((match, by))
        return told

    def _decide(  # noqa: PLR0915 # one loop, because a call for each event takes long
        self, events: Sequence[Held], oldest: int
    ) -> list[tuple[Match, Key | None]]:
        fired: list[tuple[Match, Key | None]] = []
        known, groups_of = self._dispatch.known, self._dispatch.groups
        counts, all_seen, lacking = self._counts, self.seen, self.lacking
        in_file, is_watched, has_sessions = self.in_file, self.is_watched, self.sessions is not None
        note, is_proven = self.twins.add, True
        for time, _, _, _, name, flags, facts, event_id, values in events:
            if has_sessions:
                is_proven = self._make_session(facts, time, oldest)
            groups = known.get(flags)
            if groups is None:
                groups = groups_of(flags)
            if groups:
                self.ordinal += 1
            event: Run | None = None
            seen = None if event_id is None else all_seen
            for group in groups:
                joined, touched = group.joined, group.streams
                key: Key | None = facts[group.place] if joined is None else joined(facts)
                if key is None or (joined is not None and None in key):
                    lacks = (touched, name)
                    if lacks in lacking:
                        lacking[lacks] += 1
                    else:
                        self._count_lacking(touched, name)
                    continue
                record = group.records.of_key.get(key)
                if in_file:
                    record = _recall(record, group.members, key)
                if record is not None:
                    key = record[KEY]  # one text of the key for all that is kept of its events
                    if joined is None:
                        facts[group.place] = record[KEY]
                streams = touched
                if event_id is not None and seen is not None:
                    streams = seen[group.kind].new_for(key, event_id, time, touched)
                if record is None and group.opening is not None and streams == touched:
                    if event is None:
                        event = new_tuple(
                            Run, (time, self.ordinal, name, event_id, values, None, None)
                        )
                    group.records.open(key, group.opening, event)
                    for stream in group.beginning:
                        stream.keys += 1
                        if is_watched:
                            stream.has_changed(key)
                    continue
                shape = group.records.bare if record is None else record[SHAPE]
                busy = group.by_shape.get(shape) or group.busy(shape)
                if streams != touched:  # for others it is one
                    self.tallies.duplicates += 1
                    busy = group.busy_of(shape, streams)
                members = busy.members
                if record is not None:
                    for place in busy.times:
                        record[place] = time
                    if is_watched:
                        for stream in busy.touched:
                            stream.has_changed(key)
                    for place, member in busy.if_any:
                        if record[place] is not None:
                            members += (member,)
                if members:
                    if event is None:
                        event = new_tuple(
                            Run, (time, self.ordinal, name, event_id, values, None, None)
                        )
                    self._take_part(group, members, key, record, event, facts, is_proven, fired)
            if flags & counts:
                note(time, name, facts)
        if events:
            self.tallies.decided += len(events)
            self.last = events[-1][:3]
        return fired

    def _make_session(self, facts: list[str | None], time: int, oldest: int) -> bool:
        """Put an event's session in place of its user; whether the session's start was seen."""
        assert self.sessions is not None
        if self._session is None:
            return True
        user = facts[self._session]
        if user is None:
            return True
        session = self.sessions.at(user, time, oldest)
        facts[self._session] = session.value
        return session.is_proven

    def _take_part(
        self,
        group: Group,
        members: Members,
        key: Key,
        record: Record | None,
        event: Run,
        facts: list[str | None],
        is_proven: bool,
        fired: list[tuple[Match, Key | None]],
    ) -> None:
        """Let an event take its part in streams of one kind of key."""
        for member in members:
            stream = member.stream
            at = None if record is None else record[SHAPE].places.get(member.number)
            if record is None or at is None:
                run = stream.begin(key, member.move, event)
                record = group.records.of_key.get(key)
            else:
                run = stream.advance(record, at, member.move, event)
            if run is not None:
                firing = self._firing(stream, group.kind, key, run, facts, is_proven)
                match = stream.complete(firing)
                if match is not None:
                    fired.append((match, firing.by))

    def _count_lacking(self, streams: int, name: str | None) -> None:
        """Count an event without a key, the first of its name; of very many names all others as one."""
        lacks, counts = (streams, name), self.lacking
        if len(counts) >= NAMES_KEPT:
            lacks = (streams, OTHERS)
        counts[lacks] = counts.get(lacks, 0) + 1

    def _firing(
        self,
        stream: StreamState,
        kind: int,
        key: Key,
        run: Run,
        facts: Sequence[str | None],
        is_proven: bool,
    ) -> Firing:
        by: Key | None = None
        if stream.cooldown is not None:
            place = self._cooldowns[id(stream)]
            by = key if place is None else facts[place]
        return Firing(
            run,
            key,
            is_kept=True,
            session=None if self._session is None else facts[self._session],
            user=None if self._user is None else facts[self._user],
            by=by,
            nth=0 if run.id is not None else self.twins.earlier(run.time, kind, key, run.name),
            is_proven=is_proven,
        )

    def without_key(self) -> dict[str, dict[str, int]]:
        """For each stream the events that touch it and lack a part of its key, by name."""
        counts: dict[str, dict[str, int]] = {}
        for number, stream in enumerate(self.streams):
            found = counts[stream.plan.stream.name] = {}
            for (streams, name), count in self.lacking.items():
                if streams >> number & 1:
                    found[name or ""] = found.get(name or "", 0) + count
        return counts

    def end_waits(self, horizon: int) -> list[tuple[Match, Key | None]]:
        """Fire the waits whose deadline is before a time."""
        fired: list[tuple[Match, Key | None]] = []
        for stream in self._with_waits:
            if stream.waits.queue:
                fired += stream.end_waits(horizon)
        return fired

    def let_through(self, fired: list[tuple[Match, Key | None]]) -> list[Match]:
        """What the cooldowns let through, in order of `fired_at`, then match id."""
        fired.sort(key=lambda each: (each[0].fired, each[0].match_id))
        streams = {stream.plan.stream.name: stream for stream in self.streams}
        kept = []
        for match, by in fired:
            stream = streams[match.stream]
            if not stream.is_held_back(by, match.fired):
                stream.matched += 1
                kept.append(match)
        return kept

    def next_deadline(self) -> int | None:
        """When the next wait ends, in microseconds; None if none is open."""
        return min(
            [s.waits.next_deadline() for s in self._with_waits if s.waits.queue], default=None
        )

    def forget(self, now: int, events: int) -> None:
        """Drop what no later event can make anything of, a few keys for each event.

        Args:
            now: No event before it will come.
            events: How many events there were since the last time.
        """
        if events < len(self.streams):
            self._swept += 1
            records = [self.records[self._swept % len(self.records)]]
            streams = [self.streams[self._swept % len(self.streams)]]
            limit = FEW_KEYS
        else:
            records, streams, limit = self.records, self.streams, KEYS_AN_EVENT * events + 8
        for each in records:
            if each.deadlines.is_due(now - 1):
                each.sweep(now, limit)
        for stream in streams:
            if stream.cooldown is not None:
                stream.cooldown.kept.turn(now)
        for seen in self.seen or ():
            seen.turn(now)
        if self.sessions is not None and self.sessions.deadlines.is_due(now - 1):
            self.sessions.sweep(now, limit)
        if self.totals is not None and self.totals.deadlines.is_due(now - 1):
            self.totals.sweep(now, limit)


def _recall(record: Record | None, members: Sequence[Member], key: Key) -> Record | None:
    """The record of a key with what its streams have of it in a file."""
    for member in members:
        stream = member.stream
        if stream.recall is not None and (
            record is None or member.number not in record[SHAPE].ends
        ):
            stream.recall(key)
            record = stream.records.of_key.get(key)
    return record


def _kept_for(schema: Schema, forget_after: int | None, wait: int) -> int | None:
    """How long after its last event a session's totals can still be asked for; None for ever."""
    found = [] if forget_after is None else [forget_after]
    if schema.sessionizer is not None:
        found.append(schema.sessionizer.inactivity.microseconds + wait)
    elif schema.session_max is not None:
        found.append(schema.session_max.microseconds + wait)
    return min(found, default=None)
