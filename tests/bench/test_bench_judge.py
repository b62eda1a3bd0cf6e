"""What a tick of the judge costs where 200 models of 20 features serve for a day, without labels and with."""

from __future__ import annotations

import time
from collections.abc import Callable
from dataclasses import replace
from datetime import timedelta
from pathlib import Path

import numpy as np
import pyarrow as pa
import pytest

from detectors.references import SegmentLabels
from pipeline.facts.catalogue import FACTS
from pipeline.facts.models import REFERENCES
from pipeline.judge import Memory, judge
from pipeline.store import Batch, Store
from tests.bench.test_bench_drift_query import START, _known, _minutes

pytestmark = pytest.mark.bench

MODELS, MINUTES, TICKS = 200, 1_440, 7
COMMITS = 24
BUCKETS = 8
"""Of latency, in each minute."""
SEGMENTS = 10
"""Of each model, each with labels enough to be judged."""
COLD_SECONDS, WARM_SECONDS = 60.0, 1.0
"""CPU seconds at most: of the first tick of a process, and of a later one, with labels and latency too."""


def _references() -> pa.Table:
    parts = tuple(SegmentLabels(f"s{n}", 1_000, 100, 1.0) for n in range(SEGMENTS))
    known = replace(_known(), segment="f0", segment_labels=parts)
    made = [replace(known, model=f"m{i}", reference=f"m{i}@1") for i in range(MODELS)]
    rows = [
        {"reference": r.reference, "model": r.model, "content": r.to_json(), "time": START, "revision": 0}
        for r in made
    ]
    return pa.Table.from_pylist(rows, schema=REFERENCES.schema)


def _labelled_and_timed(
    rng: np.random.Generator, first: int = 0, count: int = MINUTES
) -> dict[str, pa.Table]:
    """One prediction a minute that has an id and a label a little later, and every request's latency."""
    minutes = np.datetime64(START, "us") + (first + np.arange(count)).astype("timedelta64[m]")
    names = [f"p{first + i}" for i in range(count)]
    said = {"prediction_id": names, "time": minutes, "model_version": "1", "prediction": "yes"}
    said["segment"] = [f"s{n}" for n in rng.integers(0, SEGMENTS, count)]
    score = rng.uniform(0.8, 1.0, count)
    right = np.where(rng.random(count) < score, "yes", "no")
    late = minutes + rng.integers(1, 90, count).astype("timedelta64[m]")
    told = {"prediction_id": names, "time": late, "evaluator": "person", "label": right}
    bins = {
        "minute": np.repeat(minutes, BUCKETS),
        "model_version": "1",
        "metric": "latency",
        "scale": 5,
        "bucket": np.tile(np.arange(-120, -120 + BUCKETS), count),
        "count": rng.multinomial(100, [1 / BUCKETS] * BUCKETS, count).ravel(),
    }
    return {
        "predictions": _fact("predictions", {**said, "score": score}, count),
        "labels": _fact("labels", told, count),
        "latency_bins": _fact("latency_bins", bins, count * BUCKETS),
    }


def _one_more(minute: int, rng: np.random.Generator) -> Batch:
    """All that comes with a minute, and a label that is told again for one of hours ago."""
    facts = _minutes(minute, 1, rng) | _labelled_and_timed(rng, minute, 1)
    old = {"prediction_id": [f"p{minute - 700}"], "time": [START + timedelta(minutes=minute)], "label": "yes"}
    again = _fact("labels", {**old, "evaluator": "person", "revision": [minute]}, 1)
    return _each_model(facts | {"labels": pa.concat_tables([facts["labels"], again])})


def _fact(name: str, given: dict[str, object], count: int) -> pa.Table:
    """One text or number stands for all rows; text keys that are not given are ''."""
    columns = []
    for field in FACTS[name].schema:
        value = given.get(field.name, "" if field.type == pa.string() and not field.nullable else None)
        if value is None:
            value = "" if field.type == pa.string() else 0 if field.name == "revision" else None
        one = value is None or isinstance(value, str | int)
        columns.append(pa.repeat(pa.scalar(value, field.type), count) if one else pa.array(value, field.type))
    return pa.table(columns, schema=FACTS[name].schema)


def _of(model: int, facts: dict[str, pa.Table]) -> dict[str, pa.Table]:
    found = {}
    for name, rows in facts.items():
        for column, value in (("model", f"m{model}"), ("reference", f"m{model}@1")):
            if column in rows.column_names:
                at = rows.column_names.index(column)
                repeated = pa.repeat(pa.scalar(value), rows.num_rows)
                rows = rows.set_column(at, rows.schema.field(at), repeated)
        found[name] = rows
    return found


def _each_model(facts: dict[str, pa.Table]) -> Batch:
    parts = [_of(model, facts) for model in range(MODELS)]
    return Batch({name: pa.concat_tables([part[name] for part in parts]) for name in facts})


@pytest.fixture(scope="module")
def store(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Committed hour by hour, as time goes on."""
    folder = tmp_path_factory.mktemp("many")
    rng, span = np.random.default_rng(0), MINUTES // COMMITS
    with Store.open(folder) as ledger:
        ledger.append(Batch({"references": _references()}))
        for commit in range(COMMITS):
            ledger.append(_each_model(_minutes(commit * span, span, rng)))
    return folder


def _ticks(store: Path, detectors: tuple[str, ...], ahead: bool = False) -> tuple[list[float], list[float]]:
    """Wall and CPU seconds of each tick of one process; every verdict of `detectors` is there, and ok.

    With `ahead` a minute of all facts comes before every later tick.
    """
    memory, seconds, cpu, rng = Memory(), [], [], np.random.default_rng(2)
    with Store.open(store, read_only=not ahead) as ledger:
        for tick in range(TICKS):
            minute = MINUTES + (tick if ahead else tick + 1 - TICKS)
            if ahead and tick:
                ledger.append(_one_more(minute - 1, rng))
            now = START + timedelta(minutes=minute)
            wall, used = time.perf_counter(), time.process_time()
            found = judge(ledger, now, memory=memory)
            seconds.append(time.perf_counter() - wall)
            cpu.append(time.process_time() - used)
            for detector in detectors:
                assert [f.level for f in found if f.detector == detector] == ["ok"] * MODELS, detector
    return seconds, cpu


def test_a_tick_of_two_hundred_models(store: Path, record: Callable[..., None]) -> None:
    """The first tick reads a day of histograms, every later one their newest minutes."""
    seconds, cpu = _ticks(store, ("drift",))
    record(
        f"judge tick of {MODELS} models x 20 features",
        read="histograms of a day",
        rows=MODELS * 20 * 10 * MINUTES,
        cold_seconds=seconds[0],
        cold_cpu_seconds=cpu[0],
        seconds=min(seconds[1:]),
        cpu_seconds=min(cpu[1:]),
    )
    assert cpu[0] < COLD_SECONDS
    assert min(cpu[1:]) < WARM_SECONDS


def test_a_tick_that_reads_labels_and_latency(store: Path, record: Callable[..., None]) -> None:
    """Of these a tick reads again what came since the last one: a label may come late for any minute."""
    with Store.open(store) as ledger:
        ledger.append(_each_model(_labelled_and_timed(np.random.default_rng(1))))
    judged = ("drift", "accuracy", "latency_objective", "estimate", "segment_accuracy")
    seconds, cpu = _ticks(store, judged, ahead=True)
    record(
        f"judge tick of {MODELS} models x 20 features",
        read="labels and latency of a day too",
        rows=MODELS * MINUTES * (1 + BUCKETS),
        cold_seconds=seconds[0],
        cold_cpu_seconds=cpu[0],
        seconds=min(seconds[1:]),
        cpu_seconds=min(cpu[1:]),
    )
    assert min(cpu[1:]) < WARM_SECONDS
