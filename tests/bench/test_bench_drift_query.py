"""How long the drift of a day takes: 20 features, 24 h of minutes, 288,000 fact rows in a kept ledger."""

from __future__ import annotations

import time
from collections.abc import Callable
from datetime import UTC, datetime, timedelta
from pathlib import Path
from shutil import copytree

import numpy as np
import pyarrow as pa
import pyarrow.compute as pc
import pytest

from detectors.references import FeatureBins, Reference
from pipeline.answers.drift import drift
from pipeline.answers.window import Window
from pipeline.facts.catalogue import FACTS
from pipeline.judge import judge
from pipeline.maintenance.run import run as maintain
from pipeline.registry import register
from pipeline.settings.maintenance import MaintenanceSettings
from pipeline.store import Batch, Store
from tests.detect.judged import EDGES, reference

pytestmark = pytest.mark.bench

START = datetime(2026, 11, 24)
FEATURES, BINS, MINUTES, COMMITS = 20, 10, 1_440, 24
BUDGET_MS = 50.0
RUNS = 40


def _known() -> Reference:
    each = [FeatureBins(f"f{i}", EDGES, None, (1_000,) * BINS, 0, 0, 1.0) for i in range(FEATURES)]
    return reference(features=tuple(each), score_edges=EDGES, score_counts=(1_000,) * BINS)


def _minutes(first: int, count: int, rng: np.random.Generator) -> dict[str, pa.Table]:
    """Every bin of every feature, and of the score, in each of `count` minutes, and the traffic."""
    rows = count * FEATURES * BINS
    at = np.datetime64(START, "us") + (first + np.arange(count)).astype("timedelta64[m]")
    same = {"model": "fraud", "model_version": "1", "reference": "fraud@1"}
    bins = {
        "minute": np.repeat(at, FEATURES * BINS),
        **{k: pa.array([v] * rows) for k, v in same.items()},
        "feature": pa.array([f"f{i}" for i in range(FEATURES)]).take(
            pa.array(np.tile(np.repeat(np.arange(FEATURES), BINS), count))
        ),
        "bin": pa.array(np.tile(np.arange(BINS), count * FEATURES), pa.int32()),
        "count": rng.multinomial(100, [1 / BINS] * BINS, count * FEATURES).ravel(),
    }
    zero = np.zeros(count, dtype=np.int64)
    whole = ("errors", "tokens_in", "tokens_out", "tokens_cached", "estimated_count")
    exact = ("latency_seconds", *(f"estimated_{name}" for name in ("correct", "tp", "fp", "fn", "tn")))
    server = {"cluster": "", "namespace": "", "workload": ""}
    sums = {
        "minute": at,
        **{k: pa.array([v] * count) for k, v in {**same, **server}.items()},
        "count": zero + 100,
        **{k: zero for k in whole},
        **{k: pa.array(zero).cast(pa.decimal128(19, 0)) for k in exact},
    }
    features = _typed("feature_bins", bins)
    scores = features.filter(pc.field("feature") == "f0").drop_columns("feature")
    traffic = _typed("prediction_sums", sums)
    return {"feature_bins": features, "score_bins": scores, "prediction_sums": traffic}


def _typed(fact: str, columns: dict[str, object]) -> pa.Table:
    schema = FACTS[fact].schema
    return pa.table({f.name: columns[f.name] for f in schema}).cast(schema)


@pytest.fixture(scope="module")
def unkept(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A ledger that nobody maintains: a file an hour and table."""
    folder = tmp_path_factory.mktemp("lake")
    rng = np.random.default_rng(0)
    with Store.open(folder) as ledger:
        register(ledger, _known(), START.replace(tzinfo=UTC))
        for commit in range(COMMITS):
            span = MINUTES // COMMITS
            ledger.append(Batch(_minutes(commit * span, span, rng)))
    return folder


@pytest.fixture(scope="module")
def store(unkept: Path, tmp_path_factory: pytest.TempPathFactory) -> Path:
    """The same, as a round of maintenance leaves it."""
    folder = tmp_path_factory.mktemp("kept") / "lake"
    copytree(unkept, folder)
    with Store.open(folder) as ledger:
        maintain(ledger, START + timedelta(days=1), MaintenanceSettings())
    return folder


def _milliseconds(task: Callable[[], object], runs: int = RUNS) -> list[float]:
    task()
    taken = []
    for _ in range(runs):
        began = time.perf_counter()
        task()
        taken.append((time.perf_counter() - began) * 1e3)
    return taken


def _measured(folder: Path) -> dict[str, float]:
    day = Window(START, START + timedelta(days=1))
    with Store.open(folder, read_only=True) as ledger:
        answer = drift(ledger, day)
        assert len(answer.rows) == FEATURES + 1
        assert answer.named()[0]["count"] == MINUTES * 100
        taken = _milliseconds(lambda: drift(ledger, day))
    return {
        "rows": MINUTES * FEATURES * BINS,
        "p50_ms": float(np.median(taken)),
        "p95_ms": float(np.quantile(taken, 0.95)),
    }


def test_a_day_of_twenty_features_answers_in_time(store: Path, record: Callable[..., None]) -> None:
    found = _measured(store)
    record("drift query 24 h x 20 features", **found)
    assert found["p95_ms"] < BUDGET_MS


def test_the_same_day_in_a_ledger_that_nobody_maintains(unkept: Path, record: Callable[..., None]) -> None:
    """Beside it, so that it shows what maintenance is for."""
    record("drift query, 24 files a table", **_measured(unkept))


def test_a_tick_of_the_judge_over_the_same_day(store: Path, record: Callable[..., None]) -> None:
    now = START + timedelta(days=1)
    with Store.open(store, read_only=True) as ledger:
        assert {f.detector: f.level for f in judge(ledger, now)}["drift"] == "ok"
        taken = _milliseconds(lambda: judge(ledger, now), runs=5)
    record("judge tick 24 h x 20 features", rows=MINUTES * FEATURES * BINS, p50_ms=float(np.median(taken)))
    assert np.median(taken) < 2_000
