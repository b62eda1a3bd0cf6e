"""What a live collector is: a pure `parse`, and a loop that reads its source in turns and keeps its place.

`parse` makes events of what the source answered, with an account of every unit read: a `Parsed`, or what a
turn makes one of.  It asks nobody, waits for nothing and looks at no clock: the time, and what is remembered
of earlier answers, are arguments.  So the same answers give the same events, live, replayed and in a test.
The loop, `Collector.turns`, asks and waits, and says after each turn from where to read on.

Everything else is its runner's: the turn is written to disk with its cursor, handed to the ledger or the
broker as messages with a sequence, and only then is the next turn asked for.  After a crash the same turn is
handed over again with the same sequence, so it counts once; one that was not written yet is read again.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Protocol, runtime_checkable

from collectors.parsed import Parsed

Cursor = Mapping[str, Any]
"""Where to read on, in JSON's values; what it holds is the collector's own matter."""


@dataclass(frozen=True, slots=True)
class Turn:
    """What one look at the source gave; a turn may be empty and only move the cursor."""

    parsed: Parsed
    cursor: Cursor
    time: int
    """When it was observed, microseconds since 1970 UTC."""


class Watch(Protocol):
    """What a collector asks and tells its runner, from any thread."""

    def wait(self, seconds: float) -> bool:
        """Sleep so long, or until the runner is told to stop: True then."""

    def now(self) -> int:
        """The clock, microseconds since 1970 UTC."""

    def waits(self, part: str, reason: str) -> None:
        """A part of the source (a resource, a server) gives nothing, for this reason: not ready."""

    def goes_on(self, *parts: str) -> None:
        """These parts answer again."""

    def notes(self, part: str, reason: str) -> None:
        """A lasting lack that does not stop the rest (a right that is missing): said once, shown in /readyz's
        text and as a metric, while the collector stays ready."""


Job = Callable[[Watch], None]
"""What runs beside collectors or a worker: works until `watch.wait` says stop."""


class Collector(Protocol):
    """One source.  What it cannot reach it waits for; what it cannot read is a rejected row or a gap."""

    @property
    def name(self) -> str:
        """What tells it from others of its kind and cluster: part of the identity of what it sends."""

    def turns(self, cursor: Cursor | None, watch: Watch) -> Iterator[Turn]:
        """Turns from `cursor` on (None: it never ran here), until `watch.wait` says stop.

        It is resumed only when the turn that it yielded is kept: who waits for an answer may get it then.
        Raises ConfigError for a wrong setting, PreflightFailed for what no waiting mends.
        """


@runtime_checkable
class KeepsFiles(Protocol):
    """A collector whose place is too large for a cursor: the cursor says what holds of its files."""

    def keep_in(self, folder: Path) -> None:
        """Called before `turns`, with the folder that the cursor is in: it outlives the process."""
