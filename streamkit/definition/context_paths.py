"""Paths of a payload: what `event.0.price`, `match.id` or `session.last.url` point at."""

from __future__ import annotations

from dataclasses import dataclass

from streamkit.path import Path
from streamkit.suggest import did_you_mean

__all__ = ["ContextPath", "ContextPathError", "parse_context_path"]

ROOTS = ("event", "match", "key", "stream", "user", "session")
FACTS = {
    "match": ("id", "started_at", "matched_at", "fired_at", "duration"),
    "stream": ("name", "version"),
    "session": ("event_count", "started_at", "duration"),
}
ROLES = ("user", "session")
EXAMPLE = "write event.0.<property>, event.first.<property> or event.last.<property>"


class ContextPathError(ValueError):
    """A path that points at nothing; it carries what to do.

    Args:
        message: What is wrong.
        hint: What to do.
    """

    def __init__(self, message: str, hint: str | None = None) -> None:
        super().__init__(message)
        self.hint = hint


@dataclass(frozen=True, slots=True)
class ContextPath:
    """Where a payload takes a value from.

    Args:
        root: `event`, `match`, `key`, `stream`, `user`, `session`, or `last` for the session's
            last event.
        step: Of `event`: the positive step, from 0. Of `key`: the part, from 0; None is all.
        fact: A fact of the match, stream or session by name, or `id` of user or session.
        path: The property, where it is one; of user and session with that first segment.
    """

    root: str
    step: int | None = None
    fact: str | None = None
    path: Path | None = None


def parse_context_path(
    text: str, steps: int | None = None, parts: int | None = None
) -> ContextPath:
    """Read a path of a payload.

    Args:
        text: The path as it was written.
        steps: How many positive steps the stream has; None where that is not known.
        parts: How many parts the stream's key has; None where that is not known.

    Raises:
        ContextPathError: It points at nothing.

    Example:
        >>> parse_context_path("event.last.price", steps=3)
        ContextPath(root='event', step=2, fact=None, path=Path(segments=('price',)))
    """
    try:
        segments = Path.parse(text).segments
    except ValueError as error:
        raise ContextPathError(str(error)) from None
    root, rest = segments[0], segments[1:]
    match root:
        case "event":
            return _of_event(rest, steps)
        case "key":
            return ContextPath("key", step=_key_part(rest, parts))
        case "match" | "stream":
            return ContextPath(root, fact=_fact(root, rest))
        case "user" | "session":
            return _of_role(segments)
    near = did_you_mean(root, ROOTS)
    raise ContextPathError(
        f"a path does not begin with {root[:80]!r}",
        near
        or f"a property of an event is event.0.{root[:40]}; others begin with match, key, "
        "stream, user or session",
    )


def _of_event(rest: tuple[str, ...], steps: int | None) -> ContextPath:
    if not rest:
        raise ContextPathError("'event' alone is no value", EXAMPLE)
    which, property_ = rest[0], rest[1:]
    if which in ("first", "last"):
        step = 0 if which == "first" else (steps or 1) - 1
    elif which.isascii() and which.isdecimal() and len(which) <= 9:
        step = int(which)
    else:
        raise ContextPathError(f"{which[:80]!r} is no step", EXAMPLE)
    if steps is not None and step >= steps:
        known = "only step 0" if steps == 1 else f"steps 0 to {steps - 1}"
        raise ContextPathError(
            f"there is no step {step}", f"the stream has {known}; excludes are not counted"
        )
    if not property_:
        raise ContextPathError("a whole event is no value", EXAMPLE)
    return ContextPath("event", step=step, path=Path(property_))


def _key_part(rest: tuple[str, ...], parts: int | None) -> int | None:
    if not rest:
        return None
    part = rest[0]
    if len(rest) > 1 or not (part.isascii() and part.isdecimal() and len(part) <= 9):
        raise ContextPathError("a part of the key is key.0, key.1 and so on")
    if parts is not None and int(part) >= parts:
        raise ContextPathError(f"the key has no part {part}", f"it has {parts}, counted from 0")
    return int(part)


def _fact(root: str, rest: tuple[str, ...]) -> str:
    known = FACTS[root]
    if len(rest) == 1 and rest[0] in known:
        return rest[0]
    shown = ".".join(rest)[:80]
    near = did_you_mean(shown, known)
    raise ContextPathError(
        f"{root!r} has no {shown!r}" if rest else f"{root!r} alone is no value",
        near or f"it has {', '.join(known)}",
    )


def _of_role(segments: tuple[str, ...]) -> ContextPath:
    root, rest = segments[0], segments[1:]
    if not rest:
        raise ContextPathError(f"{root!r} alone is no value", f"write {root}.id")
    if root == "session" and len(rest) == 1 and rest[0] in FACTS["session"]:
        return ContextPath("session", fact=rest[0])
    if root == "session" and rest[0] == "last":
        if len(rest) == 1:
            raise ContextPathError("a whole event is no value", "write session.last.<property>")
        return ContextPath("last", path=Path(rest[1:]))
    return ContextPath(root, fact="id" if rest == ("id",) else None, path=Path(segments))
