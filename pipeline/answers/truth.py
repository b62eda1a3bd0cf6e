"""What labels and the latency objective say of each model version in a window."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Iterable, Mapping
from typing import Any

import pyarrow as pa

from detectors import latency_objective
from detectors.references import Reference
from pipeline.answers.window import Window
from pipeline.store import Store

Version = tuple[str, str]


def labels(store: Store, models: Iterable[str], window: Window) -> dict[Version, tuple[int, int]]:
    """(labelled, errors) of the predictions made in the window, from the minutes that the judge reads."""
    found: dict[Version, tuple[int, int]] = defaultdict(lambda: (0, 0))
    names = sorted(set(models))
    minutes = store.query("accuracy_minutes", models=names, start=window.start, end=window.end)
    for row in _sums(minutes, "count", "errors"):
        found[row["model"], row["model_version"]] = (row["count_sum"], row["errors_sum"])
    return found


def in_time(
    store: Store, references: Iterable[Reference], window: Window
) -> dict[Version, tuple[int, int, int]]:
    """(timed, over the objective, in the bucket that holds it) requests.

    A model whose reference names no objective is not in it.
    """
    bounds = {r.model: r.latency_objective_seconds for r in references if r.latency_objective_seconds}
    minutes = store.query(
        "objective_minutes",
        tables={"objectives": objectives(bounds)},
        metric=latency_objective.METRIC,
        start=window.start,
        end=window.end,
    )
    return {
        (row["model"], row["model_version"]): (row["count_sum"], row["over_sum"], row["astride_sum"])
        for row in _sums(minutes, "count", "over", "astride")
    }


def objectives(bounds: Mapping[str, float]) -> pa.Table:
    """The table that `objective_minutes` asks for: seconds by model."""
    columns = {"model": pa.array(bounds, pa.string()), "objective": pa.array(bounds.values(), pa.float64())}
    return pa.table(columns)


def _sums(minutes: pa.Table, *names: str) -> list[dict[str, Any]]:
    by_version = minutes.group_by(["model", "model_version"])
    found: list[dict[str, Any]] = by_version.aggregate([(name, "sum") for name in names]).to_pylist()
    return found
