"""How far each feature of each model version is from its reference, under the published names."""

from __future__ import annotations

from collections import defaultdict
from datetime import datetime, timedelta
from typing import Any

from detectors.bin_distances import Compared
from pipeline.answers import lost_requests, rhythm, rolled
from pipeline.answers.answer import Answer, Column, Value
from pipeline.answers.elsewhere import elsewhere
from pipeline.answers.evaluations import EVALUATION, evaluations
from pipeline.answers.feature_distances import (
    ABSENT_WARN,
    JS_COUNT,
    MEASURES,
    PSI_COUNT,
    PSI_WARN,
    SCORE,
    compared,
    level,
    measures,
)
from pipeline.answers.rhythm import Key
from pipeline.answers.verdicts import Verdict, about, verdicts
from pipeline.answers.window import MINUTE, Window
from pipeline.facts.models import MISSING_BIN, UNSEEN_BIN
from pipeline.store import Store

FEW = timedelta(days=2)
"""The longest window whose bins one core sums sooner than several."""
COLUMNS = (
    Column("model"),
    Column("model_version"),
    Column("feature"),
    Column("psi_level"),
    Column("drift_level"),
    Column("culprit", kind="flag"),
    *(Column(name, kind="number", wide=place > 2) for place, name in enumerate(MEASURES)),
    Column("count", kind="integer"),
    Column("missing_rate", kind="ratio"),
    Column("unseen_rate", kind="ratio"),
    Column("reference"),
)

_PSI = 6

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
            judged = evaluations(store, window)
            judges = verdicts(store, window)
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
    pairs = {key: compared(key, counts, known[key.reference], by_hour) for key, counts in held.items()}
    measured = measures({key: pair for key, pair in pairs.items() if pair})
    found = (
        _row(key, counts, pairs[key], measured.get(key), about(key, judges)) for key, counts in held.items()
    )
    rows = sorted(found, key=_order)
    as_of: datetime | None = max(
        (row["last"] + MINUTE for row in (*features, *scores, *judged)), default=None
    )
    return Answer(COLUMNS, tuple(rows), as_of, None, notes, window=window)


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


def _row(
    key: Key,
    counts: dict[int, int],
    pair: Compared | None,
    measured: tuple[float | None, ...] | None,
    verdict: Verdict,
) -> tuple[Value, ...]:
    total = sum(counts.values())
    missing, unseen = counts.get(MISSING_BIN, 0), counts.get(UNSEEN_BIN, 0)
    rates = (total, missing / total, unseen / total, key.reference)
    names = (key.model, key.model_version, key.feature)
    said = (verdict.level, verdict.names(key.feature.removeprefix(EVALUATION)))
    if pair is None or measured is None:
        return (*names, "no_reference", *said, *[None] * len(MEASURES), *rates)
    return (*names, level(measured[0], counts, pair.bins), *said, *measured, *rates)
