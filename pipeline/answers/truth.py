"""What labels and the latency objective say of each model version in a window."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Iterable

from detectors import latency_objective
from detectors.references import Reference
from pipeline.answers.window import Window
from pipeline.store import Store

Version = tuple[str, str]


def labels(store: Store, models: Iterable[str], window: Window) -> dict[Version, tuple[int, int]]:
    """(labelled, errors) of the predictions made in the window, from the minutes that the judge reads."""
    found: dict[Version, tuple[int, int]] = defaultdict(lambda: (0, 0))
    for model in sorted(set(models)):
        minutes = store.query("accuracy_minutes", model=model, start=window.start, end=window.end)
        by_version = minutes.group_by("model_version").aggregate([("count", "sum"), ("errors", "sum")])
        for row in by_version.to_pylist():
            found[model, row["model_version"]] = (row["count_sum"], row["errors_sum"])
    return found


def in_time(
    store: Store, references: Iterable[Reference], window: Window
) -> dict[Version, tuple[int, int, int]]:
    """(timed, over the objective, in the bucket that holds it) requests.

    A model whose reference names no objective is not in it.
    """
    found: dict[Version, tuple[int, int, int]] = {}
    for reference in references:
        if reference.latency_objective_seconds:
            minutes = store.query(
                "objective_minutes", model=reference.model, metric=latency_objective.METRIC,
                objective=reference.latency_objective_seconds, start=window.start, end=window.end,
            )  # fmt: skip
            by_version = minutes.group_by("model_version").aggregate(
                [("count", "sum"), ("over", "sum"), ("astride", "sum")]
            )
            for row in by_version.to_pylist():
                version = reference.model, row["model_version"]
                found[version] = (row["count_sum"], row["over_sum"], row["astride_sum"])
    return found
