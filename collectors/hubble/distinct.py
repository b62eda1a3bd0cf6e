"""JSON values that repeat from flow to flow, such as a pod's endpoint: those that are alike, decoded once."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Callable
from dataclasses import dataclass
from typing import Generic, TypeVar

import msgspec
import pyarrow as pa

from collectors.hubble.lines import BAD_JSON, NULL, refused
from pipeline.events import Rejected

T = TypeVar("T")


@dataclass(frozen=True, slots=True)
class Distinct(Generic[T]):
    """One field of n flows: flow i has `values[codes[i]]`."""

    codes: pa.Array
    values: list[T]
    reasons: list[Rejected | None]
    """Why a value could not be decoded, without a row."""

    def text(self, told: Callable[[T], str | None]) -> pa.StringArray:
        """What each flow's value tells; shape (n,)."""
        return pa.array([told(value) for value in self.values], pa.string()).take(self.codes)

    def holds(self, asked: Callable[[T], bool]) -> pa.BooleanArray:
        """Whether each flow's value is so; shape (n,)."""
        return pa.array([asked(value) for value in self.values], pa.bool_()).take(self.codes)

    def refused(self) -> dict[int, Rejected]:
        """The flows, by their place, whose value could not be decoded."""
        if not any(self.reasons):
            return {}
        reasons = [self.reasons[code] for code in self.codes.to_pylist()]
        return {place: reason for place, reason in enumerate(reasons) if reason is not None}


@dataclass(frozen=True, slots=True)
class Repeated(Generic[T]):
    """A field to be decoded; what is absent, null or of the wrong shape is `absent`."""

    field: str
    absent: T
    decoder: msgspec.json.Decoder[list[T | None]]

    def decode(self, raws: list[msgspec.Raw]) -> Distinct[T]:
        """The field of each flow.  It remembers nothing afterwards, so a run of lines bounds its memory."""
        if raws.count(NULL) == len(raws):
            return Distinct(pa.repeat(pa.scalar(0, pa.int64()), len(raws)), [self.absent], [None])
        places: defaultdict[bytes, int] = defaultdict()
        places.default_factory = places.__len__
        codes = pa.array(list(map(places.__getitem__, _copies(raws))), pa.int64())
        texts = list(places)
        reasons: list[Rejected | None] = [None] * len(texts)
        try:
            values = self.decoder.decode(b"[" + b",".join(texts) + b"]")
        except BAD_JSON:
            values = [self._one(text, place, reasons) for place, text in enumerate(texts)]
        return Distinct(codes, [self.absent if v is None else v for v in values], reasons)

    def _one(self, text: bytes, place: int, reasons: list[Rejected | None]) -> T | None:
        try:
            return self.decoder.decode(b"[" + text + b"]")[0]
        except BAD_JSON as error:
            reasons[place] = refused(error, None, self.field)
            return None


def _copies(raws: list[msgspec.Raw]) -> list[bytes]:
    """Joined and split, which takes half as long as one copy after another: a line has no newline within."""
    copies = b"\n".join(raws).split(b"\n")
    return copies if len(copies) == len(raws) else list(map(bytes, raws))
