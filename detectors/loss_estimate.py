"""Direct loss estimation: what a regression errs by in each row, learnt from the errors of the reference."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

import numpy as np
from sklearn.ensemble import HistGradientBoostingRegressor
from threadpoolctl import threadpool_limits

from detectors.binning import Values
from detectors.encoding import Encoding
from detectors.minutes import Floats

SEED = 0
HELD_OUT = 5
"""Every fifth row of the reference is kept from a first fit, whose errors there tell the spread."""
FEWEST = 100
"""Labelled rows of the reference below which nothing is learnt."""


@dataclass(frozen=True)
class LossEstimate:
    """One kind of loss, absolute or squared."""

    encoding: Encoding
    model: Any
    spread: float
    """Standard deviation of a row's loss around its estimate, on rows that the model had not seen."""

    @classmethod
    def of(cls, features: Mapping[str, Values], predicted: Floats, loss: Floats, encoding: Encoding) -> Any:
        """Fitted on labelled rows, FEWEST at least; all of shape (n,)."""
        rows = _rows(features, predicted, encoding)
        kept = np.arange(len(loss)) % HELD_OUT == 0
        with _one_thread():
            trial = HistGradientBoostingRegressor(random_state=SEED).fit(rows[~kept], loss[~kept])
            spread = float(np.std(loss[kept] - trial.predict(rows[kept])))
            model = HistGradientBoostingRegressor(random_state=SEED).fit(rows, loss)
        return cls(encoding, model, spread)

    def expected(self, features: Mapping[str, Values], predicted: Floats) -> Floats:
        """The loss that each row is expected to have, (n,), never below zero."""
        with _one_thread():
            found = self.model.predict(_rows(features, predicted, self.encoding))
        return np.maximum(np.asarray(found, np.float64), 0.0)


def _one_thread() -> threadpool_limits:
    """Trees of few rows meet thousands of barriers, at which OpenMP's threads spin where a core is busy.

    Two trees of 5,000 rows then take minutes in place of a second; more threads would change no figure.
    """
    return threadpool_limits(1, user_api="openmp")


def _rows(features: Mapping[str, Values], predicted: Floats, encoding: Encoding) -> Floats:
    if not features:
        return predicted[:, None]
    return np.column_stack([encoding.ordinal(features), predicted])
