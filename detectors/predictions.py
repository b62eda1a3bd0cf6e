"""Fold of inference events into the traffic of each minute and the predictions that labels may still judge.

Accuracy without labels is CBPE (confidence-based performance estimation, NannyML): with c the calibrated
probability of the positive class, a positive prediction adds c to the true and 1 - c to the false positives,
a negative one c to the false and 1 - c to the true negatives.  Each c is rounded to 1e-9: sums are exact.
"""

from __future__ import annotations

from collections.abc import Mapping

import numpy as np
import pyarrow as pa
import pyarrow.compute as pc

from detectors import minutes
from detectors.by_model import referenced
from detectors.codes import Groups, Integers, Rows, Text, text
from detectors.latency import SERVER
from detectors.references import Reference
from detectors.versions import time_revision, versions
from pipeline.facts import PREDICTION_SUMS, PREDICTIONS

_TOKENS = ("tokens_in", "tokens_out", "tokens_cached")
_ESTIMATES = tuple(f"estimated_{name}" for name in ("count", "correct", "tp", "fp", "fn", "tn"))


def fold(events: pa.Table, references: Mapping[str, Reference]) -> dict[str, pa.Table]:
    """`inference` events as `prediction_sums` and, where they have an id, `predictions`."""
    return {PREDICTION_SUMS.name: _sums(events, references), PREDICTIONS.name: _identified(events)}


def _identified(events: pa.Table) -> pa.Table:
    named = pc.fill_null(pc.not_equal(events.column("prediction_id"), ""), False)
    if not pc.all(named).as_py():
        events = events.filter(named)
    return versions(PREDICTIONS, events, revision=time_revision(events))


def _sums(events: pa.Table, references: Mapping[str, Reference]) -> pa.Table:
    keys = minutes.keys(events, SERVER)
    groups = keys.group()
    models = keys.columns["model"]
    known = [references.get(model) for model in models.values.to_pylist()]
    names = pa.array(["" if reference is None else reference.reference for reference in known], pa.string())
    columns = {
        **keys.of(groups.first),
        "reference": names.take(pa.array(models.codes[groups.first])),
        "count": groups.count(),
        **_traffic(events, groups),
        **_estimates(events, models, references, groups),
    }
    return minutes.rows(PREDICTION_SUMS, columns)


def _traffic(events: pa.Table, groups: Groups) -> dict[str, Integers]:
    latency = minutes.units(minutes.floats(events.column("latency_seconds")), minutes.SECOND)
    return {
        "errors": groups.count(text(events.column("status")).equals("error")),
        "latency_seconds": groups.sum(latency),
        **{name: groups.sum(minutes.integers(events.column(name))) for name in _TOKENS},
    }


def _estimates(
    events: pa.Table, models: Text, references: Mapping[str, Reference], groups: Groups
) -> dict[str, Integers]:
    """Each estimated column per group, in counts and units of 1e-9; zero where nothing can be estimated."""
    sums = {name: np.zeros(len(groups), np.int64) for name in _ESTIMATES}
    for reference, rows in referenced(models, references):
        of_model = Groups(groups.codes[rows], groups.first)
        for name, values in _of_model(events, reference, rows).items():
            sums[name] += of_model.sum(values)
    return sums


def _of_model(events: pa.Table, reference: Reference, rows: Rows) -> dict[str, Integers]:
    scores = minutes.floats(events.column(reference.score_column))[rows]
    right = minutes.units(reference.calibrated(scores), minutes.NANO_UNITS)
    known = ~np.isnan(scores)
    if reference.positive_class is None:
        return {"estimated_count": known.astype(np.int64), "estimated_correct": right}
    prediction = text(events.column("prediction")).at(rows)
    known &= ~prediction.equals("")
    positive = prediction.equals(reference.positive_class)
    wrong = minutes.NANO_UNITS - right
    said, denied = known & positive, known & ~positive
    return {
        "estimated_count": known.astype(np.int64),
        "estimated_correct": np.where(positive, right, wrong) * known,
        "estimated_tp": right * said,
        "estimated_fp": wrong * said,
        "estimated_fn": right * denied,
        "estimated_tn": wrong * denied,
    }
