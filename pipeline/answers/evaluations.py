"""Scores that evaluators gave to predictions of a window, as cells of histograms."""

from __future__ import annotations

from typing import Any

from pipeline.answers.window import Window
from pipeline.store import Store

EVALUATION = "evaluation by "
"""How the names of rows about an evaluator's scores begin."""


def evaluations(store: Store, window: Window) -> list[dict[str, Any]]:
    """Scores by evaluator, against the reference in use: cells as `feature_histograms` gives them."""
    models = store.lasting("evaluated_models", "labels").column("model").to_pylist()
    if not models:
        return []
    references = store.references()
    rows = store.query("evaluation_minutes", models=models, start=window.start, end=window.end)
    cells = rows.group_by(["model", "model_version", "feature", "bin"])
    sums = cells.aggregate([("count", "sum"), ("minute", "max")])
    return [
        {
            **{name: row[name] for name in ("model", "model_version", "bin")},
            "feature": EVALUATION + row["feature"],
            "reference": references[row["model"]].reference if row["model"] in references else "",
            "count": row["count_sum"],
            "last": row["minute_max"],
        }
        for row in sums.to_pylist()
    ]
