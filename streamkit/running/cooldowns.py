"""The cooldown of one stream: when a match of each value was last kept."""

from __future__ import annotations

from collections.abc import Callable

from streamkit.running.generations import Generations
from streamkit.running.runs import Key

__all__ = ["Cooldown"]


class Cooldown:
    """What a cooldown remembers.

    Args:
        length: How long it holds, in microseconds.

    Attributes:
        kept: When a match of a value was last kept, in microseconds.
        changed: Values that were kept anew since somebody asked; None where nobody does.
        recall: The same of a value that is not in memory; None where none lies in a file.
    """

    def __init__(self, length: int) -> None:
        self.length = length
        self.kept: Generations[Key, int] = Generations(length)
        self.changed: set[Key] | None = None
        self.recall: Callable[[Key], int | None] | None = None

    def holds_back(self, by: Key, fired_at: int) -> bool:
        """Whether it holds a match back; if not, it begins anew."""
        last = self.kept.get(by)
        if last is None and self.recall is not None:
            last = self.recall(by)
        if last is not None and fired_at < last + self.length:
            return True
        self.kept.set(by, fired_at)
        if self.changed is not None:
            self.changed.add(by)
        return False
