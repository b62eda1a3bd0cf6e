"""What is told beside devices: a live cluster's nodes, volumes and load balancers, to the last millicore."""

from __future__ import annotations

import json
from datetime import datetime, timedelta
from decimal import Decimal
from pathlib import Path
from typing import Any

import pytest

from collectors.live.allocation import beside, pods
from collectors.live.allocation.fold import Fold
from collectors.live.allocation.parameters import AllocationSettings
from collectors.live.allocation.requested import Container, Resources, requested
from collectors.live.allocation.source import _names, kinds
from collectors.live.kube.news import News
from pipeline.answers.cost import cost
from pipeline.answers.window import Window
from pipeline.errors import ConfigError
from pipeline.prices import PriceBook
from pipeline.prices.price import Price
from pipeline.settings.cost import CostRule, Method
from tests.allocation import kube_shapes as k
from tests.allocation.test_allocation_cases import NOON, SECOND, naive
from tests.cost.test_cost_laws import plain_store
from tests.cost_rows import Row

SETTINGS = AllocationSettings(beside="cpu, memory,volume,load_balancer")
KINDS = {kind.name: kind for kind in kinds(SETTINGS)}
HOUR = 3_600 * SECOND
GIB = 2**30
START = datetime(2026, 7, 2, 10)


def news(kind: str, one: dict[str, Any], what: Any = "put", at: int = NOON) -> News:
    return News(kind, what, KINDS[kind].reduce(json.dumps(one).encode()), at)


def pod(name: str, cpu: str, memory: str, **more: Any) -> dict[str, Any]:
    made = k.pod(name, **more)
    made["spec"]["containers"][0]["resources"]["requests"] = {"cpu": cpu, "memory": memory}
    return made


def volume(size: str, phase: str = "Bound") -> dict[str, Any]:
    status = {"phase": phase, "capacity": {"storage": size}}
    return {"metadata": k.meta("data", namespace="ml"), "spec": {"storageClassName": "gp3"}, "status": status}


def service(*addresses: str) -> dict[str, Any]:
    status = {"loadBalancer": {"ingress": [{"ip": one} for one in addresses]}}
    return {"metadata": k.meta("web", namespace="ml"), "spec": {"type": "LoadBalancer"}, "status": status}


class Cluster:
    """A fold, and the newest version of each row of the ledger that it gave."""

    def __init__(self, kept: Any = None) -> None:
        self.fold = Fold("c", _names(SETTINGS), kept, tuple(KINDS))
        self.rows: dict[str, dict[tuple[Any, ...], Row]] = {"allocation": {}, "device": {}}
        self.fold.take(News(name, "synced", None, NOON) for name in KINDS)

    def __call__(self, *told: News, at: int) -> None:
        self.fold.take(told)
        for kind, table in self.fold.settle(at).events.items():
            for row in table.to_pylist():
                row = {name: naive(v) if isinstance(v, datetime) else v for name, v in row.items()}
                self.rows[kind][row["device"], row.get("consumer_uid"), row["start"]] = row

    def seen(self, kind: str) -> list[Row]:
        return list(self.rows[kind].values())


def test_a_live_nodes_lines_sum_to_its_price(tmp_path: Path) -> None:
    """Pods' requests, volumes and load balancers are on the bill of who has them, and the rest is idle."""
    cluster = Cluster()
    size = {"cpu": "8", "memory": "32Gi", "nvidia.com/gpu": "1"}
    cluster(
        news("namespaces", k.namespace(team="red")), news("nodes", k.node(capacity=size)),
        news("pods", pod("a", "1500m", "8Gi", limits={"nvidia.com/gpu": "1"})),
        news("pods", pod("b", "0.5", "4Gi", finished="2026-07-02T11:00:00Z", phase="Succeeded")),
        news("pods", pod("c", "500m", "4Gi", finished=None)),
        news("persistentvolumeclaims", volume("100Gi")), news("services", service("10.0.0.1")),
        at=NOON + SECOND,
    )  # fmt: skip
    cluster(news("pods", pod("c", "500m", "4Gi"), "gone", at=NOON + HOUR), at=NOON + HOUR)
    cluster(news("services", service(), at=NOON + 2 * HOUR), at=NOON + 2 * HOUR)
    held = {row["device"] for row in cluster.seen("allocation")}
    assert held == {"n1/cpu", "n1/memory", "n1/nvidia.com/gpu/0", "volume/ml/data", "load_balancer/ml/web"}
    listed = {row["device"]: (row["resource"], row["quantity"]) for row in cluster.seen("device")}
    assert listed["n1/cpu"] == ("cpu", 8_000) and listed["n1/memory"] == ("memory", 32 * GIB)
    assert listed["volume/ml/data"] == ("volume", 100 * GIB)
    amounts = {"": "2", "cpu": "0.03", "memory": "0.004", "volume": "0.0001", "load_balancer": "0.025"}
    book = PriceBook(
        "own",
        [
            Price(name, (("resource", name),) if name else (), Decimal(v), "USD")
            for name, v in amounts.items()
        ],
    )
    facts = {"devices": cluster.seen("device"), "allocations": cluster.seen("allocation")}
    window = Window(START, datetime(2026, 7, 2, 14))
    with plain_store(str(tmp_path), **facts) as store:
        answer = cost(store, window, ("resource", "pod", "team"), book)
    found = {row[:3]: row[[c.name for c in answer.columns].index("total_cost")] for row in answer.rows}
    # Four hours of the node and its volume; the load balancer was given back at 14:00, pod c left at 13:00.
    assert found["cpu", "a", "red"] == Decimal("0.18") and found["memory", "a", "red"] == Decimal("0.128")
    assert found["cpu", "c", "red"] == Decimal("0.045")
    assert ("cpu", "b", "red") not in found, "it had ended before it was seen"
    assert found["cpu", "cluster_idle", "cluster_idle"] == Decimal("0.96") - Decimal("0.225")
    assert found["gpu", "a", "red"] == 8
    assert found["volume", "unknown", "red"] == Decimal("0.04")
    assert found["load_balancer", "unknown", "red"] == Decimal("0.1")
    node = [row for row in found if row[0] in ("gpu", "cpu", "memory")]
    assert sum(found[row] for row in node) == 4 * (2 + 8 * Decimal("0.03") + 32 * Decimal("0.004"))


def test_what_grows_or_goes_while_nobody_looks_is_told_at_the_next_list() -> None:
    """A node or a volume that was made larger costs more from then on; one that went must not cost on."""
    cluster = Cluster()
    cluster(
        news("nodes", k.node(capacity={"cpu": "8"})), news("pods", pod("a", "1", "0")),
        news("persistentvolumeclaims", volume("1Gi")), news("services", service("10.0.0.1")),
        at=NOON + SECOND,
    )  # fmt: skip
    cluster(
        news("nodes", k.node(capacity={"cpu": "16"}), at=NOON + HOUR),
        news("persistentvolumeclaims", volume("2Gi"), at=NOON + HOUR), at=NOON + HOUR,
    )  # fmt: skip
    ended = {row["device"]: row["end"] for row in cluster.seen("device") if row["end"]}
    assert set(ended) == {"n1/cpu", "volume/ml/data"}
    parts = [row["device_units"] for row in cluster.seen("allocation") if row["device"] == "n1/cpu"]
    assert parts == [8_000, 16_000]
    again = Fold("c", _names(SETTINGS), cluster.fold.kept(NOON + HOUR), tuple(KINDS))
    still = {"nodes": [k.node(capacity={"cpu": "16"})], "pods": [pod("a", "1", "0")]}
    still["services"] = [service("10.0.0.1")]
    for name in KINDS:
        again.take([news(name, one, "listed", NOON + 2 * HOUR) for one in still.get(name, ())])
        again.take([News(name, "synced", None, NOON + 2 * HOUR)])
    told = again.settle(NOON + 2 * HOUR).events
    gone = [(kind, row["device"]) for kind in told for row in told[kind].to_pylist() if row["end"]]
    assert sorted(gone) == [("allocation", "volume/ml/data"), ("device", "volume/ml/data")]


@pytest.mark.parametrize(
    ("containers", "init", "whole", "overhead", "wanted"),
    [
        ([("1", None), ("250m", None)], [], None, {}, 1_250),
        ([("1", None)], [("3", None)], None, {}, 3_000),
        ([("1", None)], [("500m", "Always"), ("2", None)], None, {}, 2_500),
        ([("1", None)], [("2", None), ("500m", "Always")], None, {"cpu": "100m"}, 2_100),
        ([("1", None)], [], "4", {}, 4_000),
        ([("1", None)], [], "500m", {}, 500),
        ([("x", None), ("-1", None)], [], None, {}, 0),
    ],
)
def test_a_pod_has_of_its_node_what_the_scheduler_keeps_for_it(
    containers: list[Any], init: list[Any], whole: str | None, overhead: dict[str, str], wanted: int
) -> None:
    """Init containers run before the others, sidecars beside them: counted wrong, a node is sold twice."""
    made = [
        [Container(resources=Resources(requests={"cpu": cpu}), restartPolicy=again) for cpu, again in some]
        for some in (containers, init)
    ]
    of_pod = None if whole is None else Resources(requests={"cpu": whole})
    found = dict(requested(of_pod, *made, overhead, frozenset({"cpu"})))
    assert found.get("cpu", 0) == wanted


def test_a_pod_without_requests_is_charged_for_what_it_uses(tmp_path: Path) -> None:
    """BestEffort pods run on what others pay for: nobody could say whose their use is."""
    cluster = Cluster()
    pods_ = pod("a", "0", "0"), pod("b", "2", "8Gi")
    told = [
        news("nodes", k.node(capacity={"cpu": "8", "memory": "32Gi"})),
        *(news("pods", one) for one in pods_),
    ]
    cluster(*told, at=NOON + HOUR)
    held = {row["pod"]: row for row in cluster.seen("allocation") if row["device"] == "n1/cpu"}
    assert (held["a"]["share_units"], held["a"]["device_units"]) == (0, 8_000)
    where = {"cluster": "c", "namespace": "ml", "pod": "a", "device": "n1/cpu"}
    begin = max(row["start"] for row in held.values()).replace(minute=0, second=0)
    did = [{"minute": begin, **where, "busy_seconds": 900, "observed_seconds": 3_600}]
    facts = {"devices": cluster.seen("device"), "allocations": cluster.seen("allocation")}
    book = PriceBook("own", [Price("cpu", (("resource", "cpu"),), Decimal(1), "USD")])
    with plain_store(str(tmp_path), **facts, process_usage=did) as store:
        window = Window(begin, begin + timedelta(hours=1))
        answer = cost(store, window, ("pod",), book, rule=CostRule(Method.max))
    paid = {row["pod"]: row["total_cost"] for row in answer.named()}
    assert paid["a"] > 0 and paid["b"] > 0


def test_nothing_is_told_beside_devices_that_was_not_asked_for() -> None:
    """Every pod of a large cluster in the ledger is a choice; a misspelt one is named with its key."""
    plain = {kind.name for kind in kinds(AllocationSettings())}
    assert not plain & {"persistentvolumeclaims", "services"}
    reduce = pods.reducer(lambda _: False, frozenset(), frozenset())
    one = reduce(json.dumps(pod("a", "1", "1Gi")).encode())
    assert one.requests == () and not one.holds
    with pytest.raises(ConfigError, match="disk"):
        beside.words("cpu,disk")
