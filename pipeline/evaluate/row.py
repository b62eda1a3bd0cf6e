"""One number of an evaluation, with its interval, what it rests on and its level."""

from __future__ import annotations

from math import isfinite
from typing import NamedTuple

from detectors.intervals import Interval


class Row(NamedTuple):
    kind: str
    """drift, quality, accuracy or verdict."""
    column: str
    """Column of the file that it is about; '' is the model."""
    metric: str
    method: str
    """How it was found: rows, bins, realized, estimated, prediction_powered, post_stratified, a detector."""
    value: float | None
    low: float | None
    high: float | None
    size: int
    """Rows that it rests on."""
    level: str | None


def row(
    kind: str,
    column: str,
    metric: str,
    method: str,
    value: float,
    count: int,
    interval: Interval | None = None,
    level: str | None = None,
) -> Row:
    """What is not finite is unknown."""
    low, high = interval or (None, None)
    return Row(kind, column, metric, method, known(value), known(low), known(high), count, level)


def known(value: float | None) -> float | None:
    return float(value) if value is not None and isfinite(value) else None
