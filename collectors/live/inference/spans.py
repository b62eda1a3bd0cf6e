"""OTLP exports, protobuf or JSON, as the few things of a span or a log record that matter here."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from typing import Any, NamedTuple

import msgspec
from google.protobuf.message import DecodeError
from opentelemetry.proto.collector.logs.v1.logs_service_pb2 import ExportLogsServiceRequest
from opentelemetry.proto.collector.trace.v1.trace_service_pb2 import ExportTraceServiceRequest

from collectors.live.inference.found import whole

Attributes = Mapping[str, Any]
NANOSECONDS = 1_000
"""In a microsecond."""


class Unreadable(Exception):
    """The export is neither; the argument says why, without a value."""


class Event(NamedTuple):
    """A span's event or a log record; `time` in microseconds since 1970 UTC, 0 where it is not said."""

    name: str
    time: int
    attributes: Attributes
    span_id: str = ""
    """Of a log record the span that it speaks of, hexadecimal."""


class Span(NamedTuple):
    id: str
    start: int
    end: int
    """Microseconds since 1970 UTC."""
    failed: bool
    attributes: Attributes
    resource: Attributes
    events: list[Event]


class _Scalar(msgspec.Struct, frozen=True, gc=False, rename="camel"):
    string_value: str | None = None
    bool_value: bool | None = None
    int_value: str | int | None = None
    double_value: float | str | None = None


class _Array(msgspec.Struct, frozen=True, gc=False):
    """Of scalars: what is nested in it is of no use here."""

    values: list[_Scalar] = []


class _Value(_Scalar, frozen=True, gc=False, rename="camel"):
    """Mappings are of no use here."""

    array_value: _Array | None = None


class JsonAttribute(msgspec.Struct, frozen=True, gc=False):
    key: str
    value: _Value = _Value()


class _Event(msgspec.Struct, frozen=True, gc=False, rename="camel"):
    name: str = ""
    event_name: str = ""
    time_unix_nano: str | int = 0
    observed_time_unix_nano: str | int = 0
    span_id: str = ""
    attributes: list[JsonAttribute] = []


class _Status(msgspec.Struct, frozen=True, gc=False):
    code: int | str = 0


class _Span(msgspec.Struct, frozen=True, gc=False, rename="camel"):
    span_id: str = ""
    start_time_unix_nano: str | int = 0
    end_time_unix_nano: str | int = 0
    attributes: list[JsonAttribute] = []
    events: list[_Event] = []
    status: _Status = _Status()


class _Resource(msgspec.Struct, frozen=True, gc=False):
    attributes: list[JsonAttribute] = []


class _Scope(msgspec.Struct, frozen=True, gc=False, rename="camel"):
    spans: list[_Span] = []
    log_records: list[_Event] = []


class _Resources(msgspec.Struct, frozen=True, gc=False, rename="camel"):
    resource: _Resource = _Resource()
    scope_spans: list[_Scope] = []
    scope_logs: list[_Scope] = []


class _Export(msgspec.Struct, frozen=True, gc=False, rename="camel"):
    resource_spans: list[_Resources] = []
    resource_logs: list[_Resources] = []


_JSON = msgspec.json.Decoder(_Export)
_FAILED = (2, "STATUS_CODE_ERROR")


def spans(body: bytes, is_json: bool) -> Iterator[Span]:
    """Raises Unreadable."""
    if is_json:
        for each in _json(body).resource_spans:
            resource = attributes_json(each.resource.attributes)
            for scope in each.scope_spans:
                yield from (_span_json(span, resource) for span in scope.spans)
        return
    for sent in _protobuf(ExportTraceServiceRequest, body).resource_spans:
        resource = attributes(sent.resource.attributes)
        for scope in sent.scope_spans:
            yield from (_span(span, resource) for span in scope.spans)


def records(body: bytes, is_json: bool) -> Iterator[Event]:
    """Log records that are events; raises Unreadable."""
    if is_json:
        for each in _json(body).resource_logs:
            for scope in each.scope_logs:
                yield from (_event_json(record) for record in scope.log_records)
        return
    for sent in _protobuf(ExportLogsServiceRequest, body).resource_logs:
        for scope in sent.scope_logs:
            yield from map(_record, scope.log_records)


def _json(body: bytes) -> _Export:
    try:
        return _JSON.decode(body)
    except (msgspec.DecodeError, RecursionError, UnicodeError) as error:
        raise Unreadable(str(error)[:200]) from error


def _protobuf(kind: Any, body: bytes) -> Any:
    try:
        return kind.FromString(body)
    except (DecodeError, RecursionError) as error:
        raise Unreadable("no protobuf of this export") from error


def _span_json(span: _Span, resource: Attributes) -> Span:
    return Span(
        span.span_id, _micros(span.start_time_unix_nano), _micros(span.end_time_unix_nano),
        span.status.code in _FAILED, attributes_json(span.attributes), resource,
        [_event_json(event) for event in span.events],
    )  # fmt: skip


def _event_json(event: _Event) -> Event:
    time = _micros(event.time_unix_nano) or _micros(event.observed_time_unix_nano)
    return Event(event.name or event.event_name, time, attributes_json(event.attributes), event.span_id)


def _micros(nanoseconds: str | int) -> int:
    """0 where it is no number of 64 bits: a time that a check refuses, with its reason."""
    return (whole(nanoseconds) or 0) // NANOSECONDS


def attributes_json(sent: list[JsonAttribute]) -> Attributes:
    return {each.key: _value(each.value) for each in sent}


def _value(value: _Value) -> Any:
    if value.array_value is not None:
        return [_plain(each) for each in value.array_value.values]
    return _plain(value)


def _plain(value: _Scalar) -> Any:
    if value.int_value is not None:
        return whole(value.int_value)
    found = (value.string_value, value.bool_value, value.double_value)
    return next((v for v in found if v is not None), None)


def _span(span: Any, resource: Attributes) -> Span:
    start, end = span.start_time_unix_nano // NANOSECONDS, span.end_time_unix_nano // NANOSECONDS
    events = [Event(e.name, e.time_unix_nano // NANOSECONDS, attributes(e.attributes)) for e in span.events]
    failed = span.status.code in _FAILED
    return Span(span.span_id.hex(), start, end, failed, attributes(span.attributes), resource, events)


def _record(record: Any) -> Event:
    time = (record.time_unix_nano or record.observed_time_unix_nano) // NANOSECONDS
    return Event(record.event_name, time, attributes(record.attributes), record.span_id.hex())


def attributes(sent: Any) -> Attributes:
    return {each.key: _any(each.value) for each in sent}


_SCALARS = ("string_value", "bool_value", "int_value", "double_value")


def _any(value: Any) -> Any:
    if value.WhichOneof("value") == "array_value":
        return [_scalar(each) for each in value.array_value.values]
    return _scalar(value)


def _scalar(value: Any) -> Any:
    kind = value.WhichOneof("value")
    return getattr(value, kind) if kind in _SCALARS else None
