"""What a preset is: the layout that a vendor documents, as data."""

from __future__ import annotations

from collections.abc import Collection, Mapping
from dataclasses import dataclass, field

__all__ = ["Preset", "Role"]

Role = str | tuple[str, ...]
"""A column or path, or several whose texts together are the value."""


@dataclass(frozen=True)
class Preset:
    """A layout that people have.

    Args:
        name: What a schema file calls it.
        title: What people call it.
        roles: For each role the columns or paths that may play it, the best first.
        signature: Sets of column names; an input that has all of one set has this layout.
        aliases: Friendly names, and the paths that may stand behind each, the best first.
        json: Columns that hold JSON where they hold text; `*` stands for any characters.
        types: Types to cast to first, by path.
        time_unit: Of a time column of integers.
        sessionizer: How sessions are made where the layout has no session: plain data.
    """

    name: str
    title: str
    roles: Mapping[str, tuple[Role, ...]]
    signature: tuple[Collection[str], ...]
    aliases: Mapping[str, tuple[str, ...]] = field(default_factory=dict)
    json: tuple[str, ...] = ()
    types: Mapping[str, str] = field(default_factory=dict)
    time_unit: str | None = None
    sessionizer: Mapping[str, str] | None = None


def under(prefix: str, names: str) -> dict[str, tuple[str, ...]]:
    """Friendly names that are keys of one object, as aliases.

    Example:
        >>> under("geo", "country city")
        {'country': ('geo.country',), 'city': ('geo.city',)}
    """
    return {name: (f"{prefix}.{name}",) for name in names.split()}


def same(names: str) -> dict[str, tuple[str, ...]]:
    """Names that columns have already, in whatever case a warehouse writes them."""
    return {name: (name,) for name in names.split()}
