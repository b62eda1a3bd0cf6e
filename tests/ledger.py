"""A small ledger of one model's life, written as facts: traffic, labels, latency, features."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from datetime import datetime, timedelta
from typing import Any

import numpy as np
import pyarrow as pa

from detectors import exponential
from pipeline.facts.catalogue import FACTS
from pipeline.store import Batch, Store

START = datetime(2026, 11, 24)
MINUTE = timedelta(minutes=1)


def rows(fact: str, given: Iterable[Mapping[str, Any]]) -> pa.Table:
    """Rows in the fact's schema; text that is not given is '', numbers 0."""
    schema = FACTS[fact].schema
    blank = {f.name: "" if f.type == pa.string() else None for f in schema}
    blank |= {f.name: 0 for f in schema if pa.types.is_integer(f.type) or pa.types.is_decimal(f.type)}
    return pa.Table.from_pylist([{**blank, **row} for row in given], schema=schema)


def write(store: Store, **facts: Iterable[Mapping[str, Any]]) -> None:
    store.append(Batch({name: rows(name, given) for name, given in facts.items()}))


class Life:
    """Rows of model `fraud`, made minute by minute; `ids` are unique over versions and minutes."""

    def __init__(self, seed: int = 0) -> None:
        self._rng = np.random.default_rng(seed)
        self.prediction_sums: list[dict[str, Any]] = []
        self.predictions: list[dict[str, Any]] = []
        self.labels: list[dict[str, Any]] = []
        self.latency_bins: list[dict[str, Any]] = []
        self.feature_bins: list[dict[str, Any]] = []

    def serve(
        self,
        version: str,
        first: int,
        minutes: int,
        *,
        error: float,
        per_minute: int = 20,
        seconds: float = 0.1,
    ) -> Life:
        """`minutes` of traffic from minute `first` after START, every prediction labelled an hour later."""
        for minute in range(first, first + minutes):
            self._minute(version, START + minute * MINUTE, error, per_minute, seconds)
        return self

    def _minute(self, version: str, at: datetime, error: float, count: int, seconds: float) -> None:
        key = {"model": "fraud", "model_version": version, "minute": at}
        wrong = self._rng.random(count) < error
        self.prediction_sums.append({**key, "count": count, "reference": "fraud@1"})
        for n in range(count):
            said = {"model": "fraud", "prediction_id": f"{version}-{at:%d%H%M}-{n}"}
            time = at + timedelta(seconds=n % 60)
            self.predictions.append({**said, "time": time, "model_version": version, "prediction": "yes"})
            known = {"time": time + timedelta(hours=1), "label": "no" if wrong[n] else "yes"}
            self.labels.append({**said, **known, "evaluator": "person"})
        bucket = int(exponential.index(np.array([seconds]))[0])
        self.latency_bins.append({**key, "metric": "latency", "scale": 5, "bucket": bucket, "count": count})
        drawn = self._rng.multinomial(count, [0.1] * 10)
        self.feature_bins += [
            {**key, "reference": "fraud@1", "feature": "amount", "bin": b, "count": int(n)}
            for b, n in enumerate(drawn) if n
        ]  # fmt: skip

    def facts(self) -> dict[str, list[dict[str, Any]]]:
        return {name: given for name, given in vars(self).items() if name in FACTS}
