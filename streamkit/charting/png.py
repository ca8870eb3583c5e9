"""Pictures made smaller without changing a pixel.

The renderer hardly compresses its PNG files, and pictures are stored inside notebooks. Rows of a
chart are much like the row above, so their differences compress well.
"""

from __future__ import annotations

import struct
import zlib
from collections.abc import Iterator

import numpy as np

__all__ = ["smaller"]

SIGNATURE = b"\x89PNG\r\n\x1a\n"
FRAME = 12
"""Bytes of a chunk beside its content: length, kind and checksum."""
CHANNELS = 4
LEFT, UP = 1, 2
"""Filters of PNG: each byte less the one to its left, or less the one above."""


def smaller(png: bytes) -> bytes:
    """The same picture, compressed again.

    Args:
        png: A picture as the renderer writes it: eight bits, four channels, each row filtered by
            what is to the left. Any other comes back as it is.
    """
    chunks = list(_chunks(png))
    width, height, depth, colours, *_, interlaced = struct.unpack(">IIBBBBB", chunks[0][1])
    pixels = zlib.decompress(b"".join(content for kind, content in chunks if kind == b"IDAT"))
    if (depth, colours, interlaced) != (8, 6, 0):
        return png
    rows = np.frombuffer(pixels, np.uint8).reshape(height, 1 + width * CHANNELS)
    if (rows[:, 0] != LEFT).any():
        return png
    points = np.cumsum(rows[:, 1:].reshape(height, width, CHANNELS), axis=1, dtype=np.uint8)
    filtered = np.full((height, 1 + width * CHANNELS), UP, np.uint8)
    filtered[:, 1:] = np.diff(points.reshape(height, -1), axis=0, prepend=np.uint8(0))
    kept = [(kind, content) for kind, content in chunks if kind not in (b"IDAT", b"IEND")]
    written = [*kept, (b"IDAT", zlib.compress(filtered.tobytes(), 9)), (b"IEND", b"")]
    return SIGNATURE + b"".join(_chunk(kind, content) for kind, content in written)


def _chunks(png: bytes) -> Iterator[tuple[bytes, bytes]]:
    place = len(SIGNATURE)
    while place < len(png):
        (length,) = struct.unpack_from(">I", png, place)
        yield png[place + 4 : place + 8], png[place + 8 : place + 8 + length]
        place += length + FRAME


def _chunk(kind: bytes, content: bytes) -> bytes:
    checksum = zlib.crc32(kind + content)
    return struct.pack(">I", len(content)) + kind + content + struct.pack(">I", checksum)
