"""Costs by a label or annotation of those who hold devices, as far as the ledger was told of it."""

from __future__ import annotations

from collections.abc import Sequence

from pipeline.answers.cost_columns import Line
from pipeline.wire import labels

ALL = "labels"
"""The dimension that holds all of them."""
NONE = "none"


def plain(by: Sequence[str]) -> list[str]:
    """The dimensions that lines are asked by."""
    return list(dict.fromkeys(ALL if labels.is_one(name) else name for name in by))


def named(lines: Sequence[Line], by: Sequence[str]) -> list[Line]:
    """The lines with a column for each label that is asked for."""
    asked = [name for name in by if labels.is_one(name)]
    return [line | {name: value(name, line[ALL]) for name in asked} for line in lines]


def value(name: str, text: str) -> str:
    """Of one label; a bucket that is nobody's is itself."""
    return labels.load(text).get(name, NONE) if text.startswith("{") or text == NONE else text
