"""Judge of feature drift: has the input changed?  It explains and warns; it never calls for an action."""

from __future__ import annotations

from typing import NamedTuple

import numpy as np
import numpy.typing as npt
import pyarrow as pa
import pyarrow.compute as pc

from detectors import e_detector, rate
from detectors.finding import Finding
from detectors.histogram_alternatives import log_weights
from detectors.parameters import Parameters
from detectors.references import FeatureBins
from detectors.subject import Subject, integers, minutes_of
from pipeline.facts.models import MISSING_BIN, UNSEEN_BIN

NAME = "drift"

Floats = npt.NDArray[np.float64]
Ints = npt.NDArray[np.int64]


class _Counted(NamedTuple):
    feature: FeatureBins
    counts: Ints
    """(T, B + 2): events of each minute by bin, then missing, then unseen."""


def judge(minutes: pa.Table, subject: Subject, parameters: Parameters) -> Finding:
    """`minutes` has minute, feature, bin and count under the subject's reference, in any order and partial.

    The mean of the features' e-detectors is an e-detector under any dependence; e-BH names the culprits.
    """
    reference = subject.reference
    if reference is None or not reference.features:
        return subject.unjudged(NAME, "no_reference", parameters)
    if minutes.num_rows == 0:
        return subject.unjudged(NAME, "not_enough_data", parameters, reference=reference.reference)
    times, row_minute = np.unique(minutes_of(minutes), return_inverse=True)
    every = _counted(minutes, row_minute, len(times), reference.features)
    enough = [c for c in every if c.counts.sum() >= parameters.drift_minimum_count]
    count = max((int(c.counts.sum()) for c in every), default=0)
    if subject.is_stale(times[-1], parameters):
        return subject.unjudged(NAME, "stale", parameters, count, reference=reference.reference)
    if not enough:
        return subject.unjudged(NAME, "not_enough_data", parameters, count, reference=reference.reference)
    evidence = _evidence(enough, parameters)
    log_evidence, by_feature = e_detector.log_mean(evidence), e_detector.log(evidence[-1])
    level, since = rate.verdict(np.minimum(log_evidence, parameters.log_act * (1 - 1e-9)), times, parameters)
    names = [c.feature.feature for c in enough]
    found = culprits(names, by_feature, parameters.log_warn) if level == "warn" else ()
    return Finding(
        NAME, subject.model, subject.model_version, level, subject.start, subject.end, count,
        float(log_evidence[-1]), parameters.log_warn, parameters.log_act,
        None if since is None else since.astype("datetime64[us]").item(),
        {
            "reference": reference.reference,
            "features": len(enough),
            "rho": parameters.drift_rho,
            "culprits": ", ".join(found),
            "strongest": names[int(np.argmax(by_feature))],
        },
    )  # fmt: skip


def _counted(
    minutes: pa.Table, row_minute: Ints, length: int, features: tuple[FeatureBins, ...]
) -> list[_Counted]:
    encoded = pc.dictionary_encode(minutes.column("feature").combine_chunks())
    names, codes = encoded.dictionary.to_pylist(), encoded.indices.to_numpy()
    bins, counts = integers(minutes, "bin"), integers(minutes, "count")
    found = []
    for feature in features:
        if feature.feature in names:
            mine = codes == names.index(feature.feature)
            matrix = _matrix(feature, row_minute[mine], bins[mine], counts[mine], length)
            found.append(_Counted(feature, matrix))
    return found


def _matrix(feature: FeatureBins, row_minute: Ints, bins: Ints, counts: Ints, length: int) -> Ints:
    regular = len(feature.counts)
    column = np.where(bins == MISSING_BIN, regular, np.where(bins == UNSEEN_BIN, regular + 1, bins))
    matrix = np.zeros((length, regular + 2), dtype=np.int64)
    np.add.at(matrix, (row_minute, column), counts)
    return matrix


def _evidence(counted: list[_Counted], parameters: Parameters) -> Floats:
    """(T, F): each feature's e-detector; all features run side by side."""
    weights = [log_weights(c.feature, parameters.drift_rho) for c in counted]
    ratios = [
        c.counts.astype(np.float64) @ w.T / max(c.feature.phi, 1.0)
        for c, w in zip(counted, weights, strict=True)
    ]
    sizes = [len(w) for w in weights]
    active = np.repeat(np.column_stack([c.counts.any(axis=1) for c in counted]), sizes, axis=1)
    starts = np.cumsum([0, *sizes[:-1]])
    ceiling = e_detector.ceiling(parameters.log_act, max(sizes) * len(counted))
    done = e_detector.run(np.hstack(ratios), e_detector.fresh(sum(sizes)), ceiling, active)
    return np.asarray(np.add.reduceat(done.evidence, starts, axis=1) / sizes)


def culprits(names: list[str], log_evidence: Floats, log_bar: float) -> tuple[str, ...]:
    """Features that e-BH rejects at level exp(-log_bar), the strongest first (Wang, Ramdas 2022).

    The largest k with e_(k) >= F exp(log_bar) / k.
    """
    order = np.argsort(-log_evidence, kind="stable")
    needed = log_bar + np.log(len(names)) - np.log(np.arange(1, len(names) + 1))
    passed = np.flatnonzero(log_evidence[order] >= needed)
    return tuple(names[i] for i in order[: passed[-1] + 1]) if len(passed) else ()
