"""GPUs from a real Prometheus: what it scraped is what the ledger has, whoever was away meanwhile."""

from __future__ import annotations

import time
from collections.abc import Iterator
from dataclasses import replace
from datetime import UTC, timedelta
from itertools import pairwise
from pathlib import Path
from typing import Any

import pytest
import requests

from collectors.live.allocation import exported
from collectors.live.allocation.parameters import AllocationSettings
from detectors import network as network_fold
from pipeline.answers.network import network
from pipeline.answers.window import Window
from pipeline.collect.doors import Ledger
from pipeline.rig.prometheus import Prometheus
from pipeline.store import Batch, Store
from tests.dcgm.dcgm_run import FAST, Cut, Run, counted, ticking
from tests.dcgm.exporter import Exporter, gpu
from tests.folds.fold_events import events
from tests.rigs import running

pytestmark = pytest.mark.xdist_group("prometheus")


@pytest.fixture(scope="module")
def prometheus() -> Iterator[Prometheus]:
    """It scrapes GPU-a of n1, which ticks, and on n2 an idle GPU and one that a workload holds."""
    with Exporter().running() as first, ticking(first, counted), Exporter().running() as second:
        held = ',pod="train-0",namespace="ml",container="main",pod_uid="uid-0"'
        amd = 'gpu_gfx_activity{gpu_id="0",serial_number="AMD-1",card_model="MI300X",hostname="n3"} 50\n'
        second.text = gpu("GPU-b", 0, renamed=True) + gpu("GPU-c", 0, renamed=True, more=held) + amd
        targets = {"exporter-0": first.target, "exporter-1": second.target}
        with running(lambda folder: Prometheus(folder, targets, interval=0.2)) as server:
            yield server


def scraped(url: str, run: Run) -> list[float]:
    """When Prometheus scraped the GPU, in seconds, between the first and the last that was collected."""
    query = {"query": 'DCGM_FI_DEV_GPU_UTIL{UUID="GPU-a"}[10m]'}
    [series] = requests.get(f"{url}/api/v1/query", query, timeout=5).json()["data"]["result"]
    cursor = run.turns[-1].cursor
    until = cursor["devices"]["GPU-a"]["at"] / 1e6
    return [at for at, _ in series["values"] if cursor["since"] / 1e6 < at <= until]


def check(url: str, run: Run) -> None:
    """Counted seconds and gaps are Prometheus's own, to the microsecond; so are samples and joules."""
    times = scraped(url, run)
    steps = [after - before for before, after in pairwise(times)]
    counted = [step for step in steps if step <= run.settings.longest_seconds]
    usage = [row for row in run.rows("gpu_usage") if row["device"] == "GPU-a"]
    assert sum(float(row["observed_seconds"]) for row in usage) == pytest.approx(sum(counted), abs=1e-5)
    assert sum(row["samples"] for row in usage) == len(counted)
    lost = [(g["end"] - g["start"]).total_seconds() for g in run.rows("gaps") if g["source"] == "dcgm/n1"]
    assert lost == pytest.approx([step for step in steps if step > run.settings.longest_seconds])
    # The exporter's joules are seconds, told up to one scrape late.
    assert sum(float(row["energy_joules"]) for row in usage) == pytest.approx(sum(counted), abs=0.4)


def test_prometheus_and_collector_stop_and_start_and_no_second_is_lost_or_doubled(
    tmp_path: Path, prometheus: Prometheus
) -> None:
    """An upgrade of either must not change the bill: what was scraped counts once, the rest is a gap."""
    run = Run(tmp_path, replace(FAST, prometheus_url=prometheus.url))
    with run():
        run.until(lambda: run.samples() > 3)
        run.until(lambda: run.report.not_ready() == [])
        prometheus.kill()
        run.until(lambda: any("cannot be reached" in reason for reason in run.report.not_ready()))
        time.sleep(1.2)
        prometheus.start()
        before = run.samples()
        run.until(lambda: run.samples() > before + 3)
        run.until(lambda: run.report.not_ready() == [])
    time.sleep(1.5)  # in which Prometheus goes on
    before = run.samples()
    with run():
        run.until(lambda: run.samples() > before + 7)
    check(prometheus.url, run)
    assert len(run.rows("gaps")) >= 1


def test_a_collector_that_dies_anywhere_counts_every_scrape_once(
    tmp_path: Path, prometheus: Prometheus
) -> None:
    """kill -9 between any two steps: before the turn is written, handed over, or its cursor moved."""

    class Door:
        """Breaks at its second turn, before or after it is in the ledger."""

        def __init__(self, door: Ledger, after: bool) -> None:
            self.door, self.after, self.turns = door, after, 0

        def keep(self, messages: Any, watch: Any) -> bool:
            self.turns += 1
            if self.turns == 2 and not self.after:
                raise Cut
            kept = self.door.keep(messages, watch)
            if self.turns == 2:
                raise Cut
            return kept

    run = Run(tmp_path, replace(FAST, prometheus_url=prometheus.url))
    for after in (True, False, True, False):
        with run(lambda door, after=after: Door(door, after)):
            run.until(lambda: not run.thread.is_alive())
    with run():
        before = run.samples()
        run.until(lambda: run.samples() > before + 3)
    check(prometheus.url, run)


def test_holders_and_counters_come_by_the_same_way(tmp_path: Path, prometheus: Prometheus) -> None:
    """A ServiceMonitor puts the exporter's pod on each line: idle GPUs would be the monitoring team's.

    And who has vLLM, Triton and the kubelets scraped already needs nothing more to see tokens and bytes.
    """
    run = Run(
        tmp_path,
        replace(FAST, prometheus_url=prometheus.url, network=True, containers=True, containers_seconds=0.4),
    )

    def contained() -> float:
        """Seconds of which containers were looked at."""
        cursor = run.turns[-1].cursor
        return (cursor["containers"]["until"] - cursor["since"]) / 1e6

    with run():
        run.until(lambda: run.samples() > 5 and contained() > 2)
    gpus = [row for row in run.events() if row["confidence"] != "process"]
    holders = {(row["device"], row["pod"], row["namespace"]) for row in gpus}
    unheld = {(device, None, None) for device in ("GPU-a", "GPU-b", "AMD-1")}
    assert holders == unheld | {("GPU-c", "train-0", "ml")}
    busy = {row["device"]: row["util_ratio"] for row in gpus}
    assert busy == dict.fromkeys(("GPU-a", "GPU-b", "GPU-c", "AMD-1"), 0.5), "percent and ratios"
    prometheus_of_allocation = exported.source(AllocationSettings(prometheus_url=prometheus.url))
    assert prometheus_of_allocation is not None
    names = exported.told(prometheus_of_allocation(run.report))
    assert {key: set(devices) for key, devices in names.items()} == {
        ("ml", "train-0", "main", "uid-0"): {"GPU-c"}
    }
    told = run.rows("serving_counters")
    assert {(r["model"], r["model_version"], r["counter"], r["workload"]) for r in told} == {
        ("llama", "unknown", "tokens_out", "exporter-0"), ("resnet", "3", "latency", "exporter-0"),
        ("resnet", "3", "errors", "exporter-0"), ("resnet", "3", "requests", "exporter-0"),
    }  # fmt: skip

    def grew(name: str, by: str = "") -> float:
        """Between the cursor's bounds; containers are looked at more rarely, up to a moment of their own."""
        query = {"query": f"{name}[10m]"}
        [series] = requests.get(f"{prometheus.url}/api/v1/query", query, timeout=5).json()["data"]["result"]
        cursor = run.turns[-1].cursor
        since, until = cursor["since"] / 1e6, (cursor[by] if by else cursor)["until"] / 1e6
        values = [float(value) for at, value in series["values"] if since < at <= until]
        return values[-1] - values[0]

    for counter, name in (
        ("tokens_out", "vllm:generation_tokens_total"), ("requests", "nv_inference_request_success"),
        ("errors", "nv_inference_request_failure"),
    ):  # fmt: skip
        assert sum(r["count"] for r in told if r["counter"] == counter) == grew(name) > 0
    seconds = sum(float(r["seconds"]) for r in told if r["counter"] == "latency")
    assert seconds == pytest.approx(grew("nv_inference_request_duration_us") / 1e6, abs=1e-5)
    check_use(run, grew("container_cpu_usage_seconds_total", "containers"))
    check_bytes(run, round(grew("container_network_transmit_bytes_total")))


def check_use(run: Run, core_seconds: float) -> None:
    """What the kubelet counted of a pod's cores is its part of the node's four; its memory is a quarter."""
    rows = run.rows("process_usage")
    assert {(row["namespace"], row["pod"]) for row in rows} == {("ml", "api-7f-x")}
    busy, seen = (
        {
            place: sum(float(row[name]) for row in rows if row["device"] == f"n1/{place}")
            for place in ("cpu", "memory")
        }
        for name in ("busy_seconds", "observed_seconds")
    )
    assert busy["cpu"] * 4 == pytest.approx(core_seconds, abs=1e-4) and core_seconds > 0
    assert busy["memory"] * 4 == pytest.approx(seen["memory"], abs=1e-4) and seen["memory"] > 1


def check_bytes(run: Run, size: int) -> None:
    """What cAdvisor counted is shared out by the connections that Hubble saw, and named so."""
    seen = {"source_namespace": "ml", "source_workload": "Deployment/api", "direction": "EGRESS",
            "opens_connection": True, "verdict": "FORWARDED"}  # fmt: skip
    with Store.open(run.folder / "ledger") as store:
        minute = min(store.rows("network_usage")["minute"].to_pylist())
        flows = [{"destination_ip": "8.8.8.8"}] * 3 + [{"source_zone": "a", "destination_zone": "b"}]
        taken = events("flow", *({**seen, **flow, "time": minute.replace(tzinfo=UTC)} for flow in flows))
        store.append(Batch(network_fold.fold(taken, {})))
        window = Window(minute, minute + timedelta(hours=1))
        answer = network(store, window, ("workload", "class", "basis", "method"))
    at = [c.name for c in answer.columns].index("bytes")
    assert {(*row[:4], row[at]) for row in answer.rows} == {
        ("Deployment/api", "internet", "estimated", "cadvisor", size - size // 4),
        ("Deployment/api", "cross_zone", "estimated", "cadvisor", size // 4),
    }
