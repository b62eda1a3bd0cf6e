"""The font of every statement, which is shipped with it: what it can show, and codes for what it cannot."""

from __future__ import annotations

import struct
from collections.abc import Iterator
from functools import cache
from pathlib import Path

FAMILY = "Liberation Sans"
FOLDER = Path(__file__).parent / "fonts"
"""Regular and bold; the same on every host, whatever fonts it has."""
_ALSO = "\u200b"
"""Shows nothing, and tells where a line may break."""


def shown(text: str) -> str:
    """With the code of each character that the font has not: no host's font may stand in for it."""
    known = _known()
    return "".join(c if c in known else c.encode("unicode_escape").decode() for c in text)


@cache
def _known() -> frozenset[str]:
    """The characters that all faces have."""
    faces = [frozenset(_characters(path.read_bytes())) for path in sorted(FOLDER.glob("*.ttf"))]
    return frozenset.intersection(*faces) | frozenset(_ALSO)


def _characters(font: bytes) -> Iterator[str]:
    """Of the basic plane, by the table cmap in format 4 (OpenType 1.9)."""
    segments = _segments(font)
    count = struct.unpack_from(">H", font, segments + 6)[0] // 2
    ends, starts, deltas, offsets = (
        struct.unpack_from(f">{count}H", font, segments + 14 + 2 * count * column + 2 * (column > 0))
        for column in range(4)
    )
    places = segments + 16 + 6 * count
    for i, (start, end) in enumerate(zip(starts, ends, strict=True)):
        for code in range(start, min(end, 0xFFFE) + 1):
            glyph = code
            if offsets[i]:
                place = places + 2 * i + offsets[i] + 2 * (code - start)
                glyph = struct.unpack_from(">H", font, place)[0]
            if (glyph or not offsets[i]) and (glyph + deltas[i]) % 0x10000:
                yield chr(code)


def _segments(font: bytes) -> int:
    """Where the subtable begins that Windows takes for the basic plane."""
    tables = struct.unpack_from(">H", font, 4)[0]
    cmap = next(
        place
        for name, _, place, _ in struct.iter_unpack(">4sLLL", font[12 : 12 + 16 * tables])
        if name == b"cmap"
    )
    count = struct.unpack_from(">H", font, cmap + 2)[0]
    rows = struct.iter_unpack(">HHL", font[cmap + 4 : cmap + 4 + 8 * count])
    offset: int = next(at for platform, encoding, at in rows if (platform, encoding) == (3, 1))
    return int(cmap + offset)
