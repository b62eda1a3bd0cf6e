"""References, subjects and minutes for the tests of judges."""

from __future__ import annotations

from datetime import datetime, timedelta

import numpy as np
import numpy.typing as npt
import pyarrow as pa

from detectors.references import FeatureBins, Reference, SegmentLabels
from detectors.subject import Subject

END = datetime(2026, 11, 24, 12, 0)
Ints = npt.NDArray[np.int64]

EDGES = (-1.2816, -0.8416, -0.5244, -0.2533, 0.0, 0.2533, 0.5244, 0.8416, 1.2816)
"""Deciles of the normal distribution."""


TENTHS = tuple(t / 10 for t in range(1, 10))
SCORED = (0, 4, 39, 210, 735, 1_715, 2_668, 2_668, 1_556, 404)
"""Scores of an evaluator: 9 draws of 0.7, in ten thousand."""
EVALUATORS = (FeatureBins("helpful/v1", TENTHS, None, SCORED, 0, 0, 1.0),)

SEGMENTS = {
    "segment": "channel",
    "segment_labels": (SegmentLabels("app", 6_000, 300, 1.0), SegmentLabels("web", 4_000, 700, 1.0)),
}
"""As parts of `reference`: the web errs more by right."""
OBJECTIVES = (("time_per_output_token", 0.05), ("time_to_first_token", 0.5))


def numeric(name: str, size: int = 10_000, phi: float = 1.0) -> FeatureBins:
    return FeatureBins(name, EDGES, None, (size // 10,) * 10, 0, 0, phi)


def categorical(name: str) -> FeatureBins:
    return FeatureBins(name, None, ("a", "b", "c"), (5_000, 3_000, 2_000), 0, 0, 1.0)


ENDED = (
    FeatureBins("finish_reason", None, ("stop", "length"), (9_500, 500), 0, 0, 1.0),
    FeatureBins("refusal", None, ("no", "yes"), (9_500, 500), 0, 0, 1.0),
)
"""One answer in twenty is refused, and one is cut off."""
FEATURES = (numeric("amount"), categorical("channel"))
EVERYTHING = {
    "evaluators": EVALUATORS,
    "objectives": OBJECTIVES,
    "features": (*FEATURES, *ENDED),
    **SEGMENTS,
}
"""What every detector asks for, beside what `reference` has."""


def reference(**changes: object) -> Reference:
    """A model with 10 % errors among 10,000 labels, an objective of half a second, and two features."""
    fields: dict[str, object] = {
        "reference": "fraud@1",
        "model": "fraud",
        "positive_class": "yes",
        "features": FEATURES,
        "score_edges": (0.25, 0.5, 0.75),
        "score_counts": (4_000, 3_000, 2_000, 1_000),
        "calibrator_x": (),
        "calibrator_y": (),
        "labelled": 10_000,
        "errors": 1_000,
        "phi_errors": 1.0,
        "latency_objective_seconds": 0.5,
        "latency_budget": 0.01,
    }
    return Reference(**{**fields, **changes})


def subject(known: Reference | None, minutes: int = 10_080) -> Subject:
    return Subject("fraud", "2", known, END - timedelta(minutes=minutes), END)


def times(count: int, end: datetime = END) -> pa.Array:
    """The `count` minutes that lead up to `end`."""
    return pa.array([end - timedelta(minutes=count - i) for i in range(count)], pa.timestamp("us"))


def labelled(errors: Ints, count: Ints, end: datetime = END) -> pa.Table:
    """As `accuracy_minutes` gives it."""
    return pa.table(
        {"minute": times(len(count), end), "predictions": count + 1, "count": count, "errors": errors}
    )


def parted(errors: dict[str, Ints], count: Ints, end: datetime = END) -> pa.Table:
    """As `segment_minutes` gives it: of each segment as many labels a minute."""
    same = {"minute": times(len(count), end), "count": count}
    parts = [pa.table({**same, "segment": [name] * len(count), "errors": of}) for name, of in errors.items()]
    return pa.concat_tables(parts).sort_by("minute")


def timed(over: Ints, count: Ints, end: datetime = END) -> pa.Table:
    """As `objective_minutes` gives it."""
    return pa.table({"minute": times(len(count), end), "count": count, "over": over})


def ended(endings: Ints, count: Ints, end: datetime = END) -> pa.Table:
    """As `ending_minutes` gives it."""
    return pa.table({"minute": times(len(count), end), "count": count, "endings": endings})


def features(histograms: dict[str, Ints], end: datetime = END) -> pa.Table:
    """As `feature_minutes` gives it: counts (T, B) by feature, the last two columns missing and unseen."""
    parts = []
    for name, counts in histograms.items():
        bins = np.array([*range(counts.shape[1] - 2), -1, -2])
        minute, column = np.nonzero(counts)
        parts.append(
            pa.table(
                {
                    "minute": times(len(counts), end).take(pa.array(minute)),
                    "feature": [name] * len(minute),
                    "bin": pa.array(bins[column], pa.int32()),
                    "count": counts[minute, column],
                }
            )
        )
    return pa.concat_tables(parts)
