"""Scrapes one after another as `gpu` events: each covers the time since the device's sample before it.

A device has one timeline, whoever scrapes it.  A sample without one shortly before it counts nothing: it
begins an interval, and ends a gap.  So for every device counted time + gaps = last sample - first sample.
"""

from __future__ import annotations

import math
from collections import Counter, defaultdict
from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field
from datetime import UTC, datetime
from typing import Any, NamedTuple

import pyarrow as pa

from collectors.dcgm.devices import Device
from collectors.dcgm.place import Place, Seen, Target, says
from collectors.dcgm.reading import Counters
from collectors.dcgm.rows import gpu_rows
from collectors.dcgm.scrape import read, tells_percent
from collectors.exposition import Sample
from collectors.parsed import GAPS_SCHEMA, Parsed, to_table
from pipeline.events import Rejected


class Native(NamedTuple):
    """A native histogram of Prometheus; its content as the HTTP API tells it."""

    name: str
    labels: dict[str, str]
    content: Any


class Scrape(NamedTuple):
    time: int
    """Microseconds since 1970 UTC."""
    target: str
    """Which exporter; the same text every time."""
    lines: list[Sample]
    malformed: tuple[Rejected, ...] = ()
    histograms: tuple[Native, ...] = ()


class Pace(NamedTuple):
    """Microseconds."""

    interval: int
    """Between two scrapes, as expected: within half of it another target's sample is a repeat."""
    longest: int
    """Between two samples that belong together: what is longer is a gap."""
    look_back: int
    """How far behind `until` a sample may still appear."""


@dataclass
class _Account:
    cluster: str
    rows: list[dict[str, Any]] = field(default_factory=list)
    read: int = 0
    used: int = 0
    excluded: Counter[str] = field(default_factory=Counter)
    rejected: list[Rejected] = field(default_factory=list)
    gaps: dict[tuple[str, str, int, int], list[int]] = field(default_factory=lambda: defaultdict(list))


def advance(
    scrapes: Iterable[Scrape], place: Place, pace: Pace, *, until: int, cluster: str
) -> tuple[Parsed, Place]:
    """What the scrapes up to `until` add to what was read before, and the place after them.

    Scrapes that were accounted for before may come again.  Pure: `place` stays as it is.
    """
    place = place.copy()
    account = _Account(cluster)
    for scrape in sorted(scrapes, key=lambda s: (s.time, s.target)):
        if place.since < scrape.time <= until:
            _take(scrape, place, pace, account)
    place.until = max(until, place.until)
    place.forgets(pace.look_back)
    return _parsed(account), place


def _take(scrape: Scrape, place: Place, pace: Pace, account: _Account) -> None:
    lines = len(scrape.lines) + len(scrape.malformed)
    target = place.targets.setdefault(scrape.target, Target(scrape.time - 1, {}))
    late = scrape.time <= target.at
    new = lines - target.lines.get(str(scrape.time), 0)
    if late and new <= 0:
        return
    target.lines[str(scrape.time)] = lines
    if late:
        account.read += new
        account.excluded["late"] += new
        key = (scrape.target, "late_samples", scrape.time - pace.interval, scrape.time)
        account.gaps[key].append(new)
        return
    target.at = scrape.time
    target.percent = target.percent or tells_percent(scrape.lines)
    _count(scrape, lines, target.percent, place, pace, account)


def _count(scrape: Scrape, lines: int, percent: bool, place: Place, pace: Pace, account: _Account) -> None:
    found = read(scrape.lines, percent)
    account.read += lines
    _refuse((*scrape.malformed, *found.rejected), place, scrape, account)
    previous: Counters = {name: place.devices[name].counters for name in _names(found.readings, place)}
    left_out: dict[Device, str] = {}
    lengths: dict[str, int] = {}
    for device, reading in found.readings.items():
        seen = place.devices.get(device.device)
        reason = _left_out(seen, scrape, pace)
        if reason is not None:
            left_out[device] = reason
        if reason == "second_target":
            continue
        counted = reading.counters()
        if seen is not None:
            lengths[device.device] = scrape.time - seen.at
            if reason is not None:
                account.gaps[(device.node, "not_scraped", seen.at, scrape.time)].append(0)
            elif counted.get("energy", math.inf) < previous[device.device].get("energy", 0.0):
                account.gaps[(device.node, "energy_reset", scrape.time, scrape.time)].append(0)
        place.devices[device.device] = Seen(scrape.time, scrape.target, counted)
    rows, used = gpu_rows(found.readings, previous, found.excluded, left_out)
    account.used += used
    account.excluded += found.excluded
    account.rows += [
        {**row, "time": scrape.time, "interval_seconds": lengths[row["device"]] / 1e6} for row in rows
    ]


def _names(readings: Iterable[Device], place: Place) -> list[str]:
    return [device.device for device in readings if device.device in place.devices]


def _left_out(seen: Seen | None, scrape: Scrape, pace: Pace) -> str | None:
    if seen is None or scrape.time - seen.at > pace.longest:
        return "begins_an_interval"
    near = scrape.time - seen.at < pace.interval // 2 and seen.target != scrape.target
    return "second_target" if near or scrape.time <= seen.at else None


def _refuse(rejected: Iterable[Rejected], place: Place, scrape: Scrape, account: _Account) -> None:
    for refusal in rejected:
        what = f"{refusal.reason} {scrape.target} {refusal.detail}"
        if not says(place.refused, what, scrape.time):
            account.excluded[f"repeated_{refusal.reason}"] += 1
        else:
            detail = f"{refusal.detail} ({scrape.target})"
            account.rejected.append(Rejected(refusal.reason, detail, refusal.row))


def _parsed(account: _Account) -> Parsed:
    rows = account.rows
    columns: dict[str, Any] = {name: [row[name] for row in rows] for name in (rows[0] if rows else ())}
    events = {"gpu": to_table("gpu", {**columns, "cluster": account.cluster}, len(rows))} if rows else {}
    return Parsed(
        account.read,
        account.used,
        events,
        account.excluded,
        tuple(account.rejected),
        gap_rows(account.gaps, account.cluster),
    )


_DETAILS = {
    "not_scraped": "{} devices without samples",
    "late_samples": "samples that appeared after later ones of their target were counted",
    "clock_set_back": "what is scraped until then has times of what was counted by the clock that was ahead",
    "energy_reset": "{} energy counters began anew: what they metered since the scrape before is not known",
    "counter_reset": "a server began anew: what it had counted since the scrape before is not known",
    "buckets_too_long": "counted over more than an hour: how long the requests took is not told by the hour",
    "counts_too_long": "counted over more than a day: when is not known, so it is not told",
}


def gap_rows(gaps: Mapping[tuple[str, str, int, int], list[int]], cluster: str) -> pa.Table:
    """Gaps by place, kind, start and end, each with what was lost: samples, or a 0 for each device."""
    rows = [
        {
            "cluster": cluster, "source": f"dcgm/{where}", "kind": kind,
            "start": _naive(start), "end": _naive(end),
            "lost": sum(lost) if kind == "late_samples" else None,
            "detail": _DETAILS[kind].format(len(lost)),
        }
        for (where, kind, start, end), lost in gaps.items()
    ]  # fmt: skip
    return pa.Table.from_pylist(rows, schema=GAPS_SCHEMA)


def _naive(microseconds: int) -> datetime:
    return datetime.fromtimestamp(microseconds // 1_000_000, UTC).replace(
        microsecond=microseconds % 1_000_000, tzinfo=None
    )
