"""Fold of samples of one pod's processes: what each did with a device that it shares, by hour.

The device is a GPU, or all of a node's CPUs or memory.  An answer splits an hour by them, never a minute, and
a large cluster has more pods than its ledger should have rows a minute."""

from __future__ import annotations

from collections.abc import Mapping

import numpy as np
import pyarrow as pa

from detectors import minutes
from detectors.codes import Mask, text
from detectors.gpu_usage import split
from detectors.references import Reference
from pipeline.facts.cost import PROCESS_USAGE

CONFIDENCE = "process"
HOUR = 60 * minutes.MINUTE
"""Microseconds."""
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
    keys = minutes.Keys(minutes.minute(pieces.minute // HOUR * HOUR), columns)
    groups = keys.group()
    util = minutes.floats(events.column("util_ratio"))[pieces.sample]
    sums = {
        "busy_seconds": groups.sum(minutes.units(util * pieces.length, 1)),
        "observed_seconds": groups.sum(pieces.length * ~np.isnan(util)),
    }
    return {PROCESS_USAGE.name: minutes.rows(PROCESS_USAGE, keys.of(groups.first) | sums)}
