"""Counters of model servers as `serving` events: what each grew by since the scrape before."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Iterable, Iterator, Mapping
from contextlib import suppress
from math import inf
from typing import Any, NamedTuple

from collectors.counter_growth import Counts, Grown, Growth, grown, series_of
from collectors.dcgm.devices import first, holder_of
from collectors.dcgm.timeline import Scrape, gap_rows
from collectors.exposition import Sample
from collectors.histogram import Histogram, Unread, buckets, cumulative
from collectors.histogram_growth import LONGEST_INTERVAL
from collectors.parsed import Parsed, to_table
from collectors.serving_metrics import COUNTERS, HISTOGRAMS, MODEL, RENAMED, UNKNOWN, VERSION, base
from collectors.serving_native import NativeGrowth, advance_native
from pipeline.events import Rejected


class Key(NamedTuple):
    """Of an event; the interval in microseconds since 1970 UTC."""

    start: int
    end: int
    namespace: str
    workload: str
    model: str
    model_version: str
    counter: str
    histogram: str | None = None
    above: float | None = None
    at_most: float | None = None


Sums = dict[Key, list[float | None]]
"""Count and seconds."""


def advance_counts(scrapes: Iterable[Scrape], counts: Counts, *, cluster: str) -> tuple[Parsed, Counts]:
    """What the scrapes add to what was counted before; those of before may come again.  Pure."""
    scrapes = list(scrapes)
    found, counts = grown(scrapes, counts, left_out=_superseded, refusal=_nameless)
    natives = advance_native(scrapes, counts, found)
    sums: Sums = defaultdict(lambda: [None, None])
    for growth in found.growths:
        _add(sums, growth)
    for of, histogram in _classic(found.growths, scrapes):
        _spread(sums, of, histogram, found)
    for native in natives:
        key = _key(native.name, native.labels, native.start, native.end)
        _sum(sums, key, 0, native.histogram.count)
        if native.histogram.seconds is not None:
            _sum(sums, key, 1, native.histogram.seconds)
        _spread(sums, native, native.histogram, found)
    events = {"serving": _table(sums, cluster)} if sums else {}
    rejected, gaps = tuple(found.rejected), gap_rows(found.resets, cluster)
    used = len(found.growths) + len(natives)
    return Parsed(found.read + len(natives), used, events, found.excluded, rejected, gaps), counts


def _superseded(line: Sample, scrape: Scrape) -> str | None:
    """What stands there under its new name too, or in a native histogram."""
    histogram = base(line.name)
    newer = RENAMED.get(histogram)
    is_old = newer is not None and any(base(other.name) == newer for other in scrape.lines)
    names = {histogram, newer}
    is_native = histogram in HISTOGRAMS and any(native.name in names for native in scrape.histograms)
    return "superseded" if is_old or is_native else None


def _nameless(line: Sample) -> Rejected | None:
    if first(line.labels, *MODEL):
        return None
    return Rejected("missing_field", f"{line.name}: no label names a model", line.row)


def _key(name: str, labels: Mapping[str, str], start: int, end: int) -> Key:
    holder = holder_of(labels)
    counted = HISTOGRAMS[name].counter if name in HISTOGRAMS else COUNTERS[name].counter
    return Key(
        start, end,
        holder.namespace if holder else first(labels, "exported_namespace", "namespace"),
        holder.pod if holder else first(labels, "job"),
        first(labels, *MODEL), first(labels, *VERSION) or UNKNOWN, counted,
    )  # fmt: skip


def _add(sums: Sums, growth: Growth) -> None:
    """Of a classic histogram's buckets only the last, which counts all."""
    line = growth.line
    if line.labels.get("le", "+Inf") != "+Inf":
        return
    unit = COUNTERS[line.name].seconds_per_unit
    key = _key(line.name, line.labels, growth.start, growth.end)
    _sum(sums, key, 0 if unit is None else 1, growth.amount * (unit or 1.0))


def _sum(sums: Sums, key: Key, place: int, amount: float) -> None:
    sums[key][place] = (sums[key][place] or 0.0) + amount


def _classic(growths: Iterable[Growth], scrapes: Iterable[Scrape]) -> Iterator[tuple[Growth, Histogram]]:
    """Each classic histogram that grew, with one of its lines; buckets that did not grow are edges too."""
    bounds: dict[tuple[str, str], set[float]] = defaultdict(set)
    for scrape in scrapes:
        for line in scrape.lines:
            if (bound := _bound(line)) is not None:
                bounds[scrape.target, series_of(line.name, line.labels, "le")].add(bound)
    grew: dict[tuple[str, str, int, int], list[Growth]] = defaultdict(list)
    for growth in growths:
        if _bound(growth.line) is not None:
            series = series_of(growth.line.name, growth.line.labels, "le")
            grew[growth.target, series, growth.start, growth.end].append(growth)
    for (target, series, _, _), parts in grew.items():
        rows = {_bound(part.line): round(part.amount) for part in parts}
        known = sorted(bounds[target, series] | {inf})
        # A bound that stands still has grown by nothing, or began anew with what the one below it has.
        with suppress(Unread):
            yield parts[0], cumulative([(bound, rows.get(bound, 0)) for bound in known])


def _bound(line: Sample) -> float | None:
    """Upper bound of a classic histogram's bucket, None for another line."""
    try:
        return float(line.labels["le"]) if line.name.endswith("_bucket") else None
    except (KeyError, ValueError):
        return None


def _spread(sums: Sums, of: Growth | NativeGrowth, histogram: Histogram, found: Grown) -> None:
    """The buckets, of an interval that is not too long."""
    if of.end - of.start > LONGEST_INTERVAL:
        found.resets[(of.target, "buckets_too_long", of.start, of.end)] = []
        return
    name, labels = (
        (of.name, of.labels) if isinstance(of, NativeGrowth) else (base(of.line.name), of.line.labels)
    )
    unit = HISTOGRAMS[name].seconds_per_unit
    is_native = isinstance(of, NativeGrowth) and histogram.scale is not None
    key = _key(name, labels, of.start, of.end)._replace(
        histogram="prometheus-native" if is_native else "prometheus-classic"
    )
    for bucket in buckets(histogram):
        at_most = None if bucket.at_most is None else bucket.at_most * unit
        _sum(sums, key._replace(above=bucket.above * unit, at_most=at_most), 0, bucket.times)


def _table(sums: Sums, cluster: str) -> Any:
    rows = [
        {
            "time": key.end, "interval_seconds": (key.end - key.start) / 1e6,
            "count": None if count is None else round(count), "seconds": seconds,
            "bucket_above_seconds": key.above, "bucket_at_most_seconds": key.at_most, **key._asdict(),
        }
        for key, (count, seconds) in sums.items()
    ]  # fmt: skip
    columns = {name: [row[name] for row in rows] for name in rows[0]}
    columns.pop("at_most")
    return to_table("serving", {**columns, "cluster": cluster}, len(rows))
