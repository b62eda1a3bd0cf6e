"""Which device an exposition sample speaks of, and which pod held it."""

from __future__ import annotations

from collections.abc import Mapping
from typing import NamedTuple

Labels = Mapping[str, str]
_UNTOLD = ("", "NONE", "NA", "N/A")
"""How AMD's exporter writes what it does not know (its issues 135, 219 and 233)."""


class Device(NamedTuple):
    node: str
    device: str
    """MIG UUID, GPU UUID with /GI-id where the MIG UUID is not told, or an AMD serial number."""
    physical: str
    """The device itself, or the one that it is a partition of."""
    gpu_model: str | None
    mig_profile: str | None

    @property
    def partition(self) -> bool:
        return self.device != self.physical


class Holder(NamedTuple):
    namespace: str
    pod: str
    container: str


def device_of(labels: Labels) -> Device | None:
    """None where no label names a device."""
    node = first(labels, "Hostname", "hostname", "node", "instance")
    physical = first(labels, "UUID", "uuid") or _amd_card(labels)
    number = first(labels, "gpu", "gpu_id")
    if not physical and node and number:
        physical = f"{node}/{number}"
    if not physical:
        return None
    model = first(labels, "modelName", "card_series", "card_model", "dev_name")
    profile = first(labels, "GPU_I_PROFILE", "dra_mig_profile")
    return Device(node or "unknown", _identity(labels, physical), physical, model or None, profile or None)


def _identity(labels: Labels, physical: str) -> str:
    mig_uuid = labels.get("dra_mig_device_uuid")
    if mig_uuid:
        return mig_uuid
    if labels.get("GPU_I_ID"):
        return f"{physical}/{labels['GPU_I_ID']}"
    amd_partition = _amd_partition(labels)
    return f"{physical}/{amd_partition}" if amd_partition else physical


def _amd_card(labels: Labels) -> str:
    """A virtual machine's cards have neither name: a uuid of zeros, and no serial number or N/A."""
    serial, uuid = labels.get("serial_number", ""), labels.get("gpu_uuid", "")
    told = (serial if serial.upper() not in _UNTOLD else "", uuid if uuid.strip("0-") else "")
    # Partitions have a uuid each, and their card's serial number.
    return next(filter(None, told if _amd_partition(labels) else told[::-1]), "")


def _amd_partition(labels: Labels) -> str:
    """Its number on its card; '' where the card is whole."""
    kind, number = labels.get("gpu_compute_partition_type", ""), labels.get("gpu_partition_id", "")
    is_whole = kind.upper() in ("SPX", *_UNTOLD)
    return number if not is_whole and number.isdecimal() else ""


def no_device(labels: Labels) -> str | None:
    """The name under which a line of Intel's is left out that speaks of less or more than a device."""
    if labels.get("sub_dev"):
        return "tile_of_a_device"
    return "card_of_devices" if labels.get("card") and device_of(labels) is None else None


def holder_of(labels: Labels) -> Holder | None:
    """The workload: Prometheus moves its labels to exported_* when its own target labels collide."""
    if labels.get("kube_pod"):
        return Holder(labels.get("kube_namespace", ""), labels["kube_pod"], labels.get("kube_container", ""))
    prefix = "exported_" if labels.get("exported_pod") else ""
    pod = first(labels, f"{prefix}pod", f"{prefix}pod_name")
    if not pod:
        return None
    return Holder(
        first(labels, f"{prefix}namespace", f"{prefix}pod_namespace"),
        pod,
        # A target without a label of this name leaves the workload's where it is.
        first(labels, f"{prefix}container", f"{prefix}container_name", "container", "container_name"),
    )


def holder_uid(labels: Labels) -> str:
    """The pod's uid, where its exporter is asked to tell it (dcgm-exporter: --kubernetes-enable-pod-uid)."""
    names = ("exported_pod_uid", "pod_uid", "exported_UID", "UID", "exported_pod_uuid", "pod_uuid")
    return first(labels, *names)


def first(labels: Labels, *names: str) -> str:
    return next((labels[n] for n in names if labels.get(n)), "")
