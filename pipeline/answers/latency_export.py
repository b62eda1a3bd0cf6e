"""The latency histograms of a window in the forms of OpenTelemetry and Prometheus."""

from __future__ import annotations

import json
from collections.abc import Callable, Iterator
from datetime import UTC, datetime
from itertools import groupby
from math import inf
from typing import Any, NamedTuple

from detectors.histogram_forms import Histogram, of_cells, to_classic, to_native, to_otel
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
    """One a model version and metric; where scales differ, all at the coarsest, exactly."""
    rows = store.query("latency_cells", start=window.start, end=window.end).to_pylist()
    for key, group in groupby(rows, lambda r: (r["model"], r["model_version"], r["metric"])):
        cells = list(group)
        scale = min(int(r["scale"]) for r in cells)
        merged: dict[int, int] = {}
        for row in (r for r in cells if r["bucket"] != ZERO_BUCKET):
            bucket = row["bucket"] >> (row["scale"] - scale)
            merged[bucket] = merged.get(bucket, 0) + row["count"]
        zero = sum(r["count"] for r in cells if r["bucket"] == ZERO_BUCKET)
        yield Measured(*key, of_cells(scale, merged, zero))


def classic(store: Store, window: Window) -> str:
    """Prometheus exposition text: `_bucket` and `_count`; the buckets' upper bounds are exact."""
    lines, typed = [], set()
    for of in sorted(histograms(store, window), key=lambda m: m.metric):
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
