"""OTLP exports of metrics, protobuf or JSON, as the histograms in them; other metrics are counted only."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from typing import Any, NamedTuple

import msgspec
from google.protobuf.message import DecodeError
from opentelemetry.proto.collector.metrics.v1.metrics_service_pb2 import ExportMetricsServiceRequest

from collectors.histogram import Histogram, Unread, explicit, exponential
from collectors.live.inference.found import number, whole
from collectors.live.inference.spans import (
    NANOSECONDS,
    Attributes,
    JsonAttribute,
    Unreadable,
    attributes,
    attributes_json,
)

CUMULATIVE = 2
"""AGGREGATION_TEMPORALITY_CUMULATIVE; DELTA is 1."""
_TEMPORALITIES = {
    "AGGREGATION_TEMPORALITY_UNSPECIFIED": 0,
    "AGGREGATION_TEMPORALITY_DELTA": 1,
    "AGGREGATION_TEMPORALITY_CUMULATIVE": 2,
}


class Metric(NamedTuple):
    name: str
    unit: str
    temporality: int
    resource: Attributes


class Point(NamedTuple):
    """Of a histogram; times in microseconds since 1970 UTC, 0 where they are not said."""

    attributes: Attributes
    start: int
    time: int
    exponential: bool
    content: Any
    """As sent; `histogram` reads it."""


class _Buckets(msgspec.Struct, frozen=True, gc=False, rename="camel"):
    offset: int = 0
    bucket_counts: list[str | int] = []


class _Point(msgspec.Struct, frozen=True, gc=False, rename="camel"):
    attributes: list[JsonAttribute] = []
    start_time_unix_nano: str | int = 0
    time_unix_nano: str | int = 0
    sum: float | str | None = None
    bucket_counts: list[str | int] = []
    explicit_bounds: list[float | str] = []
    scale: int = 0
    zero_count: str | int = 0
    positive: _Buckets = _Buckets()
    negative: _Buckets = _Buckets()


class _Data(msgspec.Struct, frozen=True, gc=False, rename="camel"):
    data_points: list[_Point] = []
    aggregation_temporality: int | str = 0


class _Metric(msgspec.Struct, frozen=True, gc=False, rename="camel"):
    name: str = ""
    unit: str = ""
    histogram: _Data | None = None
    exponential_histogram: _Data | None = None


class _Scope(msgspec.Struct, frozen=True, gc=False):
    metrics: list[_Metric] = []


class _Resource(msgspec.Struct, frozen=True, gc=False):
    attributes: list[JsonAttribute] = []


class _Resources(msgspec.Struct, frozen=True, gc=False, rename="camel"):
    resource: _Resource = _Resource()
    scope_metrics: list[_Scope] = []


class _Export(msgspec.Struct, frozen=True, gc=False, rename="camel"):
    resource_metrics: list[_Resources] = []


_JSON = msgspec.json.Decoder(_Export)


def metrics(body: bytes, is_json: bool) -> Iterator[tuple[Metric, list[Point]]]:
    """Every metric with the points of its histogram, none where it is something else; raises Unreadable."""
    try:
        sent: Any = _JSON.decode(body) if is_json else ExportMetricsServiceRequest.FromString(body)
    except (msgspec.DecodeError, RecursionError, UnicodeError) as error:
        raise Unreadable(str(error)[:200]) from error
    except DecodeError as error:
        raise Unreadable("no protobuf of this export") from error
    named = attributes_json if is_json else attributes
    for each in sent.resource_metrics:
        resource = named(each.resource.attributes)
        for scope in each.scope_metrics:
            for metric in scope.metrics:
                yield _metric(metric, is_json, resource, named)


def _metric(sent: Any, is_json: bool, resource: Attributes, named: Any) -> tuple[Metric, list[Point]]:
    kind = _kind(sent, is_json)
    data = getattr(sent, kind) if kind else None
    said = data.aggregation_temporality if data is not None else 0
    temporality = _TEMPORALITIES.get(said, 0) if isinstance(said, str) else int(said)
    points = [
        Point(
            named(point.attributes), _micros(point.start_time_unix_nano), _micros(point.time_unix_nano),
            kind == "exponential_histogram", point,
        )
        for point in (data.data_points if data is not None else ())
    ]  # fmt: skip
    return Metric(sent.name, sent.unit, temporality, resource), points


def _kind(sent: Any, is_json: bool) -> str | None:
    kinds = ("histogram", "exponential_histogram")
    if is_json:
        return next((kind for kind in kinds if getattr(sent, kind) is not None), None)
    found = sent.WhichOneof("data")
    return found if found in kinds else None


def _micros(nanoseconds: str | int) -> int:
    return (whole(nanoseconds) or 0) // NANOSECONDS


def histogram(point: Point, per_second: float) -> Histogram:
    """With bounds in seconds, where the point's are so many a second.  Raises Unread."""
    sent = point.content
    total = number(_float(sent.sum)) if sent.sum is not None else None
    seconds = total / per_second if total is not None and total >= 0 else None
    if not point.exponential:
        bounds = [_float(bound) / per_second for bound in sent.explicit_bounds]
        return explicit(bounds, _counts(sent.bucket_counts), seconds)
    if per_second != 1:
        raise Unread("an exponential histogram in another unit than seconds")
    if any(_counts(sent.negative.bucket_counts)):
        raise Unread("a duration below zero")
    cells = {sent.positive.offset + i: n for i, n in enumerate(_counts(sent.positive.bucket_counts))}
    return exponential(sent.scale, cells, _counts([sent.zero_count])[0], seconds)


def _counts(sent: Sequence[str | int]) -> list[int]:
    found = [whole(count) for count in sent]
    if None in found:
        raise Unread("a count is no whole number")
    return [count for count in found if count is not None]


def _float(sent: float | str) -> float:
    try:
        return float(sent)
    except ValueError:
        raise Unread("a bound is no number") from None
