"""Names that stand in GenTD26 events for what the trace does not tell."""

from __future__ import annotations

import pyarrow as pa
import pyarrow.compute as pc

NODE = "unknown"
NAMESPACE = "gentd26"
GPU_MODEL = "GenTD26 GPU"
"""The one to put into a price book."""

MODEL = "stable-diffusion"
REQUEST_MODEL = "stable-diffusion-requests"
"""User-side requests name a checkpoint but no pod, so they are a model of their own."""
VERSION = "unknown"


def devices(ips: pa.Array) -> pa.Array:
    """Each pod has one GPU, named after the pod."""
    return pc.binary_join_element_wise("gpu", ips, "-")


def workloads(ips: pa.Array) -> pa.Array:
    return pc.binary_join_element_wise("Pod", ips, "/")
