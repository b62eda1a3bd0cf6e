"""The curve: seconds of a commit and of a question while commits add up, with maintenance and without."""

from __future__ import annotations

import os
import statistics
import time
from datetime import UTC, datetime
from pathlib import Path

import pytest

from pipeline.answers import cost_query
from pipeline.lake.location import Location
from pipeline.maintenance.run import run
from pipeline.settings.maintenance import MaintenanceSettings
from pipeline.store import Store
from tests.bench.data_files import data_files
from tests.gpu_batches import batch

pytestmark = pytest.mark.bench
COMMITS = int(os.environ.get("BENCH_COMMITS", "2400"))
SETTINGS = MaintenanceSettings(rollup_days=36_500)
"""As they are by default, but the rows are of 1970 and stay minutes."""
POINTS = 6
EVERY = 300
"""Commits between two rounds of maintenance: five minutes at one a second."""


def _question(store: Store) -> float:
    start = time.process_time()
    cost_query.seen(store)
    return time.process_time() - start


def _curve(place: Location, maintained: bool) -> list[dict[str, float]]:
    """CPU milliseconds of a commit (median) and of a question, and files, at equal distances.

    No state of the run is older than a day, so as in the first hours of a ledger none is let go.
    """
    points, spent = [], []
    with Store.open(place) as store:
        for offset in range(COMMITS):
            start = time.process_time()
            store.append(batch(offset - 1, offset, 200))
            spent.append(time.process_time() - start)
            if maintained and offset % EVERY == EVERY - 1:
                assert run(store, datetime.now(UTC).replace(tzinfo=None), SETTINGS).steps
            if (offset + 1) % (COMMITS // POINTS) == 0:
                asked = statistics.median(_question(store) for _ in range(5))
                kept = sum(1 for _ in Path(place.data_path).rglob("*.parquet"))
                median = statistics.median(spent[-100:])
                points.append(
                    {
                        "commits": offset + 1,
                        "commit_ms": median * 1e3,
                        "question_ms": asked * 1e3,
                        "files": data_files(store),
                        "files_kept": kept,
                    }
                )
    return points


@pytest.mark.parametrize("catalog", ["sqlite", "postgres"])
def test_with_maintenance_commits_and_questions_stay_flat(tmp_path, postgres, record, catalog):
    """A worker that runs for months must commit as fast as on its first day."""
    curves = {}
    for kind, maintained in (("with", True), ("without", False)):
        url = postgres.url() if catalog == "postgres" else ""
        place = Location(tmp_path / kind, url, str(tmp_path / kind / "data"))
        curves[kind] = _curve(place, maintained)
        for point in curves[kind]:
            record("maintenance", catalog=catalog, maintenance=kind, **point)
    first, last = curves["with"][0], curves["with"][-1]
    assert last["commit_ms"] < 1.5 * first["commit_ms"]
    assert last["files"] <= first["files"] + EVERY
    # Against the other curve and not against its own start: a busy machine moves both.
    assert curves["without"][-1]["question_ms"] > 2 * last["question_ms"]
