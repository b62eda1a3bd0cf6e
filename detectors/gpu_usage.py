"""Fold of GPU samples into device minutes.

A sample covers [time - interval, time) and is split over its minutes to the microsecond.  A device has one
sample an interval: exporters that repeat a shared device for each of its pods are merged by the collector.
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import NamedTuple

import numpy as np
import pyarrow as pa

from detectors import minutes
from detectors.codes import Integers, Mask, text
from detectors.references import Reference
from pipeline.facts.cost import GPU_USAGE

HELD_MEMORY_BYTES = 64 * 2**20
"""Device memory in use above which an idle device counts as held: a driver's own context stays below."""


class Pieces(NamedTuple):
    """Parts of samples that lie in one minute each, in the order of the samples; shape (p,)."""

    sample: Integers
    minute: Integers
    length: Integers
    """Microseconds."""
    is_last: Mask
    """Whether it is the sample's last part."""


def split(ends: Integers, lengths: Integers) -> Pieces:
    """Intervals of positive length, in microseconds, one part a minute; the parts sum to the length."""
    starts = ends - lengths
    first = starts // minutes.MINUTE
    counts = (ends - 1) // minutes.MINUTE - first + 1
    sample = np.repeat(np.arange(len(ends)), counts)
    last = np.cumsum(counts) - 1
    ordinal = np.arange(len(sample)) - (last - counts + 1)[sample]
    minute = (first[sample] + ordinal) * minutes.MINUTE
    length = np.minimum(ends[sample], minute + minutes.MINUTE) - np.maximum(starts[sample], minute)
    is_last = np.zeros(len(sample), np.bool_)
    is_last[last] = True
    return Pieces(sample, minute, length, is_last)


def fold(events: pa.Table, references: Mapping[str, Reference]) -> dict[str, pa.Table]:
    """`gpu` events as `gpu_usage`; a sample without utilisation adds memory, energy and itself only."""
    lengths = minutes.units(minutes.floats(events.column("interval_seconds")), minutes.SECOND)
    pieces = split(minutes.microseconds(events.column("time")), lengths)
    columns = {name: text(events.column(name)).at(pieces.sample) for name in ("cluster", "node", "device")}
    keys = minutes.Keys(minutes.minute(pieces.minute), columns)
    groups = keys.group()
    sums = {name: groups.sum(values) for name, values in _values(events, pieces, lengths).items()}
    return {GPU_USAGE.name: minutes.rows(GPU_USAGE, keys.of(groups.first) | sums)}


def _values(events: pa.Table, pieces: Pieces, lengths: Integers) -> dict[str, Integers]:
    """Each additive column per part, in its smallest unit."""
    util = minutes.floats(events.column("util_ratio"))[pieces.sample]
    memory = minutes.floats(events.column("memory_used_bytes"))[pieces.sample]
    return {
        "observed_seconds": pieces.length * ~np.isnan(util),
        "busy_seconds": minutes.units(util * pieces.length, 1),
        "active_seconds": pieces.length * (util > 0),
        "idle_held_seconds": pieces.length * ((util == 0) & (memory > HELD_MEMORY_BYTES)),
        "memory_byte_seconds": minutes.units(memory * pieces.length, 1 / minutes.SECOND),
        "energy_joules": _microjoules(events, pieces, lengths),
        "samples": pieces.is_last.astype(np.int64),
    }


def shared(whole: Integers, pieces: Pieces, lengths: Integers) -> Integers:
    """What belongs to a whole interval, over its parts by their length: they sum to it; shape (p,)."""
    shares = np.floor(whole[pieces.sample] * (pieces.length / lengths[pieces.sample])).astype(np.int64)
    others = np.zeros(len(whole), np.int64)
    np.add.at(others, pieces.sample, np.where(pieces.is_last, 0, shares))
    # The last part takes what rounding down left.
    shares[pieces.is_last] = (whole - others)[pieces.sample[pieces.is_last]]
    return shares


def _microjoules(events: pa.Table, pieces: Pieces, lengths: Integers) -> Integers:
    """Energy per part: the measured energy of the interval shared by time, else power x time."""
    measured = minutes.floats(events.column("energy_joules"))
    power = minutes.floats(events.column("power_watts"))[pieces.sample]
    shares = shared(minutes.units(measured, minutes.SECOND), pieces, lengths)
    from_power = minutes.units(power * pieces.length, 1)
    return np.where(np.isnan(measured)[pieces.sample], from_power, shares)
