"""One look at exporters or their Prometheus as events: of GPUs, model servers, the network and containers."""

from __future__ import annotations

from collections.abc import Mapping
from functools import reduce
from typing import Any, NamedTuple

from collectors.container_usage import Uses, advance_uses
from collectors.counter_growth import Counts
from collectors.dcgm.place import Place
from collectors.dcgm.timeline import Pace, Scrape, advance, gap_rows
from collectors.network.counters import advance_bytes
from collectors.network.owners import Owners
from collectors.parsed import Parsed, together
from collectors.serving_counters import advance_counts


class Looked(NamedTuple):
    """Scrapes of GPUs, of model servers, of what counts bytes, and of containers; and whose pods are."""

    gpus: list[Scrape]
    served: list[Scrape]
    sent: list[Scrape]
    contained: list[Scrape] | None
    """None where containers are not looked at this time."""
    owners: Owners


NOTHING = Looked([], [], [], None, Owners())


class Remembered(NamedTuple):
    """What the next look must know of those before; a cursor holds it."""

    place: Place
    counts: Counts
    sent: Counts
    uses: Uses

    @classmethod
    def beginning(cls, since: int) -> Remembered:
        """Nothing up to this instant is read, microseconds since 1970 UTC."""
        return cls(Place.beginning(since), Counts(), Counts(), Uses())

    @classmethod
    def of(cls, cursor: Mapping[str, Any]) -> Remembered:
        counts, sent = (Counts.of(cursor.get(name, {})) for name in ("serving", "network"))
        return cls(Place.of(cursor), counts, sent, Uses.of(cursor.get("containers", {})))

    def cursor(self) -> dict[str, Any]:
        return {
            **self.place.cursor(), "serving": self.counts.cursor(), "network": self.sent.cursor(),
            "containers": self.uses.cursor(),
        }  # fmt: skip


def set_back(before: Remembered, now: int, *, cluster: str) -> tuple[Parsed, Remembered]:
    """The clock of the source went back to `now`, behind what was read: a gap, said once.

    Up to where reading was, time was filled by samples from the clock that was ahead; a Prometheus takes no
    older ones of a series, and if it did they could not be counted any more.
    """
    until = before.place.until
    if before.place.set_back == until:
        return Parsed(0, 0), before
    place = before.place.copy()
    place.set_back = until
    gaps = gap_rows({("prometheus", "clock_set_back", now, until): [0]}, cluster)
    return Parsed(0, 0, gaps=gaps), before._replace(place=place)


def parse(
    looked: Looked, before: Remembered, pace: Pace, *, until: int, cluster: str
) -> tuple[Parsed, Remembered]:
    """What the scrapes up to `until` add to what was told before, and what is remembered after them.

    Pure; scrapes that were accounted for before may come again.  The unit counted is a sample.
    """
    gpus, place = advance(looked.gpus, before.place, pace, until=until, cluster=cluster)
    served, counts = advance_counts(looked.served, before.counts, cluster=cluster)
    network, sent = advance_bytes(looked.sent, before.sent, looked.owners, cluster=cluster)
    parts, uses = [gpus, served, network], before.uses
    if looked.contained is not None:
        beside, uses = advance_uses(
            looked.contained, uses, looked.owners, longest=pace.longest, look_back=pace.look_back,
            until=until, cluster=cluster,
        )  # fmt: skip
        parts.append(beside)
    return reduce(together, parts), Remembered(place, counts, sent, uses)
