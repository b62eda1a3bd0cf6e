"""Rows of a case as the allocation collector tells them of Kubernetes objects that are there for its hour."""

from __future__ import annotations

import json
from collections.abc import Sequence
from datetime import datetime
from typing import Any, Literal

from collectors.live.allocation.parameters import AllocationSettings
from collectors.live.allocation.source import kinds
from collectors.live.kube.news import News
from tests.allocation import kube_shapes as k
from tests.allocation.test_allocation_cases import Scene
from tests.conformance.case import END, START, Row

Object = tuple[str, dict[str, Any]]
"""Its kind, such as pods, and what the API server says of it."""


def node(capacity: dict[str, int], annotations: dict[str, str] | None = None, **labels: str) -> Object:
    """Labels are of NVIDIA's feature discovery: `gpu.product` is written gpu_product."""
    told = k.node(capacity={name: str(n) for name, n in capacity.items()}, annotations=annotations)
    told["metadata"] |= {"creationTimestamp": START}
    told["metadata"]["labels"] = {f"nvidia.com/{name.replace('_', '.')}": v for name, v in labels.items()}
    return "nodes", told


def pod(name: str, resource: str = "nvidia.com/gpu", **more: Any) -> Object:
    limits = {resource: "1"} if resource else {}
    labels = {"team": name}
    return "pods", k.pod(name, limits=limits, bound=START, uid=name, labels=labels, **more)


def devices_and_holders(objects: Sequence[Object], replicas: str = "") -> tuple[list[Row], list[Row]]:
    """All of them appear at the hour's start and are gone at its end; `replicas` as the setting has them."""
    reduced = {kind.name: kind.reduce for kind in kinds(AllocationSettings(replicas=replicas))}
    scene = Scene()
    times: tuple[tuple[Literal["put", "gone"], str], ...] = (("put", START), ("gone", END))
    for what, time in times:
        at = _micros(time)
        told = ((kind, json.dumps(one).encode()) for kind, one in objects)
        scene(*(News(kind, what, reduced[kind](one), at) for kind, one in told), at=at)
    return [_plain(row) for row in scene.devices.values()], [_plain(row) for row in scene.rows.values()]


def _micros(time: str) -> int:
    return round(datetime.fromisoformat(time).timestamp() * 1e6)


def _plain(row: Row) -> Row:
    """As an event has it; the case says the cluster."""
    told = {name: value for name, value in row.items() if value is not None and name != "cluster"}
    return {name: _text(value) if isinstance(value, datetime) else value for name, value in told.items()}


def _text(time: datetime) -> str:
    return time.strftime("%Y-%m-%dT%H:%M:%SZ")
