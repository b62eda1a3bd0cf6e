"""The first real report, GenTD26: what the commands print, against a plain count of the raw files."""

from __future__ import annotations

import csv
import io
import json
import tarfile
from collections import defaultdict
from collections.abc import Iterator
from dataclasses import dataclass
from decimal import Decimal
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from typer.testing import CliRunner

from pipeline.answers.cost_notes import told
from pipeline.cli.app import app
from tests.samples import sample

DUTY, MEMORY, LATENCY = "pod_gpu_duty_cycle", "pod_gpu_memory_used_bytes", "pipeline_inference_data"
GRID = 57
LOST = 2
"""Samples missing in a row that a pod's holding survives."""
CONTEXT_BYTES = 64 * 2**20
SHOWN = ("allocated", "active", "idle_held", "busy")
QUANTILES = (50, 90, 95, 99)
MICRO, NANO = Decimal("1e-6"), Decimal("1e-9")
PAGE = Path(__file__).parents[2] / "docs" / "gentd26.md"
WINDOW = ("--window", "2022-09-01..2022-10-01")


def table(path: Path) -> Iterator[tuple[str, int, float]]:
    """(pod, second, value) of each line."""
    with tarfile.open(path) as archive:
        [name] = [n for n in archive.getnames() if n.endswith(".csv") and not n.startswith("._")]
        member = archive.extractfile(name)
        assert member is not None
        for row in csv.DictReader(io.TextIOWrapper(member)):
            yield row["container_ip"], int(float(row["timestamp_anon"])), float(row["value"])


@dataclass(frozen=True)
class Raw:
    """What the files say: seconds by kind of time and pod, seconds with a known utilisation, latencies."""

    seconds: dict[str, dict[str, float]]
    observed: float
    latencies: dict[str, list[float]]


def count(duty: Path, memory: Path, latency: Path) -> Raw:
    """A sample speaks of the 57 s before it; up to two lost samples are still the same holding."""
    util, held = ({(pod, at): value for pod, at, value in table(path)} for path in (duty, memory))
    seconds: dict[str, dict[str, float]] = defaultdict(lambda: dict.fromkeys(SHOWN, 0.0))
    before: dict[str, int] = {}
    for pod, at in sorted(util.keys() | held.keys(), key=lambda key: key[1]):
        step = at - before.get(pod, at - GRID)
        before[pod] = at
        own, used = seconds[pod], util.get((pod, at))
        own["allocated"] += step if step <= GRID * (LOST + 1) else GRID
        if used is not None:
            own["active"] += GRID * (used > 0)
            own["idle_held"] += GRID * (used == 0 and held.get((pod, at), 0) > CONTEXT_BYTES)
            own["busy"] += GRID * used / 100
    latencies = defaultdict(list)
    for pod, _, milliseconds in table(latency):
        latencies[pod].append(milliseconds / 1000)
    return Raw(seconds, GRID * len(util), latencies)


@dataclass(frozen=True)
class Report:
    """What a user gets: the commands run on one replay of the trace."""

    raw: Raw
    store: Path

    def ask(self, *words: str) -> Any:
        result = CliRunner().invoke(app, [*words, "--store", str(self.store), "-o", "json"])
        assert result.exit_code == 0, result.output
        return json.loads(result.stdout)

    def cost(self, price: str) -> Any:
        return self.ask("cost", "--by", "pod", "--gpu-hour-price", price)


@pytest.fixture(scope="module")
def report(tmp_path_factory: pytest.TempPathFactory) -> Report:
    files = [sample("alibaba-gentd26", f"{name}_anon.tar.gz") for name in (DUTY, MEMORY, LATENCY)]
    store = tmp_path_factory.mktemp("gentd26")
    result = CliRunner().invoke(app, ["replay", "gentd26", *map(str, files), "--store", str(store)])
    assert result.exit_code == 0, result.output
    return Report(count(*files), store)


def hours(row: dict[str, str], name: str) -> Decimal:
    return Decimal(row[f"{name}_gpu_hours"])


def test_gpu_hours_of_every_pod_and_of_all(report: Report) -> None:
    """If the ledger loses or invents time on real data, the first invoice is wrong."""
    answer, seconds = report.cost("2.00"), report.raw.seconds
    assert {row["pod"] for row in answer["rows"]} == set(seconds), "no pod is missing, no line is invented"
    for row in answer["rows"]:
        for name in SHOWN:
            assert float(hours(row, name)) == pytest.approx(seconds[row["pod"]][name] / 3600, abs=1e-6)
    for name in SHOWN:
        whole = sum(own[name] for own in seconds.values()) / 3600
        assert float(hours(answer["total"], name)) == pytest.approx(whole, abs=5e-6), name
    assert hours(answer["total"], "unallocated") == 0, "the trace shows no GPU without its pod"


def test_no_pod_did_more_than_it_held(report: Report) -> None:
    """A report that says a GPU was active for longer than it was there is not believed again."""
    for row in report.cost("2.00")["rows"]:
        assert hours(row, "active") + hours(row, "idle_held") <= hours(row, "allocated") + MICRO
        assert hours(row, "busy") <= hours(row, "active")


def test_time_that_nobody_measured_is_said(report: Report) -> None:
    """Idle that is only assumed must be known as such."""
    answer = report.cost("2.00")
    held = sum(own["allocated"] for own in report.raw.seconds.values())
    assert float(answer["completeness"]) == pytest.approx(report.raw.observed / held, abs=1e-4)
    unseen = f"{told(Decimal(held - report.raw.observed) / 3600)} GPU-hours were not observed"
    assert any(note.startswith(unseen) for note in answer["notes"])


def test_cost_is_hours_times_price_and_lines_sum_to_the_total(report: Report) -> None:
    """At 3.60 an hour a second costs 0.001 exactly, so that every line can be checked to the last digit."""
    answer = report.cost("3.60")
    for row in answer["rows"]:
        used, idle = Decimal(row["used_cost"]), Decimal(row["workload_idle_cost"])
        assert Decimal(row["total_cost"]) == used + idle
        assert used + idle == Decimal(report.raw.seconds[row["pod"]]["allocated"]) / 1000
        assert abs(used - hours(row, "busy") * Decimal("3.60")) < 4 * MICRO
    for name in ("used_cost", "workload_idle_cost", "cluster_idle_cost", "total_cost"):
        assert Decimal(answer["total"][name]) == sum(Decimal(row[name]) for row in answer["rows"]), name


def test_an_hourly_price_of_two_is_cut_below_the_billionth_only(report: Report) -> None:
    """2.00 an hour is no whole number of billionths a second: each hour of a pod may lose less than one."""
    for row in report.cost("2.00")["rows"]:
        exact = Decimal(report.raw.seconds[row["pod"]]["allocated"]) * 2 / 3600
        assert 0 <= exact - Decimal(row["total_cost"]) < 24 * NANO


def test_latency_percentiles_of_every_pod(report: Report) -> None:
    """By pod, as the GPU-hours are: a slow pod must not hide in the mean of all."""
    answer = report.ask("models", "--by", "workload", *WINDOW)
    rows = {row["workload"].removeprefix("Pod/"): row for row in answer["rows"]}
    assert set(rows) == set(report.raw.latencies) <= set(report.raw.seconds), "cost and latency join by pod"
    for pod, values in report.raw.latencies.items():
        assert rows[pod]["requests"] == len(values)
        for q in QUANTILES:
            exact = np.quantile(values, q / 100, method="inverted_cdf")
            assert rows[pod][f"latency_p{q}"] == pytest.approx(exact, rel=0.01083), (pod, q)


def test_the_pods_sum_to_their_model(report: Report) -> None:
    [whole] = report.ask("models", *WINDOW)["rows"]
    split = report.ask("models", "--by", "workload", *WINDOW)["rows"]
    assert (
        whole["requests"]
        == sum(row["requests"] for row in split)
        == sum(map(len, report.raw.latencies.values()))
    )


def test_the_usual_window_says_where_an_old_trace_is(report: Report) -> None:
    """A week back from now holds nothing of 2022; the answer must lead to what there is."""
    empty = report.ask("models")
    assert empty["rows"] == []
    [note] = empty["notes"]
    shown = report.ask("models", "--window", note.rpartition(" ")[2])
    assert sum(row["requests"] for row in shown["rows"]) == sum(map(len, report.raw.latencies.values()))


def test_the_page_shows_what_the_ledger_computes(report: Report) -> None:
    """Whoever repeats the report must get the numbers that the page names."""
    text, total = PAGE.read_text(encoding="utf-8"), report.cost("2.00")["total"]
    [model] = report.ask("models", *WINDOW)["rows"]
    shown = [hours(total, name) for name in SHOWN] + [hours(total, "idle_held") * 2]
    shown += [Decimal(total[f"{name}_cost"]) for name in ("used", "workload_idle", "total")]
    shown += [Decimal(model[f"latency_p{q}"]) for q in QUANTILES]
    assert [f"{value:,.2f}" for value in shown if f" {value:,.2f} |" not in text] == []
