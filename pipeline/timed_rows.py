"""Timed requests of the judge's look-back against one objective."""

from __future__ import annotations

from collections.abc import Mapping
from datetime import datetime, timedelta
from typing import Any

import pyarrow as pa

from detectors.references import Reference
from pipeline.answers.truth import objective_minutes, objectives
from pipeline.label_rows import FAR
from pipeline.renewed_rows import Source
from pipeline.store import Store

NEIGHBOURS = timedelta(hours=2)
"""What histograms say of an hour hangs on the hour before and the one after."""
FACTS = ("latency_bins", "latency_counts")
COLUMNS = ("model", "model_version", "minute", "count", "over")


def source(store: Store, references: Mapping[str, Reference], metric: str) -> Source:
    """Count (timed) and over of the models that bound the metric."""
    bounds = {name: seconds for name, of in references.items() if (seconds := of.objective(metric))}

    def read(start: datetime, end: datetime) -> pa.Table:
        return objective_minutes(store, bounds, start, end, metric).select(COLUMNS)

    def news(first: int, last: int, start: datetime) -> pa.Table | datetime:
        span: dict[str, Any] = {"metric": metric, "first": first, "last": last}
        if not store.query("counted_ever", metric=metric).column("ever")[0].as_py():
            tables = {"objectives": objectives(bounds)}
            return store.query("objective_added", tables=tables, **span, start=start)
        found: datetime | None = store.query("timed_changes", **span).column("since")[0].as_py()
        return FAR if found is None else found.replace(minute=0, second=0, microsecond=0) - NEIGHBOURS

    return Source(FACTS, bounds, read, news)
