"""Counters of model servers as `serving` events: what each grew by since the scrape before."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Iterable, Mapping
from typing import Any, NamedTuple

from collectors.counter_growth import Counts, Growth, grown
from collectors.dcgm.devices import first, holder_of
from collectors.dcgm.timeline import Scrape, gap_rows
from collectors.exposition import Sample
from collectors.parsed import Parsed, to_table
from collectors.serving_metrics import COUNTERS, MODEL, RENAMED, UNKNOWN, VERSION
from pipeline.events import Rejected


class _Key(NamedTuple):
    start: int
    end: int
    namespace: str
    workload: str
    model: str
    model_version: str
    counter: str
    at_most: str


def advance_counts(scrapes: Iterable[Scrape], counts: Counts, *, cluster: str) -> tuple[Parsed, Counts]:
    """What the scrapes add to what was counted before; those of before may come again.  Pure."""
    found, counts = grown(scrapes, counts, left_out=_superseded, refusal=_nameless)
    sums: dict[_Key, list[float | None]] = defaultdict(lambda: [None, None])
    for growth in found.growths:
        _add(sums, growth)
    events = {"serving": _table(sums, cluster)} if sums else {}
    rejected, gaps = tuple(found.rejected), gap_rows(found.resets, cluster)
    return Parsed(found.read, len(found.growths), events, found.excluded, rejected, gaps), counts


def _superseded(line: Sample, scrape: Scrape) -> str | None:
    is_old = line.name.startswith(RENAMED[0])
    return (
        "superseded" if is_old and any(other.name.startswith(RENAMED[1]) for other in scrape.lines) else None
    )


def _nameless(line: Sample) -> Rejected | None:
    if first(line.labels, *MODEL):
        return None
    return Rejected("missing_field", f"{line.name}: no label names a model", line.row)


def _add(sums: dict[_Key, list[float | None]], growth: Growth) -> None:
    line, start, end, amount = growth
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
    sums[key][place] = (sums[key][place] or 0.0) + amount * (counted.seconds_per_unit or 1.0)


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
