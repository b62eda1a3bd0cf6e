"""Scrapes of model servers as `serving` events: what each counter grew by since the scrape before.

A counter that was not looked at for a while has counted on: nothing is lost, the interval is only longer.
What a server counted before it began anew, and nobody scraped, is a gap.
"""

from __future__ import annotations

import math
from collections import Counter, defaultdict
from collections.abc import Iterable, Mapping
from typing import Any, NamedTuple

import msgspec

from collectors.dcgm.devices import first, holder_of
from collectors.dcgm.place import FORGET, SAY_AGAIN, says
from collectors.dcgm.timeline import Scrape, gap_rows
from collectors.exposition import Sample
from collectors.parsed import Parsed, to_table
from collectors.serving_metrics import COUNTERS, MODEL, RENAMED, UNKNOWN, VERSION
from pipeline.events import Rejected

_LONGEST_INTERVAL = 86_400 * 1_000_000
_LONGEST_NAME = 512
_SAME = frozenset({"job", "prometheus", "prometheus_replica", "replica", "service", "endpoint"})
"""Labels in which two scrapes of one counter may differ."""


class Counts(msgspec.Struct):
    """When each counter was last seen (microseconds since 1970 UTC), and its value then, by target."""

    targets: dict[str, dict[str, tuple[int, float]]] = {}
    refused: dict[str, int] = {}
    """When a refusal was last said."""

    @classmethod
    def of(cls, cursor: Mapping[str, Any]) -> Counts:
        return msgspec.convert(dict(cursor), cls)

    def cursor(self) -> dict[str, Any]:
        made: dict[str, Any] = msgspec.to_builtins(self)
        return made


class _Key(NamedTuple):
    start: int
    end: int
    namespace: str
    workload: str
    model: str
    model_version: str
    counter: str
    at_most: str


class _Account:
    def __init__(self) -> None:
        self.sums: dict[_Key, list[float | None]] = defaultdict(lambda: [None, None])
        self.excluded: Counter[str] = Counter()
        self.rejected: list[Rejected] = []
        self.resets: dict[tuple[str, str, int, int], list[int]] = {}
        self.used = 0


def advance_counts(scrapes: Iterable[Scrape], counts: Counts, *, cluster: str) -> tuple[Parsed, Counts]:
    """What the scrapes add to what was counted before; those of before may come again.  Pure.

    Lines that came before are none: they were read then.
    """
    counts = Counts.of(counts.cursor())
    account = _Account()
    latest = 0
    for scrape in sorted(scrapes, key=lambda s: (s.time, s.target)):
        latest = max(latest, scrape.time)
        renamed = any(line.name.startswith(RENAMED[1]) for line in scrape.lines)
        for line in scrape.lines:
            _take(line, scrape, renamed, counts, account)
    _forget(counts, latest)
    read = account.used + account.excluded.total() + len(account.rejected)
    events = {"serving": _table(account.sums, cluster)} if account.sums else {}
    rejected, gaps = tuple(account.rejected), gap_rows(account.resets, cluster)
    return Parsed(read, account.used, events, account.excluded, rejected, gaps), counts


def _take(line: Sample, scrape: Scrape, renamed: bool, counts: Counts, account: _Account) -> None:
    refusal = _refusal(line)
    if refusal is not None:
        if says(counts.refused, f"{scrape.target} {refusal.reason} {refusal.detail}", scrape.time):
            account.rejected.append(refusal)
        return
    known = counts.targets.setdefault(scrape.target, {})
    series = f"{line.name}{sorted(pair for pair in line.labels.items() if pair[0] not in _SAME)}"
    before = known.get(series)
    if before is not None and before[0] >= scrape.time:
        return
    known[series] = (scrape.time, line.value)
    if renamed and line.name.startswith(RENAMED[0]):
        account.excluded["superseded"] += 1
    elif before is None or scrape.time - before[0] > _LONGEST_INTERVAL:
        account.excluded["begins_an_interval"] += 1
    elif line.value == before[1]:
        account.excluded["no_increase"] += 1
    else:
        account.used += 1
        if line.value < before[1]:
            account.resets[(scrape.target, "counter_reset", before[0], scrape.time)] = []
        growth = line.value - before[1] if line.value > before[1] else line.value
        _add(account.sums, line, before[0], scrape.time, growth)


def _refusal(line: Sample) -> Rejected | None:
    if not first(line.labels, *MODEL):
        return Rejected("missing_field", f"{line.name}: no label names a model", line.row)
    if any(len(value) > _LONGEST_NAME for value in line.labels.values()):
        return Rejected("text_too_long", f"{line.name}: a label of more than {_LONGEST_NAME}", line.row)
    if not math.isfinite(line.value):
        return Rejected("not_finite", line.name, line.row)
    if not 0 <= line.value < 1e15:
        return Rejected("out_of_range", f"{line.name} is {line.value:g}", line.row)
    return None


def _add(sums: dict[_Key, list[float | None]], line: Sample, start: int, end: int, growth: float) -> None:
    counted = COUNTERS[line.name]
    holder = holder_of(line.labels)
    bucket = line.labels.get("le", "")
    key = _Key(
        start, end,
        holder.namespace if holder else first(line.labels, "exported_namespace", "namespace"),
        holder.pod if holder else first(line.labels, "job"),
        first(line.labels, *MODEL), first(line.labels, *VERSION) or UNKNOWN,
        counted.counter, "" if bucket == "+Inf" else bucket,
    )  # fmt: skip
    place = 0 if counted.seconds_per_unit is None else 1
    sums[key][place] = (sums[key][place] or 0.0) + growth * (counted.seconds_per_unit or 1.0)


def _table(sums: Mapping[_Key, list[float | None]], cluster: str) -> Any:
    rows = [
        key._asdict() | {
            "count": None if count is None else round(count), "seconds": seconds,
            "time": key.end, "interval_seconds": (key.end - key.start) / 1e6, "at_most": key.at_most or None,
        }
        for key, (count, seconds) in sums.items()
    ]  # fmt: skip
    columns = {name: [row[name] for row in rows] for name in rows[0]}
    return to_table("serving", {**columns, "cluster": cluster}, len(rows))


def _forget(counts: Counts, latest: int) -> None:
    """Servers that are gone for a week."""
    counts.refused = {what: at for what, at in counts.refused.items() if latest - at < SAY_AGAIN}
    for target, series in list(counts.targets.items()):
        if all(latest - at > FORGET for at, _ in series.values()):
            del counts.targets[target]
