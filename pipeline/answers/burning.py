"""How fast each model version spends the budgets of its objectives, over every window of an alarm."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from datetime import datetime, timedelta
from typing import NamedTuple

import numpy as np

from detectors import burn_rates
from detectors.latency import METRICS
from detectors.references import Reference
from pipeline.answers.truth import by_version, objective_minutes
from pipeline.store import Store


class Burning(NamedTuple):
    model: str
    model_version: str
    metric: str
    """The measured time that the objective bounds."""
    minutes: int
    """Length of the window."""
    rate: float
    """How many times faster than allowed; 1 spends the budget of 30 days in 30 days."""


def burning(store: Store, now: datetime) -> list[Burning]:
    """Of models with an objective, over the windows up to the last whole minute that hold a request."""
    end = now.replace(second=0, microsecond=0)
    with store.steady(alone=True):
        references = store.references()
        return [found for metric in METRICS for found in _of(store, metric, references, end)]


def _of(store: Store, metric: str, references: Mapping[str, Reference], end: datetime) -> Iterator[Burning]:
    bounds = {name: seconds for name, r in references.items() if (seconds := r.objective(metric))}
    if not bounds:
        return
    start = end - timedelta(minutes=burn_rates.LONGEST_MINUTES)
    minutes = objective_minutes(store, bounds, start, end, metric)
    for (model, version), of in by_version(minutes).items():
        budget = references[model].latency_budget
        rates: dict[int, float | None] = {}
        for pair, long, short in burn_rates.burns(of, np.datetime64(end, "us"), budget):
            rates |= {pair.long_minutes: long, pair.short_minutes: short}
        for length, rate in sorted(rates.items()):
            if rate is not None:
                yield Burning(model, version, metric, length, rate)
