"""JSON as one value a line, however it was written down: a byte order mark, an array, or spread by `jq`."""

from __future__ import annotations

import json

_BOM = b"\xef\xbb\xbf"
_SPREAD = (b"{", b"[")
"""The first line of a value that was written over several."""


def as_lines(data: bytes) -> bytes:
    """The same values, one a line; what is none, from there on as it stood."""
    data = data.removeprefix(_BOM)
    start = data[:64].lstrip()
    if not start.startswith(b"[") and start.split(b"\n", 1)[0].strip() not in _SPREAD:
        return data
    values: list[str] = []
    text = data.decode("utf-8", "surrogateescape")
    decoder = json.JSONDecoder()
    at = _after_space(text, 0)
    try:
        while at < len(text):
            value, end = decoder.raw_decode(text, at)
            values += map(json.dumps, value if isinstance(value, list) else [value])
            at = _after_space(text, end)
    except (ValueError, RecursionError):
        values.append(text[at:])
    return "\n".join(values).encode("utf-8", "surrogateescape")


def _after_space(text: str, at: int) -> int:
    while at < len(text) and text[at] in " \t\r\n":
        at += 1
    return at
