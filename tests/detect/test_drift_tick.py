"""A judge that remembers the tick before says what one without memory says, however facts arrive."""

from __future__ import annotations

from datetime import UTC, datetime
from pathlib import Path

import numpy as np
import pytest

from detectors.finding import Finding
from detectors.parameters import Parameters
from pipeline import drift_tick
from pipeline.judge import Memory, judge
from pipeline.registry import register
from pipeline.store import Store
from tests.detect.judged import reference
from tests.ledger import MINUTE
from tests.ledger import write as append

START = datetime(2026, 11, 24, 23, 20)
"""So that a midnight, at which the next window begins, lies amid the ticks."""
P = Parameters(drift_look_back_minutes=30)


def write(store: Store, model: str, minutes: list[int], shift: float = 0.0) -> None:
    rng = np.random.default_rng(minutes)
    shares = np.linspace(1 - shift, 1 + shift, 10) / 10
    name = {"model": model, "model_version": "1", "reference": f"{model}@1"}
    features = [
        {**name, "minute": START + m * MINUTE, "feature": "amount", "bin": b, "count": int(n)}
        for m in minutes
        for b, n in enumerate(rng.multinomial(100, shares))
    ]
    traffic = [{**name, "minute": START + m * MINUTE, "count": 100} for m in minutes]
    append(store, feature_bins=features, prediction_sums=traffic)


def drifts(store: Store, minute: int, memory: Memory | None) -> list[Finding]:
    found = judge(store, START + minute * MINUTE, P, memory)
    return [f for f in found if f.detector == "drift"]


@pytest.fixture
def store(tmp_path: Path):
    with Store.open(tmp_path) as ledger:
        for model in ("fraud", "other"):
            register(ledger, reference(model=model, reference=f"{model}@1"), START.replace(tzinfo=UTC))
        yield ledger


ARRIVALS = {
    20: [("fraud", range(18), 0.0), ("other", range(20), 0.0)],
    22: [("fraud", [19, 18, 21], 0.0), ("other", [20, 21], 0.9)],
    40: [("fraud", range(22, 40), 0.0), ("other", range(22, 40), 0.9)],
    42: [("fraud", [3, 40, 41], 0.0), ("other", [40, 41, 35], 0.9)],
    75: [("fraud", range(42, 75), 0.6), ("other", range(42, 75), 0.0)],
    76: [("fraud", [75], 0.6), ("other", [75], 0.0)],
    77: [("fraud", [76, 74], 0.6), ("other", [76], 0.0)],
    78: [("fraud", [77], 0.6), ("other", [77], 0.0)],
}
"""On time, late within the tail, later than that, unordered, past a midnight, drifting, after a pause."""


def test_memory_changes_no_bit(store: Store, monkeypatch: pytest.MonkeyPatch) -> None:
    """And it spares the reading: a tick reads the new minute, or from the first one that more came to."""
    memory, read, spans = Memory(), [], []
    plain = Store.query

    def watched(self: Store, name: str, **given):
        if name == "feature_minutes":
            read.append((given["end"] - given["start"]) / MINUTE)
        return plain(self, name, **given)

    monkeypatch.setattr(Store, "query", watched)
    for minute, written in ARRIVALS.items():
        for model, minutes, shift in written:
            write(store, model, list(minutes), shift)
        with_memory = drifts(store, minute, memory)
        spans += read
        assert with_memory == drifts(store, minute, None)
        read.clear()
    assert spans[-3:] == [1.0, 3.0, 1.0]
    assert [f.level for f in with_memory] == ["warn", "ok"]
    assert with_memory[0].since > START + 41 * MINUTE


def test_rows_that_are_taken_away_are_forgotten(store: Store) -> None:
    """A repair deletes what was wrong: memory must not keep it alive."""
    memory = Memory()
    write(store, "fraud", list(range(30)), 0.9)
    assert drifts(store, 30, memory)[0].level == "warn"
    with store.transaction() as con:
        con.execute("DELETE FROM feature_bins WHERE minute < TIMESTAMP '2026-11-24 23:45:00'")
    write(store, "fraud", [30], 0.0)
    found = drifts(store, 31, memory)
    assert found == drifts(store, 31, None)
    assert found[0].count == 600


def test_a_tick_back_in_time_and_other_parameters_start_anew(store: Store) -> None:
    memory = Memory()
    write(store, "fraud", list(range(30)), 0.9)
    for minute, parameters in ((30, P), (12, P), (30, Parameters(drift_look_back_minutes=60, drift_rho=0.1))):
        now = START + minute * MINUTE
        assert judge(store, now, parameters, memory) == judge(store, now, parameters)


def test_more_versions_than_fit_at_once_are_read_in_turns(
    store: Store, monkeypatch: pytest.MonkeyPatch
) -> None:
    for model in ("fraud", "other"):
        write(store, model, list(range(10)))
    whole = drifts(store, 10, None)
    monkeypatch.setattr(drift_tick, "ROWS_AT_ONCE", 1)
    assert [f.model for f in whole] == ["fraud", "other"]
    assert drifts(store, 10, None) == whole
