"""Which DRA drivers give out accelerators; others so give out network cards, cores and memory."""

from __future__ import annotations

import re

_COMPUTE_DOMAIN = "compute-domain.nvidia.com"
"""NVIDIA's driver for channels between nodes."""
_NAMED = frozenset({"dra.net", "dra.cpu", "dra.memory"})
"""The first is DRANET, as EKS and AKS have it; GKE's is mrdma.google.com and netdev.google.com."""
_ACCELERATORS = frozenset({"gpu", "npu", "tpu", "xpu"})
_OTHERS = frozenset(
    {"net", "network", "networking", "netdev", "nic", "rdma", "mrdma", "roce", "infiniband", "sriov", "cni"}
    | {"sriovnetwork", "cpu", "memory", "hugepages", "qat", "usb"}
)
"""Words of drivers' names."""


def left_out(driver: str) -> str | None:
    """Why a driver's devices are none that is accounted, by name; None where they are.

    A price of an instance is for each device of a node: with its network cards among them it would be paid
    several times.
    """
    if driver == _COMPUTE_DOMAIN:
        return "compute_domain"
    words = re.split(r"[^a-z0-9]+", driver.lower())[:-1]
    other = not _ACCELERATORS.intersection(words) and not _OTHERS.isdisjoint(words)
    return "no_accelerator" if other or driver in _NAMED else None
