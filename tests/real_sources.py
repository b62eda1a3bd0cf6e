"""Real servers to collect from, with known figures behind them: GPUs, flows of two zones, and a model."""

from __future__ import annotations

import json
from collections.abc import Iterator
from contextlib import ExitStack, contextmanager
from datetime import UTC, datetime
from typing import Any, NamedTuple

import requests

from pipeline.rig.hubble import Hubble
from pipeline.rig.mlserver import ModelServer
from pipeline.rig.prometheus import Prometheus
from tests.dcgm.exporter import Exporter
from tests.inference import flowers
from tests.rigs import running
from tests.samples import sample

CONNECTIONS, DROPS, RECORDED = 5, 3, 400
ADDRESSES = {"n1": "10.0.0.1", "n2": "10.0.0.2"}
"""Of a pod on each node."""
SCRAPE_SECONDS = 0.5


class Sources(NamedTuple):
    """The servers that are read, beside the cluster."""

    exporter: Exporter
    prometheus: Prometheus
    hubble: Hubble
    model: ModelServer


@contextmanager
def started() -> Iterator[Sources]:
    """All of them, with flows that were recorded elsewhere years ago, and one of the other zone's pod."""
    with ExitStack() as opened:
        exporter = opened.enter_context(Exporter().running())
        scraped = {"exporter-0": exporter.target}
        prometheus = opened.enter_context(
            running(lambda at: Prometheus(at, scraped, interval=SCRAPE_SECONDS))
        )
        hubble = opened.enter_context(running(Hubble))
        recorded = sample("hubble-otel", f"basic-sample-{RECORDED}-tcp-flows.json").read_bytes().splitlines()
        other = {"ID": 8, "namespace": "other", "pod_name": "other-1"}
        back = _flow("back", "n2", "z2", verdict="FORWARDED", source=other, l4={"UDP": {"source_port": 1}})
        hubble.agents[1].add([*recorded, back])
        yield Sources(exporter, prometheus, hubble, opened.enter_context(running(flowers.server)))


def traffic(ns: str, first_port: int) -> list[bytes]:
    """What the workload's pod sent to the other zone, and what a policy let nobody have.

    Two runs within a minute need ports of their own: the same ports are the same connections.
    """
    dropped = {"verdict": "DROPPED", "drop_reason_desc": "POLICY_DENIED"}
    fates = [{"verdict": "FORWARDED"}] * CONNECTIONS + [dropped] * DROPS
    pod = {
        "ID": 7,
        "namespace": ns,
        "pod_name": "serve-1",
        "workloads": [{"kind": "Deployment", "name": "serve"}],
    }
    return [
        _flow(f"{ns}-{n}", "n1", "z1", source=pod, l4=_connection(first_port + n), **fate)
        for n, fate in enumerate(fates)
    ]


def _connection(port: int) -> dict[str, Any]:
    return {"TCP": {"source_port": port, "destination_port": 80, "flags": {"SYN": True}}}


def _flow(uuid: str, node: str, zone: str, **told: Any) -> bytes:
    """A flow that leaves a pod of the node, at its address there, for the other's."""
    moment = datetime.now(UTC).isoformat().replace("+00:00", "Z")
    ends = [ADDRESSES[node], *(address for name, address in ADDRESSES.items() if name != node)]
    flow = {
        "time": moment, "uuid": uuid, "traffic_direction": "EGRESS", "node_name": f"c/{node}",
        "node_labels": [f"topology.kubernetes.io/zone={zone}"],
        "IP": {"source": ends[0], "destination": ends[1]}, **told,
    }  # fmt: skip
    return json.dumps({"flow": flow, "node_name": f"c/{node}", "time": moment}).encode()


def scrapes(url: str, uuid: str) -> list[float]:
    """When Prometheus saw the card at work, in seconds."""
    query = {"query": f'DCGM_FI_DEV_GPU_UTIL{{UUID="{uuid}"}}[1h]'}
    [series] = requests.get(f"{url}/api/v1/query", query, timeout=10).json()["data"]["result"]
    return [at for at, value in series["values"] if float(value) > 0]
