"""Names of headers that are no text: Kafka takes any bytes, C clients send them, Python's clients fail."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any, SupportsIndex


class Replacing(bytearray):
    """Bytes that have a replacement character where they are no text."""

    def __getitem__(self, at: SupportsIndex | slice) -> Any:
        found = super().__getitem__(at)
        return Replacing(found) if isinstance(found, bytearray) else found

    def decode(self, encoding: str = "utf-8", errors: str = "replace") -> str:
        return super().decode(encoding, errors)


def take_any() -> None:
    """Make kafka-python read records with such a name, from now on."""
    from kafka.record.default_records import DefaultRecordBatch

    if not hasattr(DefaultRecordBatch._read_msg, "strict"):
        DefaultRecordBatch._read_msg = _taking_any(DefaultRecordBatch._read_msg)


def _taking_any(strict: Callable[..., Any]) -> Callable[..., Any]:
    def read(batch: Any) -> Any:
        try:
            return strict(batch)
        except UnicodeDecodeError:
            batch._buffer = Replacing(batch._buffer)
            return strict(batch)

    read.strict = strict  # type: ignore[attr-defined]
    return read
