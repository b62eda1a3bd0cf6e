"""How each model version does: traffic, latency, accuracy labelled and estimated, and the judges' levels."""

from __future__ import annotations

from collections import defaultdict
from datetime import datetime
from typing import Any

from detectors import accuracy, drift, latency_objective
from detectors.intervals import wilson
from pipeline.answers.answer import Answer, Column, Value
from pipeline.answers.window import MINUTE, Window
from pipeline.facts import ZERO_BUCKET
from pipeline.store import Store

Version = tuple[str, str]

COLUMNS = (
    Column("model"),
    Column("model_version"),
    Column("requests", kind="integer"),
    Column("errors", kind="integer"),
    Column("tokens_in", kind="integer", wide=True),
    Column("tokens_out", kind="integer", wide=True),
    Column("tokens_cached", kind="integer", wide=True),
    Column("latency_p50", "seconds", "number"),
    Column("latency_p95", "seconds", "number"),
    Column("latency_p99", "seconds", "number"),
    Column("accuracy", kind="ratio"),
    Column("accuracy_low", kind="ratio", wide=True),
    Column("accuracy_high", kind="ratio", wide=True),
    Column("labelled", kind="integer", wide=True),
    Column("label_coverage", kind="ratio"),
    Column("estimated_accuracy", kind="ratio"),
    Column("estimated_count", kind="integer", wide=True),
    Column("accuracy_level"),
    Column("latency_level"),
    Column("drift_level"),
    Column("first", kind="time", wide=True),
    Column("last", kind="time", wide=True),
)

NO_REFERENCE = "{models}: no reference is registered, so nothing can be judged or estimated"
ESTIMATED = "estimated_accuracy comes from calibrated scores and holds only while the concept has not changed"
INTERVAL = "accuracy_low and accuracy_high are the 95 % Wilson interval of the labelled predictions"


def models(store: Store, window: Window) -> Answer:
    """One row a model version with traffic in the window, by name."""
    with store.steady():
        return _models(store, window)


def _models(store: Store, window: Window) -> Answer:
    span: dict[str, Any] = {"start": window.start, "end": window.end}
    sums = store.query("model_sums", **span).to_pylist()
    quantiles = store.query("latency_quantiles", metric=latency_objective.METRIC, zero=ZERO_BUCKET, **span)
    latency = {(q["model"], q["model_version"]): q for q in quantiles.to_pylist()}
    levels = {
        (r["model"], r["model_version"], r["detector"]): r["level"]
        for r in store.query("latest_levels", **span).to_pylist()
    }
    labels = _labels(store, {row["model"] for row in sums}, window)
    rows = tuple(_row(row, latency, labels, levels) for row in sums)
    return Answer(COLUMNS, rows, _as_of(sums), None, _notes(store, sums), window=window)


def _row(
    row: dict[str, Any],
    latency: dict[Version, dict[str, Any]],
    labels: dict[Version, tuple[int, int]],
    levels: dict[tuple[str, str, str], str],
) -> tuple[Value, ...]:
    version = (row["model"], row["model_version"])
    timed = latency.get(version, {})
    return (
        *version,
        *(row[name] for name in ("requests", "errors", "tokens_in", "tokens_out", "tokens_cached")),
        *(timed.get(name) for name in ("p50", "p95", "p99")),
        *_accuracy(*labels.get(version, (0, 0)), row["requests"]),
        float(row["estimated_correct"]) / row["estimated_count"] if row["estimated_count"] else None,
        row["estimated_count"],
        *(levels.get((*version, name)) for name in (accuracy.NAME, latency_objective.NAME, drift.NAME)),
        row["first"],
        row["last"] + MINUTE,
    )


def _accuracy(labelled: int, errors: int, requests: int) -> tuple[float | int | None, ...]:
    """accuracy, low, high, labelled, label_coverage."""
    if labelled == 0:
        return None, None, None, 0, 0.0
    right = labelled - errors
    return (right / labelled, *wilson(right, labelled), labelled, labelled / requests)


def _labels(store: Store, names: set[str], window: Window) -> dict[Version, tuple[int, int]]:
    """(labelled, errors) of each version, from the same minutes that the judge reads."""
    found: dict[Version, tuple[int, int]] = defaultdict(lambda: (0, 0))
    for model in sorted(names):
        minutes = store.query("accuracy_minutes", model=model, start=window.start, end=window.end)
        by_version = minutes.group_by("model_version").aggregate([("count", "sum"), ("errors", "sum")])
        for row in by_version.to_pylist():
            found[model, row["model_version"]] = (row["count_sum"], row["errors_sum"])
    return found


def _as_of(sums: list[dict[str, Any]]) -> datetime | None:
    return max((row["last"] + MINUTE for row in sums), default=None)


def _notes(store: Store, sums: list[dict[str, Any]]) -> tuple[str, ...]:
    if not sums:
        return ()
    known = store.references()
    unknown = sorted({row["model"] for row in sums} - set(known))
    missing = (NO_REFERENCE.format(models=", ".join(unknown)),) if unknown else ()
    return (INTERVAL, ESTIMATED, *missing)
