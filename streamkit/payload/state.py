"""What a mapping is evaluated in: one match, its context, and the work that may still be done."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from typing import Any, TypeAlias

from streamkit.errors import PayloadError
from streamkit.matching.contexts import Context

__all__ = ["LARGEST_BODY", "MOST_WORK", "Evaluate", "State", "too_large"]

LARGEST_BODY = 256 * 1024
"""Bytes of a body without its secrets."""
MOST_WORK = 16 * LARGEST_BODY
"""Characters that one body's making may read and write: no mapping runs long, whatever it holds."""
SCALAR = 8


class State:
    """One match being rendered.

    Args:
        fact: Gives a column of the match's row by name.
        context: The match's values.
    """

    __slots__ = ("context", "events", "fact", "firing", "session", "work")

    def __init__(self, fact: Callable[[str], Any], context: Context) -> None:
        self.fact = fact
        self.context = context
        self.events: tuple[Mapping[str, Any], ...] = context.events
        self.firing = context.firing
        self.session = context.session
        self.work = MOST_WORK

    def spend(self, count: int) -> None:
        """Count work.

        Raises:
            PayloadError: It is too much.
        """
        self.work -= count
        if self.work < 0:
            raise too_large()

    def seen(self, value: Any) -> Any:
        """A value of the context, its size counted as work.

        Raises:
            PayloadError: It is too much.
        """
        kind = type(value)
        if kind is str:
            self.work -= len(value)
        elif kind is list or kind is dict:
            waiting = [value]
            while waiting and self.work >= 0:
                each = waiting.pop()
                if type(each) is dict:
                    self.work -= SCALAR + sum(map(len, each))
                    waiting += each.values()
                elif type(each) is list:
                    self.work -= SCALAR
                    waiting += each
                else:
                    self.work -= len(each) if type(each) is str else SCALAR
        else:
            return value
        if self.work < 0:
            raise too_large()
        return value


Evaluate: TypeAlias = Callable[[State], Any]
"""A part of a mapping as a function; None is what is missing."""


def too_large() -> PayloadError:
    """The error of a body that grows beyond all bounds."""
    return PayloadError(
        f"the body takes in more than {MOST_WORK // 2**20} MiB of values",
        code="body-too-large",
        hint="choose single properties instead of whole documents",
    )
