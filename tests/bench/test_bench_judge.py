"""What a tick of the judge costs where 200 models of 20 features are served."""

from __future__ import annotations

import time
from collections.abc import Callable
from dataclasses import replace
from datetime import timedelta
from pathlib import Path

import numpy as np
import pyarrow as pa
import pytest

from pipeline.drift_tick import Memory
from pipeline.facts.models import REFERENCES
from pipeline.judge import judge
from pipeline.store import Batch, Store
from tests.bench.test_bench_drift_query import START, _known, _minutes

pytestmark = pytest.mark.bench

MODELS, MINUTES, TICKS = 200, 180, 5
BUDGET_SECONDS = 1.0


def _references() -> pa.Table:
    made = [replace(_known(), model=f"m{i}", reference=f"m{i}@1") for i in range(MODELS)]
    rows = [
        {"reference": r.reference, "model": r.model, "content": r.to_json(), "time": START, "revision": 0}
        for r in made
    ]
    return pa.Table.from_pylist(rows, schema=REFERENCES.schema)


def _of(model: int, facts: dict[str, pa.Table]) -> dict[str, pa.Table]:
    found = {}
    for name, rows in facts.items():
        for column, value in (("model", f"m{model}"), ("reference", f"m{model}@1")):
            at = rows.column_names.index(column)
            repeated = pa.repeat(pa.scalar(value), rows.num_rows)
            rows = rows.set_column(at, rows.schema.field(at), repeated)
        found[name] = rows
    return found


@pytest.fixture(scope="module")
def store(tmp_path_factory: pytest.TempPathFactory) -> Path:
    folder = tmp_path_factory.mktemp("many")
    facts = _minutes(0, MINUTES, np.random.default_rng(0))
    with Store.open(folder) as ledger:
        ledger.append(Batch({"references": _references()}))
        for first in range(0, MODELS, 20):
            parts = [_of(model, facts) for model in range(first, first + 20)]
            ledger.append(Batch({name: pa.concat_tables([p[name] for p in parts]) for name in facts}))
    return folder


def test_a_tick_of_two_hundred_models(store: Path, record: Callable[..., None]) -> None:
    """The first tick reads the whole window; every later one reads the newest minutes."""
    memory, seconds, cpu = Memory(), [], []
    with Store.open(store, read_only=True) as ledger:
        for back in reversed(range(TICKS)):
            now = START + timedelta(minutes=MINUTES - back)
            wall, used = time.perf_counter(), time.process_time()
            found = judge(ledger, now, memory=memory)
            seconds.append(time.perf_counter() - wall)
            cpu.append(time.process_time() - used)
            drift = [f.level for f in found if f.detector == "drift"]
            assert drift == ["ok"] * MODELS
        assert found == judge(ledger, now)
    record(
        f"judge tick of {MODELS} models x 20 features",
        window_rows=MODELS * 20 * 10 * MINUTES,
        first_seconds=seconds[0],
        seconds=float(np.median(seconds[1:])),
        cpu_seconds=float(np.median(cpu[1:])),
    )
    assert np.median(cpu[1:]) < BUDGET_SECONDS
