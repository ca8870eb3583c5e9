"""Which streams want an event: decided by its name first, so that most events cost one look-up."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass

from streamkit.definition import All, Criterion
from streamkit.matching.plan import Plan
from streamkit.matching.row_paths import Event, Read, RowReaders
from streamkit.matching.row_predicates import Test, all_of, criterion_tests
from streamkit.running.event_types import EventTypes
from streamkit.running.facts import Text

__all__ = ["Interest", "Wanted"]


@dataclass(frozen=True, slots=True)
class Wanted:
    """What is asked of events of one name.

    Args:
        flags: Flags that every such event meets, as bits.
        tests: Further flags, each with what an event must meet, and must meet too (None for no
            more).
        columns: Places of the texts that streams need of such an event and that mostly stand in
            a column as they are, each with the column and a function that gives it anyhow.
        facts: Places of the other texts, each with a function that gives it.
    """

    flags: int
    tests: tuple[tuple[int, Test, Test | None], ...]
    columns: tuple[tuple[int, str, Read], ...]
    facts: tuple[tuple[int, Read], ...]


class Interest:
    """The streams' questions, by event name.

    Args:
        plan: The compiled streams.
        types: What paths mean.
        readers: Brings properties out of events.
        facts: All texts that streams need, by name.
        everything: Whether every event counts, as it does for a sessionizer.
    """

    def __init__(
        self,
        plan: Plan,
        types: EventTypes,
        readers: RowReaders,
        facts: Sequence[tuple[str, Text]],
        *,
        everything: bool,
    ) -> None:
        self._plan = plan
        self._types = types
        self._readers = readers
        self._facts = facts
        self._everything = everything
        self._tests: dict[str, list[Test]] = {}
        self.can_fire = 1 << len(plan.flags.questions)
        """A flag of its own: the event can be a firing event, so those of one time are counted."""
        names = {c.event for question in plan.flags.questions for c in question}
        self.by_name: dict[str, Wanted] = {
            name: wanted
            for name in names
            if name is not None and (wanted := self._wanted(name)) is not None
        }
        self.other: Wanted | None = self._wanted(None)
        """What is asked of events of all other names; None for nothing."""

    def _wanted(self, name: str | None) -> Wanted | None:
        flags, tests, facts = 0, [], set[str]()
        asked = []
        for number, question in enumerate(self._plan.flags.questions):
            wheres = [c.where for c in question if c.event is None or c.event == name]
            if not wheres:
                continue
            asked.append(number)
            if All() in wheres:
                flags |= 1 << number
            else:
                tests.append((1 << number, *self._first_and_rest(wheres)))
        for stream in self._plan.streams:
            if any(number in asked for number in stream.flags):
                facts.update(stream.key)
            if stream.steps[-1].flag in asked:
                flags |= self.can_fire
                facts.update(role for role in ("session", "user"))
                if stream.stream.cooldown is not None:
                    facts.add(stream.stream.cooldown.by)
        if self._everything:
            facts.add("session")
        if not asked and not self._everything:
            return None
        texts = [(place, *text) for place, (name, text) in enumerate(self._facts) if name in facts]
        return Wanted(
            flags,
            tuple(tests),
            tuple((place, column, read) for place, column, read in texts if column is not None),
            tuple((place, read) for place, column, read in texts if column is None),
        )

    def _first_and_rest(self, wheres: Sequence[Criterion]) -> tuple[Test, Test | None]:
        """What an event must meet: the cheapest test, which mostly decides, and the rest of them."""
        if len(wheres) > 1:
            return _either([all_of(self._tests_of(where)) for where in wheres]), None
        first, *rest = self._tests_of(wheres[0])
        return first, all_of(rest) if rest else None

    def _tests_of(self, where: Criterion) -> list[Test]:
        known = repr(where)  # 1, 1.0 and True are equal as values, and not as criteria
        if known not in self._tests:
            self._tests[known] = criterion_tests(where, self._types.bind, self._readers)
        return self._tests[known]


def _either(tests: Sequence[Test]) -> Callable[[Event], bool]:
    return lambda event: any(test(event) for test in tests)
