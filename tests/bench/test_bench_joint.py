"""What a sample of whole rows costs a fold, what it shows that no feature shows alone, and how soon."""

from __future__ import annotations

import time
from collections.abc import Callable
from dataclasses import replace
from datetime import UTC, datetime, timedelta
from pathlib import Path

import numpy as np
import pyarrow as pa
import pytest

from detectors.domain_classifier import ALARM
from detectors.feature_samples import MOST
from detectors.folds import FOLDS
from detectors.joint_drift import JointReference
from detectors.reference_build import build
from detectors.sample_distances import Numbers
from pipeline.answers.joint_drift import joint_drift
from pipeline.answers.window import Window
from pipeline.events import TYPES, decode, encode
from pipeline.registry import register
from pipeline.store import Batch, Store
from tests.bench import batches
from tests.detect.judged import numeric, reference
from tests.ledger import rows

pytestmark = pytest.mark.bench

MESSAGES, ROUNDS, SAMPLE = 20, 9, 200
FEATURES, WINDOW, NULL_WINDOWS, WINDOWS = 10, 1_000, 100, 20
START = datetime(2026, 11, 24)


def _decoded() -> list[pa.Table]:
    rng = np.random.default_rng(1)
    sent = [
        encode(TYPES["inference"], batches.inference(rng, i), source="s", sequence=i, time=batches.START)
        for i in range(MESSAGES)
    ]
    return [decode(message).events for message in sent]


def _cpu(work: Callable[[], object]) -> float:
    """Milliseconds, the best of several rounds."""
    found = []
    for _ in range(ROUNDS):
        start = time.process_time()
        work()
        found.append(time.process_time() - start)
    return min(found) * 1_000


def test_a_fold_with_a_sample(record: Callable[..., None]) -> None:
    """100,000 rows of 10 features: a model that keeps none must pay nothing for those that do."""
    decoded = _decoded()
    together = pa.concat_tables(decoded)
    known = build(batches.reference(batches.features(5_000, np.random.default_rng(2))), model="m")
    for name, parts in (("20 at once", [together]), ("1 at once", decoded)):

        def folded(keep: int, parts: list[pa.Table] = parts) -> None:
            references = {"m": replace(known, sample_rows=keep)}
            for table in parts:
                for fold in FOLDS["inference"]:
                    fold(table, references)

        without, kept = _cpu(lambda: folded(0)), _cpu(lambda: folded(SAMPLE))
        record(
            "inference fold with a sample",
            messages=name,
            rows=together.num_rows,
            without_ms=without,
            with_ms=kept,
        )
        assert kept < 3 * without


def _drawn(rng: np.random.Generator, count: int, together: float) -> dict[str, np.ndarray]:
    """Two of the features have that correlation, and each has the same distribution whatever it is."""
    found = {f"f{i}": rng.normal(size=count) for i in range(FEATURES)}
    found["f1"] = together * found["f0"] + np.sqrt(1 - together**2) * found["f1"]
    return found


def test_what_is_seen_of_a_changed_correlation(record: Callable[..., None]) -> None:
    rng = np.random.default_rng(3)
    then = _drawn(rng, MOST, 0.8)
    known = JointReference.of(then)
    alone = {name: Numbers.of(values) for name, values in then.items()}
    for together, windows in (
        (0.8, NULL_WINDOWS),
        (0.6, WINDOWS),
        (0.4, WINDOWS),
        (0.0, WINDOWS),
        (-0.8, WINDOWS),
    ):
        drawn = [_drawn(rng, WINDOW, together) for _ in range(windows)]
        start = time.process_time()
        found = [known.compared(window) for window in drawn]
        seconds = (time.process_time() - start) / windows
        psi = max(alone[n].distances(v)["psi"] for window in drawn for n, v in window.items() if alone[n])
        outside = float(np.mean([not f.low <= f.error <= f.high for f in found]))
        record(
            "joint drift of 10 features", correlation=together, windows=windows,
            error=float(np.median([f.error for f in found])), low=found[0].low, high=found[0].high,
            error_warns=outside, auc=float(np.median([f.area.value for f in found])),
            auc_warns=float(np.mean([f.area.value >= ALARM for f in found])),
            largest_psi=psi, seconds_a_window=seconds,
        )  # fmt: skip
        if together == 0.8:
            assert outside <= 0.02


def test_how_long_a_week_takes(tmp_path: Path, record: Callable[..., None]) -> None:
    """168 hours of one version, 200 rows each, as maintenance leaves them."""
    rng = np.random.default_rng(4)
    features = tuple(numeric(f"f{i}") for i in range(FEATURES))
    known = reference(features=features, sample_rows=SAMPLE)
    own = [repr(row) for row in rng.normal(size=(MOST, FEATURES)).tolist()]
    key = {"model": "fraud", "model_version": "1", "reference": "fraud@1"}
    with Store.open(tmp_path) as store:
        register(store, known, START.replace(tzinfo=UTC), own)
        hours = [START + timedelta(hours=n) for n in range(168)]
        kept = [
            {**key, "hour": hour, "rank": int(rank), "rows_an_hour": SAMPLE, "time": hour,
             "content": repr(row)}
            for hour in hours
            for rank, row in zip(
                np.sort(rng.integers(0, 2**63 // 100, SAMPLE)),
                rng.normal(size=(SAMPLE, FEATURES)).tolist(), strict=True,
            )
        ]  # fmt: skip
        sums = [{**key, "minute": hour, "count": 20_000} for hour in hours]
        store.append(Batch({"feature_samples": rows("feature_samples", kept)}))
        store.append(Batch({"prediction_sums": rows("prediction_sums", sums)}))
        bytes_ = sum(f.stat().st_size for f in tmp_path.rglob("*.parquet"))
    with Store.open(tmp_path, read_only=True) as store:
        span = Window(START, START + timedelta(days=7))
        milliseconds = _cpu(lambda: joint_drift(store, span))
        (row,) = joint_drift(store, span).rows
    record(
        "joint drift of a week",
        rows_kept=len(kept),
        rows_compared=row[5],
        megabytes=bytes_ / 1e6,
        cpu_ms=milliseconds,
    )
