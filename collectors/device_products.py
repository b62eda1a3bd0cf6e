"""What a device of a resource is called in price lists: the label of its vendor, else the resource itself.

Labels: NVIDIA GPU feature discovery, AMD's node labeller, Intel's NFD rules, GKE and Karpenter.
"""

from __future__ import annotations

from collections.abc import Mapping

_OF_NVIDIA = (
    "nvidia.com/gpu.product",
    "cloud.google.com/gke-accelerator",
    "karpenter.k8s.aws/instance-gpu-name",
)
_NVIDIA = ("nvidia.com/", "k8s.amazonaws.com/vgpu")
"""AWS's vgpu is a part of an NVIDIA card."""
_LABELS = {
    **dict.fromkeys(_NVIDIA, _OF_NVIDIA),
    "amd.com/": ("amd.com/gpu.product-name", "beta.amd.com/gpu.product-name"),
    "gpu.intel.com/": ("gpu.intel.com/product",),
    "google.com/tpu": ("cloud.google.com/gke-tpu-accelerator",),
    "aws.amazon.com/neuron": ("karpenter.k8s.aws/instance-accelerator-name",),
}
"""By the beginning of the resource's name; the first label that is there."""
GPUS = (*_NVIDIA, "amd.com/", "gpu.intel.com/")
"""Resources whose devices have many products: the resource's name tells none."""
LABELS = frozenset(label for labels in _LABELS.values() for label in labels)


def product(resource: str, labels: Mapping[str, str]) -> str:
    """Of the card, whatever part of it the resource is; '' where it is a GPU and no label tells which."""
    found = next((labels for start, labels in _LABELS.items() if resource.startswith(start)), ())
    told = next((text for label in found if (text := labels.get(label))), "")
    if resource.startswith(_NVIDIA):
        return told.removesuffix("-SHARED").partition("-MIG-")[0]
    return told or ("" if resource.startswith(GPUS) else resource)
