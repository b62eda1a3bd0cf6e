"""How far each feature of each model version is from its reference, under the published names."""

from __future__ import annotations

from collections import defaultdict
from datetime import datetime, timedelta
from math import isfinite
from typing import Any, NamedTuple

import numpy as np
import numpy.typing as npt

from detectors import drift as judge
from detectors import evaluation
from detectors.bin_distances import Compared, bin_distances, held
from detectors.references import FeatureBins, Reference
from pipeline.answers import lost_requests, rhythm, rolled
from pipeline.answers.answer import Answer, Column, Value
from pipeline.answers.elsewhere import elsewhere
from pipeline.answers.rhythm import Key
from pipeline.answers.window import MINUTE, Window
from pipeline.facts.models import MISSING_BIN, UNSEEN_BIN
from pipeline.store import Store

Counts = npt.NDArray[np.int64]

PSI_COUNT = 500
"""Fewest events for a PSI: with fewer, an unchanged stream passes 0.1 by chance."""
JS_COUNT = 1_000
"""Fewest events for a Jensen-Shannon distance, for the same reason."""
FEW = timedelta(days=2)
"""The longest window whose bins one core sums sooner than several."""
PSI_WARN = 0.1
ABSENT_WARN = 0.05
"""Increase of the share of missing and unseen values that is worth a warning by itself."""


SCORE = "(score)"
"""Name of the row about the prediction's score."""
EVALUATION = "evaluation by "
"""How the names of rows about an evaluator's scores begin."""

COLUMNS = (
    Column("model"),
    Column("model_version"),
    Column("feature"),
    Column("psi_level"),
    Column("drift_level"),
    Column("culprit", kind="flag"),
    Column("psi", kind="number"),
    Column("jensen_shannon_distance", kind="number"),
    Column("kolmogorov_smirnov", kind="number"),
    Column("kolmogorov_smirnov_bound", kind="number", wide=True),
    Column("wasserstein", kind="number", wide=True),
    Column("normed_wasserstein", kind="number", wide=True),
    Column("hellinger", kind="number", wide=True),
    Column("l_infinity", kind="number", wide=True),
    Column("chi2", kind="number", wide=True),
    Column("chi2_p_value", kind="number", wide=True),
    Column("count", kind="integer"),
    Column("missing_rate", kind="ratio"),
    Column("unseen_rate", kind="ratio"),
    Column("reference"),
)

_PSI = 6
MEASURES = tuple(column.name for column in COLUMNS[_PSI : _PSI + 10])

LEVELS = (
    f"psi_level is warn from a PSI of {PSI_WARN:g}, or where {ABSENT_WARN:.0%} more values are missing or "
    "unseen than in the reference: a habit of the trade, of which nobody says how often it is wrong; the PSI "
    f"needs {PSI_COUNT} events, the Jensen-Shannon distance {JS_COUNT}. drift_level is the judge's newest "
    "verdict on the whole model version in the window, whose warnings are false once in 30 days at most; "
    "culprit is whether that verdict names the feature"
)
BOUND = (
    "kolmogorov_smirnov comes from bins: the exact statistic is not below it, and not above it by more than "
    "kolmogorov_smirnov_bound; wasserstein is between the middles of bins, the outer two of which are open: "
    "it has no bound"
)
WEEKLY = (
    "of {features} the reference has a rhythm of the week: what is compared with are the hours that the "
    "window's events are of"
)


def drift(store: Store, window: Window, model: str = "") -> Answer:
    """One row a model version and feature, the largest PSI first; those without enough events come last.

    `model` '' is all models.
    """
    span: dict[str, Any] = {"start": window.start, "end": window.end}
    with store.steady(alone=window.end - window.start <= FEW):
        with store.beside("feature_histograms", **span) as histograms:
            scored = store.query("score_histograms", **span).to_pylist()
            notes = (*rolled.notes(store, window), *lost_requests.notes(store, window))
            judged = _evaluations(store, window)
            verdicts = _verdicts(store, window)
            features = histograms().to_pylist()
        scores = [{**row, "feature": SCORE} for row in scored]
        if model:
            features, scores, judged = (
                [row for row in rows if row["model"] == model] for rows in (features, scores, judged)
            )
        told = (LEVELS, BOUND) if features or scores else (elsewhere(store, "feature_bins"),)
        held = _histograms([*features, *scores, *judged])
        known = {name: store.reference(name) for name in {key.reference for key in held}}
        by_hour = rhythm.traffic(store, window, known)
    notes = (*told, *notes)
    if by_hour:
        notes += (WEEKLY.format(features=", ".join(sorted({key.feature for key in by_hour}))),)
    compared = {key: _compared(key, counts, known[key.reference], by_hour) for key, counts in held.items()}
    measures = _measures({key: pair for key, pair in compared.items() if pair})
    found = (
        _row(key, counts, compared[key], measures.get(key), verdicts.get(_judge(key), Verdict()))
        for key, counts in held.items()
    )
    rows = sorted(found, key=_order)
    as_of: datetime | None = max(
        (row["last"] + MINUTE for row in (*features, *scores, *judged)), default=None
    )
    return Answer(COLUMNS, tuple(rows), as_of, None, notes, window=window)


class Verdict(NamedTuple):
    """The newest of one judge on one version."""

    level: str | None = None
    culprits: str = ""

    def names(self, feature: str) -> bool | None:
        """Whether it names the feature; None where there is no verdict."""
        return None if self.level is None else f", {feature}, " in f", {self.culprits}, "


def _verdicts(store: Store, window: Window) -> dict[tuple[str, ...], Verdict]:
    """By detector, model and version."""
    found = store.query("latest_levels", start=window.start, end=window.end).to_pylist()
    return {
        (row["detector"], row["model"], row["model_version"]): Verdict(row["level"], row["culprits"])
        for row in found
    }


def _judge(key: Key) -> tuple[str, ...]:
    """Whose verdict is about the row; no judge looks at the score."""
    name = evaluation.NAME if key.feature.startswith(EVALUATION) else judge.NAME
    return ("" if key.feature == SCORE else name, key.model, key.model_version)


def _evaluations(store: Store, window: Window) -> list[dict[str, Any]]:
    """Scores by evaluator, against the reference in use: cells as `feature_histograms` gives them."""
    models = store.query("evaluated_models").column("model").to_pylist()
    if not models:
        return []
    references = store.references()
    rows = store.query("evaluation_minutes", models=models, start=window.start, end=window.end)
    cells = rows.group_by(["model", "model_version", "feature", "bin"])
    sums = cells.aggregate([("count", "sum"), ("minute", "max")])
    return [
        {
            **{name: row[name] for name in ("model", "model_version", "bin")},
            "feature": EVALUATION + row["feature"],
            "reference": references[row["model"]].reference if row["model"] in references else "",
            "count": row["count_sum"],
            "last": row["minute_max"],
        }
        for row in sums.to_pylist()
    ]


def _histograms(cells: list[dict[str, Any]]) -> dict[Key, dict[int, int]]:
    """Counts by bin of each feature of each version."""
    found: dict[Key, dict[int, int]] = defaultdict(dict)
    for cell in cells:
        key = Key(cell["model"], cell["model_version"], cell["feature"], cell["reference"])
        found[key][cell["bin"]] = cell["count"]
    return found


def _order(row: tuple[Value, ...]) -> tuple[bool, float, tuple[str, ...]]:
    value = row[_PSI]
    psi = value if isinstance(value, float) else None
    return psi is None, -(psi or 0.0), (str(row[0]), str(row[1]), str(row[2]))


def _compared(
    key: Key, counts: dict[int, int], reference: Reference | None, by_hour: rhythm.Traffic
) -> Compared | None:
    """None where the reference does not have the feature."""
    bins = reference and reference_bins(reference, key.feature)
    if not bins:
        return None
    bins = rhythm.compared(bins, key, by_hour)
    return Compared(bins, _counts(bins, counts))


def _row(
    key: Key,
    counts: dict[int, int],
    compared: Compared | None,
    measured: tuple[float | None, ...] | None,
    verdict: Verdict,
) -> tuple[Value, ...]:
    total = sum(counts.values())
    missing, unseen = counts.get(MISSING_BIN, 0), counts.get(UNSEEN_BIN, 0)
    rates = (total, missing / total, unseen / total, key.reference)
    names = (key.model, key.model_version, key.feature)
    said = (verdict.level, verdict.names(key.feature.removeprefix(EVALUATION)))
    if compared is None or measured is None:
        return (*names, "no_reference", *said, *[None] * len(MEASURES), *rates)
    more_absent = (missing + unseen) / total - _absent_rate(compared.bins)
    return (*names, _level(measured[0], total, more_absent), *said, *measured, *rates)


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


def _measures(compared: dict[Key, Compared]) -> dict[Key, tuple[float | None, ...]]:
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


def _absent_rate(bins: FeatureBins) -> float:
    total = sum(bins.counts) + bins.missing + bins.unseen
    return (bins.missing + bins.unseen) / total if total else 0.0


def _level(psi: float | None, total: int, more_absent: float) -> str:
    if total >= PSI_COUNT and more_absent > ABSENT_WARN:
        return "warn"
    if psi is None:
        return "not_enough_data"
    return "warn" if psi >= PSI_WARN else "ok"
