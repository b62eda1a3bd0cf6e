"""Sizes that an Arrow IPC stream claims, read from its metadata before anything is decompressed.

Only the few fields that bound memory are read: Message.header, RecordBatch.length, .buffers and
.compression (field order of Arrow's Message.fbs, format version 1.0).
"""

from __future__ import annotations

import struct
from collections.abc import Iterator

import pyarrow as pa

_HEADER_TYPE, _HEADER = 1, 2  # Message: version, header_type, header, bodyLength
_DICTIONARY, _BATCH = 2, 3  # MessageHeader union members
_LENGTH, _BUFFERS, _COMPRESSION = 0, 2, 3  # RecordBatch: length, nodes, buffers, compression
_DATA = 1  # DictionaryBatch: id, data


class Unreadable(ValueError):
    """The metadata does not hold together."""


def _field(buffer: bytes, table: int, index: int) -> int:
    """Position of a field of the table at `table`, or 0 where it is absent."""
    vtable = table - _read(buffer, table, "<i")
    size = _read(buffer, vtable, "<H")
    slot = 4 + 2 * index
    offset = _read(buffer, vtable + slot, "<H") if slot < size else 0
    return table + offset if offset else 0


def _read(buffer: bytes, at: int, form: str) -> int:
    if at < 0 or at + struct.calcsize(form) > len(buffer):
        raise Unreadable("offset outside the metadata")
    return int(struct.unpack_from(form, buffer, at)[0])


def _follow(buffer: bytes, at: int) -> int:
    return at + _read(buffer, at, "<I")


def claims(metadata: bytes, body: bytes | memoryview) -> tuple[int, int]:
    """(rows, bytes after decompression) that one IPC message claims; (0, 0) for a schema."""
    message = _follow(metadata, 0)
    kind_at, header_at = _field(metadata, message, _HEADER_TYPE), _field(metadata, message, _HEADER)
    if not kind_at or not header_at:
        return 0, 0
    kind, batch = metadata[kind_at], _follow(metadata, header_at)
    if kind == _DICTIONARY:
        data = _field(metadata, batch, _DATA)
        if not data:
            raise Unreadable("dictionary without data")
        batch = _follow(metadata, data)
    elif kind != _BATCH:
        return 0, 0
    length = _field(metadata, batch, _LENGTH)
    compressed = _field(metadata, batch, _COMPRESSION) != 0
    expanded = sum(_expanded(body, at, size, compressed) for at, size in _buffers(metadata, batch))
    return (_read(metadata, length, "<q") if length else 0), expanded


def _buffers(metadata: bytes, batch: int) -> Iterator[tuple[int, int]]:
    field = _field(metadata, batch, _BUFFERS)
    if not field:
        return
    vector = _follow(metadata, field)
    for i in range(_read(metadata, vector, "<I")):
        at = vector + 4 + 16 * i
        yield _read(metadata, at, "<q"), _read(metadata, at + 8, "<q")


def _expanded(body: bytes | memoryview, at: int, size: int, compressed: bool) -> int:
    if at < 0 or size < 0 or at + size > len(body):
        raise Unreadable("buffer outside the body")
    if not compressed or size < 8:
        return size
    claimed = int(struct.unpack_from("<q", body, at)[0])
    return size if claimed == -1 else _not_negative(claimed)


def _not_negative(size: int) -> int:
    if size < 0:
        raise Unreadable("negative size")
    return size


def stream_claims(value: bytes) -> Iterator[tuple[int, int]]:
    """The claims of each message of a stream, in order."""
    reader = pa.ipc.MessageReader.open_stream(pa.BufferReader(value))
    for message in reader:
        body = message.body
        yield claims(message.metadata.to_pybytes(), memoryview(body) if body is not None else b"")
