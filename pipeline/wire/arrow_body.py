"""Arrow bodies: an IPC stream of record batches whose columns carry the names of one event type."""

from __future__ import annotations

import pyarrow as pa
import pyarrow.compute as pc

from pipeline.wire import flatbuffer
from pipeline.wire.event_type import Column, EventType
from pipeline.wire.limits import MAX_EXPANDED_BYTES, MAX_FEATURES, MAX_ROWS
from pipeline.wire.verdict import Decoded, refused

_UNREADABLE = (
    pa.ArrowException,
    flatbuffer.Unreadable,
    ValueError,
    OSError,
    OverflowError,
    TypeError,
    KeyError,
)
_TEXT = pa.dictionary(pa.int32(), pa.string())


def parse(type_: EventType, value: bytes) -> Decoded:
    """Rows in the canonical schema, strings dictionary-encoded where the producer sent them so."""
    try:
        too_large = _too_large(value)
        if too_large:
            return refused("too_large", too_large, type_)
        with pa.ipc.open_stream(pa.BufferReader(value)) as reader:
            sent = reader.read_all()
        sent.validate(full=True)
    except _UNREADABLE as error:
        return refused("malformed", str(error), type_)
    return _canonical(type_, sent)


def _too_large(value: bytes) -> str | None:
    rows = expanded = 0
    for batch_rows, batch_bytes in flatbuffer.stream_claims(value):
        rows, expanded = rows + max(batch_rows, 0), expanded + batch_bytes
        if rows > MAX_ROWS:
            return f"{rows} rows, at most {MAX_ROWS}"
        if expanded > MAX_EXPANDED_BYTES:
            return f"{expanded} bytes after decompression, at most {MAX_EXPANDED_BYTES}"
    return None


def _canonical(type_: EventType, sent: pa.Table) -> Decoded:
    arrays: list[pa.ChunkedArray | pa.Array] = []
    for column in type_.columns:
        places = sent.schema.get_all_field_indices(column.name)
        if len(places) > 1:
            return refused("malformed", f"{column.name} stands {len(places)} times", type_)
        try:
            arrays.append(_column(column, sent.column(places[0]) if places else None, sent.num_rows))
        except (pa.ArrowException, ValueError) as error:
            return refused("wrong_type", f"{column.name}: {error}", type_)
    return Decoded(type_, pa.table(arrays, names=[c.name for c in type_.columns]))


def _column(column: Column, sent: pa.ChunkedArray | None, rows: int) -> pa.ChunkedArray | pa.Array:
    if column.kind == "features":
        return _features(sent, rows)
    target = column.arrow.type
    if sent is None or pa.types.is_null(sent.type):
        return pa.nulls(rows, target)
    if column.kind == "string":
        return _text(sent)
    if column.kind == "time" and (not pa.types.is_timestamp(sent.type) or sent.type.tz is None):
        raise ValueError("a timestamp with a time zone is wanted")
    if column.kind in ("int", "float") and not _is_number(sent.type):
        raise ValueError(f"a number is wanted, not {sent.type}")
    # A timestamp finer than a microsecond is cut, as in JSON; every other loss is an error.
    return sent.cast(target, safe=column.kind != "time")


def _is_number(of: pa.DataType) -> bool:
    return bool(pa.types.is_integer(of) or pa.types.is_floating(of) or pa.types.is_decimal(of))


def _text(sent: pa.ChunkedArray) -> pa.ChunkedArray:
    if pa.types.is_dictionary(sent.type):
        return sent.cast(_TEXT) if sent.type != _TEXT else sent
    if not (pa.types.is_string(sent.type) or pa.types.is_large_string(sent.type)
            or pa.types.is_string_view(sent.type)):  # fmt: skip
        raise ValueError(f"text is wanted, not {sent.type}")
    return sent.cast(pa.string())


def _features(sent: pa.ChunkedArray | None, rows: int) -> pa.Array:
    if sent is None or pa.types.is_null(sent.type):
        return pa.array([{}] * rows, pa.struct([]))
    if not pa.types.is_struct(sent.type):
        raise ValueError(f"a struct with one child per feature is wanted, not {sent.type}")
    if sent.type.num_fields > MAX_FEATURES:
        raise ValueError(f"{sent.type.num_fields} features, at most {MAX_FEATURES}")
    names = [f.name for f in sent.type]
    if len(set(names)) != len(names):
        raise ValueError("a feature stands twice")
    whole = sent.combine_chunks()
    if isinstance(whole, pa.ChunkedArray):
        whole = pa.concat_arrays(whole.chunks) if whole.num_chunks else pa.array([], sent.type)
    if not names:
        return pa.array([{}] * rows, pa.struct([]))
    return pa.StructArray.from_arrays([_feature(child) for child in whole.flatten()], names=names)


def _feature(child: pa.Array) -> pa.Array:
    if _is_number(child.type) or pa.types.is_null(child.type):
        return child.cast(pa.float64())
    if pa.types.is_boolean(child.type):
        return child.cast(pa.int8()).cast(pa.float64())
    if pa.types.is_dictionary(child.type):
        return pc.dictionary_decode(child).cast(pa.string())
    return child.cast(pa.string())
