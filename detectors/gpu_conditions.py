"""Fold of GPU samples into what was wrong or uncertain with a device, by minute; most samples add no row."""

from __future__ import annotations

from collections.abc import Mapping

import numpy as np
import pyarrow as pa

from detectors import minutes
from detectors.codes import Integers, Mask, Text, text
from detectors.gpu_usage import split
from detectors.references import Reference
from pipeline.facts.cost import GPU_CONDITIONS

THROTTLES = {0x4: "power cap", 0x8: "hardware", 0x20: "temperature", 0x40: "temperature, hardware",
             0x80: "power brake"}  # fmt: skip
"""NVML's bits that hold a busy clock back; the others say idle, or that somebody chose the clock."""

KINDS = ("xid", "ecc-corrected", "ecc-uncorrected", "rows-remapped", "throttled", "shared-value", "unhealthy")
_COUNTED = {"xid": "xid_errors", "ecc-corrected": "ecc_corrected", "ecc-uncorrected": "ecc_uncorrected",
            "rows-remapped": "rows_remapped"}  # fmt: skip


def fold(events: pa.Table, references: Mapping[str, Reference]) -> dict[str, pa.Table]:
    """`gpu` events as `gpu_conditions`: an error counts in the minute in which its sample ends."""
    lengths = minutes.units(minutes.floats(events.column("interval_seconds")), minutes.SECOND)
    ends = minutes.microseconds(events.column("time"))
    parts = [*_errors(events, ends), *_times(events, ends, lengths)]
    sample, minute, kind, code, count, length = (
        np.concatenate([part[i] for part in parts]) for i in range(6)
    )
    columns = {name: text(events.column(name)).at(sample) for name in ("cluster", "node", "device")}
    keys = minutes.Keys(minute, {**columns, "kind": Text(kind, pa.array(KINDS))})
    codes, code_of = np.unique(code, return_inverse=True)
    groups = keys.group((code_of.astype(np.int64), max(len(codes), 1)))
    sums = {"count": groups.sum(count), "seconds": groups.sum(length)}
    found = keys.of(groups.first) | {"code": code[groups.first]} | sums
    return {GPU_CONDITIONS.name: minutes.rows(GPU_CONDITIONS, found)}


Part = tuple[Integers, Integers, Integers, Integers, Integers, Integers]
"""Sample, minute, kind, code, count and microseconds of the rows of one kind; shape (p,) each."""


def _errors(events: pa.Table, ends: Integers) -> list[Part]:
    last = minutes.units(minutes.floats(events.column("xid")), 1)
    parts = []
    for kind, column in _COUNTED.items():
        counts = minutes.units(minutes.floats(events.column(column)), 1)
        at = np.flatnonzero(counts)
        code = last[at] if kind == "xid" else np.zeros(len(at), np.int64)
        parts.append(_part(at, minutes.minute(ends[at] - 1), kind, code, counts[at], code * 0))
    return parts


def _times(events: pa.Table, ends: Integers, lengths: Integers) -> list[Part]:
    reasons = minutes.units(minutes.floats(events.column("throttle_reasons")), 1)
    shared = text(events.column("confidence")).equals("device-duplicated")
    failed = minutes.units(minutes.floats(events.column("unhealthy")), 1) != 0
    parts = [
        _spread(shared, "shared-value", 0, ends, lengths),
        _spread(failed, "unhealthy", 0, ends, lengths),
    ]
    return parts + [_spread((reasons & bit) != 0, "throttled", bit, ends, lengths) for bit in THROTTLES]


def _spread(held: Mask, kind: str, code: int, ends: Integers, lengths: Integers) -> Part:
    at = np.flatnonzero(held)
    pieces = split(ends[at], lengths[at])
    codes = np.full(len(pieces.sample), code, np.int64)
    minute = minutes.minute(pieces.minute)
    return _part(at[pieces.sample], minute, kind, codes, codes * 0, pieces.length)


def _part(
    sample: Integers, minute: Integers, kind: str, code: Integers, count: Integers, length: Integers
) -> Part:
    return sample, minute, np.full(len(sample), KINDS.index(kind), np.int64), code, count, length
