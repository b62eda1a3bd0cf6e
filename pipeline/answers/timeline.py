"""How each model version did over time: traffic, accuracy, failures and latency in equal steps."""

from __future__ import annotations

from datetime import datetime
from typing import Any

import pyarrow as pa

from detectors import estimate
from pipeline.answers import rolled
from pipeline.answers.answer import Answer, Column, Value
from pipeline.answers.served import timed, traffic, used
from pipeline.answers.truth import accuracy_minutes
from pipeline.answers.window import MINUTE, Window
from pipeline.facts.models import ZERO_BUCKET
from pipeline.store import Store

STEPS = (1, 2, 5, 10, 15, 30, 60, 120, 180, 360, 720, 1_440)
"""Minutes of a step: the divisors of a day that people read clocks in."""

COLUMNS = (
    Column("time", kind="time"),
    Column("model"),
    Column("model_version"),
    Column("requests", kind="integer"),
    Column("error_rate", kind="ratio"),
    Column("accuracy", kind="ratio"),
    Column("labelled", kind="integer"),
    Column("latency_p95", "seconds", "number"),
    Column("estimated_accuracy", kind="ratio"),
    Column("estimate_level"),
)

_LABELLED = pa.schema(
    [
        ("model", pa.string()),
        ("model_version", pa.string()),
        ("minute", pa.timestamp("us")),
        ("count", pa.int64()),
        ("errors", pa.int64()),
    ]
)


def timeline(store: Store, window: Window, points: int) -> Answer:
    """One row a step and model version with traffic, logged or counted by its servers.

    There are at most `points` steps, or steps of a day.
    A step without labels has no accuracy, and one without calibrated scores no estimate; latency_p95 is told
    as in `models`.
    Where minutes are rolled up, steps are whole hours.
    """
    step, origin = step_minutes(window, points), window.start
    if window.start < rolled.until(store):
        step, origin = max(step, 60), rolled.start_of_hour(window.start)
    found = store.query(
        "model_timeline",
        tables={"labelled": _labelled(store, window), "used": used(store)},
        start=window.start,
        end=window.end,
        step_minutes=step,
        origin=origin,
        **timed(),
        zero=ZERO_BUCKET,
        estimate=estimate.NAME,
    )
    rows = tuple(_row(r) for r in found.to_pylist())
    return Answer(COLUMNS, rows, newest(store), None, window=window)


def step_minutes(window: Window, points: int) -> int:
    """The shortest of STEPS that cuts the window into at most `points`; a day where none does."""
    minutes = (window.end - window.start) / MINUTE
    return next((step for step in STEPS if minutes / step <= points), STEPS[-1])


def newest(store: Store) -> datetime | None:
    """The last instant that the ledger speaks of; None where it is empty."""
    last: datetime | None = store.query("newest").to_pylist()[0]["last"]
    return last


def _labelled(store: Store, window: Window) -> pa.Table:
    names = sorted({row["model"] for row in traffic(store, window)})
    minutes = accuracy_minutes(store, names, window.start, window.end)
    return minutes.select(_LABELLED.names).cast(_LABELLED)


def _row(row: dict[str, Any]) -> tuple[Value, ...]:
    labelled, requests, failed = row["labelled"] or 0, row["requests"], row["failed"]
    return (
        row["time"],
        row["model"],
        row["model_version"],
        requests,
        failed / requests if requests and failed is not None else None,
        1 - row["wrong"] / labelled if labelled else None,
        labelled,
        row["latency_p95"],
        float(row["estimated_correct"]) / row["estimated_count"] if row["estimated_count"] else None,
        row["estimate_level"],
    )
