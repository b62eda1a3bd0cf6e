"""Probabilities that stand for labels which are not there: confidence-based performance estimation (NannyML).

A model of two classes has one score, of the positive one; a model of more has a score of each.  Every score
is calibrated by its own curve, if that helps; several are then scaled to sum to 1.
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
import numpy.typing as npt

from detectors.calibration import Curve, calibrate

Floats = npt.NDArray[np.float64]
Mask = npt.NDArray[np.bool_]


@dataclass(frozen=True, slots=True)
class Calibration:
    """A curve for each class, in their order."""

    curves: tuple[Curve, ...]

    @classmethod
    def of(cls, scores: Floats, true: Mask) -> Calibration:
        """Fitted on labelled rows: scores (n, K) and which class was true (n, K), K is 1 or all classes."""
        return cls(tuple(calibrate(*pair) for pair in zip(scores.T, true.T, strict=True)))

    def probabilities(self, scores: Floats) -> Floats:
        """The chance of each class in each row, (n, K); uniform where all of several are zero."""
        pairs = zip(self.curves, scores.T, strict=True)
        found = np.stack([np.interp(s, *curve) if curve[0] else s for curve, s in pairs], axis=1)
        if len(self.curves) == 1:
            return found
        total = found.sum(axis=1, keepdims=True)
        uniform = np.full_like(found, 1 / len(self.curves))
        return np.asarray(np.divide(found, total, out=uniform, where=total != 0))
