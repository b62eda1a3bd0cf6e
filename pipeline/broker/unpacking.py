"""What producers compressed, unpacked to a bound: 2 KB of zstd may be 64 MB, and a batch of 1 MB 34 GB.

What a topic and a reader limit is the packed size.  Both of Python's clients unpack without a limit, one of
them neither snappy nor zstd without packages of its own.
"""

from __future__ import annotations

import gzip as stream
import io
import mmap
import threading
from types import ModuleType
from typing import Any

import cramjam

from pipeline.wire.limits import MAX_UNPACKED_BYTES
from pipeline.wire.unread import Unread

_USUAL_BYTES = 4 * 1_048_576
"""What is not larger is unpacked into memory that each thread keeps: to take up new costs as much again."""

_kept = threading.local()


class Unpackable(Exception):
    """A batch that is larger than MAX_UNPACKED_BYTES once it is unpacked, or not packed as it says."""


def lz4(packed: Any) -> bytes:
    return _into(cramjam.lz4, packed)


def zstd(packed: Any) -> bytes:
    return _into(cramjam.zstd, packed)


def gzip(packed: Any) -> bytes:
    with stream.GzipFile(fileobj=io.BytesIO(packed)) as file:
        try:
            return _held(file.read(MAX_UNPACKED_BYTES + 1))
        except (OSError, EOFError) as error:
            raise Unpackable(str(error)) from error


def snappy(packed: Any) -> bytes:
    """At most 21 times as large: 3 bytes stand for 64."""
    from aiokafka.codec import snappy_decode

    try:
        return _held(snappy_decode(packed))
    except cramjam.DecompressionError as error:
        raise Unpackable(str(error)) from error


def bind(*modules: ModuleType) -> None:
    """Make these modules of a client unpack so."""
    for module in modules:
        vars(module).update(gzip_decode=gzip, lz4_decode=lz4, snappy_decode=snappy, zstd_decode=zstd)


def instead(batch: Any, last_offset: int, reason: Unpackable) -> tuple[Any, ...]:
    """One record in the place of all of the batch: offset, timestamp and its type, key, value, headers.

    It has the last of their offsets, so that none of them is waited for.
    """
    text = (
        f"a batch, offsets {batch.base_offset} to {last_offset}, that does not unpack to "
        f"{MAX_UNPACKED_BYTES} bytes or less: {reason}"
    )
    return last_offset, batch.max_timestamp, batch.timestamp_type, None, Unread(text.encode()), []


def _into(codec: Any, packed: Any) -> bytes:
    if not hasattr(_kept, "usual"):
        _kept.usual = mmap.mmap(-1, _USUAL_BYTES)
    try:
        return _filled(codec, packed, _kept.usual)
    except cramjam.DecompressionError:
        pass  # larger, or broken: the same again says which
    with mmap.mmap(-1, MAX_UNPACKED_BYTES) as wide:
        try:
            return _filled(codec, packed, wide)
        except cramjam.DecompressionError as error:
            raise Unpackable(str(error)) from error


def _filled(codec: Any, packed: Any, room: mmap.mmap) -> bytes:
    size = codec.decompress_into(packed, room)
    with memoryview(room) as view:
        return bytes(view[:size])


def _held(unpacked: bytes) -> bytes:
    if len(unpacked) > MAX_UNPACKED_BYTES:
        raise Unpackable("it is larger")
    return unpacked
