"""The product's own e-detectors over many streams side by side; nothing here decides anything."""

from __future__ import annotations

from collections.abc import Callable

import numpy as np

from detectors import canary, e_detector, rate_ratios, segment_accuracy
from detectors.dispersion import phi
from detectors.histogram_alternatives import log_weights
from detectors.intervals import clopper_pearson_upper
from detectors.parameters import Parameters
from detectors.references import FeatureBins, SegmentLabels
from detectors.weekly import at_hour, hour_of_week, with_rhythm
from tests.bench.detection.streams import DECILES, Errors, Floats, Ints

P = Parameters()
MONDAY = 4 * 1_440
"""Minutes since 1970 of its first one."""
SIDE_BY_SIDE = 20


def of_errors(known: Errors, seen: Errors, tolerance: float) -> Floats:
    """(T, S): ln of the evidence of each stream against its own reference `known`."""
    return _by_parts(known, seen, lambda past: _accepted(past, tolerance))


def of_objective(known: Errors, seen: Errors, budget: float) -> Floats:
    """(T, S): the same of requests over an objective, against its budget; bursts as `known` has them."""
    return _by_parts(known, seen, lambda past: (budget, max(_spread(past), P.latency_phi)))


def _accepted(past: Errors, tolerance: float) -> tuple[float, float]:
    """The tolerated rate and phi of one stream (D,) of a reference."""
    spread = _spread(past)
    hits, count = past.hits.sum() / spread, past.count.sum() / spread
    return clopper_pearson_upper(hits, count, P.accuracy_confidence) + tolerance, spread


def _spread(past: Errors) -> float:
    return phi(np.stack([past.hits, past.count - past.hits], axis=1))


def _by_parts(known: Errors, seen: Errors, bound: Callable[[Errors], tuple[float, float]]) -> Floats:
    """So many streams at once as are held in memory well."""
    places = np.arange(seen.hits.shape[1])
    parts = np.array_split(places, -(-len(places) // SIDE_BY_SIDE))
    return np.hstack([_of_rates(_at(known, part), _at(seen, part), bound) for part in parts])


def _at(of: Errors, streams: Ints) -> Errors:
    return Errors(of.count[:, streams], of.hits[:, streams])


def _of_rates(known: Errors, seen: Errors, bound: Callable[[Errors], tuple[float, float]]) -> Floats:
    width = len(rate_ratios.GRID)
    evidence = _run(known, seen, bound, width)
    return e_detector.log_mean(evidence, np.arange(0, evidence.shape[1], width))


def of_segments(known: Errors, seen: Errors) -> Floats:
    """(T,): ln of the evidence of one version whose segments are the streams, each against its own errors."""
    return e_detector.log_mean(_run(known, seen, _accepted_there, segment_accuracy.CEILED))


def _accepted_there(past: Errors) -> tuple[float, float]:
    spread = max(_spread(past), 1.0)
    there = SegmentLabels("", int(past.count.sum()), int(past.hits.sum()), spread)
    return segment_accuracy.tolerated(there, P), spread


def _run(known: Errors, seen: Errors, bound: Callable[[Errors], tuple[float, float]], ceiled: int) -> Floats:
    """(T, S times the alternatives): M_k of each stream."""
    ratios = []
    for stream in range(seen.hits.shape[1]):
        tolerated, spread = bound(Errors(known.count[:, stream], known.hits[:, stream]))
        count, hits = seen.count[:, stream], seen.hits[:, stream]
        ratios.append(rate_ratios.log_ratios(count, hits, tolerated, spread))
    side_by_side = np.hstack(ratios)
    state = e_detector.fresh(side_by_side.shape[1])
    return e_detector.run(side_by_side, state, e_detector.ceiling(P.log_act, ceiled)).evidence


def of_canary(known: Errors, seen: Errors, stable: Errors) -> Floats:
    """(T, S): ln of the evidence that each stream errs more than `stable` does at its minutes."""
    width = len(canary.ODDS)
    found = []
    for stream, pair in enumerate(
        np.stack([seen.hits, seen.count, stable.hits, stable.count], axis=2).swapaxes(0, 1)
    ):
        spread = max(_spread(Errors(known.count[:, stream], known.hits[:, stream])), 1.0)
        ratios = np.stack([canary.log_ratios(*minute) for minute in pair.tolist()]) / spread
        done = e_detector.run(ratios, e_detector.fresh(width), e_detector.ceiling(P.log_act, width))
        found.append(e_detector.log_mean(done.evidence))
    return np.stack(found, axis=1)


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


def of_rhythm(known: Ints, seen: Ints, rhythm: bool) -> Floats:
    """(T,): the evidence of one feature (T, B) from a Monday on, against two weeks of it, `known` (D, B).

    With a `rhythm` each hour of the week has a histogram of its own, as in the product.
    """
    counts = tuple(int(n) for n in known.sum(axis=0))
    whole = FeatureBins("x", tuple(DECILES), None, counts, 0, 0, phi(known))
    nothing = np.zeros((len(known), 2), np.int64)
    minutes = MONDAY + np.arange(len(known))
    bins = with_rhythm(whole, np.hstack([known, nothing]), minutes) if rhythm else whole
    hours = hour_of_week(MONDAY + np.arange(len(seen)))
    ratios = np.empty((len(seen), len(log_weights(whole, P.drift_rho))))
    for hour in np.unique(hours):
        then = at_hour(bins, int(hour)) if bins.hours else bins
        weights = log_weights(then, P.drift_rho)[:, : len(counts)]
        ratios[hours == hour] = seen[hours == hour].astype(np.float64) @ weights.T / bins.phi
    width = ratios.shape[1]
    done = e_detector.run(ratios, e_detector.fresh(width), e_detector.ceiling(P.log_act, width))
    return np.asarray(done.evidence.mean(axis=1))
