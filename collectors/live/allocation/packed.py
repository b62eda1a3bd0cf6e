"""What the fold keeps as a cursor, in JSON's values, and back."""

from __future__ import annotations

import base64
from collections.abc import Mapping
from typing import Any

from collectors.live.contract import Cursor

_BOOKS = ("allocations", "inventory")


class Packing:
    """The texts of the parts that are as they were are not made anew: few of them change in a turn."""

    def __init__(self) -> None:
        self._texts: dict[bytes, str] = {}

    def packed(self, kept: Mapping[str, Any]) -> dict[str, Any]:
        parts = [part for book in _BOOKS for part in kept[book].values()]
        self._texts = {part: self._texts.get(part) or base64.b64encode(part).decode() for part in parts}
        return {**kept, **{b: {k: self._texts[part] for k, part in kept[b].items()} for b in _BOOKS}}


def unpacked(cursor: Cursor | None) -> dict[str, Any] | None:
    if cursor is None:
        return None
    return {**cursor, **{b: {k: base64.b64decode(part) for k, part in cursor[b].items()} for b in _BOOKS}}
