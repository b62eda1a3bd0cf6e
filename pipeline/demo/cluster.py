"""The demo's cluster: five GPUs on four nodes, three teams, and who holds what share of which device."""

from __future__ import annotations

from dataclasses import dataclass

CLUSTER = "demo"
PROVIDER, REGION = "aws", "us-east-1"


@dataclass(frozen=True, slots=True)
class Gpu:
    """One card; `duty` is the mean utilisation by day, `memory_bytes` all it has."""

    device: str
    node: str
    gpu_model: str
    instance_type: str
    zone: str
    memory_bytes: float
    duty: float


@dataclass(frozen=True, slots=True)
class Holding:
    """A workload that holds units / of_units of a card from `first_day` before the end of history."""

    device: str
    team: str
    namespace: str
    workload: str
    pod: str
    method: str
    units: int
    of_units: int
    model: str = ""


_GB = 1e9
_A100, _H100, _L4 = "NVIDIA A100-SXM4-40GB", "NVIDIA H100 80GB HBM3", "NVIDIA L4"

GPUS = (
    Gpu("GPU-a100-whole-0", "gpu-a", _A100, "p4d.24xlarge", "us-east-1a", 40 * _GB, 0.72),
    Gpu("GPU-a100-whole-1", "gpu-a", _A100, "p4d.24xlarge", "us-east-1a", 40 * _GB, 0.0),
    Gpu("GPU-a100-mig-0", "gpu-b", _A100, "p4d.24xlarge", "us-east-1b", 40 * _GB, 0.35),
    Gpu("GPU-l4-sliced-0", "gpu-c", _L4, "g6.xlarge", "us-east-1a", 24 * _GB, 0.22),
    Gpu("GPU-h100-shared-0", "gpu-d", _H100, "p5.48xlarge", "us-east-1b", 80 * _GB, 0.55),
)

HOLDINGS = (
    Holding("GPU-a100-whole-0", "research", "research", "Job/pretrain", "pretrain-0", "whole", 1, 1),
    Holding("GPU-a100-whole-1", "research", "research", "StatefulSet/notebook", "notebook-0", "whole", 1, 1),
    Holding(
        "GPU-a100-mig-0",
        "clinic",
        "clinic",
        "Deployment/tumour-screen",
        "tumour-screen-0",
        "mig",
        3,
        7,
        "tumour-screen",
    ),
    Holding("GPU-a100-mig-0", "research", "research", "Deployment/embedder", "embedder-0", "mig", 2, 7),
    Holding(
        "GPU-l4-sliced-0",
        "post",
        "post",
        "Deployment/digit-reader",
        "digit-reader-0",
        "time-slicing",
        1,
        4,
        "digit-reader",
    ),
    Holding(
        "GPU-l4-sliced-0",
        "post",
        "post",
        "Deployment/digit-reader",
        "digit-reader-1",
        "time-slicing",
        1,
        4,
        "digit-reader",
    ),
    Holding(
        "GPU-l4-sliced-0", "clinic", "clinic", "Deployment/triage-chat", "triage-chat-0", "time-slicing", 1, 4
    ),
    Holding(
        "GPU-h100-shared-0", "post", "post", "Deployment/address-llm", "address-llm-0", "dra-shared", 40, 80
    ),
    Holding(
        "GPU-h100-shared-0",
        "research",
        "research",
        "Deployment/summary-llm",
        "summary-llm-0",
        "dra-shared",
        20,
        80,
    ),
)

PATHS = (
    # source workload, its namespace, zone; destination pod or none, destination IP, zone
    ("Deployment/tumour-screen", "clinic", "us-east-1b", "feature-store-0", "10.0.1.9", "us-east-1b"),
    ("Deployment/tumour-screen", "clinic", "us-east-1b", "archive-0", "10.0.2.4", "us-east-1a"),
    ("Deployment/digit-reader", "post", "us-east-1a", "queue-0", "10.0.1.20", "us-east-1a"),
    ("Deployment/address-llm", "post", "us-east-1b", "", "93.184.216.34", ""),
    ("Job/pretrain", "research", "us-east-1a", "dataset-0", "10.0.3.7", "us-east-1b"),
)
"""Where the demo's traffic goes: inside a zone, across zones, to the internet."""
