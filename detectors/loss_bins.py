"""Direct loss estimation from bins: what a regression errs by, given the bin that its number falls into.

A ledger keeps no features by prediction, so what NannyML's trees learn of all features is learnt here of the
predicted number alone: by bins of the reference, as sums that merge.  It sees that a mix of numbers that are
hard to tell has come, and nothing that only other features tell; labels audit it.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import NamedTuple

import numpy as np

from detectors.binning import Values, intervals
from detectors.calibration import IDENTITY, Curve
from detectors.codes import Mask
from detectors.minutes import Floats
from detectors.references import Losses, Reference

FEWEST = 100
"""Labelled rows of the reference below which nothing is learnt."""
LARGEST = 0.999
"""Quantile of the loss that an audit takes for the largest."""

LEAST_RISE = 1e-290
"""Between an edge at zero and the next height: over less the slope is no number."""


class Learnt(NamedTuple):
    curve: Curve
    """Steps: the share of right predictions of each bin."""
    losses: Losses | None


NOTHING = Learnt(IDENTITY, None)


def learn(edges: tuple[float, ...], predicted: Floats, loss: Floats, right: Mask) -> Learnt:
    """Of the labelled rows (n,), where `loss` is absolute; nothing of fewer than FEWEST."""
    if len(loss) < FEWEST:
        return NOTHING
    place, size = intervals(np.asarray(edges), predicted), len(edges) + 1
    absolute, squared, share = (_means(place, of, size) for of in (loss, loss**2, right.astype(np.float64)))
    spread = (float(np.std(loss - absolute[place])), float(np.std(loss**2 - squared[place])))
    largest = float(np.quantile(loss, LARGEST))
    losses = Losses(tuple(absolute.tolist()), tuple(squared.tolist()), spread, largest)
    return Learnt(steps(edges, share), losses)


def _means(place: np.ndarray, values: Floats, size: int) -> Floats:
    """(size,): of all rows where a bin has none."""
    count = np.bincount(place, minlength=size)
    total = np.bincount(place, values, size)
    return np.where(count > 0, total / np.maximum(count, 1), values.mean())


def steps(edges: tuple[float, ...], heights: Floats) -> Curve:
    """A piecewise-linear curve with the height of bin i over edges[i-1] < x <= edges[i]."""
    at = np.asarray(edges)
    after = np.maximum(np.nextafter(at, np.inf), at + LEAST_RISE)
    x = np.maximum.accumulate(np.stack([at, after], axis=1).ravel())
    y = np.stack([heights[:-1], heights[1:]], axis=1).ravel()
    new = np.diff(x, prepend=-np.inf) > 0  # an edge right after another
    return tuple(x[new].tolist()), tuple(y[new].tolist())


@dataclass(frozen=True)
class BinnedLoss:
    """One kind of loss, absolute or squared, of the predicted number alone."""

    edges: Floats
    means: Floats
    spread: float

    def expected(self, features: Mapping[str, Values], predicted: Floats) -> Floats:
        """The loss that each row is expected to have, (n,)."""
        return np.asarray(self.means[intervals(self.edges, predicted)])


def of_reference(reference: Reference) -> dict[str, BinnedLoss]:
    """Both kinds by name; empty where the reference has learnt nothing."""
    known = reference.losses
    if known is None:
        return {}
    kinds = {"absolute": known.absolute, "squared": known.squared}
    edges = np.asarray(reference.score_edges)
    return {
        name: BinnedLoss(edges, np.asarray(means), spread)
        for (name, means), spread in zip(kinds.items(), known.spread, strict=True)
    }
