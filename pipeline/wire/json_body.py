"""JSON bodies: one object or an array of objects of one event type."""

from __future__ import annotations

import re
from datetime import datetime
from functools import cache
from typing import Annotated, Any

import msgspec
import pyarrow as pa

from pipeline.wire import features
from pipeline.wire.event_type import EventType, Kind
from pipeline.wire.limits import MAX_CELLS, MAX_FEATURES, MAX_ROWS
from pipeline.wire.verdict import Decoded, Rejected, refused

_JSON_TYPES: dict[Kind, Any] = {
    "string": str,
    "int": Annotated[int, msgspec.Meta(ge=-(2**63), le=2**63 - 1)],
    "float": float,
    "bool": bool,
    "time": Annotated[datetime, msgspec.Meta(tz=True)],
    "features": dict[str, float | bool | str | None],
}
_ITEMS = msgspec.json.Decoder(list[msgspec.Raw])
_ITEM = msgspec.json.Decoder(msgspec.Raw)
_FIELDS = msgspec.json.Decoder(dict[str, msgspec.Raw])
_ESCAPE = re.compile(
    rb"\\(?:u[dD][89abAB][\da-fA-F]{2}\\u[dD][c-fC-F][\da-fA-F]{2}|(u[dD][89a-fA-F][\da-fA-F]{2})|.)",
    re.DOTALL,
)
"""A whole surrogate pair, half of one (which alone is group 1), or any other escape."""
_NOT_UNICODE = "a text in it is no Unicode: half of a surrogate pair, or not UTF-8"
_EXACT = 2**53
"""Up to here a whole number that is written as a float is the one that was meant."""


@cache
def _struct(type_: EventType) -> Any:
    """A msgspec Struct of the type; every field may be absent: absence gets a reason later."""
    fields = [(f"f_{c.name}", _JSON_TYPES[c.kind] | None, None) for c in type_.columns]
    names = {f"f_{c.name}": c.name for c in type_.columns}
    return msgspec.defstruct(f"{type_.name}_event", fields, rename=names, gc=False)


@cache
def _decoders(type_: EventType) -> tuple[msgspec.json.Decoder[Any], msgspec.json.Decoder[Any]]:
    row = _struct(type_)
    rows: Any = list[row]  # type: ignore[valid-type]  # a type made at run time
    return msgspec.json.Decoder(row), msgspec.json.Decoder(rows)


def parse(type_: EventType, value: bytes) -> Decoded:
    """Rows in the canonical schema, not yet checked against the columns' bounds.

    `rejected` rows are numbered by their place in the array; `events` leave them out as null rows would not.
    """
    one, many = _decoders(type_)
    try:
        rows = [one.decode(value)] if value.lstrip()[:1] == b"{" else many.decode(value)
        return _columns(type_, rows, ())
    except msgspec.ValidationError as error:
        return _one_by_one(type_, value, "wrong_type", str(error))
    except (msgspec.DecodeError, RecursionError, UnicodeError, OverflowError) as error:
        return _one_by_one(type_, value, "malformed", str(error))


def _one_by_one(type_: EventType, value: bytes, reason: str, detail: str) -> Decoded:
    """The rows that fit, where some do not; `reason` and `detail` are of a message without rows."""
    one, _ = _decoders(type_)
    readable = _readable(value)
    try:
        items = _ITEMS.decode(readable) if value.lstrip()[:1] == b"[" else [_ITEM.decode(readable)]
    except (msgspec.DecodeError, RecursionError, UnicodeError):
        return refused(reason, detail, type_)
    rows: list[Any] = []
    wrong: list[Rejected] = []
    end = 0
    for at, item in enumerate(items):
        written = bytes(item)
        start = readable.index(written, end)
        end = start + len(written)
        if value[start:end] != written:
            rows.append(None)
            wrong.append(Rejected("malformed", _NOT_UNICODE, at))
            continue
        try:
            rows.append(one.decode(_whole_numbers(type_, item)))
        except (msgspec.DecodeError, RecursionError, UnicodeError, OverflowError) as error:
            rows.append(None)
            wrong.append(Rejected("wrong_type", str(error), at))
    return _columns(type_, rows, tuple(wrong))


def _readable(value: bytes) -> bytes:
    """As many bytes as `value`, others for those that are no Unicode, so that its rows can be told apart.

    A text that was cut within an emoji ends with such.
    """
    text = value.decode("utf-8", "surrogateescape").encode("utf-8", "replace")
    return _ESCAPE.sub(lambda found: rb"\ufffd" if found[1] else found[0], text)


def _whole_numbers(type_: EventType, item: msgspec.Raw) -> bytes:
    """The row with integers as JSON Schema has them, to which 12.0 and 1.2e1 are 12."""
    fields = _FIELDS.decode(item)
    for column in type_.columns:
        written = bytes(fields[column.name]) if column.kind == "int" and column.name in fields else b""
        if written[:1].strip(b"-0123456789") or not {*b".eE"}.intersection(written):
            continue
        number = float(written)
        if number.is_integer() and abs(number) < _EXACT:
            fields[column.name] = msgspec.Raw(str(int(number)).encode())
    return msgspec.json.encode(fields)


def _columns(type_: EventType, rows: list[Any], wrong: tuple[Rejected, ...]) -> Decoded:
    """`rows` as columns; a row that is None stays in place, as nulls, for the caller to leave out."""
    if len(rows) > MAX_ROWS:
        return refused("too_large", f"{len(rows)} rows, at most {MAX_ROWS}", type_)
    arrays: list[pa.Array] = []
    for column in type_.columns:
        values = [getattr(row, f"f_{column.name}", None) for row in rows]
        if column.kind == "features":
            width = len(features.names(values))
            if width > MAX_FEATURES or width * len(rows) > MAX_CELLS:
                return refused("too_large", f"{width} features in {len(rows)} rows", type_)
            arrays.append(features.struct(values))
        else:
            try:
                arrays.append(pa.array(values, column.arrow.type))
            except (pa.ArrowInvalid, OverflowError, UnicodeError) as error:
                return refused("malformed", f"{column.name}: {error}", type_)
    return Decoded(type_, pa.table(arrays, names=[c.name for c in type_.columns]), wrong)
