"""A reference out of the ledger itself: what a model's minutes and labels were in a window."""

from __future__ import annotations

from dataclasses import replace
from typing import NamedTuple

import numpy as np
import pyarrow as pa
import pyarrow.compute as pc

from detectors.codes import Integers
from detectors.dispersion import phi
from detectors.drift_run import FIRST_BIN, Counted
from detectors.reference_build import build
from detectors.references import LATENCY, FeatureBins, Reference
from detectors.subject import integers
from detectors.weekly import with_rhythm
from pipeline import drift_tick
from pipeline.answers import joint_rows
from pipeline.answers.truth import objective_minutes
from pipeline.answers.window import Window
from pipeline.errors import ConfigError, NotFound
from pipeline.store import Store

NO_HISTOGRAMS = (
    "the ledger has no histograms of features there: they are counted from the first reference on, which "
    "a file or events make"
)
NO_SAMPLE = (
    "the ledger keeps no rows of {model} there: it keeps them from the first reference with --sample on, "
    "which a file or events make, for maintenance.sample_days days"
)
NO_IDENTITIES = "no prediction there has an id, so there is no calibration and no error rate"


class Built(NamedTuple):
    reference: Reference
    predictions: int
    notes: tuple[str, ...]
    events: pa.Table
    """Predictions that have an id, with their segments as they were kept; the features of none."""
    labels: pa.Table


def reference(
    store: Store,
    window: Window,
    *,
    model: str,
    model_version: str | None = None,
    positive_class: str | None = None,
    latency_objective_seconds: float | None = None,
    latency_budget: float = 0.01,
) -> Built:
    """Of one version or of all that served in the window.

    Bins of features stay those of the reference in use, since the ledger keeps counts and no values; they are
    counted anew.  Raises NotFound where the model had no traffic there, ConfigError for a positive class that
    no label has.
    """
    with store.steady():
        served = _versions(store, window, model, model_version)
        used = store.references().get(model)
        rows = store.query("prediction_outcomes", model=model, start=window.start, end=window.end)
        rows = rows.filter(pc.is_in(rows["model_version"], pa.array(list(served))))
        features = _features(store, window, used, list(served))
        slow = _over_phi(store, window, model, list(served), LATENCY, latency_objective_seconds)
    _check(rows, positive_class)
    events, labels = _events(rows), _labels(rows)
    built = build(
        events, labels, model=model, positive_class=positive_class,
        latency_objective_seconds=latency_objective_seconds, latency_budget=latency_budget,
    )  # fmt: skip
    notes = (() if features else (NO_HISTOGRAMS,)) + (() if rows.num_rows else (NO_IDENTITIES,))
    found = replace(built, features=features, phi_over=slow).identified()
    return Built(found, sum(served.values()), notes, events, labels)


def sample(store: Store, window: Window, built: Reference, model_version: str | None) -> tuple[str, ...]:
    """Rows of the window for a reference made of it, as they were kept for the one in use.

    Raises ConfigError where there are none.
    """
    with store.steady():
        used = store.references().get(built.model)
        name = used.reference if used else ""
        rows = joint_rows.rows(store, window, built.model, model_version, name)
    if not rows or not built.features:
        raise ConfigError("--sample", str(window), NO_SAMPLE.format(model=built.model))
    return tuple(content for _, content in rows)


def _versions(store: Store, window: Window, model: str, model_version: str | None) -> dict[str, int]:
    """Predictions by version."""
    seen = store.query("model_versions", start=window.start, end=window.end).to_pylist()
    mine = {row["model_version"]: row["count"] for row in seen if row["model"] == model}
    if not mine:
        others = ", ".join(sorted({row["model"] for row in seen})[:10]) or "nobody"
        raise NotFound(f"model {model!r} served nothing in {window}; there served {others}")
    if model_version is None:
        return mine
    if model_version not in mine:
        names = ", ".join(sorted(mine)[:10])
        raise NotFound(f"version {model_version!r} of {model!r} served nothing there; there served {names}")
    return {model_version: mine[model_version]}


def _check(rows: pa.Table, positive_class: str | None) -> None:
    classes = sorted({label for label in rows["label"].to_pylist() if label})
    if positive_class is not None and classes and positive_class not in classes:
        raise ConfigError("--positive-class", positive_class, f"the labels say {', '.join(classes[:10])}")


def _events(rows: pa.Table) -> pa.Table:
    times = rows["time"].cast(pa.timestamp("us", "UTC"))
    names = ("prediction_id", "prediction", "predicted_value", "score", "confidence", "segment")
    return pa.table({"time": times, **{n: rows[n] for n in names}})


def _labels(rows: pa.Table) -> pa.Table:
    columns = {"label": "label", "value": "label_value", "score": "label_score"}
    said = [pc.is_valid(rows[c]) for c in columns.values()]
    known = rows.filter(pc.or_(pc.or_(said[0], said[1]), said[2]))
    return pa.table({"prediction_id": known["prediction_id"], **{n: known[c] for n, c in columns.items()}})


def over_phi(
    store: Store, window: Window, model: str, model_version: str | None, metric: str, objective: float
) -> float:
    """Overdispersion of the requests whose `metric` was over the objective, as `reference` measures it."""
    with store.steady():
        served = _versions(store, window, model, model_version)
        return _over_phi(store, window, model, list(served), metric, objective)


def _over_phi(
    store: Store, window: Window, model: str, versions: list[str], metric: str, objective: float | None
) -> float:
    if not objective:
        return 1.0
    rows = objective_minutes(store, {model: objective}, window.start, window.end, metric)
    rows = rows.filter(pc.is_in(rows["model_version"], pa.array(versions)))
    count, over = integers(rows, "count"), integers(rows, "over")
    return phi(np.stack([over, count - over], axis=1))


def _features(
    store: Store, window: Window, used: Reference | None, versions: list[str]
) -> tuple[FeatureBins, ...]:
    """The bins of the reference in use with the counts of the window; none where it counted nothing there."""
    if used is None or not used.features:
        return ()
    asked = [drift_tick.Version(used.model, version, used) for version in versions]
    seen = [counted for _, counted in drift_tick.minutes(store, asked, window.start, window.end)]
    times, counts = _sum(seen)
    if not len(times):
        return ()
    return tuple(_counted(feature, counts[:, at], times) for at, feature in enumerate(used.features))


def _sum(seen: list[Counted]) -> tuple[Integers, Integers]:
    """Minutes since 1970, ascending, and all versions' counts in each."""
    of_rows = np.concatenate([c.times for c in seen]).astype("datetime64[m]").astype(np.int64)
    times, row = np.unique(of_rows, return_inverse=True)
    counts = np.zeros((len(times), *seen[0].counts.shape[1:]), np.int64)
    np.add.at(counts, row, np.concatenate([c.counts for c in seen]))
    return times, counts


def _counted(feature: FeatureBins, counts: Integers, times: Integers) -> FeatureBins:
    """`counts` (T, B + 2): unseen, missing, then the bins, as a run has them."""
    bins = slice(FIRST_BIN, FIRST_BIN + len(feature.counts))
    by_minute = np.hstack([counts[:, bins], counts[:, 1:2], counts[:, 0:1]])
    *regular, missing, unseen = by_minute.sum(axis=0).tolist()
    found = replace(
        feature, counts=tuple(regular), missing=missing, unseen=unseen, phi=phi(by_minute), hours=()
    )
    return with_rhythm(found, by_minute, times)
