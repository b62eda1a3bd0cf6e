"""The dimensions that a question is grouped by, checked."""

from __future__ import annotations

from collections.abc import Collection, Sequence

from pipeline.errors import ConfigError

KEY = "--by"


def check(by: Sequence[str], known: Collection[str]) -> None:
    """ConfigError for a dimension that is not among `known`, or is named twice."""
    for name in by:
        if name not in known:
            raise ConfigError(KEY, name, f"write one of {', '.join(known)}")
    if len(set(by)) != len(by):
        raise ConfigError(KEY, ", ".join(by), "name each dimension once")
