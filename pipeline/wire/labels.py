"""Chosen labels and annotations of a workload as one text: JSON by label.NAME and annotation.NAME, sorted."""

from __future__ import annotations

import json
from collections.abc import Mapping
from functools import lru_cache

PREFIXES = ("label.", "annotation.")
"""With a name after it: a dimension of costs, and a field of ownership rules and budgets."""


def is_one(dimension: str) -> bool:
    return dimension.startswith(PREFIXES) and not dimension.endswith(".")


def dump(found: Mapping[str, str]) -> str | None:
    return json.dumps(found, sort_keys=True, separators=(",", ":"), ensure_ascii=False) if found else None


@lru_cache(65_536)
def load(text: str) -> Mapping[str, str]:
    """Nothing of a text that is no such object: an event may come from anywhere."""
    try:
        found = json.loads(text) if text.startswith("{") else {}
    except ValueError:
        found = {}
    return {str(k): str(v) for k, v in found.items()} if isinstance(found, dict) else {}
