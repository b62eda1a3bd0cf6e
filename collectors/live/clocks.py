"""Senders whose clock is ahead of the collector's: their events count in minutes that are still to come."""

from __future__ import annotations

from collections.abc import Mapping

import pyarrow as pa
import pyarrow.compute as pc

from collectors.live.contract import Watch

LIMIT = 300 * 10**6
"""Microseconds ahead that are no more than the clocks of a cluster differ."""


class Clocks:
    """`told` of every turn's events; what is noted stays until the sender's times are right again.

    `kind` is the type of the events, `sender` the column that names who told them.  A clock that is behind
    cannot be told from what comes late.
    """

    def __init__(self, kind: str, sender: str) -> None:
        self._kind, self._sender = kind, sender
        self._part = f"right clocks of {kind} events"
        self._ahead: dict[str, int] = {}
        """Sender to the minutes by which it was ahead when that was seen."""

    def told(self, events: Mapping[str, pa.Table], now: int, watch: Watch) -> None:
        table = events.get(self._kind)
        newest = None if table is None else pc.max(table.column("time")).cast(pa.int64()).as_py()
        if table is None or newest is None or (newest <= now + LIMIT and not self._ahead):
            return
        named = pc.fill_null(table.column(self._sender).cast(pa.string()), f"a {self._sender} without a name")
        by = pa.table({"by": named, "time": table.column("time")}).group_by("by").aggregate([("time", "max")])
        times = by.column("time_max").cast(pa.int64()).to_pylist()
        for name, time in zip(by.column("by").to_pylist(), times, strict=True):
            if time > now + LIMIT:
                self._ahead.setdefault(name, (time - now) // (60 * 10**6))
            else:
                self._ahead.pop(name, None)
        if self._ahead:
            told = ", ".join(f"{name} by {minutes} min" for name, minutes in list(self._ahead.items())[:10])
            watch.notes(
                self._part, f"{self._kind} events are ahead of this clock: {told}; look at the NTP of both"
            )
        else:
            watch.goes_on(self._part)


def note_skew(server: str, theirs: int, ours: int, watch: Watch) -> None:
    """A server whose clock dates what it gives, in microseconds as ours: noted while it is far from ours."""
    part = f"right clock of {server}"
    if abs(theirs - ours) > LIMIT:
        minutes = (theirs - ours) / (60 * 10**6)
        watch.notes(part, f"{server}'s clock is {minutes:+.0f} min from ours, and it dates what it tells")
    else:
        watch.goes_on(part)
