"""Every fold by event type: what the events of a topic add to the ledger."""

from __future__ import annotations

from collections.abc import Callable, Mapping

import pyarrow as pa

from detectors import (
    actions,
    alerts,
    allocations,
    carried,
    devices,
    gpu_conditions,
    gpu_usage,
    inference,
    labels,
    network,
    network_outcomes,
    process_usage,
    serving,
)
from detectors.references import Reference

Fold = Callable[[pa.Table, Mapping[str, Reference]], dict[str, pa.Table]]
"""Events of one type, in its canonical schema, and the references by model; partial rows by fact name."""


def of_devices(fold: Fold) -> Fold:
    """The fold without the events that are of a pod's processes: the device tells the same work once more."""

    def folded(events: pa.Table, references: Mapping[str, Reference]) -> dict[str, pa.Table]:
        processes = process_usage.of_processes(events)
        return fold(events.filter(pa.array(~processes)) if processes.any() else events, references)

    return folded


FOLDS: dict[str, tuple[Fold, ...]] = {
    "action": (actions.fold_action,),
    "alert": (alerts.fold,),
    "allocation": (allocations.fold,),
    "device": (devices.fold,),
    "flow": (network.fold, network_outcomes.fold),
    "gap": (carried.fold_gap,),
    "gpu": (of_devices(gpu_usage.fold), of_devices(gpu_conditions.fold), process_usage.fold),
    "inference": (inference.fold,),
    "label": (labels.fold,),
    "outcome": (actions.fold_outcome,),
    "revision": (actions.fold_revision,),
    "rejected": (carried.fold_rejected,),
    "serving": (serving.fold,),
}
