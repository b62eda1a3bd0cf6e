"""From real sources to cost, traffic and a model's accuracy: all in one process, and through a broker.

A Kubernetes control plane, Prometheus, hubble-relay and a model server are the real programs; a GPU's
exporter, Cilium's agents and KServe's logger are played, with figures that the ledger must give back.
"""

from __future__ import annotations

import json
import subprocess
import sys
from collections.abc import Callable, Iterator, Mapping
from contextlib import ExitStack, redirect_stderr, redirect_stdout
from dataclasses import dataclass
from datetime import UTC, datetime
from decimal import Decimal
from io import StringIO
from pathlib import Path
from typing import Any, NamedTuple

import pytest
import yaml

from pipeline.cli.app import main
from pipeline.rig.kube.cluster import Kube
from pipeline.store import Store
from tests.command import WAIT_SECONDS, Command
from tests.dcgm.exporter import gpu
from tests.inference import flowers
from tests.real_sources import (
    CONNECTIONS,
    DROPS,
    RECORDED,
    SCRAPE_SECONDS,
    Sources,
    scrapes,
    started,
    traffic,
)
from tests.rig import cluster_objects as objects
from tests.rig import cluster_workloads as workloads
from tests.waiting import Found, until
from tests.wheel import installed

KINDS = ("allocation", "dcgm", "hubble", "inference")
RIGHTS = Path(__file__).parents[1] / "deploy" / "allocation-rbac.yaml"
PRICE = Decimal("3.60")
"""Of a GPU-hour: a second is a tenth of a cent."""
WHOLE_SECONDS = 1.2
"""Kubernetes writes times so: docs/collectors/allocation.md."""


@pytest.fixture(scope="module")
def sources() -> Iterator[Sources]:
    with started() as servers:
        yield servers


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
        return json.loads(shown.getvalue())["rows"] if end.value.code in (0, 7) else []

    def facts(self, name: str) -> list[dict[str, Any]]:
        with Store.open(self.config.with_name("ledger"), read_only=True) as store:
            found: list[dict[str, Any]] = store.rows(name).to_pylist()
            return found

    def log(self) -> list[str]:
        return [run.log for run in self.runs.values()]

    def until(self, holds: Callable[[], Found], what: str) -> Found:
        return until(holds, what, WAIT_SECONDS, self.log)


def _config(folder: Path, cluster: Kube, sources: Sources, more: str = "") -> Path:
    granted = yaml.safe_load_all(RIGHTS.read_text())
    cluster.grant("default", "collector", next(granted)["rules"])
    access = cluster.account("default", "collector")
    token = folder / "token"
    token.write_text(access.token)
    config = folder / "driftledger.yaml"
    config.write_text(
        f"""
store: {{folder: {folder / "ledger"}}}
collect: {{cluster: c, state_folder: {folder / "state"}, health_port: 0}}
up: {{collect: "{",".join(KINDS)}", dashboard: false, judge_seconds: 5}}
allocation: {{server: "{access.server}", token_file: {token}, ca: {access.ca}, beat_seconds: 1}}
dcgm: {{prometheus_url: "{sources.prometheus.url}", interval_seconds: 1, settle_seconds: 1}}
hubble: {{relay: "{sources.hubble.relay.address}"}}
inference: {{port: 0}}
{more}
"""
    )
    return config


@pytest.fixture
def alone(tmp_path: Path, cluster: Kube, sources: Sources) -> Iterator[Place]:
    """One command and its file, with nothing else installed."""
    (folder := tmp_path / "installed").mkdir()
    config = _config(tmp_path, cluster, sources)
    with Command(config, "up", program=installed(folder)) as up:
        yield Place(config, {"up": up})


@pytest.fixture
def through_kafka(
    tmp_path: Path, cluster: Kube, sources: Sources, request: pytest.FixtureRequest
) -> Iterator[Place]:
    """A process each for the sources, the broker, and a worker."""
    bootstrap = request.getfixturevalue("broker").bootstrap
    more = f"""
kafka: {{bootstrap_servers: "{bootstrap}", partitions: 2}}
publish: {{spool_folder: {tmp_path / "spool"}}}
worker: {{health_port: 0, check_seconds: 0.5, take_seconds: 0.1}}
"""
    config = _config(tmp_path, cluster, sources, more)
    made = [sys.executable, "-m", "pipeline.cli", "--config", str(config), "topics", "create"]
    subprocess.run(made, check=True, capture_output=True)
    with ExitStack() as opened:
        runs = {"worker": opened.enter_context(Command(config, "worker"))}
        for kind in KINDS:
            runs[kind] = opened.enter_context(Command(config, "collect", kind))
        yield Place(config, runs)


class Held(NamedTuple):
    """What the cluster itself says of the one claim."""

    uuid: str
    start: datetime


def _deployed(cluster: Kube, ns: str, cards: list[Any]) -> Held:
    objects.devices(cluster, "n1", *cards)
    objects.device_class(cluster, "gpu")
    objects.template(cluster, ns, "one", objects.request("gpu"))
    workloads.deploy(cluster, ns, "serve", objects.pod_spec(template="one"), 1)
    (claim,) = objects.claims(cluster, ns)
    (given,) = objects.results(claim)
    (card,) = [card for card in cards if card["name"] == given["device"]]
    began = datetime.fromisoformat(claim["status"]["allocation"]["allocationTimestamp"])
    return Held(card["attributes"]["uuid"]["string"], began)


class Stay(NamedTuple):
    """When the workload had its card by the cluster's own word: it ended between `after` and `before`."""

    start: datetime
    after: datetime
    before: datetime


def _ended(cluster: Kube, sources: Sources, place: Place, ns: str, held: Held, cards: list[str]) -> Stay:
    """The card works no more, then nobody holds it, and the ledger knows both."""

    def idled() -> bool:
        usage = [row for row in place.facts("gpu_usage") if row["device"] == held.uuid]
        return sum(r["observed_seconds"] for r in usage) > sum(r["active_seconds"] for r in usage) > 0

    place.until(lambda: any(row["active_seconds"] > 0 for row in place.facts("gpu_usage")), "its work")
    sources.exporter.text = "".join(gpu(uuid, 0.0, 0.0) for uuid in cards)
    after = datetime.now(UTC)
    workloads.scale(cluster, ns, "serve", 0)
    until(lambda: not objects.claims(cluster, ns), "the claim to be gone")
    before = datetime.now(UTC)
    place.until(lambda: all(row["end"] for row in place.facts("allocations")), "the end of what was held")
    place.until(idled, "the card at rest")
    return Stay(held.start, after, before)


@pytest.mark.parametrize(("way", "first_port"), [("alone", 40_000), ("through_kafka", 50_000)])
def test_from_a_cluster_to_what_a_model_costs_and_whether_it_is_right(
    way: str, first_port: int, cluster: Kube, sources: Sources, request: pytest.FixtureRequest
) -> None:
    """This is the product: each dollar has its workload, and the model its accuracy; by what was put in."""
    ns = objects.namespace(cluster, {"team": "vision"})
    objects.node(cluster, "n1")
    cards = [objects.device(f"gpu-{n}") for n in range(2)]
    uuids = [card["attributes"]["uuid"]["string"] for card in cards]
    held = _deployed(cluster, ns, cards)
    sources.exporter.text = "".join(gpu(uuid, 0.0, 0.5 if uuid == held.uuid else 0.0) for uuid in uuids)
    place: Place = request.getfixturevalue(way)
    sources.hubble.agents[0].add(traffic(ns, first_port))
    door = place.receiver.said(r"inference events are taken on (http://\S+)")
    asked = flowers.ask(sources.model, door, ns)

    def costs() -> dict[str, dict[str, Any]]:
        rows = place.asked("cost", "--by", "workload,team", "--gpu-hour-price", str(PRICE))
        return {row["workload"]: row for row in rows}

    place.until(lambda: {"Deployment/serve", "cluster_idle"} <= set(costs()), "cost by workload")
    objects.cordon(cluster, "n1")
    place.until(lambda: "unhealthy" in costs(), "the free card's time as unhealthy")
    stay = _ended(cluster, sources, place, ns, held, uuids)
    every = [flowers.ROWS]
    place.until(lambda: [m["labelled"] for m in place.asked("models", "-w", "1h")] == every, "the labels")
    place.until(lambda: _came(place.facts("network_usage"), ns), "the flows")
    for run in place.runs.values():
        assert run.stop() == 0, run.log

    _costs_are(costs(), stay, scrapes(sources.prometheus.url, held.uuid))
    _model_is(place, asked)
    _traffic_is(place, ns)
    assert place.facts("rejected") == []


def _costs_are(found: Mapping[str, Mapping[str, Any]], stay: Stay, busy: list[float]) -> None:
    serve, idle = found["Deployment/serve"], found["cluster_idle"]
    assert serve["team"] == "vision"
    for row in found.values():
        hours = Decimal(row["allocated_gpu_hours"]) + Decimal(row["unallocated_gpu_hours"])
        assert float(row["total_cost"]) == pytest.approx(float(hours * PRICE), abs=1e-5)
    end = stay.start.timestamp() + float(serve["allocated_gpu_hours"]) * 3_600
    assert stay.after.timestamp() - WHOLE_SECONDS <= end <= stay.before.timestamp() + WHOLE_SECONDS
    # Half busy from the first scrape that was read, whichever that was, to the last before it was idle.
    active = float(serve["active_gpu_hours"]) * 3_600
    assert min(abs(busy[-1] - first - active) for first in busy) < 0.01
    assert busy[-1] <= stay.after.timestamp() + SCRAPE_SECONDS
    assert float(serve["busy_gpu_hours"]) == pytest.approx(active / 3_600 / 2, abs=2e-6)
    assert float(serve["used_cost"]) == pytest.approx(active / 3_600 / 2 * float(PRICE), abs=1e-5)
    assert float(idle["used_cost"]) == 0 < float(idle["cluster_idle_cost"])


def _model_is(place: Place, asked: flowers.Asked) -> None:
    (model,) = place.asked("models", "-w", "1h")
    assert (model["model"], model["model_version"], model["requests"]) == ("iris", "3", flowers.ROWS)
    assert 40 <= asked.right <= 54, "the model errs, and some labels too"
    assert (model["labelled"], model["accuracy"]) == (flowers.ROWS, pytest.approx(asked.right / flowers.ROWS))
    ordered = sorted(asked.seconds)
    middle = ordered[len(ordered) // 2 - 1], ordered[len(ordered) // 2]
    assert middle[0] * 0.95 <= model["latency_p50"] <= middle[1] * 1.05
    assert model["latency_p99"] == pytest.approx(ordered[-1], rel=0.05)
    assert all(row["confidence"] > 1 / 3 for row in place.facts("predictions"))


def _came(rows: list[dict[str, Any]], ns: str) -> bool:
    ours = [row for row in rows if row["namespace"] == ns]
    recorded = sum(row["flows"] for row in rows if row["minute"].year == 2021)
    told = sum(row["connections"] + row["dropped"] for row in ours)
    return recorded >= RECORDED and told >= CONNECTIONS + DROPS


def _traffic_is(place: Place, ns: str) -> None:
    def of(rows: list[dict[str, Any]]) -> list[dict[str, Any]]:
        return [row for row in rows if row["namespace"] == ns]

    (sent,) = of(place.asked("network", "--by", "namespace,workload,class", "-w", "1h"))
    assert (sent["workload"], sent["class"]) == ("Deployment/serve", "cross_zone")
    assert (sent["connections"], sent["dropped"]) == (CONNECTIONS, DROPS)
    (drop,) = of(place.asked("network", "--outcomes", "--by", "namespace,workload,outcome", "-w", "1h"))
    assert (drop["workload"], drop["outcome"]) == ("Deployment/serve", "dropped POLICY_DENIED")
    assert drop["events"] == DROPS
    recorded = [row for row in place.facts("network_usage") if row["minute"].year == 2021]
    assert sum(row["flows"] for row in recorded) == RECORDED
