"""Series as Prometheus keeps them, a metric at many times, turned to scrapes: an exporter at one time."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Iterable
from typing import Any, NamedTuple

from collectors.dcgm.timeline import Native, Scrape
from collectors.exposition import Sample

_TARGET = ("job", "instance", "prometheus", "prometheus_replica", "replica")
_OWN = ("pod", "namespace", "container")


class Series(NamedTuple):
    labels: dict[str, str]
    """With `__name__`."""
    points: list[tuple[int, float]]
    """Microseconds since 1970 UTC, and the value; in order of time."""
    histograms: tuple[tuple[int, Any], ...] = ()
    """The same of a native histogram, as the API tells it."""


def scrapes_of(
    series: Iterable[Series], targets: Iterable[dict[str, str]], by: tuple[str, ...] = _TARGET
) -> list[Scrape]:
    """Series turned by time: all that one target told at one instant, without the labels of its own pod.

    A ServiceMonitor puts the exporter's pod on every line, and a workload then stands in exported_pod: a GPU
    that nobody holds would be held by its exporter.
    """
    own = {(t.get("job"), t.get("instance")): [t.get(n) for n in _OWN] for t in targets}
    found: dict[tuple[int, str], list[Sample]] = defaultdict(list)
    natives: dict[tuple[int, str], list[Native]] = defaultdict(list)
    for row, (labels, points, histograms) in enumerate(series):
        target = "/".join(labels[name] for name in by if labels.get(name))
        mine = own.get((labels.get("job"), labels.get("instance")), [None])
        left = _OWN if mine[0] and mine == [labels.get(name) for name in _OWN] else ()
        name = labels.get("__name__", "")
        labels = {key: value for key, value in labels.items() if key not in left and key != "__name__"}
        for time, value in points:
            found[(time, target)].append(Sample(name, labels, value, None, row))
        for time, content in histograms:
            natives[(time, target)].append(Native(name, labels, content))
    return [
        Scrape(time, target, found.get((time, target), []), histograms=tuple(natives.get((time, target), ())))
        for time, target in {**found, **natives}
    ]
