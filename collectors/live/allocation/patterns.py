"""Lists in settings: words with commas between, their numbers, patterns (* and ?) of which one must fit."""

from __future__ import annotations

from collections.abc import Callable
from fnmatch import fnmatchcase
from functools import lru_cache

from pipeline.errors import ConfigError

REPLICAS = "allocation.replicas"
_MOST = 10_000


def words(text: str) -> tuple[str, ...]:
    return tuple(word for part in text.split(",") if (word := part.strip()))


def replicas(text: str) -> dict[str, int]:
    """How many share a device of each resource that `allocation.replicas` names."""
    found: dict[str, int] = {}
    for word in words(text):
        resource, _, number = (part.strip() for part in word.partition("="))
        if not resource or not (number.isdecimal() and len(number) < 6 and 1 <= int(number) <= _MOST):
            remedy = f"write RESOURCE=REPLICAS with 1 to {_MOST}, such as k8s.amazonaws.com/vgpu=10"
            raise ConfigError(REPLICAS, word, remedy)
        found[resource] = int(number)
    return found


def matches(patterns: str) -> Callable[[str], bool]:
    chosen = words(patterns)

    @lru_cache(4_096)
    def one_fits(name: str) -> bool:
        return any(fnmatchcase(name, word) for word in chosen)

    return one_fits
