"""How long the statement of a big month takes: 50 teams, 10,000 containers on 1,000 GPUs, in every form."""

from __future__ import annotations

import sys
import time
from pathlib import Path

import pytest

from pipeline.store import Store
from tests.bench.memory import spent
from tests.bench.test_bench_cost import ALLOCATIONS, DEVICES, USAGE
from tests.recorded import record

pytestmark = pytest.mark.bench

GPUS = 1_000
TEAMS = 50


def test_a_month_of_fifty_teams(tmp_path: Path) -> None:
    """The first of the month must not take the morning."""
    with Store.open(tmp_path / "ledger") as store, store.transaction() as con:
        for statement in (DEVICES, ALLOCATIONS.replace("(i % 20)", f"(i % {TEAMS})"), USAGE):
            con.execute(statement, {"gpus": GPUS})
    command = [sys.executable, "-m", "pipeline.cli", "report", "build", "--month", "2026-10"]
    command += [
        "--store",
        str(tmp_path / "ledger"),
        "--out",
        str(tmp_path / "out"),
        "--gpu-hour-price",
        "2.5",
    ]
    began = time.perf_counter()
    done = spent(command)
    seconds = round(time.perf_counter() - began, 1)
    files = len(list((tmp_path / "out").iterdir()))
    cpu_s, peak_rss_mb = round(done.cpu_seconds, 1), done.peak_rss_bytes // 2**20
    record(
        "statements of a month",
        containers=GPUS * 10,
        teams=TEAMS,
        files=files,
        seconds=seconds,
        cpu_s=cpu_s,
        peak_rss_mb=peak_rss_mb,
    )
    assert files == 5 * (1 + TEAMS + 1) + 7, "of all, of each team, of nobody; and those to post"
    assert cpu_s < 60 and seconds < 60 and peak_rss_mb < 1_000
