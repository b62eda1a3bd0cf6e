"""Histograms of times that servers and their clients export by OTLP, as buckets of `serving` events.

Names and units: https://github.com/open-telemetry/semantic-conventions-genai/blob/main/docs/gen-ai/gen-ai-metrics.md.
Those of vLLM, SGLang, Triton and KServe come the same way, where a collector scrapes them for Prometheus.
"""

from __future__ import annotations

import msgspec

from collectors.histogram import Histogram, Unread, buckets
from collectors.histogram_growth import LONGEST_INTERVAL, Growth, Told, growth
from collectors.live.inference import metrics as otlp
from collectors.live.inference.found import Found, Row, refused, text
from collectors.live.inference.genai import UNKNOWN, is_request, workload
from collectors.live.inference.memory import Memory
from collectors.live.inference.metrics import CUMULATIVE, Metric, Point
from collectors.live.inference.spans import Attributes, Unreadable
from collectors.serving_metrics import HISTOGRAMS, MODEL, VERSION

_SERVER = {
    "gen_ai.server.request.duration": "latency",
    "gen_ai.server.time_to_first_token": "time_to_first_token",
    "gen_ai.server.time_per_output_token": "time_per_output_token",
    **{name: of.counter for name, of in HISTOGRAMS.items()},
}
_CLIENT = {
    "gen_ai.client.operation.duration": "latency",
    "gen_ai.client.operation.time_to_first_chunk": "time_to_first_token",
}
"""As somebody who asked measured it, with the way there and back."""
_PER_SECOND = {"s": 1.0, "ms": 1e3, "us": 1e6}
_DELTA = 1


def parse(body: bytes, is_json: bool, memory: Memory) -> Found:
    """An ExportMetricsServiceRequest.  The unit is a bucket that grew, or what gives none."""
    found = Found()
    try:
        for metric, points in otlp.metrics(body, is_json):
            counter = _SERVER.get(metric.name) or _CLIENT.get(metric.name)
            if counter is None or not points:
                found.excluded["metric_not_used"] += 1
                continue
            for point in points:
                _point(counter, metric, point, memory, found)
    except Unreadable as error:
        return refused("malformed", str(error))
    return found


def _point(counter: str, metric: Metric, point: Point, memory: Memory, found: Found) -> None:
    who = _who(metric.resource, point.attributes)
    if who is None:
        return found.refuse("missing_field", f"{metric.name}: no attribute names a model")
    if not is_request(point.attributes):
        found.excluded["not_a_model_request"] += 1
        return None
    unit = metric.unit or ("ms" if metric.name.endswith("_ms") else "s")
    if unit not in _PER_SECOND:
        return found.refuse("unknown_value", f"{metric.name}: its unit is none of {', '.join(_PER_SECOND)}")
    try:
        held = otlp.histogram(point, _PER_SECOND[unit])
    except Unread as error:
        return found.refuse("malformed", f"{metric.name}: {error}")
    more = _since(metric, point, held, memory)
    if isinstance(more, str):
        if more.startswith("missing"):
            return found.refuse("missing_field", f"{metric.name}: {more}")
        found.excluded[more] += 1
        return None
    _add(found, {**who, "counter": counter, "histogram": _kind(metric, point)}, more)
    return None


def _kind(metric: Metric, point: Point) -> str:
    side = "otel-client" if metric.name in _CLIENT else "otel"
    return f"{side}-{'exponential' if point.exponential else 'explicit'}"


def _since(metric: Metric, point: Point, held: Histogram, memory: Memory) -> Growth | str:
    """What the point adds, or by name why nothing."""
    if metric.temporality not in (_DELTA, CUMULATIVE):
        return "missing aggregation temporality"
    if not point.time or (metric.temporality == _DELTA and not 0 < point.start < point.time):
        return "missing times, or they run backwards"
    series = _series(metric, point)
    if metric.temporality == CUMULATIVE:
        return growth(*memory.told(series, Told(point.time, held, point.start)))
    if not held.count:
        return "no_increase"
    if not memory.is_new("metric", series, str(point.time)):
        return "repeat"
    return Growth(point.start, point.time, held, False)


def _series(metric: Metric, point: Point) -> str:
    of = [metric.name, sorted(metric.resource.items()), sorted(point.attributes.items())]
    return msgspec.json.encode(of).decode()


def _add(found: Found, row: Row, more: Growth) -> None:
    if more.end - more.start > LONGEST_INTERVAL:
        found.excluded["interval_over_an_hour"] += 1
        return
    row = {**row, "time": more.end, "interval_seconds": (more.end - more.start) / 1e6}
    for above, at_most, count in buckets(more.histogram):
        bounds = {"bucket_above_seconds": above, "bucket_at_most_seconds": at_most}
        found.add("serving", {**row, **bounds, "count": count})


def _who(resource: Attributes, said: Attributes) -> Row | None:
    asked = _first(said, "gen_ai.request.model", *MODEL)
    answered = _first(said, "gen_ai.response.model", *VERSION)
    if not (asked or answered):
        return None
    row = {
        "model": asked or answered,
        "model_version": answered or UNKNOWN,
        "cluster": text(resource.get("k8s.cluster.name")),
        "namespace": text(resource.get("k8s.namespace.name")),
        "workload": workload(resource)
        or text(resource.get("k8s.pod.name"))
        or text(resource.get("service.name")),
    }
    return {name: value for name, value in row.items() if value is not None}


def _first(said: Attributes, *names: str) -> str | None:
    return next((found for name in names if (found := text(said.get(name)))), None)
