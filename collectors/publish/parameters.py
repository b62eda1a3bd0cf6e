"""The settings of the producer: how much it holds in memory and on disk, and how long it waits."""

from __future__ import annotations

from dataclasses import dataclass
from enum import StrEnum
from pathlib import Path
from typing import Annotated

from pipeline.bounds import Bound


class Compression(StrEnum):
    none = "none"
    lz4 = "lz4"


@dataclass(frozen=True, slots=True)
class PublishSettings:
    batch_bytes: Annotated[int, Bound(16_384, 1_000_000)] = 300_000
    """Bytes up to which waiting messages of a partition go to the broker together."""
    in_flight_bytes: Annotated[int, Bound(1_200_000, 1e10)] = 33_554_432
    """Bytes of messages in memory that the broker has not acknowledged; then a source waits."""
    compression: Compression = Compression.lz4
    """none or lz4: what batches are packed with on the way and on the broker's disk."""
    spool_folder: Path = Path("driftledger-spool")
    """Folder for what waits while no broker answers, one for each process; a collector adds its name."""
    spool_bytes: Annotated[int, Bound(4_000_000, 1e15)] = 1_073_741_824
    """Bytes of that folder at which sources have to wait: nothing is ever dropped."""
    delivery_timeout_seconds: Annotated[float, Bound(2, 3_600)] = 30.0
    """Seconds without an acknowledgement after which messages go from memory to the spool."""
