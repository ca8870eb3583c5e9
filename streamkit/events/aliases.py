"""Friendly names: what a path that names no column may stand for."""

from __future__ import annotations

from collections.abc import Collection, Iterator, Mapping

from streamkit.path import Path

__all__ = ["meanings"]

ANY = "*"


def meanings(
    path: Path, aliases: Mapping[str, tuple[str, ...]], columns: Collection[str]
) -> Iterator[Path]:
    """The paths that a path may stand for, the likeliest first; none where no alias fits.

    A column always wins over an alias of its name. The alias with the most segments counts; what
    follows it in the path follows its meaning as well. In `custom.*: evt_*_str` the star stands
    for one segment.

    Args:
        path: What the user wrote.
        aliases: Friendly names and the paths behind them.
        columns: The input's columns.

    Example:
        >>> list(meanings(Path.parse("props.size.0"), {"props.*": ("evt_*_str",)}, []))
        [Path(segments=('evt_size_str', '0'))]
    """
    lengths = range(len(path.segments), 0, -1)
    if any(".".join(path.segments[:length]) in columns for length in lengths):
        return
    best: tuple[int, tuple[str, ...], str | None] | None = None
    for name, targets in aliases.items():
        alias = Path.parse(name).segments
        length = len(alias)
        if length > len(path.segments) or (best is not None and best[0] >= length):
            continue
        if alias == path.segments[:length]:
            best = (length, targets, None)
        elif alias[-1] == ANY and alias[:-1] == path.segments[: length - 1]:
            best = (length, targets, path.segments[length - 1])
    if best is None:
        return
    length, targets, star = best
    for target in targets:
        segments = Path.parse(target).segments
        if star is not None:
            segments = tuple(segment.replace(ANY, star) for segment in segments)
        yield Path((*segments, *path.segments[length:]))
