"""Overdispersion of minute counts: how much more they vary than independent events would."""

from __future__ import annotations

import numpy as np

from detectors.codes import Integers


def phi(counts: Integers) -> float:
    """Mean over minutes of Pearson's chi-squared against the overall shares, by its degrees of freedom.

    At least 1, and 1 where there is one minute only.  `counts` has shape (minutes, bins).  Events that come
    in clusters of k identical ones give about k.
    """
    used = counts[counts.sum(axis=1) > 0][:, counts.sum(axis=0) > 0].astype(np.float64)
    minutes, bins = len(used), used.shape[1]
    if minutes < 2 or bins < 2:
        return 1.0
    expected = used.sum(axis=1, keepdims=True) * used.sum(axis=0) / used.sum()
    chi_squared = ((used - expected) ** 2 / expected).sum(axis=1)
    return max(1.0, float(chi_squared.mean() / (bins - 1)))
