"""Labels and latencies that a judge remembers are those that it would read, whatever has come in between."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from datetime import UTC, timedelta
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from detectors.parameters import Parameters
from pipeline.judge import Memory, judge
from pipeline.registry import register
from pipeline.store import Store
from tests.detect.judged import EVERYTHING, reference
from tests.detect.test_counted_latency import bucket
from tests.ledger import MINUTE, START, write

P = Parameters(rate_look_back_minutes=90, rate_minimum_count=10, stale_minutes=60)
MODELS = ("fraud", "other")


@pytest.fixture
def store(tmp_path: Path) -> Iterator[Store]:
    with Store.open(tmp_path) as ledger:
        for model in MODELS:
            known = reference(model=model, reference=f"{model}@1", **EVERYTHING)
            register(ledger, known, START.replace(tzinfo=UTC))
        yield ledger


def predicted(model: str, version: str, minute: int, count: int = 4) -> list[dict[str, Any]]:
    key = {"model": model, "model_version": version, "prediction": "yes", "score": 0.9}
    at = START + minute * MINUTE
    return [
        {
            **key,
            "prediction_id": f"{version}-{minute}-{n}",
            "time": at + timedelta(seconds=n),
            "revision": 1,
            "segment": ("app", "web")[n % 2],
        }
        for n in range(count)
    ]


def told(of: list[dict[str, Any]], minute: int, wrong: float, seed: int = 0) -> list[dict[str, Any]]:
    errs = np.random.default_rng(seed).random(len(of)) < wrong
    at = START + minute * MINUTE
    return [
        {"model": p["model"], "prediction_id": p["prediction_id"], "time": at, "evaluator": "person",
         "label": "no" if err else "yes", "revision": minute}
        for p, err in zip(of, errs, strict=True)
    ]  # fmt: skip


def served(store: Store, first: int, end: int, wrong: float, lag: int = 2) -> None:
    """Every minute of both models: traffic, predictions with their labels, and latencies."""
    facts: dict[str, list[dict[str, Any]]] = {}
    for minute in range(first, end):
        for model in MODELS:
            said = predicted(model, "1", minute)
            key = {"model": model, "model_version": "1", "minute": START + minute * MINUTE}
            seconds = {
                "metric": "time_to_first_token",
                "scale": 5,
                "bucket": -120 + minute % 3 * 90,
                "count": 8,
            }
            answers = {**key, "reference": f"{model}@1", "feature": "refusal"}
            refused = 8 if wrong > 0.4 and model == "other" else 0
            for name, rows in {
                "feature_bins": [
                    {**answers, "bin": 0, "count": 9 - refused},
                    {**answers, "bin": 1, "count": refused},
                ],
                "predictions": said,
                "labels": told(said, minute + lag, wrong, minute),
                "prediction_sums": [{**key, "count": 9, "reference": f"{model}@1"}],
                "latency_bins": [{**key, **seconds}, {**key, **seconds, "metric": "latency", "bucket": -20}],
            }.items():
                facts.setdefault(name, []).extend(rows)
    write(store, **facts)


def moved(store: Store) -> None:
    """Said again, for a minute later: it must leave the old one."""
    again = [{**p, "time": p["time"] + 5 * MINUTE, "revision": 2} for p in predicted("fraud", "1", 40)]
    write(store, predictions=again)


def another_version(store: Store) -> None:
    for minute in range(60, 66):
        said = predicted("fraud", "2", minute)
        key = {"model": "fraud", "model_version": "2", "minute": START + minute * MINUTE, "count": 9}
        write(store, predictions=said, labels=told(said, 70, 0.9), prediction_sums=[key])


def in_hours(store: Store) -> None:
    """As maintenance leaves traffic: the minutes of the hour are gone, and stand in one row."""
    hour, of = "TIMESTAMP '2026-11-24 01:00:00'", "WHERE model = 'other' AND minute"
    with store.transaction() as con:
        con.execute(f"DELETE FROM prediction_sums {of} > {hour}")
        con.execute(f"UPDATE prediction_sums SET span_minutes = 60, count = 540 {of} = {hour}")


def flushed(store: Store, *only: str) -> None:
    with store.transaction() as con:
        for table in only or ("labels", "predictions", "prediction_sums", "latency_bins"):
            con.execute(f"CALL ducklake_flush_inlined_data('lake', table_name => '{table}')")


def histograms(store: Store) -> None:
    """A server's own count of an hour, and then what goes before it in the hour beside."""
    write(
        store,
        latency_counts=[bucket(0.25, 1.0, 50, minute=80, model_version="9", model="other", cluster="a")],
    )


def label(store: Store, model: str, minute: int) -> None:
    """Of predictions made then, all wrong."""
    write(store, labels=told(predicted(model, "1", minute), minute + 60, 1.0))


REFUSED = {"model": "fraud", "model_version": "1", "reference": "fraud@1", "feature": "refusal", "bin": 1}
SLOW = {"model": "other", "model_version": "1", "metric": "latency", "scale": 5, "bucket": -20, "count": 5}
CHANGES: dict[int, list[Callable[[Store], None]]] = {
    60: [lambda store: served(store, 0, 60, 0.1)],
    61: [lambda store: served(store, 60, 61, 0.1), lambda store: label(store, "fraud", 10)],
    62: [],
    65: [moved, lambda store: label(store, "fraud", 99)],
    70: [another_version, lambda store: served(store, 61, 70, 0.5)],
    71: [flushed],
    72: [lambda store: label(store, "other", 1)],
    85: [histograms],
    86: [lambda store: write(store, latency_bins=[{**SLOW, "minute": START + 30 * MINUTE}])],
    87: [lambda store: write(store, feature_bins=[{**REFUSED, "minute": START + 20 * MINUTE, "count": 3}])],
    101: [lambda store: served(store, 70, 100, 0.1), in_hours],
    102: [lambda store: label(store, "other", 61)],
    130: [lambda store: served(store, 100, 131, 0.1)],
    131: [lambda store: label(store, "fraud", 129), lambda store: flushed(store, "predictions")],
}
"""By minute: what comes before the tick.  On time, late, twice, early, moved by maintenance, in hours."""


def test_memory_changes_no_bit(store: Store, monkeypatch: pytest.MonkeyPatch) -> None:
    """And all is read again only where rows were taken away."""
    memory, asked, levels = Memory(), [], set()
    plain = Store.query

    def watched(self: Store, name: str, **given: Any):
        asked.append(name)
        return plain(self, name, **given)

    monkeypatch.setattr(Store, "query", watched)
    whole = []
    for minute, changes in CHANGES.items():
        for change in changes:
            change(store)
        now = START + minute * MINUTE
        asked.clear()
        found = judge(store, now, P, memory)
        whole += [minute] if "label_rows" in asked else []
        assert [f.to_json() for f in found] == [f.to_json() for f in judge(store, now, P)], minute
        levels |= {(f.detector, f.level) for f in found}
    assert whole == [60, 101]
    assert {("accuracy", "act"), ("accuracy", "ok"), ("time_to_first_token_objective", "act")} <= levels
    assert {("segment_accuracy", "act"), ("segment_accuracy", "ok")} <= levels
    assert {("refusal_rate", "act"), ("refusal_rate", "ok"), ("cut_off_rate", "not_enough_data")} <= levels


def test_another_reference_and_an_earlier_tick_begin_anew(store: Store) -> None:
    """What was an error by one reference need not be one by the next."""
    memory = Memory()
    served(store, 0, 60, 0.4)
    for minute in (60, 61):
        assert judge(store, START + minute * MINUTE, P, memory)
    other = reference(reference="fraud@2", errors=5_000, latency_objective_seconds=0.1)
    register(store, other, (START + MINUTE).replace(tzinfo=UTC))
    for minute in (62, 30):
        now = START + minute * MINUTE
        assert judge(store, now, P, memory) == judge(store, now, P)
