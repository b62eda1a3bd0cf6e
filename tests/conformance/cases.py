"""The cases; what OpenCost would say is read from its source at commit 30608b8 and from its documentation."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

from tests.conformance import through
from tests.conformance.case import (
    A100,
    END,
    H100,
    START,
    Case,
    Row,
    busy,
    card,
    of_node,
    partition,
    pod,
    used,
)  # fmt: skip

HALF_PAST, QUARTER_TO = "2026-10-05T00:30:00Z", "2026-10-05T00:45:00Z"

_NO_DEVICE = "requests nvidia.com/gpu.shared are not read: the pods cost nothing, the card is all idle"
_MIG = "single strategy: each slice is charged as a card; mixed strategy: mig-* is not read"
_REQUEST_ONLY = "counts requests of nvidia.com/gpu, one node price a physical GPU"

CASES = (
    Case(
        "whole-card", "A card held for half an hour, at 60 % work",
        [card("GPU-1")],
        [pod("a", "GPU-1", end=HALF_PAST, time=HALF_PAST)],
        {"a": "3.5", "cluster_idle": "3.5"}, "3.50", "the same: 0.5 GPU-hours at 7.00",
        seen=[{**busy("GPU-1", 0.6), "time": HALF_PAST, "interval_seconds": 1800}], efficiency="60",
        shows={"a": {"used_cost": "2.1", "workload_idle_cost": "1.4"}},
    ),
    Case(
        "mig-seven", "Seven 1g.5gb slices of one A100-40GB",
        [card("GPU-1", A100), *(partition(f"MIG-{n}", "1g.5gb", "GPU-1") for n in range(7))],
        [pod(f"p{n}", f"MIG-{n}") for n in range(7)],
        {f"p{n}": "1" for n in range(7)}, "49.00 or 0.00", _MIG,
    ),
    Case(
        "mig-mixed", "3g.20gb and 2g.10gb of one A100-40GB: the rest is stranded",
        [card("GPU-1", A100), partition("MIG-0", "3g.20gb", "GPU-1"), partition("MIG-1", "2g.10gb", "GPU-1")],
        [pod("a", "MIG-0"), pod("b", "MIG-1")],
        {"a": "3.5", "b": "2", "stranded": "1.5"}, "14.00 or 0.00", _MIG,
    ),
    Case(
        "mig-memory", "1g.10gb of an A100-40GB: a quarter of its memory, a seventh of its compute",
        [card("GPU-1", A100), *(partition(f"MIG-{n}", "1g.10gb", "GPU-1") for n in range(4))],
        [pod("a", "MIG-0")],
        {"a": "1.75", "cluster_idle": "5.25"}, "7.00 or 0.00", _MIG,
    ),
    Case(
        "time-slicing", "Four replicas of a card, three held, whatever the resource is called",
        [card("GPU-1")],
        [pod(f"p{n}", "GPU-1", (1, 4), share_id=str(n), method="time-slicing") for n in range(3)],
        {**{f"p{n}": "1.75" for n in range(3)}, "cluster_idle": "1.75"}, "0.00 or 21.00",
        "renameByDefault=true: " + _NO_DEVICE + "; false: each replica is charged as a card",
    ),
    Case(
        "mps", "The same card under MPS: the same money",
        [card("GPU-1")],
        [pod(f"p{n}", "GPU-1", (1, 4), share_id=str(n), method="mps") for n in range(3)],
        {**{f"p{n}": "1.75" for n in range(3)}, "cluster_idle": "1.75"}, "0.00 or 21.00", "as above",
    ),
    Case(
        "hami", "HAMi: four pods of 25 % each are one GPU-hour",
        [card("GPU-1")],
        [pod(f"p{n}", "GPU-1", (25, 100)) for n in range(4)],
        {f"p{n}": "1.75" for n in range(4)}, "28.00", "fractions are not supported (#3828)",
    ),
    Case(
        "hami-memory", "HAMi: a tenth of the cores with half of the memory is half of the card",
        [card("GPU-1")],
        [pod("a", "GPU-1", (50, 100)), pod("b", "GPU-1", (25, 100))],
        {"a": "3.5", "b": "1.75", "cluster_idle": "1.75"}, "14.00", "fractions are not supported (#3828)",
    ),
    Case(
        "vgpu", "vGPU: two of the four virtual GPUs of a card are held",
        [card("GPU-1")],
        [pod("a", "GPU-1", (1, 4), share_id="0"), pod("b", "GPU-1", (1, 4), share_id="1")],
        {"a": "1.75", "b": "1.75", "cluster_idle": "3.5"}, "1.40",
        "a k8s.amazonaws.com/vgpu is a tenth of a card, however many there are",
    ),
    Case(
        "discount", "10 % off what the provider lists: off the GPU too",
        [card("GPU-1")], [pod("a", "GPU-1")], {"a": "6.3"}, "7.00",
        "a node's discount is taken off its CPU and memory, not off its GPU", discount="10",
    ),
    Case(
        "dra-counters", "DRA shared counters: 9984Mi of 40320Mi",
        [card("GPU-1", A100)],
        [pod("a", "GPU-1", (9984, 40320), method="dra-partition")],
        {"a": "1.733333333", "cluster_idle": "5.266666667"}, "none", "claims are a data model without a cost",
    ),
    Case(
        "dra-capacity", "DRA consumable capacity: 20Gi and 10Gi of 80Gi on one shared device",
        [card("GPU-1")],
        [pod("a", "GPU-1", (2, 8), share_id="s1"), pod("b", "GPU-1", (1, 8), share_id="s2")],
        {"a": "1.75", "b": "0.875", "cluster_idle": "4.375"}, "none", "consumedCapacity is not read",
    ),
    Case(
        "dra-one-claim", "One claim reserved by two pods",
        [card("GPU-1")],
        [pod("a", "GPU-1", (1, 2), claim_uid="c"), pod("b", "GPU-1", (1, 2), claim_uid="c")],
        {"a": "3.5", "b": "3.5"}, "none", "claims are a data model without a cost",
    ),
    Case(
        "admin-access", "A monitor with adminAccess beside the holder: seen, never billed",
        [card("GPU-1")],
        [pod("a", "GPU-1"), pod("monitor", "GPU-1", admin_access=True)],
        {"a": "7"}, "none", "claims are a data model without a cost",
    ),
    Case(
        "eight-busy", "Eight cards at full work are 100 % efficient",
        [card(f"GPU-{n}") for n in range(8)],
        [pod("a", f"GPU-{n}") for n in range(8)],
        {"a": "56"}, "56.00, gpuEfficiency 12.5 %", "the mean of 0 to 1 is divided by the count of GPUs",
        seen=[busy(f"GPU-{n}", 1.0) for n in range(8)], efficiency="100",
        shows={"a": {"used_cost": "56", "busy_gpu_hours": "8", "allocated_gpu_hours": "8"}},
    ),
    Case(
        "eight-idle", "Eight cards held without any work",
        [card(f"GPU-{n}") for n in range(8)],
        [pod("a", f"GPU-{n}") for n in range(8)],
        {"a": "56"}, "56.00, totalEfficiency up to 100 %", "totalEfficiency leaves GPUs out",
        seen=[busy(f"GPU-{n}", 0.0) for n in range(8)], efficiency="0",
        shows={"a": {"used_cost": "0", "workload_idle_cost": "56"}},
    ),
    Case(
        "two-claims-clash", "Two sources each say that their pod holds the whole card",
        [card("GPU-1")],
        [pod("a", "GPU-1"), pod("b", "GPU-1")],
        {"a": "3.5", "b": "3.5"}, "14.00", _REQUEST_ONLY,
    ),
    Case(
        "broken-card", "A card that cannot be allocated for half an hour",
        [
            card("GPU-1", H100, end=HALF_PAST, health="unhealthy"),
            card("GPU-1", H100, start=HALF_PAST, end=END),
        ],
        [pod("a", "GPU-1", start=QUARTER_TO)],
        {"a": "1.75", "cluster_idle": "1.75", "unhealthy": "3.5"}, "1.75", "unhealthy time is idle time",
    ),
    Case(
        "falls-ill", "A card turns unhealthy at half past, and its holder leaves at a quarter to",
        [
            card("GPU-1", H100, end=HALF_PAST),
            card("GPU-1", H100, start=HALF_PAST, health="unhealthy"),
        ],
        [pod("a", "GPU-1", end=QUARTER_TO)],
        {"a": "5.25", "unhealthy": "1.75"}, "5.25", "unhealthy time is idle time",
    ),
    Case(
        "claim-joined", "At half past a second team's pod joins the claim of the first",
        [card("GPU-1")],
        [
            pod("a", "GPU-1", end=HALF_PAST, claim_uid="c"),
            pod("a", "GPU-1", (1, 2), start=HALF_PAST, claim_uid="c"),
            pod("b", "GPU-1", (1, 2), start=HALF_PAST, claim_uid="c"),
        ],
        {"a": "5.25", "b": "1.75"}, "none", "claims are a data model without a cost",
    ),
    Case(
        "reshaped", "Seven slices of which one is held; at half past the card is whole again, and held",
        [
            card("GPU-1", A100),
            *({**partition(f"MIG-{n}", "1g.5gb", "GPU-1"), "end": HALF_PAST} for n in range(7)),
        ],
        [pod("a", "MIG-3", end=HALF_PAST), pod("b", "GPU-1", start=HALF_PAST)],
        {"a": "0.5", "b": "3.5", "cluster_idle": "3"}, "7.00 or 3.50", _MIG,
    ),
    Case(
        "overhead", "A monitor that serves all holds a card of its own",
        [card("GPU-1"), card("GPU-2")],
        [pod("a", "GPU-1"), pod("dcgm", "GPU-2", namespace="gpu-operator", team="")],
        {"a": "7", "dcgm": "7"}, "14.00", "shared costs are asked for, by namespace, in each request",
        shows={"dcgm": {"shared_cost": "7", "workload_idle_cost": "0"}},
    ),
)  # fmt: skip


def _told(
    name: str,
    title: str,
    objects: Sequence[through.Object],
    pays: dict[str, str],
    opencost: str,
    why: str,
    replicas: str = "",
) -> Case:
    """Of the objects of a cluster, by the collector with that setting."""
    return Case(name, title, *through.devices_and_holders(objects, replicas), pays, opencost, why)


def _replicas(resource: str) -> list[through.Object]:
    sharing = {"gpu_replicas": "4", "gpu_sharing-strategy": "time-slicing"}
    shared = through.node({resource: 4}, gpu_product="NVIDIA-L4", **sharing)
    return [shared, *(through.pod(f"p{n}", resource) for n in range(3))]


def _vgpus(*names: str) -> list[through.Object]:
    """Eight of two cards, the first three held, as a plugin calls them."""
    given = [through.pod(f"p{n}", _VGPU, given={_VGPU: [name]}) for n, name in enumerate(names)]
    return [through.node({_VGPU: 8}), *given]


def _hami(*parts: str) -> list[through.Object]:
    """Parts are memory in MiB and cores in per cent, of a card of 16,000 MiB."""
    card = '[{"id":"GPU-1","count":10,"devmem":16000,"devcore":100,"type":"NVIDIA T4","health":true}]'
    given = "hami.io/vgpu-devices-allocated"
    pods = [
        through.pod(name, annotations={given: f"GPU-1,NVIDIA,{part}:;"})
        for name, part in zip("abcd", parts, strict=False)
    ]
    return [through.node({"nvidia.com/gpu": 10}, {"hami.io/node-nvidia-register": card}), *pods]


def _slices(*profiles: str) -> list[through.Object]:
    names = {"gpu_product": "NVIDIA-A100-SXM4-40GB", "gpu_count": "1", "mig_strategy": "mixed"}
    node = through.node({f"nvidia.com/mig-{p}": profiles.count(p) for p in profiles}, **names)
    return [node, *(through.pod(n, f"nvidia.com/mig-{p}") for n, p in zip("abcdefg", profiles, strict=False))]


_THIRD = {f"p{n}": "1.75" for n in range(3)} | {"cluster_idle": "1.75"}

_VGPU = "k8s.amazonaws.com/vgpu"
_OF_EIGHT = {f"p{n}": "1.75" for n in range(3)} | {"cluster_idle": "8.75"}

TOLD = (
    _told("objects-mig-3g-4g", "3g.20gb and 4g.20gb by the device plugin: 15/14 of the shares are one card",
          _slices("3g.20gb", "4g.20gb"), {"a": "3.266666666", "b": "3.733333334"}, "14.00 or 0.00", _MIG),
    _told("objects-mig-3g-2g", "3g.20gb and 2g.10gb by the device plugin: the same as by DRA",
          _slices("3g.20gb", "2g.10gb"), {"a": "3.5", "b": "2", "stranded": "1.5"}, "14.00 or 0.00", _MIG),
    _told("objects-replicas-renamed", "Four replicas, renamed to nvidia.com/gpu.shared, three held",
          _replicas("nvidia.com/gpu.shared"), _THIRD, "0.00", _NO_DEVICE),
    _told("objects-replicas", "Four replicas under the name nvidia.com/gpu, three held: the same money",
          _replicas("nvidia.com/gpu"), _THIRD, "21.00", "each replica is charged as a card"),
    _told("objects-vgpu", "AWS's vGPUs, four of each of two cards by the setting allocation.replicas",
          _vgpus("GPU-1-0", "GPU-1-1", "GPU-2-0"), _OF_EIGHT, "2.10",
          "a k8s.amazonaws.com/vgpu is a tenth of a card, however many there are", f"{_VGPU}=4"),
    _told("objects-hami", "HAMi's annotations: four pods of a quarter, by cores or by memory",
          _hami("4000,25", "4000,10", "100,25", "4000,25"),
          dict.fromkeys("abcd", "1.75"), "28.00", "fractions are not supported (#3828)"),
    _told("objects-hami-memory", "HAMi's annotations: half of the memory with a tenth of the cores",
          _hami("8000,10", "4000,25"),
          {"a": "3.5", "b": "1.75", "cluster_idle": "1.75"}, "14.00", "fractions are not supported (#3828)"),
)  # fmt: skip
"""Told by the collector of nodes and pods, not by events written down here."""

IDLE = Case(
    "idle-weighted", "Idle time shared by weight: OpenCost's formula, idle x alloc / sum of alloc",
    [card(f"GPU-{n}") for n in range(4)],
    [pod("a", "GPU-0"), pod("a", "GPU-1"), pod("b", "GPU-2", start=START, end=END)],
    {"a": "18.666666667", "b": "9.333333333", "cluster_idle": "0"}, "18.67 and 9.33", "the same",
)  # fmt: skip


def _node(name: str, title: str, pays: dict[str, str], opencost: str, why: str) -> Case:
    """Eight GPUs, 192 cores and 2 TiB at 55.04 dollars an hour."""
    gib = 2**30
    held: list[Row] = []
    for who, gpus, cores, memory in (("a", range(6), 96, 1024), ("b", range(6, 8), 48, 512)):
        held += [pod(who, f"GPU-{n}") for n in gpus]
        held += [pod(who, "n1/cpu", (cores, 192)), pod(who, "n1/memory", (memory, 2048))]
    devices = [card(f"GPU-{n}") for n in range(8)]
    devices += [of_node("cpu", 192_000), of_node("memory", 2048 * gib)]
    return Case(name, title, devices, held, pays, opencost, why, price="6.88")


_HELD = "six GPUs with half of the cores and memory, two with a quarter; a quarter is free"
_RATIO = "the same: a GPU at 0.95, a core at 0.031611, a GiB at 0.004237, scaled to the node's price"
_OWN = "by its own ratio, one for all models of GPU"

METHODS = (
    _node("opencost", f"OpenCost's ratio: a GPU of an 8 x H100 node is 2.34; {_HELD}",
          {"a": "32.199709138", "b": "13.76", "cluster_idle": "9.080290862"}, "45.96", _RATIO),
    _node("aws-split", "AWS's split cost allocation, 9:1: a GPU is 1.10",
          {"a": "29.723558722", "b": "13.76", "cluster_idle": "11.556441278"}, "45.96", _OWN),
    _node("datadog", "Datadog's 95/3/2: a GPU is 6.54",
          {"a": "40.592", "b": "13.76", "cluster_idle": "0.688"}, "45.96", _OWN),
)  # fmt: skip
"""Each is asked with the method of its name."""


def _aws(
    name: str,
    title: str,
    node: tuple[int, int, int],
    pods: Sequence[tuple[int, float, float, float, float]],
    pays: Sequence[str],
    stated: str,
    **more: Any,
) -> Case:
    """A node of GPUs, cores and GiB; of each pod its GPUs, cores reserved and used, GiB reserved and used.

    `stated` is what AWS says that each pays, in cents.
    """
    gpus, cores, gib = node
    devices = [*(card(f"GPU-{n}", "") for n in range(gpus)), of_node("cpu", cores * 1_000)]
    devices.append(of_node("memory", gib * 2**30))
    held: list[Row] = []
    seen: list[Row] = []
    for number, (has, *each) in enumerate(pods, 1):
        first = sum(one[0] for one in pods[: number - 1])
        held += [pod(f"p{number}", f"GPU-{n}") for n in range(first, first + has)]
        for place, whole, reserved, burnt in (("cpu", cores, *each[:2]), ("memory", gib, *each[2:])):
            held.append(pod(f"p{number}", f"n1/{place}", (round(reserved * 1_000), whole * 1_000)))
            seen.append(used(f"p{number}", f"n1/{place}", burnt / whole))
    paid = {f"p{number}": amount for number, amount in enumerate(pays, 1)}
    return Case(name, title, devices, held, paid, stated, "", seen=seen, **more)


AWS = (
    _aws("aws-example", "4 cores and 16 GB at 1.00 dollars: one of four pods uses more than it reserves",
         (0, 4, 16), [(0, 1, 0.1, 4, 3), (0, 1, 1.9, 4, 6), (0, 1, 0.5, 2, 2), (0, 1, 0.5, 2, 2)],
         ["0.229199370", "0.400313976", "0.185243327", "0.185243327"], "0.23, 0.40, 0.19, 0.19",
         price="1", cores=4),
    _aws("aws-accelerated", "8 GPUs, 64 cores and 488 GB at 10.00 dollars: a GPU is nine cores with a GB",
         (8, 64, 488), [(1, 16, 4, 100, 60), (3, 16, 18, 100, 140), (2, 16, 4, 100, 60), (2, 16, 4, 100, 40)],
         ["1.908886369", "3.264372281", "2.413370675", "2.413370675"], "1.91, 3.26, 2.41, 2.41",
         price="1.25"),
)  # fmt: skip
"""AWS's two examples of split cost allocation data; asked by its method, idle time by weight."""
