"""The steps of a ladder: one file and one line each."""

from __future__ import annotations

from collections.abc import Mapping

from pipeline.actuator.kubernetes import Kubernetes
from pipeline.actuator.ladder import (
    cap_autoscalers,
    evict,
    freeze,
    hold_admission,
    hold_queues,
    notify,
    scale_idle,
    suspend_batch,
)
from pipeline.actuator.ladder.contract import Rung

RUNGS: dict[str, Rung] = {
    "notify": notify,
    "freeze": freeze,
    "hold_queues": hold_queues,
    "hold_admission": hold_admission,
    "cap_autoscalers": cap_autoscalers,
    "scale_idle": scale_idle,
    "suspend_batch": suspend_batch,
    "evict": evict,
}


def reached(clients: Mapping[str, Kubernetes], cluster: str, step: str) -> Kubernetes | None:
    """The client for a step; None where it cannot be taken.  Who is only told needs no cluster."""
    return clients.get(cluster) or (_Unasked() if step == "notify" else None)


class _Unasked(Kubernetes):
    """For the step that asks no cluster: it has no connection, so asking it is a fault of ours."""

    def __init__(self) -> None:
        pass
