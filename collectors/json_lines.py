"""JSON as one value a line, however it was written down: a byte order mark, an array, or spread by `jq`."""

from __future__ import annotations

import json
from collections.abc import Iterator
from typing import Any

_BOM = b"\xef\xbb\xbf"
_SPREAD = (b"{", b"[")
"""The first line of a value that was written over several."""


def as_lines(data: bytes) -> bytes:
    """The same values, one a line; what is none, from there on as it stood."""
    data = data.removeprefix(_BOM)
    start = data[:64].lstrip()
    if not start.startswith(b"[") and start.split(b"\n", 1)[0].strip() not in _SPREAD:
        return data
    found: list[str] = []
    text, at = data.decode("utf-8", "surrogateescape"), 0
    try:
        for value, end in values(text):
            found += map(json.dumps, value if isinstance(value, list) else [value])
            at = end
    except (ValueError, RecursionError):
        found.append(text[at:])
    return "\n".join(found).encode("utf-8", "surrogateescape")


def values(text: str) -> Iterator[tuple[Any, int]]:
    """Values one after the other, each with where it ends; ValueError or RecursionError where none is."""
    decoder = json.JSONDecoder()
    at = _after_space(text, 0)
    while at < len(text):
        value, end = decoder.raw_decode(text, at)
        yield value, end
        at = _after_space(text, end)


def _after_space(text: str, at: int) -> int:
    while at < len(text) and text[at] in " \t\r\n":
        at += 1
    return at
