"""The product's own e-detectors over many streams side by side; nothing here decides anything."""

from __future__ import annotations

import numpy as np

from detectors import e_detector, rate_ratios
from detectors.dispersion import phi
from detectors.histogram_alternatives import log_weights
from detectors.intervals import clopper_pearson_upper
from detectors.parameters import Parameters
from detectors.references import FeatureBins
from tests.bench.detection.streams import DECILES, Errors, Floats, Ints

P = Parameters()
SIDE_BY_SIDE = 20


def of_errors(known: Errors, seen: Errors, tolerance: float) -> Floats:
    """(T, S): ln of the evidence of each stream against its own reference `known`."""
    parts = [
        _of_errors(_at(known, part), _at(seen, part), tolerance)
        for part in np.array_split(np.arange(seen.hits.shape[1]), -(-seen.hits.shape[1] // SIDE_BY_SIDE))
    ]
    return np.hstack(parts)


def _at(of: Errors, streams: Ints) -> Errors:
    return Errors(of.count[:, streams], of.hits[:, streams])


def _of_errors(known: Errors, seen: Errors, tolerance: float) -> Floats:
    ratios = []
    for count, hits, past, wrong in zip(seen.count.T, seen.hits.T, known.count.T, known.hits.T, strict=True):
        spread = phi(np.stack([wrong, past - wrong], axis=1))
        bound = clopper_pearson_upper(wrong.sum() / spread, past.sum() / spread, P.accuracy_confidence)
        ratios.append(rate_ratios.log_ratios(count, hits, bound + tolerance, spread))
    width = len(rate_ratios.GRID)
    state = e_detector.fresh(width * len(ratios))
    done = e_detector.run(np.hstack(ratios), state, e_detector.ceiling(P.log_act, width))
    return e_detector.log_mean(done.evidence, np.arange(len(ratios)) * width)


def of_features(known: Ints, seen: Ints, rho: float) -> Floats:
    """(T, F): the evidence of each feature: `seen` (F, T, B) against its reference `known` (F, D, B)."""
    ratios = []
    for past, now in zip(known, seen, strict=True):
        counts = tuple(int(n) for n in past.sum(axis=0))
        bins = FeatureBins("x", tuple(DECILES), None, counts, 0, 0, phi(past))
        weights = log_weights(bins, rho)[:, : len(counts)]  # nothing is missing or unseen here
        ratios.append(now.astype(np.float64) @ weights.T / bins.phi)
    width = ratios[0].shape[1]
    state = e_detector.fresh(width * len(ratios))
    ceiling = e_detector.ceiling(P.log_act, width * len(ratios))
    done = e_detector.run(np.hstack(ratios), state, ceiling)
    return np.asarray(done.evidence.reshape(len(done.evidence), len(ratios), width).mean(axis=2))
