"""Senders whose times are not of the collector's clock: ahead of it, or steadily behind."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass

import pyarrow as pa
import pyarrow.compute as pc

from collectors.live.contract import Watch

_SECOND = 10**6
LIMIT = 300 * _SECOND
"""Microseconds ahead or behind that are no more than the clocks of a cluster differ."""
STEADY = 600 * _SECOND
"""Behind for so long, heard at least so often, is no backlog that is read: the distance of one shrinks."""
SAME = 60 * _SECOND
"""By so much a steady distance may change."""
_FORGOTTEN = 3_600 * _SECOND
_MOST_SENDERS = 1_000
_SHOWN = 10


@dataclass(slots=True)
class _Off:
    """Microseconds; a distance is above 0 where the sender is ahead."""

    since: int
    heard: int
    distance: int
    """When it was first seen."""
    least: int
    most: int

    def goes_on(self, distance: int, now: int) -> bool:
        """Whether this is still the same clock's distance; it is taken up then."""
        least, most = min(self.least, distance), max(self.most, distance)
        if most - least > SAME or now - self.heard > STEADY:
            return False
        self.heard, self.least, self.most = now, least, most
        return True


class Clocks:
    """`told` of every turn's events; what is noted stays until the sender's times are right again.

    `kind` is the type of the events, `sender` the column that names who told them, `source` whose they are.
    Every event counts in the minute that it tells.  What is ahead can only be a wrong clock.  What is behind
    may come late by right (a label, a backlog, a recording that is replayed), so only a sender whose newest
    events are as far behind for ten minutes is told; it may be that late, and nobody is woken for it.
    """

    def __init__(self, kind: str, sender: str, source: str) -> None:
        self._kind, self._sender = kind, sender
        self._part = f"right clocks of {source}"
        self._off: dict[str, _Off] = {}

    def told(self, events: Mapping[str, pa.Table], now: int, watch: Watch) -> None:
        table = events.get(self._kind)
        if table is None or not table.num_rows:
            return
        ends = pc.min_max(table.column("time").cast(pa.int64())).as_py()
        if not self._off and now - LIMIT <= ends["min"] and ends["max"] <= now + LIMIT:
            return
        for name, time in self._newest(table).items():
            self._look(name, time - now, now)
        for name in [name for name, off in self._off.items() if now - off.heard > _FORGOTTEN]:
            del self._off[name]
        self._tell(watch)

    def _newest(self, table: pa.Table) -> dict[str, int]:
        """Of each sender in the table the newest time."""
        named = pc.fill_null(table.column(self._sender).cast(pa.string()), f"a {self._sender} without a name")
        by = pa.table({"by": named, "time": table.column("time")}).group_by("by").aggregate([("time", "max")])
        times = by.column("time_max").cast(pa.int64()).to_pylist()
        return dict(zip(by.column("by").to_pylist(), times, strict=True))

    def _look(self, name: str, distance: int, now: int) -> None:
        held = self._off.get(name)
        if abs(distance) <= LIMIT:
            self._off.pop(name, None)
            return
        if held is not None and held.goes_on(distance, now):
            return
        if held is not None or len(self._off) < _MOST_SENDERS:
            self._off[name] = _Off(now, now, distance, distance, distance)

    def _tell(self, watch: Watch) -> None:
        ahead = {name: off for name, off in self._off.items() if off.distance > 0}
        steady = {
            name: off
            for name, off in self._off.items()
            if off.distance < 0 and off.heard - off.since >= STEADY
        }
        said = [f"{self._kind} events are ahead of this clock: {_minutes(ahead)}"] if ahead else []
        if steady:
            late = "by their clock, or they are sent that late"
            said.append(f"the newest {self._kind} events are steadily behind, {late}: {_minutes(steady)}")
        if said:
            watch.notes(self._part, f"{'; '.join(said)}; look at the NTP of both")
        else:
            watch.goes_on(self._part)


def _minutes(off: Mapping[str, _Off]) -> str:
    return ", ".join(
        f"{name[:100]} by {abs(one.distance) // (60 * _SECOND)} min"
        for name, one in list(off.items())[:_SHOWN]
    )


def note_skew(server: str, theirs: int, ours: int, watch: Watch) -> None:
    """A server whose clock dates what it gives, in microseconds as ours: noted while it is far from ours."""
    part = f"right clock of {server}"
    if abs(theirs - ours) > LIMIT:
        minutes = (theirs - ours) / (60 * 10**6)
        watch.notes(part, f"{server}'s clock is {minutes:+.0f} min from ours, and it dates what it tells")
    else:
        watch.goes_on(part)
