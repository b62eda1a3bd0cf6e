"""JSON values that repeat from flow to flow, such as a pod's endpoint: those that are alike, decoded once."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from typing import Generic, TypeVar

import msgspec
import numpy as np
import pyarrow as pa

from collectors.hubble.lines import BAD_JSON, NULL

T = TypeVar("T")
_ENCODER = msgspec.json.Encoder()


@dataclass(frozen=True, slots=True)
class Distinct(Generic[T]):
    """A field of n flows, or several one after the other: row i has `values[codes[i]]`."""

    codes: pa.Array
    values: list[T]
    errors: list[Exception | None]
    """Why a value could not be decoded."""

    def text(self, told: Callable[[T], str | None]) -> pa.StringArray:
        """What each row's value tells; shape (n,)."""
        return pa.array([told(value) for value in self.values], pa.string()).take(self.codes)

    def holds(self, asked: Callable[[T], bool]) -> pa.BooleanArray:
        """Whether each row's value is so; shape (n,)."""
        return pa.array([asked(value) for value in self.values], pa.bool_()).take(self.codes)

    def failed(self) -> dict[int, Exception]:
        """The rows, by their place, whose value could not be decoded."""
        if not any(self.errors):
            return {}
        errors = [self.errors[code] for code in self.codes.to_pylist()]
        return {place: error for place, error in enumerate(errors) if error is not None}


@dataclass(frozen=True, slots=True)
class Repeated(Generic[T]):
    """Values to be decoded; what is absent, null or of the wrong shape is `absent`."""

    absent: T
    decoder: msgspec.json.Decoder[list[T | None]]

    def decode(self, raws: list[msgspec.Raw]) -> Distinct[T]:
        """The value of each row.  It remembers nothing afterwards, so a run of lines bounds its memory."""
        if not raws or (raws[0] is NULL and raws.count(NULL) == len(raws)):
            return Distinct(pa.repeat(pa.scalar(0, pa.int32()), len(raws)), [self.absent], [None])
        encoded = _side_by_side(raws).dictionary_encode()
        texts = encoded.dictionary.to_pylist()
        errors: list[Exception | None] = [None] * len(texts)
        try:
            values = self.decoder.decode(b"[" + b"".join(texts)[:-1] + b"]")
        except BAD_JSON:
            values = [self._one(text, place, errors) for place, text in enumerate(texts)]
        return Distinct(encoded.indices, [self.absent if v is None else v for v in values], errors)

    def _one(self, text: bytes, place: int, errors: list[Exception | None]) -> T | None:
        try:
            return self.decoder.decode(b"[" + text[:-1] + b"]")[0]
        except BAD_JSON as error:
            errors[place] = error
            return None


def _side_by_side(raws: list[msgspec.Raw]) -> pa.LargeBinaryArray:
    """With a comma after each; Arrow finds those that are alike sooner than a dictionary of copies does."""
    offsets = np.zeros(len(raws) + 1, np.int64)
    np.cumsum(np.fromiter(map(len, raws), np.int64, len(raws)) + 1, out=offsets[1:])
    texts = _ENCODER.encode([*raws, NULL])
    buffers = [None, pa.py_buffer(offsets), pa.py_buffer(texts).slice(1)]
    return pa.Array.from_buffers(pa.large_binary(), len(raws), buffers)
