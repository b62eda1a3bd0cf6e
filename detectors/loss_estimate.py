"""Direct loss estimation: what a regression errs by in each row, learnt from the errors of the reference."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

import numpy as np
from sklearn.ensemble import HistGradientBoostingRegressor

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
        trial = HistGradientBoostingRegressor(random_state=SEED).fit(rows[~kept], loss[~kept])
        spread = float(np.std(loss[kept] - trial.predict(rows[kept])))
        return cls(encoding, HistGradientBoostingRegressor(random_state=SEED).fit(rows, loss), spread)

    def expected(self, features: Mapping[str, Values], predicted: Floats) -> Floats:
        """The loss that each row is expected to have, (n,), never below zero."""
        found = self.model.predict(_rows(features, predicted, self.encoding))
        return np.maximum(np.asarray(found, np.float64), 0.0)


def _rows(features: Mapping[str, Values], predicted: Floats, encoding: Encoding) -> Floats:
    if not features:
        return predicted[:, None]
    return np.column_stack([encoding.ordinal(features), predicted])
