"""Lists in settings: words with commas between, and patterns (* and ?) of which one must fit."""

from __future__ import annotations

from collections.abc import Callable
from fnmatch import fnmatchcase
from functools import lru_cache


def words(text: str) -> tuple[str, ...]:
    return tuple(word for part in text.split(",") if (word := part.strip()))


def matches(patterns: str) -> Callable[[str], bool]:
    chosen = words(patterns)

    @lru_cache(4_096)
    def one_fits(name: str) -> bool:
        return any(fnmatchcase(name, word) for word in chosen)

    return one_fits
