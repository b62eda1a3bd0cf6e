"""Sizes that an Arrow IPC stream claims, read from its metadata before anything is decompressed.

Only the few fields that bound memory are read: Message.header, RecordBatch.length, .buffers and
.compression (field order of Arrow's Message.fbs, format version 1.0).
"""

from __future__ import annotations

import struct
from collections.abc import Iterator
from functools import lru_cache
from typing import NamedTuple

import pyarrow as pa

_MESSAGE = 3  # fields read of Message: version, header_type, header
_RECORD_BATCH = 4  # of RecordBatch: length, nodes, buffers, compression
_DICTIONARY_BATCH = 2  # of DictionaryBatch: id, data
_DICTIONARY, _BATCH = 2, 3  # MessageHeader union members

_KNOWN_BYTES = 16_384
"""Metadata up to so many bytes is remembered: a producer's messages have the same, but for what is packed."""

_U8, _U16, _U32, _I32, _I64 = (struct.Struct(form) for form in ("<B", "<H", "<I", "<i", "<q"))
_SPAN = struct.Struct("<qq")  # Buffer: offset, length


class Unreadable(ValueError):
    """The metadata does not hold together."""


def _fields(buffer: bytes, table: int, count: int) -> list[int]:
    """Positions of the first fields of the table at `table`, each 0 where it is absent; `count` of them."""
    vtable = table - _read(buffer, table, _I32)
    slots = min(max(_read(buffer, vtable, _U16) // 2 - 2, 0), count)  # its first two words are sizes
    if vtable + 4 + 2 * slots > len(buffer):
        raise Unreadable("fields outside the metadata")
    offsets = struct.unpack_from(f"<{slots}H", buffer, vtable + 4)
    return [table + offset if offset else 0 for offset in offsets] + [0] * (count - slots)


def _read(buffer: bytes, at: int, form: struct.Struct) -> int:
    if at < 0 or at + form.size > len(buffer):
        raise Unreadable("offset outside the metadata")
    return int(form.unpack_from(buffer, at)[0])


def _follow(buffer: bytes, at: int) -> int:
    return at + _read(buffer, at, _U32)


class _Layout(NamedTuple):
    """What the metadata of one IPC message says of its body."""

    rows: int = 0
    size: int = 0
    """Of all buffers, as they lie in the body."""
    end: int = 0
    """Where the last of them ends."""
    compressed: bytes = b""
    """Offset and size of each buffer, where they are compressed."""


def claims(metadata: bytes, body: bytes | memoryview) -> tuple[int, int]:
    """(rows, bytes after decompression) that one IPC message claims; (0, 0) for a schema."""
    layout = (_known if len(metadata) <= _KNOWN_BYTES else _layout)(metadata)
    if layout.end > len(body):
        raise Unreadable("buffer outside the body")
    expanded = layout.size
    for at, size in _SPAN.iter_unpack(layout.compressed):
        if size >= _I64.size:
            expanded += _claimed(body, at, size) - size
    return layout.rows, expanded


def _layout(metadata: bytes) -> _Layout:
    _, kind_at, header_at = _fields(metadata, _follow(metadata, 0), _MESSAGE)
    if not kind_at or not header_at:
        return _Layout()
    kind, batch = _read(metadata, kind_at, _U8), _follow(metadata, header_at)
    if kind == _DICTIONARY:
        _, data = _fields(metadata, batch, _DICTIONARY_BATCH)
        if not data:
            raise Unreadable("dictionary without data")
        batch = _follow(metadata, data)
    elif kind != _BATCH:
        return _Layout()
    length, _, buffers, compression = _fields(metadata, batch, _RECORD_BATCH)
    rows = _read(metadata, length, _I64) if length else 0
    spans = _spans(metadata, _follow(metadata, buffers)) if buffers else b""
    total = end = 0
    for at, size in _SPAN.iter_unpack(spans):
        if at < 0 or size < 0:
            raise Unreadable("buffer outside the body")
        total, end = total + size, max(end, at + size)
    return _Layout(rows, total, end, spans if compression else b"")


_known = lru_cache(maxsize=128)(_layout)


def _spans(metadata: bytes, vector: int) -> bytes:
    """Offset and size in the body of each buffer that the vector lists."""
    first, count = vector + _U32.size, _read(metadata, vector, _U32)
    end = first + count * _SPAN.size
    if end > len(metadata):
        raise Unreadable("buffers outside the metadata")
    return metadata[first:end]


def _claimed(body: bytes | memoryview, at: int, size: int) -> int:
    """A compressed buffer begins with its size after decompression; -1 says that it is plain."""
    claimed = int(_I64.unpack_from(body, at)[0])
    if claimed < -1:
        raise Unreadable("negative size")
    return size if claimed == -1 else claimed


def stream_claims(value: bytes) -> Iterator[tuple[int, int]]:
    """The claims of each message of a stream, in order."""
    reader = pa.ipc.MessageReader.open_stream(pa.BufferReader(value))
    for message in reader:
        body = message.body
        yield claims(message.metadata.to_pybytes(), memoryview(body) if body is not None else b"")
