"""Values of JSON by pointer (RFC 6901): read, and set in a copy.  Pure."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

NOTHING = object()
"""There is no such place."""


def parts(pointer: str) -> list[str]:
    return [p.replace("~1", "/").replace("~0", "~") for p in pointer.split("/")[1:]]


def escaped(part: str) -> str:
    """One part as it stands in a pointer."""
    return part.replace("~", "~0").replace("/", "~1")


def value(content: Any, pointer: str) -> Any:
    """What stands there, or NOTHING."""
    for part in parts(pointer):
        if isinstance(content, dict) and part in content:
            content = content[part]
        elif isinstance(content, list) and part.isdigit() and int(part) < len(content):
            content = content[int(part)]
        else:
            return NOTHING
    return content


def with_value(content: Any, pointer: str, new: Any) -> Any:
    """A copy with `new` at a place that is there."""
    return _set(content, parts(pointer), new)


def _set(content: Any, way: Sequence[str], new: Any) -> Any:
    if not way:
        return new
    copy: Any = list(content) if isinstance(content, list) else dict(content)
    at: Any = int(way[0]) if isinstance(content, list) else way[0]
    copy[at] = _set(content[at], way[1:], new)
    return copy
