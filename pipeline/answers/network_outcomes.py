"""What became of workloads' traffic: HTTP and DNS responses by code with their latency, drops by reason."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Sequence
from decimal import Decimal
from typing import Any

from pipeline.answers import dimensions, rolled
from pipeline.answers.answer import Answer, Column, Value
from pipeline.answers.window import Window
from pipeline.store import Store

DIMENSIONS = ("cluster", "namespace", "workload", "protocol", "outcome")
WHOSE = (
    "an HTTP response counts for who gave it, a DNS response for who asked; a dropped packet for its sender, "
    "at each point that reports it"
)
NOTHING = "the ledger holds no response and no drop of this window: docs/collectors/hubble.md says how it may"


def network_outcomes(
    store: Store, window: Window, by: Sequence[str] = ("workload", "protocol", "outcome")
) -> Answer:
    """One row a value of the dimensions of `by`, the most events first; `share` is of all events.

    `latency_seconds` is the mean of the events that have one, None where none has.  Raises ConfigError for an
    unknown dimension.
    """
    dimensions.check(by, DIMENSIONS)
    with store.steady():
        found = store.query("network_outcome_sums", start=window.start, end=window.end).to_pylist()
        notes = (WHOSE if found else NOTHING, *rolled.notes(store, window))
    groups: dict[tuple[str, ...], list[dict[str, Any]]] = defaultdict(list)
    for row in found:
        groups[tuple(row[d] for d in by)].append(row)
    events = sum(row["events"] for row in found)
    parts = sorted((-sum(row["events"] for row in of), key) for key, of in groups.items())
    rows = [(*key, *_summed(groups[key], events)) for _, key in parts]
    columns = (
        *(Column(d) for d in by), Column("events", kind="integer"), Column("share", kind="ratio"),
        Column("latency_seconds", "seconds", "decimal"), Column("timed", kind="integer", wide=True),
    )  # fmt: skip
    total = (*("" for _ in by), *_summed(found, events)) if found else None
    as_of = max((row["last"] for row in found), default=None)
    return Answer(columns, tuple(rows), as_of, None, notes, total, window)


def _summed(rows: Sequence[dict[str, Any]], of: int) -> tuple[int, Decimal, Value, int]:
    events, timed = (sum(row[name] for row in rows) for name in ("events", "timed"))
    seconds = sum((row["latency_seconds"] for row in rows), Decimal())
    mean = (seconds / timed).quantize(Decimal("1e-6")) if timed else None
    return events, (Decimal(events) / of).quantize(Decimal("1e-6")), mean, timed
