"""How far histograms are from those of their references, where there are events enough to say."""

from __future__ import annotations

from math import isfinite

import numpy as np
import numpy.typing as npt

from detectors.bin_distances import Compared, bin_distances, held
from detectors.references import FeatureBins, Reference
from pipeline.answers import rhythm
from pipeline.answers.evaluations import EVALUATION
from pipeline.answers.rhythm import Key
from pipeline.facts.models import MISSING_BIN, UNSEEN_BIN

Counts = npt.NDArray[np.int64]

PSI_COUNT = 500
"""Fewest events for a PSI: with fewer, an unchanged stream passes 0.1 by chance."""
JS_COUNT = 1_000
"""Fewest events for a Jensen-Shannon distance, for the same reason."""
PSI_WARN = 0.1
ABSENT_WARN = 0.05
"""Increase of the share of missing and unseen values that is worth a warning by itself."""

SCORE = "(score)"
"""Name of the row about the prediction's score."""

MEASURES = (
    "psi",
    "jensen_shannon_distance",
    "kolmogorov_smirnov",
    "kolmogorov_smirnov_bound",
    "wasserstein",
    "normed_wasserstein",
    "hellinger",
    "l_infinity",
    "chi2",
    "chi2_p_value",
)


def compared(
    key: Key, counts: dict[int, int], reference: Reference | None, by_hour: rhythm.Traffic
) -> Compared | None:
    """None where the reference does not have the feature."""
    bins = reference and reference_bins(reference, key.feature)
    if not bins:
        return None
    bins = rhythm.compared(bins, key, by_hour)
    return Compared(bins, _counts(bins, counts))


def reference_bins(reference: Reference, feature: str) -> FeatureBins | None:
    """The bins of the feature, or of the score; None where the reference has no such feature."""
    if feature == SCORE:
        return FeatureBins(SCORE, reference.score_edges, None, reference.score_counts, 0, 0, 1.0)
    if feature.startswith(EVALUATION):
        return next((f for f in reference.evaluators if EVALUATION + f.feature == feature), None)
    return next((f for f in reference.features if f.feature == feature), None)


def _counts(bins: FeatureBins, counts: dict[int, int]) -> Counts:
    """Of the bins, then missing, then unseen."""
    span = (*range(len(bins.counts)), MISSING_BIN, UNSEEN_BIN)
    return np.array([counts.get(b, 0) for b in span], np.int64)


def measures(compared: dict[Key, Compared]) -> dict[Key, tuple[float | None, ...]]:
    """The MEASURES; None where there are too few events or no order of the bins."""
    events = {key: int(held(*pair)[1].sum()) for key, pair in compared.items()}
    enough = [key for key, count in events.items() if count >= PSI_COUNT]
    found = dict(zip(enough, bin_distances(compared[key] for key in enough), strict=True))
    for key in enough:
        if events[key] < JS_COUNT:
            found[key].pop("jensen_shannon_distance", None)
    return {key: tuple(_finite(found.get(key, {}).get(name)) for name in MEASURES) for key in compared}


def _finite(value: float | None) -> float | None:
    """None for what no number can say: how many standard deviations, where the reference has none."""
    return value if value is not None and isfinite(value) else None


def level(psi: float | None, counts: dict[int, int], bins: FeatureBins) -> str:
    """By the habit of the trade: warn, ok or not_enough_data."""
    total = sum(counts.values())
    absent = counts.get(MISSING_BIN, 0) + counts.get(UNSEEN_BIN, 0)
    more_absent = absent / total - _absent_rate(bins)
    if total >= PSI_COUNT and more_absent > ABSENT_WARN:
        return "warn"
    if psi is None:
        return "not_enough_data"
    return "warn" if psi >= PSI_WARN else "ok"


def _absent_rate(bins: FeatureBins) -> float:
    total = sum(bins.counts) + bins.missing + bins.unseen
    return (bins.missing + bins.unseen) / total if total else 0.0
