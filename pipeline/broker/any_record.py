"""Records that Kafka takes and its clients in Python fail on: a name of a header that is no text, as clients
in C send it; a batch that is larger than memory once it is unpacked."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from functools import wraps
from typing import Any, SupportsIndex

from pipeline.broker import unpacking


class Replacing(bytearray):
    """Bytes that have a replacement character where they are no text."""

    def __getitem__(self, at: SupportsIndex | slice) -> Any:
        found = super().__getitem__(at)
        return Replacing(found) if isinstance(found, bytearray) else found

    def decode(self, encoding: str = "utf-8", errors: str = "replace") -> str:
        return super().decode(encoding, errors)


def take_any() -> None:
    """Make kafka-python read them, from now on."""
    from kafka import codec
    from kafka.record import default_records

    batch: Any = default_records.DefaultRecordBatch
    if not hasattr(batch._read_msg, "__wrapped__"):
        batch._read_msg = _taking_any(batch._read_msg)
        batch.__iter__ = _bounded(batch.__iter__, default_records.DefaultRecord)
        unpacking.bind(default_records)
        codec.has_snappy = codec.has_zstd = lambda: True


def _taking_any(strict: Callable[..., Any]) -> Callable[..., Any]:
    @wraps(strict)
    def read(batch: Any) -> Any:
        try:
            return strict(batch)
        except UnicodeDecodeError:
            batch._buffer = Replacing(batch._buffer)
            return strict(batch)

    return read


def _bounded(strict: Callable[..., Iterator[Any]], record: Callable[..., Any]) -> Callable[..., Any]:
    def iterate(batch: Any) -> Iterator[Any]:
        try:
            return strict(batch)
        except unpacking.Unpackable as reason:
            return iter([record(0, *unpacking.instead(batch, batch.last_offset, reason))])

    return iterate
