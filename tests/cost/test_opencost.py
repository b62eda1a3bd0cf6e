"""A client of OpenCost reads our ledger unchanged: its parameters, its JSON, and totals to the last digit."""

from __future__ import annotations

import json
import re
import threading
from collections.abc import Iterator
from contextlib import contextmanager
from datetime import datetime
from decimal import Decimal
from pathlib import Path
from socket import create_server
from typing import Any

import pytest
import requests

from pipeline.answers.cost import cost
from pipeline.answers.window import Window
from pipeline.errors import ConfigError
from pipeline.opencost import allocation as oc
from pipeline.opencost import assets, filters, parameters, shape, span
from pipeline.opencost.allocation import Prices
from pipeline.opencost.server import MOST_WAITING, Api, server
from pipeline.ownership.rules import Ownership
from pipeline.prices import PriceBook
from pipeline.prices.network import NetworkPrice
from pipeline.prices.price import Price
from pipeline.settings.cost import CostRule, Method
from pipeline.store import Store
from tests.command import Command
from tests.cost.test_cost_laws import plain_store
from tests.cost_rows import allocation, at, device, ledger, minutes

NOW = datetime(2026, 10, 6, 9, 30, 17)
THIRD = PriceBook.flat(Decimal("3.333333333"), "USD")
DAY = "2026-10-05T00:00:00Z,2026-10-06T00:00:00Z"


class Client:
    def __init__(self, port: int) -> None:
        self.base = f"http://127.0.0.1:{port}"

    def get(self, path: str, params: dict[str, str] | None = None) -> requests.Response:
        return requests.get(self.base + path, params, timeout=60)


@contextmanager
def served(store: Store) -> Iterator[Client]:
    running = server(Api(store, Prices(THIRD, "USD", Ownership()), CostRule(), lambda: NOW))
    with create_server(("127.0.0.1", 0)) as bound:
        thread = threading.Thread(target=running.run, args=([bound],))
        thread.start()
        yield Client(bound.getsockname()[1])
        running.should_exit = True
        thread.join(30)


@pytest.fixture(scope="module")
def store(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Store]:
    """Two nodes, three cards for 30 hours; pods of two namespaces, a third of a card, and idle time."""
    held = [
        allocation("a", "red-1", at(0), at(24), namespace="red", team="red", workload="Deployment/web"),
        allocation("b", "blue-1", at(1), at(7), (1, 3), namespace="blue", team="", workload="Job/train"),
        allocation(
            "b", "blue-2", at(2), at(5.5), (1, 3), namespace="blue", team="blue", workload="Job/train"
        ),
    ]
    cards = [device("a", at(0), time=at(30)), *(device(d, at(0), time=at(30), node="m") for d in "bc")]
    seen = [*minutes("a", at(0), at(24), 60, active=60), *minutes("b", at(1), at(3), 10, active=20)]
    with ledger(tmp_path_factory.mktemp("oc"), devices=cards, allocations=held, gpu_usage=seen) as found:
        yield found


@pytest.fixture(scope="module")
def client(store: Store) -> Iterator[Client]:
    with served(store) as found:
        yield found


def get(client: Client, path: str = "/allocation/compute", **given: str) -> Any:
    """The data, its numbers as they were written."""
    answer = client.get(path, params={"window": DAY, **given})
    assert answer.status_code == 200, answer.text
    return exact(answer.content)["data"]


def exact(content: bytes) -> Any:
    return json.loads(content, parse_float=Decimal, parse_int=Decimal)


def total(data: Any, name: str = "totalCost") -> Decimal:
    return sum((entry[name] for one in data for entry in one.values()), Decimal(0))


def answered(store: Store, window: Window, rule: CostRule = CostRule()) -> Decimal:  # noqa: B008  frozen
    answer = cost(store, window, ("cluster",), THIRD, rule=rule)
    assert answer.total is not None
    amount = answer.total[[c.name for c in answer.columns].index("total_cost")]
    assert isinstance(amount, Decimal)
    return amount


@pytest.mark.parametrize(
    ("aggregate", "cut"),
    [
        ("", {}),
        ("namespace", {"step": "1h"}),
        ("node,team", {"step": "7h"}),
        ("label:model", {"accumulateBy": "week"}),
        ("controller", {"step": "210m"}),
        ("container", {"accumulate": "true"}),
    ],
)
def test_any_cut_of_the_window_sums_to_what_the_ledger_says(
    store: Store, client: Client, aggregate: str, cut: dict[str, str]
) -> None:
    """A dashboard by day and one by team must not show two totals."""
    found = get(client, aggregate=aggregate, includeIdle="true", **cut)
    assert total(found) == answered(store, Window(at(0), at(24)))
    assert total(found) == total(found, "gpuCost")


@pytest.mark.parametrize("share", ["weighted", "even", "true"])
def test_shared_idle_moves_to_those_who_hold_and_nothing_is_lost(
    store: Store, client: Client, share: str
) -> None:
    found = get(client, aggregate="namespace", shareIdle=share)
    assert total(found) == answered(store, Window(at(0), at(24)))
    assert found[0]["red"]["gpuCostIdle"] > 0
    assert found[0]["red"]["gpuCostIdle"] <= found[0]["red"]["gpuCost"]


def test_an_entry_has_only_the_properties_that_all_of_it_has(tmp_path: Path) -> None:
    """Idle time of two clusters was told as one cluster's, once a third line of it came."""
    sick = device("b", at(0), time=at(24), health="unhealthy")
    cards = [device("a", at(0), time=at(24)), sick, device("c", at(0), time=at(24), cluster="d")]
    with ledger(tmp_path, devices=cards) as store, served(store) as client:
        ((idle,),) = (one.values() for one in get(client, aggregate="namespace", includeIdle="true"))
        assert (idle["properties"], idle["gpuHours"]) == ({}, 72)


def test_an_entry_is_as_opencost_writes_it(client: Client) -> None:
    """kubectl-cost splits the name in five, and reads these fields as numbers."""
    (only,) = get(client, "/model/allocation", accumulate="true", filter='namespace:"red"')
    assert list(only) == ["c/n/red/red-1/main"]
    (entry,) = only.values()
    whose = {"cluster": "c", "node": "n", "namespace": "red", "pod": "red-1", "container": "main"}
    assert entry["properties"] == whose
    gpu = {"gpuDevice": "a", "gpuModel": "NVIDIA L4", "gpuUUID": "", "isGPUShared": False}
    assert entry["gpuAllocation"] == gpu | {"gpuUsageAverage": 1, "gpuRequestAverage": 1}
    (parts,) = get(client, "/model/allocation", accumulate="true", aggregate="pod", filter='namespace:"blue"')
    assert {one["gpuAllocation"]["isGPUShared"] for one in parts.values()} == {True}
    assert entry["window"] == {"start": "2026-10-05T00:00:00Z", "end": "2026-10-06T00:00:00Z"}
    assert (entry["minutes"], entry["gpuHours"], entry["gpuCount"]) == (1440, 24, 1)
    assert entry["gpuEfficiency"] == 1  # 100 % of one card, not of the number of cards
    assert entry["cpuCost"] == entry["ramCost"] == entry["pvCost"] == entry["networkCost"] == 0
    assert entry["totalCost"] == Decimal("3.333333333") * 24


def test_a_namespace_called_as_idle_time_is_keeps_its_cost(tmp_path: Path) -> None:
    """What a namespace `stranded` holds was told as idle, and without includeIdle not at all."""
    held = [allocation("a", "p", at(0), at(1), (1, 2), namespace="stranded", workload="Job/x")]
    asked = {"window": "2026-10-05T00:00:00Z,2026-10-05T01:00:00Z", "filter": 'namespace:"stranded"'}
    with ledger(tmp_path, devices=[device("a", at(0), at(1))], allocations=held) as store:
        for aggregate, name in (("namespace", "stranded"), ("", "c/n/stranded/p/main")):
            question = parameters.parse(asked | {"aggregate": aggregate}, NOW, CostRule())
            ((_, (entry,)),), _ = oc.allocations(store, question, Prices(THIRD, "USD", Ownership()))
            assert (entry.name, entry.total) == (name, Decimal("1.666666666"))
            assert entry.properties["namespace"] == "stranded"
        assert entry.is_gpu_shared


def test_a_whole_gpu_is_not_told_as_shared_for_its_part_of_the_node(tmp_path: Path) -> None:
    """A pod has a part of its node's cores whatever it has of a GPU; a card offered in replicas is shared."""
    cards = [
        device("a", at(0), time=at(2), driver="nvidia.com/gpu"),
        device("b", at(0), time=at(2), driver="nvidia.com/gpu.shared"),
        device("n/cpu", at(0), time=at(2), resource="cpu", quantity=8_000, gpu_model=""),
        device("n/memory", at(0), time=at(2), resource="memory", quantity=2**33, gpu_model=""),
    ]
    held = [
        allocation("a", "whole", at(0), at(2)),
        allocation("b", "part", at(0), at(2), (1, 4)),
        *(allocation(f"n/{of}", pod, at(0), at(2), (1, 8)) for of in ("cpu", "memory")
          for pod in ("whole", "part")),
    ]  # fmt: skip
    with ledger(tmp_path, devices=cards, allocations=held) as store, served(store) as client:
        (found,) = get(client, aggregate="pod", accumulate="true")
    told = {name: one["gpuAllocation"]["isGPUShared"] for name, one in found.items()}
    assert told == {"whole": False, "part": True}


def test_money_is_written_in_full(client: Client) -> None:
    """Binary fractions would show 79.99999999200001."""
    text = client.get("/allocation", params={"window": DAY, "aggregate": "namespace"}).text
    assert '"totalCost":79.999999992' in text


def test_idle_has_its_reserved_name_and_only_when_asked(client: Client) -> None:
    assert "__idle__" not in get(client, aggregate="namespace")[0]
    assert "__idle__" in get(client, aggregate="namespace", includeIdle="true")[0]
    by_node = get(client, aggregate="namespace", includeIdle="true", idleByNode="true")[0]
    assert {"c/m/__idle__"} == {name for name in by_node if "__idle__" in name}


def test_aggregates_of_several_and_what_nobody_named(client: Client) -> None:
    (found,) = get(client, aggregate="namespace,label:team")
    assert set(found) == {"red/red", "blue/blue", "blue/__unallocated__"}
    (kinds,) = get(client, aggregate="controller")
    assert set(kinds) == {"deployment:web", "job:train"}
    (deployments,) = get(client, aggregate="deployment")
    assert set(deployments) == {"web", "__unallocated__"}
    answer = client.get("/allocation", params={"window": DAY, "aggregate": "label:app"}).json()
    assert list(answer["data"][0]) == ["__unallocated__"]
    assert "does not have label:app" in answer["warning"]
    shared = client.get("/allocation", params={"window": DAY, "sharelb": "true"}).json()
    assert "sharelb moves no cost here" in shared["warning"]


def test_sets_are_cut_and_named_by_their_windows(client: Client) -> None:
    found = get(client, aggregate="namespace", step="7h", includeIdle="true")
    spans = [next(iter(one.values()))["window"] for one in found]
    assert [s["start"][11:13] for s in spans] == ["00", "07", "14", "21"]
    assert spans[-1]["end"] == "2026-10-06T00:00:00Z"
    data = get(client, "/allocation/compute/summary", aggregate="namespace", step="12h")
    assert data["step"] == 12 * 3600 * 10**9
    assert [len(one["allocations"]) for one in data["sets"]] == [2, 1]


def test_pages_of_a_set_are_the_most_expensive_first(client: Client) -> None:
    first = get(client, aggregate="pod", limit="1")[0]
    rest = get(client, aggregate="pod", offset="1")[0]
    assert list(first) == ["red-1"] and set(rest) == {"blue-1", "blue-2"}


def test_assets_are_nodes_whose_devices_cost_what_the_ledger_says(store: Store, client: Client) -> None:
    found = get(client, "/assets")
    assert total([found]) == answered(store, Window(at(0), at(24)))
    node = found["__undefined__/__undefined__/__undefined__/Compute/Kubernetes/c/Node/m/__undefined__"]
    assert (node["type"], node["GPUHours"], node["gpuCount"]) == ("Node", 48, 2)
    assert get(client, "/model/assets", accumulate="true", filterTypes="Node") == [found]
    assert get(client, "/assets", filterTypes="Disk") == {}


@pytest.mark.parametrize(
    ("given", "words"),
    [
        ({"window": ""}, "window: '' .*7d"),
        ({"window": "soon"}, "window: 'soon'"),
        ({"window": "2026-10-06T00:00:00Z,2026-10-05T00:00:00Z"}, "after the start"),
        ({"step": "fast"}, "step: 'fast'"),
        ({"aggregate": "namespase"}, "aggregate: 'namespase'"),
        ({"shareIdle": "maybe"}, "shareIdle"),
        ({"includeIdle": "perhaps"}, "includeIdle: 'perhaps' .*true or false"),
        ({"accumulate": "decade"}, "accumulate: 'decade'"),
        ({"filter": "namespace=red"}, "filter"),
        ({"filter": 'colour:"red"'}, "no property colour"),
        ({"filter": 'namespace:"a"|namespace:"b"+node:"n"'}, "put brackets"),
        ({"filter": '(namespace:"a"'}, "not closed"),
        ({"filter": 'namespace:"a")'}, "filter"),
        ({"filter": "(" * 30 + 'namespace:"a"'}, "at most 20 brackets"),
        ({"limit": "-1"}, "limit: '-1'"),
        ({"aggregat": "pod"}, "did you mean aggregate"),
        ({"filterServices": "red"}, 'filter=namespace:"a","b"'),
        ({"window": "60d", "step": "5m"}, "would make 17280 sets, at most 1500"),
        ({"step": "50m"}, "within an hour, at most 24"),
        ({"step": "90m", "shareIdle": "weighted"}, "whole hours"),
    ],
)
def test_a_wrong_parameter_is_named_with_its_remedy(
    client: Client, given: dict[str, str], words: str
) -> None:
    answer = client.get("/allocation", params={"window": DAY, **given})
    content = answer.json()
    assert answer.status_code == content["code"] == 400
    assert re.search(words, content["message"])


@pytest.mark.parametrize(
    ("text", "start", "end"),
    [
        ("7d", "2026-09-30T00:00", "2026-10-07T00:00"),
        ("1w", "2026-09-30T00:00", "2026-10-07T00:00"),
        ("24h", "2026-10-05T09:30", "2026-10-06T09:31"),
        ("today", "2026-10-06T00:00", "2026-10-06T09:31"),
        ("yesterday", "2026-10-05T00:00", "2026-10-06T00:00"),
        ("week", "2026-10-04T00:00", "2026-10-06T09:31"),
        ("lastweek", "2026-09-27T00:00", "2026-10-04T00:00"),
        ("month", "2026-10-01T00:00", "2026-10-06T09:31"),
        ("lastmonth", "2026-09-01T00:00", "2026-10-01T00:00"),
        ("1791158400,1791162000", "2026-10-05T00:00", "2026-10-05T01:00"),
        ("2026-10-05T02:00:00+02:00,2026-10-05T01:00:00Z", "2026-10-05T00:00", "2026-10-05T01:00"),
    ],
)
def test_windows_are_those_of_opencost(text: str, start: str, end: str) -> None:
    """Days back are whole days with today; weeks begin on Sunday."""
    found = span.parse_window(text, NOW)
    assert found == Window(datetime.fromisoformat(start), datetime.fromisoformat(end))


def test_a_filter_joins_conditions(client: Client) -> None:
    row = {"namespace": "red", "node": "n1", "workload": "Deployment/web", "team": "x"}

    def fits(text: str) -> bool:
        return all(condition.fits(row) for condition in filters.parse(text))

    assert fits('namespace:"blue","red"+node!:"n2"') and fits('namespace<~:"re" controller~:"eb"')
    assert fits('label[team]:"x"+controllerKind:"deployment"') and fits("")
    assert not fits('namespace!:"red"') and not fits('node~>:"2"') and not fits('label[app]:"y"')
    assert fits('namespace:"blue"|node:"n1"') and fits('(namespace:"blue"|team:"x") + node:"n1"')
    assert not fits('(namespace:"red"+node:"n2")|team:"y"') and fits('node:"n2"|(team:"x"+namespace:"red")')
    with pytest.raises(ConfigError):
        filters.parse('namespace:"red"+')


def test_kubectl_cost_asks_with_the_older_filters(client: Client) -> None:
    """It sends filterNamespaces with every request, empty where none is meant."""
    usual = {"accumulate": "true", "includeIdle": "false", "idle": "false", "aggregate": "namespace"}
    everything = get(client, "/model/allocation", **usual, filterNamespaces="")
    assert [set(one) for one in everything] == [{"red", "blue"}]
    assert [set(one) for one in get(client, "/model/allocation", **usual, filterNamespaces="re*,x")] == [
        {"red"}
    ]
    assert get(client, "/model/allocation", **usual, filterControllerKinds="daemonset") == [{}]


def test_an_answer_of_too_many_entries_is_refused(client: Client, monkeypatch: pytest.MonkeyPatch) -> None:
    """A careless question must not take the memory of the process."""
    monkeypatch.setattr(oc, "MOST_ENTRIES", 3)
    answer = client.get("/allocation", {"window": DAY, "step": "6h", "aggregate": "pod"})
    assert answer.status_code == 400 and "aggregate more" in answer.json()["message"]


def test_health_answers_while_the_ledger_is_busy(store: Store, client: Client) -> None:
    """A long question must not get the process killed by its probe, nor may questions pile up."""
    entered, leave = threading.Event(), threading.Event()

    def hold() -> None:
        with store.steady():
            entered.set()
            leave.wait(60)

    holder = threading.Thread(target=hold)
    holder.start()
    answers: list[int] = []

    def ask() -> None:
        answers.append(client.get("/allocation", params={"window": DAY}).status_code)

    askers = [threading.Thread(target=ask) for _ in range(MOST_WAITING + 4)]
    try:
        assert entered.wait(30)
        for asker in askers:
            asker.start()
        while answers.count(503) < 4:
            assert client.get("/healthz").text == client.get("/readyz").text == "ok\n"
        leave.set()
        for asker in askers:
            asker.join(60)
    finally:
        leave.set()
        holder.join()
    assert sorted(answers) == [200] * MOST_WAITING + [503] * 4


def test_the_command_serves_and_ends_when_told(tmp_path: Path) -> None:
    """An orchestrator stops it with SIGTERM, and must not see a failure."""
    ledger(tmp_path / "ledger", devices=[device("a", at(0), at(1))]).close()
    config = tmp_path / "settings.yaml"
    config.write_text(f"store: {{folder: {tmp_path / 'ledger'}}}\n")
    with Command(config, "api", "--port", "0") as command:
        base = command.said(r"API on (http://\S+)")
        assert requests.get(f"{base}/readyz", timeout=30).text == "ok\n"
        assert command.stop() == 0


def test_an_empty_ledger_says_what_to_do(tmp_path: Path) -> None:
    with Store.open(tmp_path) as empty, served(empty) as client:
        found = client.get("/allocation", params={"window": DAY}).json()
    assert found["data"] == [{}] and "no GPU existed" in found["warning"]


def test_what_is_beside_gpus_has_fields_of_its_own(tmp_path: Path) -> None:
    """A dashboard that stacks CPU, RAM, disks and GPUs would show a node's cores as GPUs, or as nothing."""
    gib = 2**30
    rows = [
        device("a", at(0), time=at(4)),
        device("n/cpu", at(0), time=at(4), resource="cpu", quantity=16_000, gpu_model=""),
        device("n/memory", at(0), time=at(4), resource="memory", quantity=64 * gib, gpu_model=""),
        device("volume/red/data", at(0), time=at(4), resource="volume", quantity=gib, node="", gpu_model=""),
        device("load_balancer/red/web", at(0), time=at(4), resource="load_balancer", node="", gpu_model=""),
    ]
    names = [row["device"] for row in rows]
    held = [allocation(name, "red-1", at(0), at(2), namespace="red") for name in names]
    amounts = {"": "2", "volume": "0.01", "load_balancer": "0.03"}
    prices = Prices(
        PriceBook(
            "own",
            tuple(Price(r, (("resource", r),) if r else (), Decimal(v), "USD") for r, v in amounts.items()),
        ),
        "USD",
        Ownership(),
    )
    rule = CostRule(Method.opencost)
    window = "2026-10-05T00:00:00Z,2026-10-05T04:00:00Z"
    asked = {"window": window, "aggregate": "namespace", "includeIdle": "1"}
    with plain_store(str(tmp_path), devices=rows, allocations=held) as store:
        sets, _ = oc.allocations(store, parameters.parse(asked, NOW, rule), prices)
        (found,) = shape.full(sets, 0, None)
        nodes, _ = assets.assets(store, Window(at(0), at(4)), prices, rule)
        disks, _ = assets.assets(store, Window(at(0), at(4)), prices, rule, "Disk")
    red, idle = found["red"], found["__idle__"]
    parts = ("gpuCost", "cpuCost", "ramCost")
    # By OpenCost's ratio: a GPU 0.95, a core 0.031611, a GiB 0.004237.
    scale = 4 / (Decimal("0.95") + 16 * Decimal("0.031611") + 64 * Decimal("0.004237"))
    wanted = [scale * Decimal(v) * n for v, n in (("0.95", 1), ("0.031611", 16), ("0.004237", 64))]
    assert [red[part] for part in parts] == [pytest.approx(v, abs=Decimal("1e-8")) for v in wanted]
    assert sum(red[part] + idle[part] for part in parts) == 8
    assert (red["pvCost"], red["loadBalancerCost"]) == (Decimal("0.02"), Decimal("0.06"))
    assert red["totalCost"] == sum(red[part] for part in (*parts, "pvCost", "loadBalancerCost"))
    assert (red["cpuCoreHours"], red["cpuCores"], red["cpuCoreRequestAverage"]) == (32, 8, 8)
    assert (red["ramByteHours"], red["ramBytes"]) == (128 * gib, 32 * gib)
    assert (idle["cpuCoreHours"], red["cpuEfficiency"], red["ramEfficiency"]) == (0, 0, 0)
    kinds = {asset["type"]: asset for asset in nodes.values()}
    node = kinds["Node"]
    assert set(kinds) == {"Node", "Disk", "LoadBalancer"}
    assert node["totalCost"] == node["cpuCost"] + node["gpuCost"] + node["ramCost"] == 8
    assert (node["cpuCores"], node["ramBytes"]) == (16, 64 * gib)
    assert (node["cpuCoreHours"], node["ramByteHours"]) == (64, 256 * gib)
    (disk,) = disks.values()
    assert (disk["claimNamespace"], disk["claimName"], disk["bytes"]) == ("red", "data", gib)
    assert disk["totalCost"] == Decimal("0.04")


def test_what_is_used_of_cores_and_memory_is_in_the_efficiencies(tmp_path: Path) -> None:
    """A pod that holds an idle GPU and burns its cores is not 100 % efficient, nor is it 0 %."""
    gib = 1 << 30
    rows = [
        device("g", at(0), time=at(1)),
        device("n/cpu", at(0), time=at(1), resource="cpu", quantity=16_000, gpu_model=""),
        device("n/memory", at(0), time=at(1), resource="memory", quantity=64 * gib, gpu_model=""),
    ]
    held = [allocation("g", "a", at(0), at(1), namespace="red")]
    held += [allocation("n/cpu", "a", at(0), at(1), (1, 4), namespace="red")]
    held += [allocation("n/memory", "a", at(0), at(1), (1, 2), namespace="red")]
    did = {"minute": at(0), "cluster": "c", "device": "n/cpu", "namespace": "red", "pod": "a"}
    used = did | {"busy_seconds": 450, "observed_seconds": 3_600}
    book = PriceBook(
        "own",
        tuple(
            Price(r, (("resource", r),) if r else (), Decimal(v), "USD")
            for r, v in {"": "6", "cpu": "0.5", "memory": "0.0625"}.items()
        ),
    )
    asked = {"window": "2026-10-05T00:00:00Z,2026-10-05T01:00:00Z", "aggregate": "namespace"}
    with plain_store(str(tmp_path), devices=rows, allocations=held, process_usage=[used]) as store:
        sets, _ = oc.allocations(
            store, parameters.parse(asked, NOW, CostRule()), Prices(book, "USD", Ownership())
        )
    (found,) = shape.full(sets, 0, None)
    red = found["red"]
    assert (red["cpuCoreUsageAverage"], red["cpuCoreRequestAverage"], red["cpuEfficiency"]) == (2, 4, 0.5)
    assert (red["ramByteUsageAverage"], red["ramEfficiency"]) == (0, 0), "nobody measured it"
    # 6 dollars of an idle GPU, 2 of cores that are half used; memory is in neither
    assert red["totalEfficiency"] == Decimal("0.125")
    short = shape.summary(sets, 0, None)["sets"][0]["allocations"]["red"]
    assert (short["cpuCoreUsageAverage"], short["totalEfficiency"]) == (2, Decimal("0.125"))


def test_what_a_namespace_sent_is_on_its_line_where_flows_tell_it(tmp_path: Path) -> None:
    """A chargeback by namespace that leaves the network out, or puts it on a pod by guess, is wrong."""
    gib = 1 << 30
    flow = {"cluster": "c", "namespace": "red", "workload": "Deployment/web", "method": "retina"}
    flow |= dict.fromkeys(("flows", "connections", "dropped"), 1)
    flows = [
        flow | {"minute": at(1), "class": "internet", "bytes": 2 * gib},
        flow | {"minute": at(1), "class": "cross_zone", "bytes": gib},
        flow | {"minute": at(3), "class": "internet", "bytes": gib, "namespace": "blue"},
        flow | {"minute": at(3), "class": "cross_region", "bytes": 5 * gib, "namespace": "blue"},
        flow | {"minute": at(1), "class": "internet", "bytes": 0, "namespace": "mute", "method": ""},
    ]
    book = PriceBook(
        "own",
        (Price("gpu", (), Decimal(2), "USD"),),
        network=tuple(
            NetworkPrice(kind, kind, (), Decimal(gib_cost), "USD")
            for kind, gib_cost in (("internet", "0.09"), ("cross_zone", "0.01"))
        ),
    )
    marks = '{"annotation.owner/mail":"ann","label.app.kubernetes.io/name":"web"}'
    red = {"namespace": "red", "workload": "Deployment/web", "labels": marks}
    held = [allocation("a", "red-1", at(0), at(4), **red)]
    asked = {"window": "2026-10-05T00:00:00Z,2026-10-05T04:00:00Z", "step": "2h"}
    prices = Prices(book, "USD", Ownership())
    with plain_store(
        str(tmp_path), devices=[device("a", at(0), at(4))], allocations=held, network_usage=flows
    ) as store:
        by_namespace = parameters.parse(asked | {"aggregate": "namespace"}, NOW, CostRule())
        sets, notes = oc.allocations(store, by_namespace, prices)
        assert any(note.startswith("5.000000 GiB have no price") for note in notes), notes
        assert any(note.startswith("no source tells bytes of 1 workloads") for note in notes), notes
        first, then = shape.full(sets, 0, None)
        assert set(first) == {"red", "mute"} and first["mute"]["networkCost"] == 0
        names = ("networkCost", "networkInternetCost", "networkCrossZoneCost", "networkTransferBytes")
        assert [first["red"][name] for name in names] == [
            Decimal("0.19"), Decimal("0.18"), Decimal("0.01"), 3 * gib,
        ]  # fmt: skip
        assert first["red"]["totalCost"] == Decimal("4.19")
        assert (then["red"]["networkCost"], then["blue"]["totalCost"]) == (0, Decimal("0.09"))
        for aggregate in ("", "pod", "node", "container", "label:app", "cluster,service", "department"):
            question = parameters.parse(asked | {"aggregate": aggregate}, NOW, CostRule())
            sets, notes = oc.allocations(store, question, prices)
            total = sum(entry.total for _, entries in sets for entry in entries)
            assert total == Decimal("8.28"), "every aggregate has the same total"
            assert any("network costs are known by" in note for note in notes)
        marked = {"aggregate": "label:app_kubernetes_io_name,annotation:owner/mail"}
        sets, notes = oc.allocations(store, parameters.parse(asked | marked, NOW, CostRule()), prices)
        assert [entry.name for entry in sets[0][1]] == ["web/ann", "__unallocated__/__unallocated__"]
        assert not any("does not have" in note for note in notes)
        chosen = {"aggregate": "pod", "filter": 'label[app_kubernetes_io_name]:"web"'}
        sets, _ = oc.allocations(store, parameters.parse(asked | chosen, NOW, CostRule()), prices)
        assert sum(entry.total for _, entries in sets for entry in entries) == 8
