"""The latency histograms of a window in the forms of OpenTelemetry and Prometheus."""

from __future__ import annotations

import json
from collections.abc import Callable, Iterator
from datetime import UTC, datetime
from itertools import groupby
from math import inf
from typing import Any, NamedTuple

from detectors import exponential
from detectors.histogram_forms import Histogram, cell, of_cells, to_classic, to_native, to_otel
from pipeline.answers.served import timed
from pipeline.answers.window import Window
from pipeline.facts.models import ZERO_BUCKET
from pipeline.store import Store

NAMES = {
    "latency": "driftledger_latency_seconds",
    "time_to_first_token": "driftledger_time_to_first_token_seconds",
    "time_per_output_token": "driftledger_time_per_output_token_seconds",
}


class Measured(NamedTuple):
    model: str
    model_version: str
    metric: str
    histogram: Histogram


def histograms(store: Store, window: Window) -> Iterator[Measured]:
    """One a model version and metric, by metric; where scales differ, all at the coarsest, exactly.

    A bucket with bounds of another's choice counts in the bucket of its upper bound.
    """
    for metric in sorted(NAMES):
        rows = store.query("latency_cells", **timed(metric), start=window.start, end=window.end).to_pylist()
        for (model, version), group in groupby(rows, lambda r: (r["model"], r["model_version"])):
            cells = [_cell(row) for row in group]
            scale = min((of for of, bucket, _ in cells if bucket != ZERO_BUCKET), default=exponential.SCALE)
            merged: dict[int, int] = {}
            for of, bucket, count in cells:
                if bucket != ZERO_BUCKET:
                    merged[bucket >> (of - scale)] = merged.get(bucket >> (of - scale), 0) + count
            zero = sum(count for _, bucket, count in cells if bucket == ZERO_BUCKET)
            yield Measured(model, version, metric, of_cells(scale, merged, zero))


def _cell(row: dict[str, Any]) -> tuple[int, int, int]:
    """Scale, bucket, count."""
    if row["bucket"] is not None:
        return row["scale"], row["bucket"], row["count"]
    return (*cell(row["above_seconds"], row["at_most_seconds"], row["exponential"]), row["count"])


def classic(store: Store, window: Window) -> str:
    """Prometheus exposition text: `_bucket` and `_count`; the buckets' upper bounds are exact."""
    lines, typed = [], set()
    for of in histograms(store, window):
        name = NAMES[of.metric]
        if name not in typed:
            lines.append(f"# TYPE {name} histogram")
            typed.add(name)
        labels = f"model={_quoted(of.model)},model_version={_quoted(of.model_version)}"
        rows = to_classic(of.histogram)
        lines += [f'{name}_bucket{{{labels},le="{_bound(le)}"}} {count}' for le, count in rows]
        lines.append(f"{name}_count{{{labels}}} {of.histogram.count}")
    return "\n".join([*lines, ""])


def native(store: Store, window: Window) -> str:
    """JSON lines: name, labels and the fields of a native histogram, as its protobuf names them."""
    found = [
        {
            "name": NAMES[of.metric],
            "labels": {"model": of.model, "model_version": of.model_version},
            "histogram": to_native(of.histogram),
        }
        for of in histograms(store, window)
    ]
    return "".join(json.dumps(line) + "\n" for line in found)


def otlp(store: Store, window: Window) -> str:
    """One OTLP/JSON message (ExportMetricsServiceRequest) with delta exponential histograms."""
    metrics = [
        {
            "name": NAMES[of.metric].removesuffix("_seconds").replace("driftledger_", "driftledger."),
            "unit": "s",
            "exponentialHistogram": {
                "aggregationTemporality": 1,
                "dataPoints": [_point(of, window)],
            },
        }
        for of in histograms(store, window)
    ]
    scope = {"scope": {"name": "driftledger"}, "metrics": metrics}
    return json.dumps({"resourceMetrics": [{"scopeMetrics": [scope]}]}) + "\n"


FORMS: dict[str, Callable[[Store, Window], str]] = {"classic": classic, "native": native, "otlp": otlp}


def _point(of: Measured, window: Window) -> dict[str, Any]:
    attributes = {"model": of.model, "model_version": of.model_version}
    return {
        "attributes": [{"key": k, "value": {"stringValue": v}} for k, v in attributes.items()],
        "startTimeUnixNano": _nanoseconds(window.start),
        "timeUnixNano": _nanoseconds(window.end),
        **to_otel(of.histogram),
    }


def _nanoseconds(time: datetime) -> str:
    return str(int(time.replace(tzinfo=UTC).timestamp()) * 1_000_000_000)


def _bound(le: float) -> str:
    return "+Inf" if le == inf else repr(le)


def _quoted(text: str) -> str:
    """A label's value: whatever a model is called, it cannot end the quotes."""
    return '"' + text.replace("\\", r"\\").replace('"', r"\"").replace("\n", r"\n") + '"'
