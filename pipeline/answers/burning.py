"""How fast each model version spends its latency budget now, over every window that an alarm looks at."""

from __future__ import annotations

from datetime import datetime, timedelta
from typing import NamedTuple

import numpy as np

from detectors import burn_rates
from pipeline.answers.served import timed
from pipeline.answers.truth import by_version, objectives
from pipeline.store import Store


class Burning(NamedTuple):
    model: str
    model_version: str
    minutes: int
    """Length of the window."""
    rate: float
    """How many times faster than allowed; 1 spends the budget of 30 days in 30 days."""


def burning(store: Store, now: datetime) -> list[Burning]:
    """Of models with an objective, over the windows up to the last whole minute that hold a request."""
    end = now.replace(second=0, microsecond=0)
    known = {name: r for name, r in store.references().items() if r.latency_objective_seconds}
    if not known:
        return []
    bounds = {name: float(r.latency_objective_seconds or 0) for name, r in known.items()}
    minutes = store.query(
        "objective_minutes",
        tables={"objectives": objectives(bounds)},
        **timed(),
        start=end - timedelta(minutes=burn_rates.LONGEST_MINUTES),
        end=end,
    )
    found = []
    for (model, version), of in by_version(minutes).items():
        rates: dict[int, float | None] = {}
        for pair, long, short in burn_rates.burns(of, np.datetime64(end, "us"), known[model].latency_budget):
            rates |= {pair.long_minutes: long, pair.short_minutes: short}
        found += [Burning(model, version, n, rate) for n, rate in sorted(rates.items()) if rate is not None]
    return found
