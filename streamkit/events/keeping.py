"""Answers kept in memory for the next question of the same events."""

from __future__ import annotations

from collections import OrderedDict
from collections.abc import Callable, Hashable
from typing import Any

__all__ = ["Kept"]

SMALL = 1_000
"""About what a few numbers take, in bytes."""


class Kept:
    """Answers by what was asked; where they take too much, the one unused for longest goes.

    Args:
        most: What they may take together, in bytes; 0 keeps nothing.

    Example:
        >>> kept = Kept(100)
        >>> kept.put("one", 1, 60)
        >>> kept.put("two", 2, 60)
        >>> kept.get("one"), kept.get("two")
        (None, 2)
    """

    def __init__(self, most: int) -> None:
        self.most = most
        self._answers: OrderedDict[Hashable, tuple[Any, int]] = OrderedDict()

    @property
    def bytes(self) -> int:
        """What the answers take."""
        return sum(size for _, size in self._answers.values())

    def get(self, asked: Hashable) -> Any | None:
        """The answer; None if it is not kept."""
        if asked not in self._answers:
            return None
        self._answers.move_to_end(asked)
        return self._answers[asked][0]

    def put(self, asked: Hashable, answer: Any, size: int) -> None:
        """Keep an answer, if it is not too large by itself.

        Args:
            asked: All that the answer depends on.
            answer: The answer; never changed by anyone.
            size: What it takes, in bytes.
        """
        self._answers.pop(asked, None)
        if size > self.most:
            return
        self._answers[asked] = (answer, size)
        while self.bytes > self.most:
            self._answers.popitem(last=False)

    def answer(
        self,
        identity: Hashable,
        asked: Hashable,
        ask: Callable[[], Any],
        size: Callable[[Any], int] = lambda _: SMALL,
    ) -> Any:
        """The kept answer, or else the one that asking gives, which is then kept.

        Args:
            identity: What changes when the events do; with None nothing is kept.
            asked: What else the answer depends on.
            ask: Gives the answer.
            size: What an answer takes, in bytes.
        """
        answer = None if identity is None else self.get((identity, asked))
        if answer is None:
            answer = ask()
            if identity is not None:
                self.put((identity, asked), answer, size(answer))
        return answer
