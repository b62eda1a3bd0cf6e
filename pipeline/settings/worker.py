"""A worker: how much it takes at once, what it may hold, and where it tells how it is."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Annotated

from pipeline.bounds import Bound


@dataclass(frozen=True, slots=True)
class WorkerSettings:
    group: str = "driftledger"
    """Consumer group: the workers of one group share the partitions, and write one ledger."""
    name: str = "worker-0"
    """Identity within the group, the same after a restart and no other worker's: a restarted worker has its
    partitions back at once, and none are moved meanwhile."""
    take_messages: Annotated[int, Bound(1, 10_000)] = 1_000
    """Most messages of one lake transaction: it costs 50 ms, and 10 for each partition in it."""
    take_bytes: Annotated[int, Bound(1_100_000, 1e9)] = 66_000_000
    """Most bytes of messages of one lake transaction.  While one is committed another is folded."""
    take_seconds: Annotated[float, Bound(0.05, 5)] = 0.5
    """Longest wait for take_messages: how late a lone message may be in the ledger."""
    buffer_messages: Annotated[int, Bound(10, 1e6)] = 2_000
    """Most messages read ahead."""
    buffer_bytes: Annotated[int, Bound(1_100_000, 1e10)] = 56_000_000
    """Most bytes of messages read ahead: what a worker's memory is bounded by."""
    session_seconds: Annotated[float, Bound(1, 90)] = 30.0
    """A worker that is silent for so long loses its partitions to the others; one that never comes back keeps
    them idle for so long."""
    check_seconds: Annotated[float, Bound(0.5, 60)] = 5.0
    """How often lag, topics and free space are looked at."""
    stop_seconds: Annotated[float, Bound(1, 600)] = 10.0
    """Longest time from SIGTERM to the end; what is not finished by then is read again."""
    health_host: str = "127.0.0.1"
    """Address of /healthz, /readyz and /metrics."""
    health_port: Annotated[int, Bound(0, 65_535)] = 9464
    """TCP port of these; 0 picks a free one, which the log names."""
