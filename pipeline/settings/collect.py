"""Live collectors: which cluster they speak of, where they keep their place, where their events go."""

from __future__ import annotations

from dataclasses import dataclass
from enum import StrEnum
from pathlib import Path
from typing import Annotated

from pipeline.bounds import Bound


class Target(StrEnum):
    kafka = "kafka"
    ledger = "ledger"


@dataclass(frozen=True, slots=True)
class CollectSettings:
    cluster: str = "default"
    """Name of the cluster in every event."""
    to: Target = Target.kafka
    """kafka: workers bring it into the ledger; ledger: straight into store.*, on one host with no broker."""
    state_folder: Path = Path("driftledger-collect")
    """What a collector must not forget, its cursor and the turn in hand: a folder that outlives it."""
    health_host: str = "127.0.0.1"
    """Address of /healthz, /readyz and /metrics."""
    health_port: Annotated[int, Bound(0, 65_535)] = 9465
    """TCP port of these; 0 picks a free one, which the log names."""
