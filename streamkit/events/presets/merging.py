"""A preset as arguments of a schema, with what the user puts in its place."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from streamkit.errors import EventsError
from streamkit.events.presets import PRESETS
from streamkit.suggest import did_you_mean

__all__ = ["merged"]


def merged(name: str, overrides: Mapping[str, Any]) -> dict[str, Any]:
    """The arguments of a preset's schema.

    Args:
        name: The preset.
        overrides: The user's arguments; `types` and `aliases` add to the preset's, a session of
            the user's takes the place of the preset's sessionizer and the other way round.

    Raises:
        EventsError: No such preset.
    """
    if name not in PRESETS:
        raise EventsError(
            f"no preset {str(name)[:80]!r}",
            code="unknown-preset",
            path="preset",
            hint=did_you_mean(str(name), PRESETS) or "the presets are " + ", ".join(PRESETS),
        )
    preset = PRESETS[name]
    arguments: dict[str, Any] = {role: each[0] for role, each in preset.roles.items()}
    arguments |= {"json": preset.json, "time_unit": preset.time_unit, "preset_name": name}
    user = overrides.get("user", arguments.get("user"))
    if "session" not in overrides and preset.sessionizer is not None:
        arguments["sessionizer"] = {"by": user, **preset.sessionizer}
    if "sessionizer" in overrides:
        arguments.pop("session", None)
    arguments |= overrides
    for key in ("types", "aliases"):
        added = overrides.get(key, {})
        own = getattr(preset, key)
        arguments[key] = {**own, **added} if isinstance(added, Mapping) else added
    return arguments
