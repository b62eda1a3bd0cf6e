"""Traffic and latency of model versions in a window, by where they were served."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

import pyarrow as pa

from detectors import latency_objective
from pipeline.answers.window import Window
from pipeline.facts.models import ZERO_BUCKET
from pipeline.store import Store
from pipeline.wire.types.models import HISTOGRAMS

DIMENSIONS = ("cluster", "namespace", "workload")
"""What can be asked for beside the model version; where a fact does not name it, it is `unknown`."""


def traffic(store: Store, window: Window, by: Sequence[str] = ()) -> list[dict[str, Any]]:
    """The rows of model_sums.sql, by model, version and the dimensions of `by`."""
    return _rows(store, "model_sums", window, by, {"used": used(store)})


def used(store: Store) -> pa.Table:
    """The table that asks for estimates by the reference in use alone: another curve is another estimate."""
    known = {model: reference.reference for model, reference in store.references().items()}
    columns = {"model": known.keys(), "reference": known.values()}
    return pa.table({name: pa.array(values, pa.string()) for name, values in columns.items()})


def latency(
    store: Store, window: Window, by: Sequence[str] = (), metric: str = latency_objective.METRIC
) -> list[dict[str, Any]]:
    """The rows of latency_quantiles.sql: seconds of whole requests or of `metric`, same keys as `traffic`."""
    return _rows(store, "latency_quantiles", window, by, **timed(metric), zero=ZERO_BUCKET)


def only_counted(store: Store, window: Window, by: Sequence[str] = ()) -> list[dict[str, Any]]:
    """The rows of counted_versions.sql: requests that servers timed and nobody logged, keys as `traffic`."""
    return _rows(store, "counted_versions", window, by, **timed())


def timed(metric: str = latency_objective.METRIC) -> dict[str, Any]:
    """What counted_latency.sql asks for beside the window."""
    return {"metric": metric, "histograms": list(HISTOGRAMS)}


def counted(store: Store, window: Window, by: Sequence[str] = ()) -> list[dict[str, Any]]:
    """The rows of serving_sums.sql: what servers counted, same keys as `traffic`."""
    return _rows(store, "serving_sums", window, by)


def _rows(
    store: Store,
    name: str,
    window: Window,
    by: Sequence[str],
    tables: Mapping[str, pa.Table] | None = None,
    **parameters: Any,
) -> list[dict[str, Any]]:
    parameters |= {f"by_{d}": d in by for d in DIMENSIONS}
    found = store.query(name, tables=tables, start=window.start, end=window.end, **parameters)
    return list(found.to_pylist())
