"""From real sources to cost, drops and a model's accuracy: all in one process, and through a broker."""

from __future__ import annotations

import json
import subprocess
import sys
from collections.abc import Iterator, Mapping
from contextlib import ExitStack, redirect_stderr, redirect_stdout
from dataclasses import dataclass
from datetime import UTC, datetime
from io import StringIO
from pathlib import Path
from typing import Any

import pytest
import requests
import yaml

from pipeline.cli.app import main
from pipeline.rig.kube.cluster import Kube
from tests.command import WAIT_SECONDS, Command
from tests.dcgm.exporter import Exporter, gpu
from tests.rig import cluster_objects as objects
from tests.rig import cluster_workloads as workloads
from tests.waiting import until

KINDS = ("allocation", "dcgm", "hubble", "inference")
RIGHTS = Path(__file__).parents[1] / "deploy" / "allocation-rbac.yaml"


@dataclass(frozen=True)
class Place:
    """What runs, and the file that its commands are given."""

    config: Path
    runs: Mapping[str, Command]

    @property
    def receiver(self) -> Command:
        return self.runs.get("inference") or self.runs["up"]

    def asked(self, *words: str) -> list[dict[str, Any]]:
        """What a question is answered, none where it has no answer yet."""
        with (
            redirect_stdout(StringIO()) as shown,
            redirect_stderr(StringIO()),
            pytest.raises(SystemExit) as end,
        ):
            main(["--config", str(self.config), *words, "-o", "json"])
        return [] if end.value.code else json.loads(shown.getvalue())["rows"]


@pytest.fixture
def exporter() -> Iterator[Exporter]:
    with Exporter().running() as server:
        yield server


def _config(folder: Path, cluster: Kube, exporter: Exporter, more: str = "") -> Path:
    granted = yaml.safe_load_all(RIGHTS.read_text())
    cluster.grant("default", "collector", next(granted)["rules"])
    access = cluster.account("default", "collector")
    token = folder / "token"
    token.write_text(access.token)
    (folder / "flows.log").write_bytes(_dropped(datetime.now(UTC)))
    config = folder / "driftledger.yaml"
    config.write_text(
        f"""
store: {{folder: {folder / "ledger"}}}
collect: {{cluster: c, state_folder: {folder / "state"}, health_port: 0}}
up: {{collect: "{",".join(KINDS)}", dashboard: false, judge_seconds: 5}}
allocation: {{server: "{access.server}", token_file: {token}, ca: {access.ca}, beat_seconds: 1}}
dcgm: {{exporters: "{exporter.url}", interval_seconds: 1}}
hubble: {{files: {folder / "flows.log"}}}
inference: {{port: 0}}
{more}
"""
    )
    return config


def _dropped(moment: datetime) -> bytes:
    """A line of Hubble's exporter: what the workload sent, and a policy let nobody have."""
    flow = {
        "time": moment.isoformat().replace("+00:00", "Z"), "uuid": "f1", "verdict": "DROPPED",
        "drop_reason_desc": "POLICY_DENIED", "traffic_direction": "EGRESS", "node_name": "c/n1",
        "IP": {"source": "10.0.0.1", "destination": "10.0.0.2"},
        "l4": {"TCP": {"source_port": 40_000, "destination_port": 80, "flags": {"SYN": True}}},
        "source": {"ID": 7, "namespace": "ml", "pod_name": "serve-1",
                   "workloads": [{"kind": "Deployment", "name": "serve"}]},
    }  # fmt: skip
    return json.dumps({"flow": flow, "node_name": "c/n1", "time": flow["time"]}).encode() + b"\n"


@pytest.fixture
def alone(tmp_path: Path, cluster: Kube, exporter: Exporter) -> Iterator[Place]:
    """One command and its file."""
    config = _config(tmp_path, cluster, exporter)
    with Command(config, "up") as up:
        yield Place(config, {"up": up})


@pytest.fixture
def through_kafka(
    tmp_path: Path, cluster: Kube, exporter: Exporter, request: pytest.FixtureRequest
) -> Iterator[Place]:
    """A process each for the sources, the broker, and a worker."""
    bootstrap = request.getfixturevalue("broker").bootstrap
    more = f"""
kafka: {{bootstrap_servers: "{bootstrap}", partitions: 2}}
publish: {{spool_folder: {tmp_path / "spool"}}}
worker: {{health_port: 0, check_seconds: 0.5, take_seconds: 0.1}}
"""
    config = _config(tmp_path, cluster, exporter, more)
    made = [sys.executable, "-m", "pipeline.cli", "--config", str(config), "topics", "create"]
    subprocess.run(made, check=True, capture_output=True)
    with ExitStack() as opened:
        runs = {kind: opened.enter_context(Command(config, "collect", kind)) for kind in KINDS}
        runs["worker"] = opened.enter_context(Command(config, "worker"))
        yield Place(config, runs)


def _served(door: str, earlier: datetime) -> None:
    """Ten predictions of a model, eight of which a label finds right."""
    told = [
        {
            "model": "fraud", "model_version": "1", "time": earlier.isoformat(), "latency_seconds": 0.1,
            "prediction": "yes", "score": 0.9, "cluster": "c", "prediction_id": f"p{n}",
        }
        for n in range(10)
    ]  # fmt: skip
    labels = [
        {
            "model": "fraud",
            "prediction_id": f"p{n}",
            "label": "no" if n < 2 else "yes",
            "time": earlier.isoformat(),
        }
        for n in range(10)
    ]
    for path, body in (("inference", told), ("label", labels)):
        answer = requests.post(f"{door}/v1/{path}", json=body, timeout=30)
        assert (answer.status_code, answer.json()["taken"]) == (200, 10), answer.text


@pytest.mark.parametrize("way", ["alone", "through_kafka"])
def test_from_a_cluster_to_what_a_model_costs_and_whether_it_is_right(
    way: str, cluster: Kube, exporter: Exporter, request: pytest.FixtureRequest
) -> None:
    """This is the product: each dollar has its workload, and the model its accuracy."""
    ns = objects.namespace(cluster, {"team": "vision"})
    objects.node(cluster, "n1")
    cards = [objects.device(f"gpu-{n}") for n in range(2)]
    objects.devices(cluster, "n1", *cards)
    objects.device_class(cluster, "gpu")
    objects.template(cluster, ns, "one", objects.request("gpu"))
    workloads.deploy(cluster, ns, "serve", objects.pod_spec(template="one"), 1)
    uuids = [card["attributes"]["uuid"]["string"] for card in cards]
    exporter.text = "".join(gpu(uuid, 1_000.0) for uuid in uuids)
    place: Place = request.getfixturevalue(way)

    _served(place.receiver.said(r"inference events are taken on (http://\S+)"), datetime.now(UTC))

    def costs() -> dict[str, dict[str, Any]]:
        rows = place.asked("cost", "--by", "workload,team", "--gpu-hour-price", "3.60")
        return {row["workload"]: row for row in rows}

    def lines() -> dict[str, dict[str, Any]]:
        found = costs()
        both = {"Deployment/serve", "cluster_idle"} <= set(found)
        return found if both and float(found["Deployment/serve"]["used_cost"] or 0) > 0 else {}

    found = until(lines, "cost by workload", WAIT_SECONDS, lambda: [r.log for r in place.runs.values()])
    held, idle = found["Deployment/serve"], found["cluster_idle"]
    assert held["team"] == "vision"
    assert (
        float(held["busy_gpu_hours"]) <= float(held["active_gpu_hours"]) <= float(held["allocated_gpu_hours"])
    )
    assert float(idle["used_cost"]) == 0 < float(idle["cluster_idle_cost"])

    objects.cordon(cluster, "n1")
    until(lambda: "unhealthy" in costs(), "the free card's time as unhealthy", WAIT_SECONDS)

    model = until(lambda: place.asked("models", "-w", "1h"), "the model", WAIT_SECONDS)[0]
    assert (model["model"], model["requests"], model["labelled"], model["accuracy"]) == ("fraud", 10, 10, 0.8)
    assert float(model["latency_p50"]) == pytest.approx(0.1, rel=0.1)

    def drops() -> list[dict[str, Any]]:
        return place.asked("network", "--outcomes", "--by", "workload,outcome", "-w", "1h")

    drop = until(drops, "the dropped flow", WAIT_SECONDS)[0]
    assert (drop["workload"], drop["outcome"], drop["events"]) == (
        "Deployment/serve",
        "dropped POLICY_DENIED",
        1,
    )
    for run in place.runs.values():
        assert run.stop() == 0, run.log
