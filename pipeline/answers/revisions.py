"""The journal of watched targets: each state that served, with its quality, latency and cost meanwhile."""

from __future__ import annotations

from collections.abc import Mapping
from datetime import datetime
from typing import Any

import pyarrow.compute as pc

from pipeline.answers.answer import Answer, Column, Value
from pipeline.answers.truth import accuracy_minutes
from pipeline.answers.version_cost import of_version
from pipeline.answers.window import Window
from pipeline.prices.book import PriceBook
from pipeline.store import Store

COLUMNS = (
    Column("since", kind="time"),
    Column("until", kind="time"),
    Column("cluster", wide=True),
    Column("namespace", wide=True),
    Column("workload"),
    Column("generation", kind="integer"),
    Column("revision", kind="integer", wide=True),
    Column("state", kind="identity", wide=True),
    Column("model", wide=True),
    Column("model_version"),
    Column("predictions", kind="integer"),
    Column("labelled", kind="integer"),
    Column("errors", kind="integer", wide=True),
    Column("error_rate", kind="number"),
    Column("latency", "seconds", "number"),
    Column("cost", kind="money"),
    Column("currency", wide=True),
    Column("not_restored"),
)
NOTES = (
    "a state counts from the tick that first saw it; latency is the mean of its version's predictions",
    "not_restored is what putting the state back would not bring back: a tag, a model without a revision",
)


def revisions(store: Store, window: Window, prices: PriceBook, currency: str) -> Answer:
    """Of every target, oldest state first; what is unknown is None.  Cost is of the version's devices."""
    newest: datetime | None = store.query("newest").column("last")[0].as_py()
    found = store.query("revisions_served", start=window.start, end=window.end).to_pylist()
    rows = tuple(_row(store, r, window, prices, currency) for r in found)
    return Answer(COLUMNS, rows, newest, None, NOTES if rows else (), window=window)


def _row(
    store: Store, r: Mapping[str, Any], window: Window, prices: PriceBook, currency: str
) -> tuple[Value, ...]:
    start, end = max(r["since"], window.start), min(r["ended"] or window.end, window.end)
    labelled, errors = _labels(store, r, start, end)
    return (
        r["since"], r["ended"], r["cluster"], r["namespace"], r["workload"], r["generation"], r["number"],
        r["template_hash"], r["model"] or None, r["model_version"] or None, r["predictions"], labelled,
        errors,
        errors / labelled if labelled else None, r["latency_seconds"],
        of_version(store, r["model"], r["model_version"], start, end, prices, currency), currency,
        r["detail"] or None,
    )  # fmt: skip


def _labels(store: Store, r: Mapping[str, Any], start: datetime, end: datetime) -> tuple[int, int]:
    minutes = accuracy_minutes(store, [r["model"]], start, end)
    mine = minutes.filter(pc.field("model_version") == r["model_version"])
    return pc.sum(mine["count"]).as_py() or 0, pc.sum(mine["errors"]).as_py() or 0
