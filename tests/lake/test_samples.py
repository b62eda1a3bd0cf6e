"""Samples of features in the lake: few rows are written, fewer stay, none too long, and always the same."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta
from itertools import pairwise
from pathlib import Path

import numpy as np
import pyarrow as pa
from hypothesis import given, settings
from hypothesis import strategies as st

from pipeline.batches import messages
from pipeline.events import TYPES
from pipeline.ingest import Ingest
from pipeline.maintenance.run import run
from pipeline.registry import register
from pipeline.sampled import Sampled
from pipeline.settings.maintenance import MaintenanceSettings
from pipeline.store import Store
from tests.detect.judged import reference
from tests.examples import examples
from tests.ledger import START, rows

ASKING = reference(sample_rows=10)
ROWS = 600
CUTS = (0, 4, 8, *range(50, ROWS, 55), ROWS)
"""Of commits: the first two have fewer rows than are kept of an hour."""


def hour(seed: int = 0, count: int = ROWS) -> pa.Table:
    """Predictions of an hour, in no order."""
    rng = np.random.default_rng(seed)
    seconds = rng.integers(0, 3_600, count).tolist()
    features = {
        "amount": pa.array(rng.normal(size=count)),
        "channel": pa.array(rng.choice(["a", "b"], count)),
    }
    return pa.table(
        {
            "model": ["fraud"] * count,
            "model_version": ["1"] * count,
            "time": pa.array([START + timedelta(seconds=s) for s in seconds], pa.timestamp("us", "UTC")),
            "features": pa.StructArray.from_arrays(list(features.values()), names=list(features)),
        }
    )


def put(writer: Ingest, events: pa.Table, offset: int, partition: int = 0) -> None:
    at = int(START.replace(tzinfo=UTC).timestamp() * 1e6)
    (message,) = messages(TYPES["inference"], events, source=f"s{partition}", sequence=offset, time=at)
    writer.step([message._replace(topic_id="t", partition=partition, offset=offset)])


def held(store: Store) -> int:
    with store.transaction() as con:
        (count,) = con.execute("SELECT count(*) FROM feature_samples").fetchone() or (0,)
    return int(count)


def opened(folder: Path) -> Store:
    store = Store.open(folder)
    register(store, ASKING, datetime(2026, 11, 1, tzinfo=UTC))
    return store


def test_small_commits_of_two_writers_write_little_and_maintenance_leaves_the_sample(
    tmp_path: Path,
) -> None:
    """Commits of a second must not keep half of the traffic: 13, each with its lowest 10, were 118."""
    late = hour(1, 50)
    with opened(tmp_path / "whole") as whole:
        put(Ingest(whole), hour(), 0)
        sample = whole.rows("feature_samples")
        assert sample.num_rows == held(whole) == 10
        put(Ingest(whole), late, 1)
        more = whole.rows("feature_samples")
    with opened(tmp_path / "parts") as parts:
        writers = [Ingest(parts), Ingest(parts)]
        for n, (start, end) in enumerate(pairwise(CUTS)):
            put(writers[n % 2], hour().slice(start, end - start), n // 2, n % 2)
        assert parts.rows("feature_samples").equals(sample)
        assert 10 < held(parts) < 75
        report = run(parts, START + timedelta(hours=2), MaintenanceSettings())
        (thin,) = (step for step in report.steps if step.name == "thin")
        assert thin.count > 0 and thin.detail == ""
        assert held(parts) == 10 and parts.rows("feature_samples").equals(sample)
        put(writers[0], late, 99)
        assert parts.rows("feature_samples").equals(more)


@settings(max_examples=examples(60), deadline=None)
@given(st.lists(st.tuples(st.integers(0, 1), st.lists(st.integers(0, 20), max_size=6)), max_size=8))
def test_what_a_writer_leaves_out_is_never_missing(batches: list[tuple[int, list[int]]]) -> None:
    """However the rows of two hours come: of those that it lets through the lowest three are those of all."""
    sampled, passed, sent = Sampled(), set(), set()
    for at, ranks in batches:
        key = {"hour": START + timedelta(hours=at), "model": "fraud", "rows_an_hour": 3}
        needed = sampled.needed(rows("feature_samples", [{**key, "rank": rank} for rank in ranks]))
        sampled.committed(needed)
        sent |= {(at, rank) for rank in ranks}
        passed |= {(at, rank) for rank in needed["rank"].to_pylist()}
    for hour in (0, 1):
        every, kept = (sorted(rank for at, rank in of if at == hour)[:3] for of in (sent, passed))
        assert kept == every


def test_rows_go_when_they_are_as_old_as_they_may_get_and_the_references_stay(tmp_path: Path) -> None:
    """Raw values have a day on which they are gone; what a model is compared with has none."""
    week = MaintenanceSettings(sample_days=7)
    with opened(tmp_path) as store:
        other = reference(reference="fraud@2", sample_rows=10)
        register(store, other, datetime(2026, 11, 2, tzinfo=UTC), ["[1.0,null]", '[2.0,"a"]'])
        put(Ingest(store), hour(), 0)
        run(store, START + timedelta(days=7), week)
        assert held(store) == 10
        run(store, START + timedelta(days=7, hours=1), week)
        assert held(store) == 0
        own = store.query("reference_rows", reference="fraud@2")["content"].to_pylist()
        assert own == ["[1.0,null]", '[2.0,"a"]']


def test_a_part_of_the_window_is_sampled_as_evenly_as_all_of_it(tmp_path: Path) -> None:
    """Of a busy hour and a quiet one each event counts alike, or the night would weigh as much as the day."""
    with opened(tmp_path) as store:
        writer = Ingest(store)
        put(writer, hour(0, 600), 0)
        quiet = hour(1, 12)
        later = pa.array([t + timedelta(hours=1) for t in quiet["time"].to_pylist()], quiet["time"].type)
        put(writer, quiet.set_column(2, "time", later), 1)
        asked = {"model": "fraud", "version": "1", "reference": "fraud@1", "most": 5_000}
        both = store.query("joint_rows", start=START, end=START + timedelta(hours=2), **asked)
        first = store.query("joint_rows", start=START, end=START + timedelta(minutes=30), **asked)
    times = both["time"].to_pylist()
    assert sum(t < START + timedelta(hours=1) for t in times) == 9, "below the tenth rank, which bounds both"
    assert len(times) - 9 <= 3, "one in sixty of twelve events"
    assert 0 < first.num_rows < 9 and times == sorted(times)
