"""Confusion of a class with the rest, counted from labels or expected from probabilities, and its rates."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from math import nan

import numpy as np
import numpy.typing as npt
from scipy.special import ndtri

from detectors.intervals import Interval, wilson

Floats = npt.NDArray[np.float64]
Mask = npt.NDArray[np.bool_]

RATES = ("accuracy", "precision", "recall", "specificity", "f1")
"""Named as in scikit-learn; specificity is the recall of the rest."""
CELLS = ("tp", "fp", "fn", "tn")


@dataclass(frozen=True, slots=True)
class Confusion:
    """How often the class was said and true; expected numbers are fractions.

    `tp_variance` and `fn_variance` are those of the numbers themselves, whose sums with fp and tn are fixed.
    """

    tp: float
    fp: float
    fn: float
    tn: float
    tp_variance: float
    fn_variance: float

    def rates(self) -> dict[str, float]:
        """Every rate by its name; NaN where its denominator is zero."""
        return {
            "accuracy": _ratio(self.tp + self.tn, self.tp + self.fp + self.fn + self.tn),
            "precision": _ratio(self.tp, self.tp + self.fp),
            "recall": _ratio(self.tp, self.tp + self.fn),
            "specificity": _ratio(self.tn, self.tn + self.fp),
            "f1": _ratio(2 * self.tp, 2 * self.tp + self.fp + self.fn),
        }

    def deviations(self) -> dict[str, float]:
        """Standard error of every rate by the delta method; NaN as the rate itself."""
        n, actual, other = self.tp + self.fp + self.fn + self.tn, self.tp + self.fn, self.tn + self.fp
        twice = 2 * self.tp + self.fp + self.fn
        by_tp_and_fn = {
            "accuracy": (_ratio(1, n), _ratio(1, n)),
            "precision": (_ratio(1, self.tp + self.fp), 0.0),
            "recall": (_ratio(self.fn, actual**2), _ratio(self.tp, actual**2)),
            "specificity": (_ratio(self.tn, other**2), _ratio(self.fp, other**2)),
            "f1": (_ratio(2 * (twice - self.tp), twice**2), _ratio(2 * self.tp, twice**2)),
        }
        return {
            name: float(np.sqrt(a * a * self.tp_variance + b * b * self.fn_variance))
            for name, (a, b) in by_tp_and_fn.items()
        }

    def worth(self, values: Mapping[str, float]) -> tuple[float, float]:
        """The cells' values in sum, by name, and its standard error: a row that leaves fp comes to tp."""
        v = {cell: values.get(cell, 0.0) for cell in CELLS}
        total = sum(getattr(self, cell) * v[cell] for cell in CELLS)
        by_tp, by_fn = v["tp"] - v["fp"], v["fn"] - v["tn"]
        return total, float(np.sqrt(by_tp**2 * self.tp_variance + by_fn**2 * self.fn_variance))


def expected(said: Mask, probability: Floats) -> Confusion:
    """CBPE: a row that says the class adds its probability to the true and the rest to the false positives.

    Both have shape (n,); a probability is that of the class, calibrated.
    """
    spread = probability * (1 - probability)
    tp, fn = float(probability[said].sum()), float(probability[~said].sum())
    yes = float(said.sum())
    return Confusion(
        tp, yes - tp, fn, len(said) - yes - fn, float(spread[said].sum()), float(spread[~said].sum())
    )


def counted(said: Mask, true: Mask) -> Confusion:
    """The confusion that labels show; its variances are those of binomial counts."""
    tp, fn = float((said & true).sum()), float((~said & true).sum())
    yes, no = float(said.sum()), float((~said).sum())
    return Confusion(
        tp, yes - tp, fn, no - fn, _ratio(tp * (yes - tp), yes, 0.0), _ratio(fn * (no - fn), no, 0.0)
    )


def realized_intervals(confusion: Confusion, confidence: float = 0.95) -> dict[str, Interval]:
    """Wilson's interval of each rate; without the rates that are not known.

    F1 is 2j / (1 + j) of the share j = tp / (tp + fp + fn), and so are the ends of its interval: the delta
    method's misses the truth too often where hits are few, and has no width at all where all are right.
    """
    c = confusion
    parts = {
        "accuracy": (c.tp + c.tn, c.tp + c.fp + c.fn + c.tn),
        "precision": (c.tp, c.tp + c.fp),
        "recall": (c.tp, c.tp + c.fn),
        "specificity": (c.tn, c.tn + c.fp),
    }
    found = {name: wilson(hits, int(of), confidence) for name, (hits, of) in parts.items() if of}
    if touched := int(c.tp + c.fp + c.fn):
        low, high = wilson(c.tp, touched, confidence)
        found["f1"] = Interval(2 * low / (1 + low), 2 * high / (1 + high))
    return found


def around(value: float, deviation: float, confidence: float = 0.95, most: float = 1.0) -> Interval:
    """The normal interval of a value in 0 to `most`."""
    low, high = normal(value, deviation, confidence)
    return Interval(max(0.0, low), min(most, high))


def normal(value: float, deviation: float, confidence: float = 0.95) -> Interval:
    """That of a value without bounds."""
    half = float(ndtri((1 + confidence) / 2)) * deviation
    return Interval(value - half, value + half)


def _ratio(part: float, whole: float, otherwise: float = nan) -> float:
    return part / whole if whole else otherwise
