"""Builds a reference from events of a time in which the model was known to be right."""

from __future__ import annotations

from typing import NamedTuple

import numpy as np
import numpy.typing as npt
import pyarrow as pa
import pyarrow.compute as pc

from detectors import evaluation, minutes
from detectors.binning import intervals
from detectors.calibration import SEED, Curve, calibrate
from detectors.codes import Groups, Mask, Text, same, text
from detectors.dispersion import phi
from detectors.latency import METRICS
from detectors.loss_bins import NOTHING, Learnt, learn
from detectors.reference_bins import MOST_CATEGORIES, feature_bins, quantile_edges
from detectors.references import LATENCY, FeatureBins, Reference, SegmentLabels
from detectors.sample_distances import tally
from detectors.standing_labels import standing
from pipeline.events import TYPES

NO_LABELS = TYPES["label"].schema.empty_table()
PASSING_SCORE = 0.5
"""Least evaluation score that counts as right where a label has no class."""
LOSS_QUANTILE = 0.95
"""A regression is wrong where its absolute loss is above this quantile of the reference's."""


def build(
    events: pa.Table,
    labels: pa.Table | None = None,
    *,
    model: str,
    positive_class: str | None = None,
    latency_objective_seconds: float | None = None,
    latency_budget: float = 0.01,
    seed: int = SEED,
    clock: bool = True,
) -> Reference:
    """The reference of `inference` events and the `label` events that judge them, under its own identity.

    Columns may be absent except `time`; every row is taken to be of the model.  `positive_class` None is a
    multiclass model, whose confidence is what is calibrated.  `latency_budget` is the share of requests that
    may take longer than `latency_objective_seconds`.  `seed` picks the splits on which calibration is judged.
    Without `clock` the times only number blocks of rows, which have no hour of the week.
    """
    times = minutes.minute(minutes.microseconds(events.column("time")))
    by_minute = minutes.Keys(times, {}).group()
    hours = times[by_minute.first] if clock else None
    said = standing(NO_LABELS if labels is None else labels)
    judged = _judged(events, said)
    classes = _ranked(judged.truth)
    learnt = NOTHING
    scores = minutes.floats(_column(events, "confidence" if positive_class is None else "score"))
    if positive_class is None and judged.loss_limit is not None and not classes:
        learnt = _learnt(events, judged)
    if learnt.losses is not None:
        scores = _predicted(events)
    edges = quantile_edges(scores)
    curve = learnt.curve if learnt.losses else _curve(scores, judged, positive_class, seed)
    return Reference(
        reference="",
        model=model,
        positive_class=positive_class,
        features=tuple(feature_bins(_column(events, "features"), by_minute, hours)),
        score_edges=edges,
        score_counts=_score_counts(edges, scores),
        calibrator_x=curve[0],
        calibrator_y=curve[1],
        labelled=int(judged.known.sum()),
        errors=int(judged.wrong.sum()),
        phi_errors=_error_phi(judged, by_minute),
        latency_objective_seconds=latency_objective_seconds,
        latency_budget=latency_budget,
        classes=tuple(name for name, _ in classes),
        class_counts=tuple(count for _, count in classes),
        evaluators=_evaluators(events, said, by_minute),
        loss_limit=judged.loss_limit,
        phi_over=over_phi(events, LATENCY, latency_objective_seconds),
        losses=learnt.losses,
    ).identified()


def _evaluators(events: pa.Table, labels: pa.Table, by_minute: Groups) -> tuple[FeatureBins, ...]:
    identities = _column(events, "prediction_id").cast(pa.string()).combine_chunks()
    return tuple(evaluation.bins(labels, pc.index_in(labels["prediction_id"], identities), by_minute))


def by_segment(
    events: pa.Table, labels: pa.Table | None, segments: npt.NDArray[np.object_]
) -> tuple[SegmentLabels, ...]:
    """How often each segment's labelled events were wrong, as `build` counts; `segments` (n,) are names."""
    by_minute = minutes.Keys(minutes.minute(minutes.microseconds(events.column("time"))), {}).group()
    judged = _judged(events, standing(NO_LABELS if labels is None else labels))
    found = []
    for name in sorted(set(segments.tolist())):
        mine = judged.known & (segments == name)
        counts = [by_minute.count(mine & judged.wrong), by_minute.count(mine & ~judged.wrong)]
        wrong, right = (int(of.sum()) for of in counts)
        found.append(SegmentLabels(name, wrong + right, wrong, phi(np.stack(counts, axis=1))))
    return tuple(found)


class _Judged(NamedTuple):
    """Predictions against their labels; each of shape (n,)."""

    truth: Text
    """True class, '' where none is known."""
    known: Mask
    """Whether a label says if the prediction was right: by class, by value, or by an evaluation score."""
    wrong: Mask
    loss: minutes.Floats
    """Absolute, NaN where a row has no predicted or no true value."""
    loss_limit: float | None
    """None where no row has both."""


def _column(events: pa.Table, name: str) -> pa.ChunkedArray:
    if name in events.column_names:
        return events.column(name)
    return pa.chunked_array([pa.nulls(events.num_rows, TYPES["inference"].by_name[name].arrow.type)])


def _judged(events: pa.Table, labels: pa.Table) -> _Judged:
    """The ledger's rule: classes are compared, else values, else a score below 0.5 is an error."""
    place = _label_places(_column(events, "prediction_id"), labels)
    predicted = text(_column(events, "prediction"))
    truth = text(labels["label"].take(place))
    score = minutes.floats(labels["score"].take(place))
    value = minutes.floats(labels["value"].take(place))
    loss = np.abs(minutes.floats(_column(events, "predicted_value")) - value)
    by_class, by_value = ~truth.equals("") & ~predicted.equals(""), np.isfinite(loss)
    limit = float(np.quantile(loss[by_value], LOSS_QUANTILE)) if by_value.any() else None
    failed = np.where(by_value, loss > (0.0 if limit is None else limit), score < PASSING_SCORE)
    known = by_class | by_value | ~np.isnan(score)
    return _Judged(truth, known, known & np.where(by_class, ~same(predicted, truth), failed), loss, limit)


def _label_places(identities: pa.ChunkedArray, labels: pa.Table) -> pa.ChunkedArray:
    """Row of each prediction's label, null where there is none; the newest word of several evaluators."""
    numbers = pc.or_(pc.is_valid(labels["value"]), pc.is_valid(labels["score"]))
    rows = pc.indices_nonzero(pc.or_(pc.not_equal(labels["label"], ""), numbers))
    # index_in finds the first of equal ids.
    judged = labels["prediction_id"].take(rows).combine_chunks()
    return pa.chunked_array([rows]).take(pc.index_in(identities.cast(pa.string()), judged))


def _curve(scores: minutes.Floats, judged: _Judged, positive_class: str | None, seed: int) -> Curve:
    """Calibration of the probability of the positive class, or of being right where there is none."""
    if positive_class is None:
        known, happened = judged.known, ~judged.wrong
    else:
        known, happened = ~judged.truth.equals(""), judged.truth.equals(positive_class)
    usable = known & ~np.isnan(scores)
    return calibrate(scores[usable], happened[usable], seed)


def _learnt(events: pa.Table, judged: _Judged) -> Learnt:
    """What a regression errs by, in bins of what it said."""
    predicted = _predicted(events)
    known = np.isfinite(judged.loss)
    right = ~judged.wrong[known]
    return learn(quantile_edges(predicted), predicted[known], judged.loss[known], right)


def _predicted(events: pa.Table) -> minutes.Floats:
    """NaN for infinity too, which is no number to learn from."""
    found = minutes.floats(_column(events, "predicted_value"))
    return np.where(np.isfinite(found), found, np.nan)


def _ranked(truth: Text) -> list[tuple[str, int]]:
    """The most frequent true classes, with their counts."""
    return sorted(tally(truth).items(), key=lambda of: (-of[1], of[0]))[:MOST_CATEGORIES]


def _score_counts(edges: tuple[float, ...], scores: minutes.Floats) -> tuple[int, ...]:
    """Counts of the score bins; none where no event has a score."""
    known = scores[~np.isnan(scores)]
    if not len(known):
        return ()
    return tuple(np.bincount(intervals(np.asarray(edges), known), minlength=len(edges) + 1).tolist())


def _error_phi(judged: _Judged, by_minute: Groups) -> float:
    counts = [by_minute.count(judged.wrong), by_minute.count(judged.known & ~judged.wrong)]
    return phi(np.stack(counts, axis=1))


def over_phi(events: pa.Table, metric: str, objective: float | None) -> float:
    """Overdispersion of the events whose `metric` is over the objective in seconds; 1 without one."""
    if not objective:
        return 1.0
    by_minute = minutes.Keys(minutes.minute(minutes.microseconds(events.column("time"))), {}).group()
    seconds = minutes.floats(_column(events, METRICS[metric]))
    counts = [by_minute.count(seconds > objective), by_minute.count(seconds <= objective)]
    return phi(np.stack(counts, axis=1))
