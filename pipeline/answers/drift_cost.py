"""What a model version's worse answers cost since they got worse, of all of it or by part."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from datetime import datetime
from typing import Any

from detectors import accuracy
from detectors.references import Reference
from pipeline.answers import truth
from pipeline.answers.unit_price import DriftCost, of_drift
from pipeline.answers.window import Window
from pipeline.store import Store

Key = tuple[str, ...]
Named = Mapping[str, Any]
Drift = tuple[datetime, DriftCost]
Costs = Callable[[Sequence[str], Window], tuple[dict[Key, Named], tuple[str, ...]]]
"""The cost answer's rows by dimensions in a window, and its notes."""


def drifts(
    store: Store,
    window: Window,
    references: Mapping[str, Reference],
    by: Sequence[str],
    costs: Costs,
    *,
    whole_hours: bool,
) -> dict[Key, Drift]:
    """Since when the newest verdict says that a version is wrong too often, and what that cost since, by
    version and the dimensions of `by`.

    Within the window, and from a whole hour where costs are spread.
    """
    found: dict[Key, Drift] = {}
    known = {name: r for name, r in references.items() if r.labelled}
    for row in store.query("latest_levels", start=window.start, end=window.end).to_pylist():
        model, version, since = row["model"], row["model_version"], row["since"]
        harmful = row["detector"] == accuracy.NAME and row["level"] in ("warn", "act") and since is not None
        if not harmful or model not in known or since >= window.end:
            continue
        span = Window(max(since, window.start), window.end)
        span = span.from_whole_hour() if whole_hours else span
        labelled, errors = truth.labels(store, (model,), span)[model, version]
        usual = (known[model].labelled - known[model].errors, known[model].labelled)
        rows, _ = costs(("model", "model_version", *by), span)
        paid = {key: row for key, row in rows.items() if key[:2] == (model, version)}
        for key in paid if by else [(model, version)]:
            lost = of_drift(paid.get(key, {}).get("total_cost"), labelled - errors, labelled, *usual)
            found[key] = (since, lost)
    return found
