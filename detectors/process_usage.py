"""Fold of GPU samples of one pod's processes: what each who shares a device did with it, by minute."""

from __future__ import annotations

from collections.abc import Mapping

import pyarrow as pa

from detectors import minutes
from detectors.codes import Mask, text
from detectors.gpu_usage import split
from detectors.references import Reference
from pipeline.facts.cost import PROCESS_USAGE

CONFIDENCE = "process"
_KEYS = ("cluster", "device", "namespace", "pod")


def of_processes(events: pa.Table) -> Mask:
    """Which `gpu` events are of the processes of a pod, and not of the device; shape (n,)."""
    return text(events.column("confidence")).equals(CONFIDENCE)


def fold(events: pa.Table, references: Mapping[str, Reference]) -> dict[str, pa.Table]:
    """`gpu` events of processes as `process_usage`."""
    events = events.filter(pa.array(of_processes(events)))
    lengths = minutes.units(minutes.floats(events.column("interval_seconds")), minutes.SECOND)
    pieces = split(minutes.microseconds(events.column("time")), lengths)
    columns = {name: text(events.column(name)).at(pieces.sample) for name in _KEYS}
    keys = minutes.Keys(minutes.minute(pieces.minute), columns)
    groups = keys.group()
    util = minutes.floats(events.column("util_ratio"))[pieces.sample]
    sums = {"busy_seconds": groups.sum(minutes.units(util * pieces.length, 1))}
    return {PROCESS_USAGE.name: minutes.rows(PROCESS_USAGE, keys.of(groups.first) | sums)}
