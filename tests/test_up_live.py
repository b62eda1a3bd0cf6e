"""`driftledger up` as a user runs it: one command and one file, from an empty folder to answers."""

from __future__ import annotations

import json
import subprocess
import sys
from collections.abc import Iterator
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any

import pytest
import requests

from pipeline.store import Store
from tests.command import WAIT_SECONDS, Command
from tests.dcgm.exporter import Exporter, gpu
from tests.samples import sample
from tests.waiting import until

pytestmark = pytest.mark.xdist_group("up")
"""As tests with a group begin before those without: the longest must not be the last."""


def _config(folder: Path, exporter: str) -> Path:
    config = folder / "up.yaml"
    config.write_text(
        f"""
store: {{folder: {folder / "ledger"}}}
collect: {{cluster: c, state_folder: {folder / "state"}, health_port: 0}}
up: {{collect: "dcgm,hubble,inference", dashboard: false, judge_seconds: 5}}
dcgm: {{exporters: "{exporter}", interval_seconds: 1}}
hubble: {{files: "{folder / "flows.log"}"}}
inference: {{port: 0}}
"""
    )
    return config


def _ledger(folder: Path, fact: str) -> list[dict[str, Any]]:
    with Store.open(folder / "ledger", read_only=True) as store:
        found: list[dict[str, Any]] = store.rows(fact).to_pylist()
        return found


@pytest.fixture
def exporter() -> Iterator[Exporter]:
    with Exporter().running() as server:
        server.text = gpu("GPU-1", 1_000.0)
        yield server


def _prediction(identity: str, moment: datetime) -> dict[str, Any]:
    return {
        "model": "fraud", "model_version": "1", "time": moment.isoformat(), "latency_seconds": 0.1,
        "prediction": "yes", "score": 0.9, "cluster": "c", "namespace": "n", "workload": "Deployment/fraud",
        "prediction_id": identity,
    }  # fmt: skip


def test_one_command_from_an_empty_folder_to_answers(tmp_path: Path, exporter: Exporter) -> None:
    """Who tries it sees GPUs, a model's latency and its accuracy, and loses nothing by a restart."""
    earlier = datetime.now(UTC) - timedelta(minutes=2)
    config = _config(tmp_path, exporter.url)
    flows = sample("hubble-otel", "basic-sample-400-tcp-flows.json")
    (tmp_path / "flows.log").write_bytes(flows.read_bytes())
    with Command(config, "up") as up:
        door = up.said(r"inference events are taken on (http://\S+)")
        health = up.said(r"health on (http://\S+)")
        answer = requests.post(f"{door}/v1/inference", json=[_prediction("a", earlier)], timeout=30)
        assert (answer.status_code, answer.json()["taken"]) == (200, 1)
        label = [{"model": "fraud", "prediction_id": "a", "label": "yes", "time": earlier.isoformat()}]
        answer = requests.post(f"{door}/v1/label", json=label, timeout=30)
        assert answer.json()["taken"] == 1
        until(lambda: _ledger(tmp_path, "gpu_usage"), "the GPU", WAIT_SECONDS)
        until(lambda: _ledger(tmp_path, "network_usage"), "the flows", WAIT_SECONDS)
        until(lambda: _ledger(tmp_path, "findings"), "the judge", WAIT_SECONDS)
        until(lambda: requests.get(f"{health}/readyz", timeout=5).ok, "readiness", WAIT_SECONDS)
        assert "driftledger_collect_events_total" in requests.get(f"{health}/metrics", timeout=5).text
        assert up.stop() == 0, up.log
    command = [sys.executable, "-m", "pipeline.cli", "--config", str(config), "models", "-w", "1h"]
    models = subprocess.run([*command, "-o", "json"], capture_output=True, text=True, check=True)
    row = json.loads(models.stdout)["rows"][0]
    assert (row["model"], row["requests"], row["accuracy"]) == ("fraud", 1, 1.0)
    assert float(row["latency_p50"]) == pytest.approx(0.1, rel=0.1)
    before = sum(r["samples"] for r in _ledger(tmp_path, "gpu_usage"))
    with up:
        door = up.said(r"inference events are taken on (http://\S+)")
        requests.post(f"{door}/v1/inference", json=[_prediction("b", earlier)], timeout=30)
        until(
            lambda: sum(r["samples"] for r in _ledger(tmp_path, "gpu_usage")) > before,
            "more of the GPU",
            WAIT_SECONDS,
        )
        assert up.stop() == 0
    assert sum(r["count"] for r in _ledger(tmp_path, "prediction_sums")) == 2
    assert sum(r["flows"] for r in _ledger(tmp_path, "network_usage")) == 400, "once, over the restart too"


def test_a_wrong_file_is_named(tmp_path: Path) -> None:
    """A typing error must say which key, and how to mend it."""
    file = tmp_path / "up.yaml"
    file.write_text("up: {collect: dcmg}\n")
    done = subprocess.run(
        [sys.executable, "-m", "pipeline.cli", "up", "--config", str(file), "--store", str(tmp_path / "l")],
        capture_output=True, text=True, check=False,
    )  # fmt: skip
    assert done.returncode == 4
    assert "up.collect" in done.stderr and "dcgm" in done.stderr and "Traceback" not in done.stderr
