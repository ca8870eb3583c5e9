"""What was edited in which order: undo, redo, and the last draft that was a stream."""

from __future__ import annotations

from collections.abc import Callable
from typing import TYPE_CHECKING, Any

from streamkit.notebook.draft import Draft

if TYPE_CHECKING:
    from collections.abc import Mapping

    from streamkit.definition import Stream

__all__ = ["Editing"]

MOST_KEPT = 500
"""Steps that can be undone."""


class Editing:
    """The one thing in the builder that changes: which draft is the present one.

    Changes of one field, one after the other, are undone together: nobody wants to undo letters.

    Args:
        draft: The first draft.

    Example:
        >>> editing = Editing(Draft())
        >>> editing.change({"name": "r", "steps": []}, "name")
        >>> editing.change({"name": "rescue", "steps": []}, "name")
        >>> editing.undo()
        >>> editing.draft.data["name"]
        ''
    """

    def __init__(self, draft: Draft) -> None:
        self.draft = draft
        self._valid: Draft | None = None if draft.problems else draft
        self._before: list[Draft] = []
        self._after: list[Draft] = []
        self._field: str | None = None
        self._listeners: list[Callable[[], None]] = []

    def listen(self, listener: Callable[[], None]) -> None:
        """Have a function called after each change."""
        self._listeners.append(listener)

    def change(self, data: Mapping[str, Any], field: str | None = None) -> None:
        """Make other data the present draft.

        Args:
            data: The keys of a stream file.
            field: The field that was edited; None for what is undone on its own.
        """
        self.become(self.draft.with_data(data), field)

    def become(self, draft: Draft, field: str | None = None) -> None:
        """Make another draft the present one; see `change`."""
        if draft == self.draft:
            return
        if field is None or field != self._field or not self._before:
            self._before = [*self._before[-MOST_KEPT + 1 :], self.draft]
        self._after = []
        self._field = field
        self._go(draft)

    def rebase(self, draft: Draft) -> None:
        """Let another draft stand for the present one, such as the same after it was saved."""
        self._field = None
        self._go(draft)

    @property
    def valid(self) -> Stream | None:
        """The last draft that was a stream; None where none was."""
        return None if self._valid is None else self._valid.stream

    @property
    def can_undo(self) -> bool:
        """Whether there is a draft before."""
        return bool(self._before)

    @property
    def can_redo(self) -> bool:
        """Whether a change was undone."""
        return bool(self._after)

    def undo(self) -> None:
        """Go back to the draft before the last change, if there was one."""
        if self._before:
            self._after.append(self.draft)
            self._field = None
            self._go(self._before.pop())

    def redo(self) -> None:
        """Take back the last undo, if there was one."""
        if self._after:
            self._before.append(self.draft)
            self._field = None
            self._go(self._after.pop())

    def _go(self, draft: Draft) -> None:
        self.draft = draft
        self._valid = self._valid if draft.problems else draft
        for listener in self._listeners:
            listener()
