"""Numbers of a publisher, for /metrics, for a log line, for the account of a command."""

from __future__ import annotations

from dataclasses import dataclass


@dataclass(frozen=True, slots=True)
class Stats:
    """taken = acknowledged + in memory + in the spool, once the spool of an earlier run is drained."""

    messages: int
    """Taken since the start, in messages."""
    bytes: int
    """Taken since the start, in bytes of values."""
    refused: int
    """Rows refused because one alone is larger than a message may be; each is in the rejected topic."""
    acknowledged: int
    """Messages that the broker has in all its copies, those of an earlier run's spool too."""
    in_memory_messages: int
    """Neither acknowledged nor in the spool: a crash takes them, and their source sends them again."""
    in_flight_bytes: int
    """Given to the producer and not acknowledged, up to publish.in_flight_bytes."""
    spooled_messages: int
    spooled_bytes: int
    """On the disk, up to publish.spool_bytes."""
    torn_bytes: int
    """Bytes of the spool that could not be read back."""
    oldest_spooled_seconds: float
    """Age of the first message in the spool, 0 where it is empty."""
    blocked_seconds: float
    """How long a source has been waiting because memory and spool are full, 0 where none is."""
    connects: int
    """Producers made: 1 for a start without trouble."""
    connected: bool
    last_error: str
