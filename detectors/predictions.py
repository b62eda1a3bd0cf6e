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
from detectors.codes import Groups, Integers, Mask, Text, text
from detectors.latency import SERVER
from detectors.references import Reference
from detectors.segments import segments
from detectors.versions import time_revision, versions
from pipeline.facts.models import PREDICTION_SUMS, PREDICTIONS

_TOKENS = ("tokens_in", "tokens_out", "tokens_cached")
_ESTIMATES = tuple(f"estimated_{name}" for name in ("count", "correct", "tp", "fp", "fn", "tn"))


def fold(
    events: pa.Table, references: Mapping[str, Reference], keys: minutes.Keys | None = None
) -> dict[str, pa.Table]:
    """`inference` events as `prediction_sums` and, where they have an id, `predictions`.

    `keys` are those of the events by SERVER, where the caller has them.
    """
    return {
        PREDICTION_SUMS.name: _sums(events, references, keys or minutes.keys(events, SERVER)),
        PREDICTIONS.name: _identified(events, references),
    }


def _identified(events: pa.Table, references: Mapping[str, Reference]) -> pa.Table:
    if events.column("prediction_id").null_count == events.num_rows:
        return PREDICTIONS.schema.empty_table()
    lengths = pc.binary_length(events.column("prediction_id").cast(pa.string()))
    named = (lengths.fill_null(0) if lengths.null_count else lengths).to_numpy() > 0
    if not named.all():
        events = events.filter(pa.array(named))
    segment = segments(events, references)
    return versions(PREDICTIONS, events, revision=time_revision(events), segment=segment)


def _sums(events: pa.Table, references: Mapping[str, Reference], keys: minutes.Keys) -> pa.Table:
    groups = keys.group()
    models = keys.columns["model"]
    known = [references.get(model) for model in models.values.to_pylist()]
    names = pa.array(["" if reference is None else reference.reference for reference in known], pa.string())
    columns = {
        **keys.of(groups.first),
        "reference": Text(models.codes, names).take(groups.first),
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
        **{name: _total(events.column(name), groups) for name in _TOKENS},
    }


def _total(column: pa.ChunkedArray, groups: Groups) -> Integers:
    if column.null_count == len(column):
        return np.zeros(len(groups), np.int64)
    return groups.sum(np.asarray(column.fill_null(0).to_numpy(), np.int64))


def _estimates(
    events: pa.Table, models: Text, references: Mapping[str, Reference], groups: Groups
) -> dict[str, Integers]:
    """Each estimated column per group, in counts and units of 1e-9; zero where nothing can be estimated."""
    sums = {name: np.zeros(len(groups), np.int64) for name in _ESTIMATES}
    for reference, rows in referenced(models, references):
        scores = minutes.floats(events.column(reference.score_column))[rows]
        right = minutes.units(reference.calibrated(scores), minutes.NANO_UNITS)
        of_model = Groups(groups.codes[rows], groups.first)
        if reference.positive_class is None:
            found = _of_classes(right, ~np.isnan(scores), of_model)
        else:
            prediction = text(events.column("prediction")).at(rows)
            known = ~(np.isnan(scores) | prediction.equals(""))
            found = _confusion(right, known, prediction.equals(reference.positive_class), of_model)
        for name, values in found.items():
            sums[f"estimated_{name}"] += values
    return sums


def _of_classes(right: Integers, known: Mask, groups: Groups) -> dict[str, Integers]:
    return {"count": groups.count(known), "correct": groups.sum(right * known)}


def _confusion(positive: Integers, known: Mask, said: Mask, groups: Groups) -> dict[str, Integers]:
    """`positive` is the probability of the positive class in units of 1e-9, `said` where it was predicted."""
    of_unknown_no_yes = np.add(known, known & said, dtype=np.uint8)
    _, no_count, yes_count = groups.count_by(of_unknown_no_yes, 3).T
    _, fn, tp = groups.sum_by(positive, of_unknown_no_yes, 3).T
    fp, tn = yes_count * minutes.NANO_UNITS - tp, no_count * minutes.NANO_UNITS - fn
    return {"count": yes_count + no_count, "correct": tp + tn, "tp": tp, "fp": fp, "fn": fn, "tn": tn}
