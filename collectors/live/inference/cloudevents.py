"""CloudEvents over HTTP: binary (attributes in `ce-` headers), structured (one JSON object), or a batch."""

from __future__ import annotations

import base64
import binascii
from collections.abc import Iterator, Mapping
from typing import Any, NamedTuple

import msgspec

from pipeline.events import Rejected

STRUCTURED = "application/cloudevents+json"
BATCH = "application/cloudevents-batch+json"
JSON = "application/json"

_ONE = msgspec.json.Decoder(dict[str, msgspec.Raw])
_MANY = msgspec.json.Decoder(list[dict[str, msgspec.Raw]])
_TEXT = msgspec.json.Decoder(str | int | bool | None)
_DATA = ("data", "data_base64")


class Event(NamedTuple):
    attributes: Mapping[str, str]
    """By name without `ce-`; `datacontenttype` is the body's type."""
    body: bytes


def is_event(headers: Mapping[str, str]) -> bool:
    """Whether the headers say that this is a CloudEvent; names in lower case."""
    return "ce-type" in headers or content_type(headers) in (STRUCTURED, BATCH)


def content_type(headers: Mapping[str, str]) -> str:
    return headers.get("content-type", JSON).partition(";")[0].strip().lower()


def events(headers: Mapping[str, str], body: bytes) -> Iterator[Event | Rejected]:
    """Each event of a request; names of `headers` in lower case."""
    kind = content_type(headers)
    if kind not in (STRUCTURED, BATCH):
        attributes = {name[3:]: text for name, text in headers.items() if name.startswith("ce-")}
        yield Event({**attributes, "datacontenttype": kind}, body)
        return
    try:
        found = [_ONE.decode(body)] if kind == STRUCTURED else _MANY.decode(body)
    except (msgspec.DecodeError, RecursionError, UnicodeError) as error:
        yield Rejected("malformed", str(error)[:200])
        return
    if not found:
        yield Rejected("empty", "a batch without events")
    for at, envelope in enumerate(found):
        try:
            yield _opened(envelope)
        except (msgspec.DecodeError, binascii.Error, RecursionError, UnicodeError, ValueError) as error:
            yield Rejected("malformed", str(error)[:200], at)


def _opened(envelope: Mapping[str, msgspec.Raw]) -> Event:
    attributes: dict[str, Any] = {
        name: str(value)
        for name, raw in envelope.items()
        if name not in _DATA and (value := _TEXT.decode(raw)) is not None
    }
    attributes.setdefault("datacontenttype", JSON)
    if "data_base64" in envelope:
        return Event(attributes, base64.b64decode(str(_TEXT.decode(envelope["data_base64"])), validate=True))
    return Event(attributes, bytes(envelope.get("data", b"null")))
