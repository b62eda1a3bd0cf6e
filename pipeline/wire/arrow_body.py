"""Arrow bodies: an IPC stream of record batches whose columns carry the names of one event type."""

from __future__ import annotations

from collections.abc import Iterable

import numpy as np
import pyarrow as pa
import pyarrow.compute as pc

from pipeline.wire import flatbuffer
from pipeline.wire.event_type import Column, EventType
from pipeline.wire.limits import MAX_CELLS, MAX_EXPANDED_BYTES, MAX_FEATURES, MAX_ROWS
from pipeline.wire.text_bytes import text_bytes
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
_PLAIN_TEXT = pa.string()
_TEXT = pa.dictionary(pa.int32(), _PLAIN_TEXT)
_NUMBER = pa.float64()
_NUMBERS = (_NUMBER, pa.float32())
"""Features that stay as they were sent: to widen each costs more than to count it."""


class _TooLarge(ValueError):
    """What a small message would unfold to."""


class _Room:
    """Bytes of text that a message's columns may still unfold to, all together."""

    def __init__(self) -> None:
        self._left = MAX_EXPANDED_BYTES

    def take(self, arrays: Iterable[pa.Array], times: int = 1) -> None:
        """Raises _TooLarge where every row's own text does not fit any more."""
        for array in arrays:
            self._left -= text_bytes(array) * times
            if self._left < 0:
                raise _TooLarge(f"over {MAX_EXPANDED_BYTES} bytes of text, once every row has its own")


def parse(type_: EventType, value: bytes) -> Decoded:
    """Rows in the canonical schema, strings dictionary-encoded where the producer sent them so."""
    sent = read(type_, value)
    return sent if isinstance(sent, Decoded) else canonical(type_, sent)


def read(type_: EventType, value: bytes) -> pa.Table | Decoded:
    """The body as it was sent, which holds together and is not too large; or why it is refused."""
    try:
        too_large = _too_large(value)
        if too_large:
            return refused("too_large", too_large, type_)
        with pa.ipc.open_stream(pa.BufferReader(value)) as reader:
            sent = reader.read_all()
        sent.validate(full=True)
    except _UNREADABLE as error:
        return refused("malformed", str(error), type_)
    return sent


def _too_large(value: bytes) -> str | None:
    rows = expanded = 0
    for batch_rows, batch_bytes in flatbuffer.stream_claims(value):
        rows, expanded = rows + max(batch_rows, 0), expanded + batch_bytes
        if rows > MAX_ROWS:
            return f"{rows} rows, at most {MAX_ROWS}"
        if expanded > MAX_EXPANDED_BYTES:
            return f"{expanded} bytes after decompression, at most {MAX_EXPANDED_BYTES}"
    return None


def canonical(type_: EventType, sent: pa.Table) -> Decoded:
    """What was sent in the canonical schema, rows unchecked."""
    arrays: list[pa.ChunkedArray | pa.Array] = []
    room = _Room()
    columns: dict[str, list[pa.ChunkedArray]] = {}
    for name, values in zip(sent.column_names, sent.columns, strict=True):
        columns.setdefault(name, []).append(values)
    for column in type_.columns:
        found = columns.get(column.name, [])
        if len(found) > 1:
            return refused("malformed", f"{column.name} stands {len(found)} times", type_)
        try:
            arrays.append(_column(column, found[0] if found else None, sent.num_rows, room))
        except _TooLarge as error:
            return refused("too_large", f"{column.name}: {error}", type_)
        except (pa.ArrowException, ValueError) as error:
            return refused("wrong_type", f"{column.name}: {error}", type_)
    return Decoded(type_, pa.table(arrays, names=[c.name for c in type_.columns]))


def _column(
    column: Column, sent: pa.ChunkedArray | None, rows: int, room: _Room
) -> pa.ChunkedArray | pa.Array:
    if column.kind == "features":
        return _features(sent, rows, room)
    target = column.type
    if sent is None or pa.types.is_null(sent.type):
        return pa.nulls(rows, target)
    if column.kind == "string":
        return _text(sent, room)
    if column.kind == "time" and (not pa.types.is_timestamp(sent.type) or sent.type.tz is None):
        raise ValueError("a timestamp with a time zone is wanted")
    if column.kind in ("int", "float") and not _is_number(sent.type):
        raise ValueError(f"a number is wanted, not {sent.type}")
    if sent.type == target:
        return sent
    # A timestamp finer than a microsecond is cut, as in JSON; every other loss is an error.
    return sent.cast(target, safe=column.kind != "time")


def _is_number(of: pa.DataType) -> bool:
    return bool(pa.types.is_integer(of) or pa.types.is_floating(of) or pa.types.is_decimal(of))


def _text(sent: pa.ChunkedArray, room: _Room) -> pa.ChunkedArray | pa.Array:
    if sent.type in (_TEXT, _PLAIN_TEXT):
        return _null_indices(sent) if sent.type == _TEXT else sent
    if pa.types.is_dictionary(sent.type):
        only = _only(sent)
        if only is not None:
            room.take([only], sent.num_chunks)
            return pa.DictionaryArray.from_arrays(
                pa.array(np.zeros(len(sent), np.int32)), only.cast(_PLAIN_TEXT), safe=False
            )
        room.take(chunk.dictionary for chunk in sent.chunks)
        return _null_indices(sent.cast(_TEXT))
    if not (pa.types.is_string(sent.type) or pa.types.is_large_string(sent.type)
            or pa.types.is_string_view(sent.type)):  # fmt: skip
        raise ValueError(f"text is wanted, not {sent.type}")
    room.take(sent.chunks)
    return sent.cast(_PLAIN_TEXT)


def _only(sent: pa.ChunkedArray) -> pa.Array | None:
    """The dictionary of all rows, as that of model and version is in most batches, where it has one text."""
    if sent.null_count or not sent.num_chunks:
        return None
    first = sent.chunk(0).dictionary
    if len(first) != 1 or first.null_count:
        return None
    return first if all(first.equals(chunk.dictionary) for chunk in sent.chunks[1:]) else None


def _null_indices(sent: pa.ChunkedArray) -> pa.ChunkedArray:
    """Nulls as null indices: a column's `null_count` does not see those of its dictionary."""
    if not any(chunk.dictionary.null_count for chunk in sent.chunks):
        return sent
    chunks = []
    for chunk in sent.chunks:
        is_null = chunk.dictionary.is_null().take(chunk.indices)
        indices = pc.if_else(is_null, pa.scalar(None, pa.int32()), chunk.indices)
        chunks.append(pa.DictionaryArray.from_arrays(indices, chunk.dictionary.fill_null("")))
    return pa.chunked_array(chunks, _TEXT)


def _features(sent: pa.ChunkedArray | None, rows: int, room: _Room) -> pa.Array:
    if sent is None or pa.types.is_null(sent.type):
        return pa.array([{}] * rows, pa.struct([]))
    if not pa.types.is_struct(sent.type):
        raise ValueError(f"a struct with one child per feature is wanted, not {sent.type}")
    if sent.type.num_fields > MAX_FEATURES:
        raise ValueError(f"{sent.type.num_fields} features, at most {MAX_FEATURES}")
    names = [f.name for f in sent.type]
    if len(set(names)) != len(names):
        raise ValueError("a feature stands twice")
    if not names:
        return pa.array([{}] * rows, pa.struct([]))
    if len(names) * rows > MAX_CELLS:
        raise _TooLarge(f"{len(names)} features in {rows} rows")
    whole = _whole(sent)
    if not whole.null_count and all(f.type in _NUMBERS and f.nullable for f in sent.type):
        return whole
    children = whole.flatten()
    room.take(child for child in children if _becomes_text(child.type))
    return pa.StructArray.from_arrays([_feature(child) for child in children], names=names)


def _whole(sent: pa.ChunkedArray) -> pa.Array:
    if sent.num_chunks == 1:
        return sent.chunk(0)
    return pa.concat_arrays(sent.chunks) if sent.num_chunks else pa.array([], sent.type)


def _becomes_text(of: pa.DataType) -> bool:
    return not (_is_number(of) or pa.types.is_null(of) or pa.types.is_boolean(of))


def _feature(child: pa.Array) -> pa.Array:
    if pa.types.is_boolean(child.type):
        return child.cast(pa.int8()).cast(_NUMBER)
    if not _becomes_text(child.type):
        return child.cast(_NUMBER)
    if pa.types.is_dictionary(child.type):
        return pc.dictionary_decode(child).cast(pa.string())
    return child.cast(pa.string())
