"""Where two JSON values differ, path by path."""

from __future__ import annotations

from typing import Any

SHOWN = 120


def differences(recorded: Any, again: Any, path: str = "") -> list[str]:
    """One line a place; empty when the values are equal."""
    if isinstance(recorded, dict) and isinstance(again, dict):
        return [
            line
            for key in sorted(recorded.keys() | again.keys())
            for line in differences(recorded.get(key), again.get(key), f"{path}.{key}" if path else key)
        ]
    if isinstance(recorded, list) and isinstance(again, list) and len(recorded) == len(again):
        pairs = enumerate(zip(recorded, again, strict=True))
        return [line for i, (a, b) in pairs for line in differences(a, b, f"{path}[{i}]")]
    if type(recorded) is type(again) and recorded == again:
        return []
    return [f"{path}: recorded {_short(recorded)}, computed again {_short(again)}"]


def _short(value: Any) -> str:
    text = repr(value)
    return text if len(text) <= SHOWN else text[:SHOWN] + "..."
