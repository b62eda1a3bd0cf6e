"""What is told of a resource's objects, in the order in which it happened."""

from __future__ import annotations

from typing import Any, Literal, NamedTuple

What = Literal["listed", "synced", "lacking", "put", "gone", "refused", "back"]


class News(NamedTuple):
    """`listed` come before their `synced`; what the last list does not hold is gone."""

    kind: str
    what: What
    value: Any
    """The reduced object; for `refused` why; for `synced` and `back` since when it was blind, microseconds,
    or None if it never saw before; nothing for `lacking`: there is no right, or no such resource."""
    at: int
    """The server's time, microseconds since 1970 UTC."""
