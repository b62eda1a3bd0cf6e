"""How long answers take: percentiles of each measured time, and how fast an objective's budget is spent."""

from __future__ import annotations

from collections.abc import Iterator
from datetime import timedelta
from typing import Any

import numpy as np
import pyarrow as pa
import pyarrow.compute as pc

from detectors import burn_rates
from detectors.burn_rates import Burn
from detectors.latency import METRICS
from detectors.references import Reference
from pipeline.answers.answer import Answer, Column, Value
from pipeline.answers.elsewhere import elsewhere
from pipeline.answers.served import latency as quantiles
from pipeline.answers.truth import objective_minutes
from pipeline.answers.window import Window
from pipeline.store import Store

QUANTILES = ("p50", "p90", "p95", "p99", "p999")
COLUMNS = (
    Column("model"),
    Column("model_version"),
    Column("metric"),
    Column("requests", kind="integer"),
    *(Column(q, "seconds", "number") for q in QUANTILES),
    Column("source"),
    Column("error", kind="ratio"),
    Column("objective", "seconds", "number"),
    *(Column(f"burn_{pair.long_minutes // 60}h", kind="number") for pair in burn_rates.PAIRS),
    Column("alarm"),
)
ERROR = (
    "error is the most by which p50 to p99 can be wrong, relative to the true ones; it is unknown where one "
    "of them lies in the first or last bucket of a server's histogram; source says how the times were told"
)
ASTRIDE = (
    "{model} {version}: {share:.0%} of the requests lie in the bucket that holds the objective, and count "
    "as in time: choose an objective that is a bound of the histogram"
)
BURN = (
    "burn_1h is how many times faster than allowed the objective's budget was spent in the hour up to the "
    "window's end; alarm is page or ticket where the long and its short window are both over the factor"
)


def latency(store: Store, window: Window) -> Answer:
    """One row a model version and metric with timed requests in the window, by name."""
    with store.steady():
        references = store.references()
        wide: list[str] = []
        rows = tuple(
            row for metric in sorted(METRICS) for row in _rows(store, window, metric, references, wide)
        )
        notes = (ERROR, BURN, *wide) if rows else (elsewhere(store, "prediction_sums"),)
    return Answer(COLUMNS, tuple(sorted(rows, key=lambda r: r[:3])), window.end, None, notes, window=window)


def _rows(
    store: Store, window: Window, metric: str, references: dict[str, Reference], wide: list[str]
) -> Iterator[tuple[Any, ...]]:
    """`wide` takes notes on objectives that lie inside a bucket with many requests."""
    minutes: dict[str, pa.Table] = {}
    start = window.end - timedelta(minutes=burn_rates.LONGEST_MINUTES)
    for row in quantiles(store, window, metric=metric):
        model, version = row["model"], row["model_version"]
        known = references.get(model)
        objective = known and known.objective(metric)
        burnt: list[Burn] = []
        if known is not None and objective:
            if model not in minutes:
                minutes[model] = objective_minutes(store, {model: objective}, start, window.end, metric)
            of = minutes[model].filter(pc.field("model_version") == version)
            burnt = burn_rates.burns(of, np.datetime64(window.end, "us"), known.latency_budget)
            astride = sum(of.column("astride").to_pylist()) / max(sum(of.column("count").to_pylist()), 1)
            if astride > known.latency_budget and row["source"] != "requests":
                wide.append(ASTRIDE.format(model=model, version=version, share=astride))
        values = (*(row[q] for q in (*QUANTILES, "source", "error")), objective or None, *_burn(burnt))
        yield (model, version, metric, int(row["requests"]), *values)


def _burn(burnt: list[Burn]) -> tuple[Value, ...]:
    firing = [b.pair.severity for b in burnt if b.firing]
    rates = [b.long for b in burnt] or [None] * len(burn_rates.PAIRS)
    return (*rates, ("page" if "page" in firing else firing[0] if firing else "ok") if burnt else None)
