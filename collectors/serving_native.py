"""Native histograms of model servers, as Prometheus' HTTP API tells them: what each grew by, once.

https://prometheus.io/docs/prometheus/latest/querying/api/#native-histograms: `count`, `sum`, and `buckets`
that hold something, each [which bounds are inclusive, lower, upper, count].  One with the bounds of a classic
histogram is read too.
"""

from __future__ import annotations

from collections.abc import Iterable
from math import isfinite
from typing import Any, NamedTuple

from collectors.counter_growth import Counts, Grown, series_of, too_long
from collectors.dcgm.devices import first
from collectors.dcgm.place import says
from collectors.dcgm.timeline import Native, Scrape
from collectors.histogram import Bucket, Histogram, Unread, bounded
from collectors.histogram_growth import Told, growth
from collectors.serving_metrics import MODEL
from pipeline.events import Rejected


class NativeGrowth(NamedTuple):
    name: str
    labels: dict[str, str]
    target: str
    start: int
    end: int
    histogram: Histogram


def advance_native(scrapes: Iterable[Scrape], counts: Counts, found: Grown) -> list[NativeGrowth]:
    """Growths; what is none is added to `found`.  `counts`, which is changed, says what was told before."""
    growths = []
    for scrape in sorted(scrapes, key=lambda s: (s.time, s.target)):
        for native in scrape.histograms:
            taken = _taken(native, scrape, counts, found)
            if taken is not None:
                growths.append(taken)
    return growths


def _taken(native: Native, scrape: Scrape, counts: Counts, found: Grown) -> NativeGrowth | None:
    told = counts.histograms.setdefault(scrape.target, {})
    series = series_of(native.name, native.labels)
    before = told.get(series)
    if before is not None and before.time >= scrape.time:
        return None
    try:
        now = Told(scrape.time, _read(native))
    except (Unread, ValueError, TypeError, KeyError) as error:
        why = str(error) if isinstance(error, Unread) else "not the histogram of an API of Prometheus"
        if says(counts.refused, f"{scrape.target} {native.name} {why}", scrape.time):
            found.rejected.append(Rejected("malformed", f"{native.name}: {why}"))
        return None
    told[series] = now
    more = growth(before, now)
    if isinstance(more, str):
        found.excluded[more] += 1
        return None
    if more.began_anew:
        found.resets[(scrape.target, "counter_reset", more.start, more.end)] = []
    return NativeGrowth(native.name, native.labels, scrape.target, more.start, more.end, more.histogram)


def _read(native: Native) -> Histogram:
    if not first(native.labels, *MODEL):
        raise Unread("no label names a model")
    if why := too_long(native.labels):
        raise Unread(why)
    parts = [_bucket(*one) for one in native.content.get("buckets", ())]
    seconds = float(native.content["sum"])
    return bounded(parts, seconds if isfinite(seconds) and seconds >= 0 else None)


def _bucket(rule: Any, lower: str, upper: str, count: str) -> Bucket:
    low, high = float(lower), float(upper)
    return Bucket(low, high if isfinite(high) else None, round(float(count)))
