"""One worked case: a small cluster of its own for an hour, what each pod pays, and what another tool says."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, field
from typing import Any

Row = dict[str, Any]

START, END = "2026-10-05T00:00:00Z", "2026-10-05T01:00:00Z"
A100, H100 = "NVIDIA A100-SXM4-40GB", "NVIDIA H100 80GB HBM3"


@dataclass(frozen=True)
class Case:
    """`pays` is dollars by pod, or by bucket for what nobody holds; a GPU-hour costs `price` dollars.

    `opencost` is what OpenCost's source or documentation says it would charge the pods in all, with `why`.
    """

    name: str
    title: str
    devices: Sequence[Row]
    held: Sequence[Row]
    pays: dict[str, str]
    opencost: str
    why: str
    seen: Sequence[Row] = ()
    price: str = "7"
    cores: int = 0
    """Where the node has no GPU: the price is of all that it is."""
    discount: str = ""
    """Percent off that price."""
    efficiency: str = ""
    """Per cent: work by held time, of all pods."""
    shows: dict[str, dict[str, str]] = field(default_factory=dict)
    """Other columns of a pod's line."""

    def events(self) -> list[tuple[str, list[Row]]]:
        """Kind and rows, as `driftledger replay events` takes them."""
        of_kind = {"device": self.devices, "allocation": self.held, "gpu": self.seen}
        return [
            (kind, [{"cluster": self.name, "node": "n1", **row} for row in rows])
            for kind, rows in of_kind.items()
            if rows
        ]


def card(device: str, gpu_model: str = H100, **more: Any) -> Row:
    lasts = {"start": START, "end": END, "time": END, "revision": 1}
    return {"device": device, "gpu_model": gpu_model, **lasts, **more}


def of_node(resource: str, quantity: int) -> Row:
    """All cores (in millicores) or all memory (in bytes) of the node."""
    return card(f"n1/{resource}", "", resource=resource, quantity=quantity)


def partition(device: str, profile: str, of: str, gpu_model: str = A100) -> Row:
    return card(device, gpu_model, parent_device=of, mig_profile=profile)


def pod(name: str, device: str, share: tuple[int, int] = (1, 1), **more: Any) -> Row:
    who = {"consumer_uid": name, "pod": name, "namespace": "ml", "team": name, "container": "main"}
    units = {"share_units": share[0], "device_units": share[1]}
    return {"device": device, **who, **units, "start": START, "end": END, "time": END, "revision": 1, **more}


def used(name: str, device: str, ratio: float) -> Row:
    """A pod's part of all that the node has, over the hour."""
    return {**busy(device, ratio), "namespace": "ml", "pod": name, "confidence": "process"}


def busy(device: str, util_ratio: float) -> Row:
    return {"device": device, "time": END, "interval_seconds": 3600, "util_ratio": util_ratio}
