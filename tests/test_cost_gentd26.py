"""The first real report: GPU-hours of GenTD26 by pod, against a plain count of the trace itself."""

from __future__ import annotations

import csv
import io
import tarfile
from collections import defaultdict
from decimal import Decimal
from pathlib import Path

import pytest
from typer.testing import CliRunner

from detectors.gpu_usage import HELD_MEMORY_BYTES
from pipeline.answers.cost import cost
from pipeline.cli.app import app
from pipeline.prices import PriceBook
from pipeline.store import Store
from tests.samples import sample

GRID_SECONDS = 57
FILES = ("pod_gpu_duty_cycle_anon.tar.gz", "pod_gpu_memory_used_bytes_anon.tar.gz")


def column(path: Path) -> dict[tuple[str, float], float]:
    """(pod, time) to value, the first of duplicates."""
    found: dict[tuple[str, float], float] = {}
    with tarfile.open(path) as archive:
        for member in archive.getmembers():
            handle = archive.extractfile(member) if member.name.endswith(".csv") else None
            for row in csv.DictReader(io.TextIOWrapper(handle)) if handle else ():
                found.setdefault((row["container_ip"], float(row["timestamp_anon"])), float(row["value"]))
    return found


def counted(
    duty: dict[tuple[str, float], float], memory: dict[tuple[str, float], float]
) -> dict[str, list[float]]:
    """Held, active, idle-held and busy hours of each pod; a pod is there 57 s before each sample."""
    times = defaultdict(list)
    for pod, time in sorted(duty.keys() | memory.keys()):
        times[pod].append(time)
    hours: dict[str, list[float]] = {}
    for pod, at in times.items():
        held = GRID_SECONDS + sum(
            b - a if b - a <= 3 * GRID_SECONDS else GRID_SECONDS for a, b in zip(at, at[1:], strict=False)
        )
        known = [(duty[pod, t], memory.get((pod, t), 0.0)) for t in at if (pod, t) in duty]
        active = GRID_SECONDS * sum(1 for d, _ in known if d > 0)
        idle = GRID_SECONDS * sum(1 for d, m in known if d == 0 and m > HELD_MEMORY_BYTES)
        busy = GRID_SECONDS * sum(d for d, _ in known) / 100
        hours[pod] = [seconds / 3600 for seconds in (held, active, idle, busy)]
    return hours


def test_gpu_hours_of_every_pod_and_what_the_idle_part_costs(tmp_path: Path) -> None:
    """If the ledger loses or invents time on real data, the first invoice is wrong."""
    paths = [sample("alibaba-gentd26", name) for name in FILES]
    replayed = CliRunner().invoke(app, ["replay", "gentd26", *map(str, paths), "--store", str(tmp_path)])
    assert replayed.exit_code == 0, replayed.output
    expected = counted(*(column(path) for path in paths))
    with Store.open(tmp_path, read_only=True) as store:
        answer = cost(store, None, ("pod",), PriceBook.flat(Decimal("2.00"), "USD"))
    names = [c.name for c in answer.columns]
    rows = {str(row[0]): dict(zip(names, row, strict=True)) for row in answer.rows}
    assert set(rows) - {"cluster_idle"} == set(expected)
    shown = ("allocated_gpu_hours", "active_gpu_hours", "idle_held_gpu_hours", "busy_gpu_hours")
    for pod, hours in expected.items():
        own = rows[pod]
        assert [float(str(own[name])) for name in shown] == pytest.approx(hours, abs=0.003), pod
        paid = 2 * float(str(own["allocated_gpu_hours"]))
        assert float(str(own["total_cost"])) == pytest.approx(paid, abs=1e-5)
        assert float(str(own["workload_idle_cost"])) == pytest.approx(
            paid - 2 * float(str(own["busy_gpu_hours"])), abs=1e-5
        )
    assert answer.total is not None
    assert answer.total[names.index("total_cost")] == sum(
        Decimal(str(row["total_cost"])) for row in rows.values()
    )
