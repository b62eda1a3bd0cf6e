"""Scrapes of counters as what each grew by since the scrape before, once, however often it is told.

A counter that was not looked at for a while has counted on: nothing is lost, the interval is only longer.
What was counted before a counter began anew, and nobody scraped, is a gap; so is more than a day at once.
"""

from __future__ import annotations

import math
from collections import Counter
from collections.abc import Callable, Iterable, Mapping
from dataclasses import dataclass, field
from typing import Any, NamedTuple

import msgspec

from collectors.dcgm.place import FORGET, SAY_AGAIN, says
from collectors.dcgm.timeline import Scrape
from collectors.exposition import Sample
from collectors.histogram_growth import Told
from pipeline.events import Rejected

_LONGEST_INTERVAL = 86_400 * 1_000_000
_LONGEST_NAME = 512
_SAME = frozenset({"job", "prometheus", "prometheus_replica", "replica", "service", "endpoint"})
"""Labels in which two scrapes of one counter may differ."""


class Counts(msgspec.Struct):
    """When each counter was last seen (microseconds since 1970 UTC), and its value then, by target."""

    targets: dict[str, dict[str, tuple[int, float]]] = {}
    histograms: dict[str, dict[str, Told]] = {}
    """The same of native histograms."""
    refused: dict[str, int] = {}
    """When a refusal was last said."""

    @classmethod
    def of(cls, cursor: Mapping[str, Any]) -> Counts:
        return msgspec.convert(dict(cursor), cls, str_keys=True)

    def cursor(self) -> dict[str, Any]:
        made: dict[str, Any] = msgspec.to_builtins(self)
        return made


class Growth(NamedTuple):
    line: Sample
    start: int
    end: int
    amount: float
    target: str


@dataclass
class Grown:
    """read = excluded + rejected + growths."""

    growths: list[Growth] = field(default_factory=list)
    excluded: Counter[str] = field(default_factory=Counter)
    rejected: list[Rejected] = field(default_factory=list)
    resets: dict[tuple[str, str, int, int], list[int]] = field(default_factory=dict)

    @property
    def read(self) -> int:
        return len(self.growths) + self.excluded.total() + len(self.rejected)


def grown(
    scrapes: Iterable[Scrape],
    counts: Counts,
    *,
    left_out: Callable[[Sample, Scrape], str | None],
    refusal: Callable[[Sample], Rejected | None] = lambda line: None,
) -> tuple[Grown, Counts]:
    """What the scrapes add to what was counted before; those of before may come again.  Pure.

    Lines that came before are none: they were read then.  `left_out` names why a line is not used.
    """
    counts = Counts.of(counts.cursor())
    found = Grown()
    latest = 0
    for scrape in sorted(scrapes, key=lambda s: (s.time, s.target)):
        latest = max(latest, scrape.time)
        for line in scrape.lines:
            why = refused(line) or refusal(line)
            if why is None:
                _take(line, scrape, left_out, counts, found)
            elif says(counts.refused, f"{scrape.target} {why.reason} {why.detail}", scrape.time):
                found.rejected.append(why)
    _forget(counts, latest)
    return found, counts


def _take(
    line: Sample,
    scrape: Scrape,
    left_out: Callable[[Sample, Scrape], str | None],
    counts: Counts,
    found: Grown,
) -> None:
    known = counts.targets.setdefault(scrape.target, {})
    series = series_of(line.name, line.labels)
    before = known.get(series)
    if before is not None and before[0] >= scrape.time:
        return
    known[series] = (scrape.time, line.value)
    why = left_out(line, scrape)
    if why is not None:
        found.excluded[why] += 1
    elif before is None or scrape.time - before[0] > _LONGEST_INTERVAL:
        found.excluded["begins_an_interval"] += 1
        if before is not None:
            found.resets[(scrape.target, "counts_too_long", before[0], scrape.time)] = []
    elif line.value == before[1]:
        found.excluded["no_increase"] += 1
    else:
        if line.value < before[1]:
            found.resets[(scrape.target, "counter_reset", before[0], scrape.time)] = []
        amount = line.value - before[1] if line.value > before[1] else line.value
        found.growths.append(Growth(line, before[0], scrape.time, amount, scrape.target))


def series_of(name: str, labels: Mapping[str, str], *without: str) -> str:
    """One text for one counter, whoever scrapes it."""
    left_out = _SAME.union(without)
    return f"{name}{sorted(pair for pair in labels.items() if pair[0] not in left_out)}"


def too_long(labels: Mapping[str, str]) -> str | None:
    """Why labels are none of a series."""
    if any(len(value) > _LONGEST_NAME for value in labels.values()):
        return f"a label of more than {_LONGEST_NAME}"
    return None


def refused(line: Sample) -> Rejected | None:
    """Why a line is no count."""
    if why := too_long(line.labels):
        return Rejected("text_too_long", f"{line.name}: {why}", line.row)
    if not math.isfinite(line.value):
        return Rejected("not_finite", line.name, line.row)
    if not 0 <= line.value < 1e15:
        return Rejected("out_of_range", f"{line.name} is {line.value:g}", line.row)
    return None


def _forget(counts: Counts, latest: int) -> None:
    """Servers that are gone for a week."""
    counts.refused = {what: at for what, at in counts.refused.items() if latest - at < SAY_AGAIN}
    for target, series in list(counts.targets.items()):
        if all(latest - at > FORGET for at, _ in series.values()):
            del counts.targets[target]
    for target, told in list(counts.histograms.items()):
        if all(latest - each.time > FORGET for each in told.values()):
            del counts.histograms[target]
