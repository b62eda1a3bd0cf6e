"""What labels and the latency objective say of each model version in a window."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Iterable, Mapping
from datetime import datetime
from typing import Any

import numpy as np
import pyarrow as pa
import pyarrow.compute as pc

from detectors import latency_objective
from detectors.references import Reference
from pipeline.answers.served import timed
from pipeline.answers.window import Window
from pipeline.store import Store

Version = tuple[str, str]
"""Model and version."""


def accuracy_minutes(store: Store, models: Iterable[str], start: datetime, end: datetime) -> pa.Table:
    """Predictions, labels and errors of each version by minute, in the order of model, version and minute.

    Where a model's reference knows evaluators, scores of others do not count: they measure something else.
    """
    return judged(store, "accuracy_minutes", store.references(), models, start, end)


def estimate_minutes(
    store: Store, references: Mapping[str, Reference], start: datetime, end: datetime
) -> pa.Table:
    """Labels of predictions with a score by minute, in the order of model, version and minute."""
    table = scored(references)
    models = table.column("model").to_pylist()
    return judged(store, "estimate_minutes", references, models, start, end, scored=table)


def scored(references: Mapping[str, Reference]) -> pa.Table:
    """Models whose scores are calibrated, each with the class that they are about, null where of several.

    With `by_value` the score is the number that a regression predicts.
    """
    known = {name: r for name, r in references.items() if r.score_counts}
    classes = [r.positive_class for r in known.values()]
    return pa.table(
        {
            "model": pa.array(known, pa.string()),
            "positive_class": pa.array(classes, pa.string()),
            "by_value": pa.array([r.losses is not None for r in known.values()], pa.bool_()),
        }
    )


def judged(
    store: Store,
    question: str,
    references: Mapping[str, Reference],
    models: Iterable[str] | None,
    start: datetime,
    end: datetime,
    **tables: pa.Table,
) -> pa.Table:
    """The answer to a question that includes judged_predictions, and asks for `tables` beside.

    `models` is None where the predictions are passed in, and no model need be named.
    """
    known = {name: reference.evaluators for name, reference in references.items()}
    return store.query(
        question,
        tables={"limits": _limits(references), **tables},
        **({} if models is None else {"models": list(models)}),
        strict=[name for name, judges in known.items() if judges],
        judges=[f"{name}\x1f{judge.feature}" for name, judges in known.items() for judge in judges],
        start=start,
        end=end,
    )


def _limits(references: Mapping[str, Reference]) -> pa.Table:
    """Absolute loss above which a regression errs, by model."""
    known = {name: r.loss_limit for name, r in references.items() if r.loss_limit is not None}
    columns = {"model": pa.array(known, pa.string()), "loss_limit": pa.array(known.values(), pa.float64())}
    return pa.table(columns)


def labels(store: Store, models: Iterable[str], window: Window) -> dict[Version, tuple[int, int]]:
    """(labelled, errors) of the predictions made in the window, from the minutes that the judge reads."""
    found: dict[Version, tuple[int, int]] = defaultdict(lambda: (0, 0))
    names = sorted(set(models))
    minutes = accuracy_minutes(store, names, window.start, window.end)
    for row in _sums(minutes, "count", "errors"):
        found[row["model"], row["model_version"]] = (row["count_sum"], row["errors_sum"])
    return found


def in_time(
    store: Store,
    references: Iterable[Reference],
    window: Window,
    metric: str = latency_objective.METRIC,
) -> dict[Version, tuple[int, int, int]]:
    """(timed, over the objective, in the bucket that holds it) requests.

    A model whose reference names no objective is not in it.
    """
    bounds = {r.model: seconds for r in references if (seconds := r.objective(metric))}
    minutes = objective_minutes(store, bounds, window.start, window.end, metric)
    return {
        (row["model"], row["model_version"]): (row["count_sum"], row["over_sum"], row["astride_sum"])
        for row in _sums(minutes, "count", "over", "astride")
    }


def objective_minutes(
    store: Store,
    bounds: Mapping[str, float],
    start: datetime,
    end: datetime,
    metric: str = latency_objective.METRIC,
) -> pa.Table:
    """Timed requests of each version by minute, and those over its model's bound in seconds."""
    tables = {"objectives": objectives(bounds)}
    return store.query("objective_minutes", tables=tables, **timed(metric), start=start, end=end)


def objectives(bounds: Mapping[str, float]) -> pa.Table:
    """The table that asks for each model's bound in seconds."""
    columns = {"model": pa.array(bounds, pa.string()), "objective": pa.array(bounds.values(), pa.float64())}
    return pa.table(columns)


def by_version(minutes: pa.Table) -> dict[Version, pa.Table]:
    """Slices of a table that is in the order of its versions."""
    if not minutes.num_rows:
        return {}
    names = [pc.dictionary_encode(minutes.column(n).combine_chunks()) for n in ("model", "model_version")]
    codes = np.stack([column.indices.to_numpy() for column in names], axis=1)
    starts = np.flatnonzero(np.r_[True, (codes[1:] != codes[:-1]).any(axis=1)]).tolist()
    return {
        (names[0][at].as_py(), names[1][at].as_py()): minutes.slice(at, end - at)
        for at, end in zip(starts, [*starts[1:], minutes.num_rows], strict=True)
    }


def _sums(minutes: pa.Table, *names: str) -> list[dict[str, Any]]:
    by_version = minutes.group_by(["model", "model_version"])
    found: list[dict[str, Any]] = by_version.aggregate([(name, "sum") for name in names]).to_pylist()
    return found
