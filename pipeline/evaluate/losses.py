"""How far the numbers of a regression are from the truth: by labels, and by what was learnt of its errors."""

from __future__ import annotations

from collections.abc import Iterator

import numpy as np

from detectors.confusion import around
from detectors.minutes import Floats
from pipeline.evaluate.fitted import Fitted
from pipeline.evaluate.row import Row, row
from pipeline.evaluate.sample import Sample


def realized(sample: Sample) -> Iterator[Row]:
    """Of the rows with a prediction and a label."""
    if sample.predicted is None or sample.actual is None:
        return
    loss = np.abs(sample.predicted - sample.actual)
    loss = loss[np.isfinite(loss)]
    if len(loss):
        spread = [float(of.std() / np.sqrt(len(of))) for of in (loss, loss**2)]
        yield from _rows("realized", float(loss.mean()), float((loss**2).mean()), spread, len(loss))


def estimated(sample: Sample, fitted: Fitted) -> Iterator[Row]:
    """Direct loss estimation, of all rows with a prediction."""
    if sample.predicted is None or not fitted.losses:
        return
    rows = np.flatnonzero(np.isfinite(sample.predicted))
    if not len(rows):
        return
    some = sample.at(rows)
    assert some.predicted is not None
    found = {name: of.expected(some.features, some.predicted) for name, of in fitted.losses.items()}
    spread = [fitted.losses[name].spread / float(np.sqrt(len(rows))) for name in ("absolute", "squared")]
    means = float(found["absolute"].mean()), float(found["squared"].mean())
    yield from _rows("estimated", *means, spread, len(rows))


def expected(sample: Sample, fitted: Fitted) -> Floats:
    """The absolute loss that each row is expected to have; NaN where there is no prediction."""
    found = np.full(sample.rows, np.nan)
    if sample.predicted is not None and fitted.losses:
        rows = np.flatnonzero(np.isfinite(sample.predicted))
        if len(rows):
            some = sample.at(rows)
            assert some.predicted is not None
            found[rows] = fitted.losses["absolute"].expected(some.features, some.predicted)
    return found


def _rows(method: str, absolute: float, squared: float, spread: list[float], count: int) -> Iterator[Row]:
    root = float(np.sqrt(squared))
    yield row("accuracy", "", "mae", method, absolute, count, around(absolute, spread[0], most=np.inf))
    yield row("accuracy", "", "mse", method, squared, count, around(squared, spread[1], most=np.inf))
    deviation = spread[1] / (2 * root) if root else 0.0
    yield row("accuracy", "", "rmse", method, root, count, around(root, deviation, most=np.inf))
