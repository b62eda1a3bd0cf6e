"""One line of a watch: what happened, and the JSON of the object that it happened to."""

from __future__ import annotations

from typing import NamedTuple

import msgspec

from collectors.live.kube.answers import Away


class Event(NamedTuple):
    type: str
    object: bytes


class _Event(msgspec.Struct):
    type: str
    object: msgspec.Raw


_DECODER = msgspec.json.Decoder(_Event)
_HEADS = tuple(
    (f'{{"type":"{type_}","object":'.encode(), type_) for type_ in ("MODIFIED", "ADDED", "DELETED")
)
"""As the API server writes them (encoding/json keeps the order of metav1.WatchEvent's fields)."""


def event(line: bytes) -> Event:
    """Raises Away where it is none; one whose object is no JSON is found when that is read (`whole`).

    To look for the end of an object costs as much as to read it, so what begins as the server writes it is
    cut without a look.
    """
    for head, type_ in _HEADS:
        if line.startswith(head):
            return Event(type_, line[len(head) : -1])
    return whole(line)


def whole(line: bytes) -> Event:
    """Raises Away for half a line, and for what is no event."""
    try:
        found = _DECODER.decode(line)
    except msgspec.DecodeError as error:
        raise Away(f"half a line, or none of JSON: {error}") from error
    return Event(found.type, bytes(found.object))
