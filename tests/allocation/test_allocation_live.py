"""The allocation collector against an API server over HTTP: cut off, restarted, refused, left alone."""

from __future__ import annotations

import shutil
import threading
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from datetime import datetime
from pathlib import Path
from typing import Any

import pytest

from collectors.dcgm.scrape import parse
from collectors.live.allocation.parameters import AllocationSettings
from collectors.live.allocation.source import collector
from collectors.live.hubble.places import Places
from pipeline.collect import turns
from pipeline.collect.doors import Ledger
from pipeline.collect.report import Report
from pipeline.collect.state import State
from pipeline.embedded import Embedded
from pipeline.store import Store
from tests.allocation import kube_shapes as k
from tests.allocation.fake_cluster import FakeCluster
from tests.dcgm.exporter import Exporter
from tests.folds.fold_events import events as flow_events
from tests.waiting import until

SECONDS = 60.0


@pytest.fixture
def cluster() -> Iterator[FakeCluster]:
    server = FakeCluster()
    yield server
    if server.up:
        server.stop()


@pytest.fixture
def store(tmp_path: Path) -> Iterator[Store]:
    with Store.open(tmp_path / "ledger") as opened:
        yield opened


class Running:
    """A collector on a thread, and the report that it writes."""

    def __init__(self, settings: AllocationSettings, store: Store, folder: Path) -> None:
        self.report, self.store, self.turns = Report(), store, 0
        self.failure: BaseException | None = None
        self.source = collector(settings, "c")
        self.thread = threading.Thread(target=self._run, args=(folder,))
        self.thread.start()

    def _run(self, folder: Path) -> None:
        try:
            with State.open(folder) as state:
                door = Ledger(Embedded(self.store))
                turns.run("allocation", self.source, state, door, self.report, self._account)
        except BaseException as error:
            self.failure = error

    def _account(self, turn: Any) -> None:
        self.report.turn("allocation", turn)
        self.turns += 1

    def rows(self) -> list[dict[str, Any]]:
        return merged(self.store)

    def until(self, true: Callable[[list[dict[str, Any]]], bool]) -> list[dict[str, Any]]:
        def found() -> list[list[dict[str, Any]]]:
            assert self.failure is None, self.failure
            rows = self.rows()
            return [rows] if true(rows) else []

        return until(
            found, "these intervals", SECONDS,
            lambda: (self.report.not_ready(), [_brief(r) for r in self.rows()]),
        )[0]  # fmt: skip


def merged(store: Store) -> list[dict[str, Any]]:
    """The newest version of every interval that is not empty."""
    rows = store.rows("allocations").to_pylist()
    return [r for r in rows if r["end"] is None or r["end"] > r["start"]]


def _brief(row: dict[str, Any]) -> str:
    names = ("claim", "pod", "share_units", "device_units", "start", "end", "end_quality")
    return " ".join(str(row[n]) for n in names)


@contextmanager
def running(cluster: FakeCluster, store: Store, tmp_path: Path) -> Iterator[Running]:
    settings = AllocationSettings(server=cluster.url, turn_seconds=0.05, beat_seconds=0.2)
    with collecting(settings, store, tmp_path) as one:
        yield one


@contextmanager
def collecting(settings: AllocationSettings, store: Store, tmp_path: Path) -> Iterator[Running]:
    one = Running(settings, store, tmp_path / "state")
    try:
        yield one
    finally:
        one.report.stop()
        one.thread.join(SECONDS)
    assert one.failure is None, one.failure
    assert not one.thread.is_alive()


def scene(cluster: FakeCluster) -> None:
    cluster.put(k.NAMESPACES, k.namespace(team="fraud"))
    cluster.put(k.SLICES, k.slice_(k.device(), k.device("gpu-1")))
    cluster.put(k.REPLICA_SETS, k.replica_set("rs", "api"))
    cluster.put(k.PODS, k.pod("a", owner=k.owner("ReplicaSet", "rs")))
    cluster.put(k.CLAIMS, k.claim("c1", {}, pods=("a",)))


def gaps(store: Store) -> list[tuple[str, str]]:
    """Losses; that a collector begins without a memory is none."""
    told = store.rows("gaps").to_pylist()
    return sorted((g["kind"], g["detail"]) for g in told if g["kind"] != "begins")


def test_what_is_of_no_concern_is_counted_though_nothing_else_happens_in_its_turn(
    cluster: FakeCluster, store: Store, tmp_path: Path
) -> None:
    """Numbers that leave some out would never add up to the objects that there are."""
    scene(cluster)
    labels = {"collector": "allocation", "reason": "no_device"}
    with running(cluster, store, tmp_path) as one:
        one.until(lambda rows: len(rows) == 1)
        for number in range(3):
            at = one.turns
            cluster.put(k.PODS, k.pod(f"plain-{number}"))
            until(lambda at=at: one.turns > at + 1, "the beat after it", SECONDS)
        name = "driftledger_collect_excluded_total"
        assert one.report.registry().get_sample_value(name, labels) == 4.0


def test_intervals_open_and_close_as_objects_come_and_go(
    cluster: FakeCluster, store: Store, tmp_path: Path
) -> None:
    """The whole way from an API server to the ledger, with nothing in between."""
    scene(cluster)
    with running(cluster, store, tmp_path) as one:
        [row] = one.until(lambda rows: len(rows) == 1)
        assert (row["workload"], row["team"], row["device"]) == ("Deployment/api", "fraud", "GPU-gpu-0")
        assert one.report.not_ready() == []
        cluster.put(k.CLAIMS, k.claim("c2", {"device": "gpu-1"}, pods=("b",)))
        cluster.delete(k.CLAIMS, "uid-c1")
        rows = one.until(
            lambda rows: [r["end"] is None for r in sorted(rows, key=lambda r: r["claim"])] == [False, True]
        )
        ended = next(r for r in rows if r["claim"] == "c1")
        assert ended["end_quality"] == "observed"
        assert abs(ended["end"].timestamp() - time.time()) < SECONDS
    assert gaps(store) == [] and store.rows("devices").num_rows == 2


def test_what_comes_after_the_first_list_has_its_owner_and_its_team(
    cluster: FakeCluster, store: Store, tmp_path: Path
) -> None:
    """Each rollout makes a new ReplicaSet: without its watch the bill would be by ReplicaSets."""
    with running(cluster, store, tmp_path) as one:
        until(lambda: one.turns, "a turn", SECONDS)
        scene(cluster)
        one.until(lambda rows: [(r["workload"], r["team"]) for r in rows] == [("Deployment/api", "fraud")])
        assert one.report.not_ready() == []
    assert cluster.asked.count(("watch", k.REPLICA_SETS)) == 1, "its watch was ended"


def test_exporters_name_the_devices_of_pods_straight(
    cluster: FakeCluster, store: Store, tmp_path: Path
) -> None:
    """The whole way of a name into the ledger, without a Prometheus; a slice meets what it did."""
    gpus = {"nvidia.com/gpu": "1"}
    mig = {"nvidia.com/mig-1g.5gb": "1"}
    amd = {"amd.com/gpu": "1"}
    cluster.put(k.NODES, k.node(capacity=gpus | mig | amd))
    cluster.put(k.PODS, k.pod("c", limits=amd))
    cluster.put(k.PODS, k.pod("a", limits=gpus))
    cluster.put(k.PODS, k.pod("b", limits=mig, given={"nvidia.com/mig-1g.5gb": ["MIG-x"]}))
    pod = 'namespace="ml",container="main"'
    names = {"GPU-a", "GPU-b/7", "S-1"}
    text = (
        f'DCGM_FI_DEV_FB_USED{{gpu="0",UUID="GPU-a",Hostname="n1",pod="a",{pod}}} 5\n'
        f'DCGM_FI_DEV_FB_USED{{gpu="1",UUID="GPU-b",GPU_I_ID="7",GPU_I_PROFILE="1g.5gb",Hostname="n1",'
        f'pod="b",{pod}}} 5\n'
        f'gpu_used_vram{{gpu_id="0",serial_number="S-1",hostname="n1",pod="c",{pod}}} 5\n'
    )
    with Exporter().running() as exporter:
        settings = AllocationSettings(
            server=cluster.url, turn_seconds=0.05, beat_seconds=0.2,
            exporters=f"{exporter.url},http://127.0.0.1:1/metrics",
        )  # fmt: skip
        exporter.text = text
        with collecting(settings, store, tmp_path) as one:
            one.until(lambda rows: {r["device"] for r in rows if r["end"] is None} == names)
            assert one.report.not_ready() == []
            assert any("127.0.0.1:1/" in remark for remark in one.report.remarks())
    used = parse(text.encode(), cluster="c", time=datetime(2026, 9, 1)).events["gpu"].column("device")
    there = [r["device"] for r in store.rows("devices").to_pylist() if r["end"] is None]
    assert set(there) == set(used.to_pylist()) == names
    with collecting(settings, store, tmp_path) as again:
        until(lambda: again.turns > 1, "a turn", SECONDS)
        assert {r["device"] for r in again.rows() if r["end"] is None} == names


def test_the_nodes_are_a_file_that_hubble_reads(cluster: FakeCluster, store: Store, tmp_path: Path) -> None:
    """Zones of addresses need nobody who runs kubectl; hubble may begin before the first node is known."""
    node = k.node(**{"topology_kubernetes_io__zone": "z1", "topology_kubernetes_io__region": "r1"})
    node["spec"]["podCIDRs"] = ["10.1.0.0/24"]
    node["status"]["addresses"] = [{"type": "InternalIP", "address": "192.0.2.1"}]
    file = tmp_path / "nodes.json"
    settings = AllocationSettings(
        server=cluster.url, turn_seconds=0.05, beat_seconds=0.2, nodes_file=str(file)
    )
    flow = {"source_ip": "10.1.0.7", "destination_ip": "192.0.2.1"}

    def zones(places: Places) -> tuple[str | None, str | None]:
        [row] = places.fill(flow_events("flow", flow)).to_pylist()
        return row["source_zone"], row["destination_zone"]

    with collecting(settings, store, tmp_path):
        places = Places(str(file), "")
        assert zones(places) == (None, None)
        cluster.put(k.NODES, node)
        until(lambda: zones(places) == ("z1", "z1"), "the node's zone", SECONDS)
        cluster.delete(k.NODES, "uid-n1")
        until(lambda: b"z1" not in file.read_bytes(), "a file without the node", SECONDS)


def test_a_file_of_nodes_whose_disk_is_away_ends_nothing_and_is_written_later(
    cluster: FakeCluster, store: Store, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """It is a help for zones; the collectors of the process are what is billed by."""
    folder = tmp_path / "there"
    folder.mkdir()
    file, node = folder / "nodes.json", k.node()
    settings = AllocationSettings(
        server=cluster.url, turn_seconds=0.05, beat_seconds=0.2, nodes_file=str(file)
    )
    with collecting(settings, store, tmp_path) as one:
        until(lambda: one.turns, "a turn", SECONDS)
        shutil.rmtree(folder)
        cluster.put(k.NODES, node)
        until(lambda: any("file of nodes" in said for said in one.report.remarks()), "a remark", SECONDS)
        folder.mkdir()
        until(lambda: file.exists() and b"n1" in file.read_bytes(), "the node in the file", SECONDS)
        until(lambda: one.report.remarks() == [], "no remark", SECONDS)
        assert one.failure is None and one.report.not_ready() == []
    monkeypatch.setattr("collectors.live.kube.watch._PATIENT_SECONDS", 0.0)
    cluster.denied.add(("list", "nodes"))
    with collecting(settings, store, tmp_path) as again:
        until(lambda: again.turns, "a turn", SECONDS)
        assert b"n1" in file.read_bytes(), "who may not see the nodes does not know that they are gone"


def test_pages_of_a_list_are_one_list(cluster: FakeCluster, store: Store, tmp_path: Path) -> None:
    """More pods than a page holds must neither be lost nor end at the page's edge."""
    for number in range(1_200):
        cluster.put(k.PODS, k.pod(f"p{number}", limits={"amd.com/gpu": "1"}, node=f"n{number}"))
    with running(cluster, store, tmp_path) as one:
        rows = one.until(lambda rows: len(rows) == 1_200)
        assert all(r["end"] is None for r in rows)
    assert cluster.asked.count(("list", k.PODS)) == 3


def test_a_watch_that_breaks_off_goes_on_where_it_was(
    cluster: FakeCluster, store: Store, tmp_path: Path
) -> None:
    """Half a line at its end is no event, and what happened meanwhile comes with the next watch.

    Also of a resource that was quiet while others changed: bookmarks keep its version one that is known.
    """
    scene(cluster)
    with running(cluster, store, tmp_path) as one:
        one.until(lambda rows: len(rows) == 1)
        cluster.put(k.NODES, k.node("n9"))
        version = cluster.version
        until(lambda: cluster.bookmarked.get(k.CLAIMS, 0) >= version, "a bookmark", SECONDS)
        cluster.compact()
        cluster.cut()
        cluster.delete(k.CLAIMS, "uid-c1")
        one.until(lambda rows: rows[0]["end"] is not None)
    assert cluster.asked.count(("list", k.CLAIMS)) == 1, "it was listed anew"


def test_a_version_that_is_too_old_is_a_list_and_a_gap(
    cluster: FakeCluster, store: Store, tmp_path: Path
) -> None:
    """410: what went meanwhile ends when it was last seen, and the gap says within which bounds."""
    scene(cluster)
    cluster.put(k.CLAIMS, k.claim("c2", {"device": "gpu-1"}, pods=("b",)))
    with running(cluster, store, tmp_path) as one:
        one.until(lambda rows: len(rows) == 2)
        before = time.time()
        cluster.stop()
        cluster.delete(k.CLAIMS, "uid-c1")
        cluster.put(k.CLAIMS, k.claim("c3", {}, pods=("d",), allocated="2026-07-03T00:00:00Z"))
        cluster.compact()
        until(lambda: bool(one.report.not_ready()), "readiness that tells it", SECONDS)
        assert any("API server" in reason for reason in one.report.not_ready())
        cluster.start()
        rows = one.until(lambda rows: len(rows) == 3)
        until(lambda: not one.report.not_ready(), "readiness that tells it", SECONDS)
    ended = next(r for r in rows if r["claim"] == "c1")
    assert ended["end_quality"] == "gap" and before - 1 <= ended["end"].timestamp() <= time.time()
    assert {r["claim"]: r["start_quality"] for r in rows} == dict.fromkeys(("c1", "c2", "c3"), "exact")
    assert sorted(r["claim"] for r in rows if r["end"] is None) == ["c2", "c3"]
    assert ("relist", "resourceclaims") in gaps(store)


def test_a_list_that_the_server_forgets_half_way_is_listed_whole(
    cluster: FakeCluster, store: Store, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """410 for a page: what went after the pages before it would be billed until the collector's next start.

    In pages it could take too long again; and a cluster that was never seen has no gap, but a beginning.
    """
    monkeypatch.setattr("collectors.live.kube.answers.PAGE_OBJECTS", 2)
    for name in "abc":
        cluster.put(k.PODS, k.pod(name, limits={"amd.com/gpu": "1"}, node=f"n-{name}"))

    def goes() -> None:
        cluster.delete(k.PODS, "uid-a")
        cluster.compact()

    cluster.at_page[k.PODS] = goes
    with running(cluster, store, tmp_path) as one:
        rows = one.until(lambda rows: len(rows) > 1)
        cluster.put(k.PODS, k.pod("d", limits={"amd.com/gpu": "1"}, node="n-d"))
        rows = one.until(lambda rows: len(rows) == 3)
        assert one.report.not_ready() == []
    assert sorted(r["pod"] for r in rows if r["end"] is None) == ["b", "c", "d"]
    assert [limit for path, limit in cluster.limits if path == k.PODS] == ["2", "2", "0"]
    # Another resource may have been listed before that version was forgotten, and not yet watched.
    assert [kind for kind, resource in gaps(store) if resource == "pods"] == []


def test_a_list_that_is_forgotten_while_it_is_read_again_is_a_gap_with_bounds(
    cluster: FakeCluster, store: Store, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """What ended before the list that could be read whole ended since all was seen last."""
    monkeypatch.setattr("collectors.live.kube.answers.PAGE_OBJECTS", 2)
    for name in "abc":
        cluster.put(k.PODS, k.pod(name, limits={"amd.com/gpu": "1"}, node=f"n-{name}"))
    with running(cluster, store, tmp_path) as one:
        one.until(lambda rows: len(rows) == 3)

        def goes() -> None:
            cluster.delete(k.PODS, "uid-a")
            cluster.compact()

        cluster.at_page[k.PODS] = goes
        before = time.time()
        cluster.stop()
        cluster.put(k.PODS, k.pod("d", limits={"amd.com/gpu": "1"}, node="n-d"))
        cluster.compact()
        cluster.start()
        rows = one.until(lambda rows: len(rows) == 4 and any(r["end"] for r in rows))
        until(lambda: not one.report.not_ready(), "readiness that tells it", SECONDS)
    [ended] = [r for r in rows if r["end"] is not None]
    assert (ended["pod"], ended["end_quality"]) == ("a", "gap")
    assert before - 1 <= ended["end"].timestamp() <= time.time()
    assert ("relist", "pods") in gaps(store)


def test_a_restart_goes_on_with_what_was_open(cluster: FakeCluster, store: Store, tmp_path: Path) -> None:
    """What ended while it was down ended within known bounds; what still runs is the same interval."""
    scene(cluster)
    cluster.put(k.PODS, k.pod("p", limits={"nvidia.com/gpu": "1"}, node="n9"))
    cluster.put(k.PODS, k.pod("q", limits={"nvidia.com/gpu": "1"}, node="n9"))
    with running(cluster, store, tmp_path) as one:
        one.until(lambda rows: len(rows) == 3)
    stopped = time.time()
    cluster.delete(k.CLAIMS, "uid-c1")
    cluster.put(
        k.PODS,
        k.pod(
            "p", limits={"nvidia.com/gpu": "1"}, node="n9", phase="Failed", finished="2026-07-09T00:00:00Z"
        ),
    )
    with running(cluster, store, tmp_path) as one:
        rows = one.until(lambda rows: sum(r["end"] is not None for r in rows) == 2)
        assert len(rows) == 3
    by = {r["claim"] or r["pod"]: r for r in rows}
    assert by["c1"]["end_quality"] == "gap" and by["c1"]["end"].timestamp() <= stopped
    assert by["p"]["end_quality"] == "exact" and by["p"]["end"].day == 9
    assert by["q"]["device"] == "n9/nvidia.com/gpu/1", "it keeps the number that it had"
    assert ("restart", "pods") in gaps(store)


def test_a_lost_state_folder_leaves_nothing_open(cluster: FakeCluster, store: Store, tmp_path: Path) -> None:
    """A pod that ended while nobody looked, and that nobody remembers, would be billed for ever."""
    scene(cluster)
    cluster.put(k.NODES, k.node("n9", capacity={"nvidia.com/gpu": "1"}))
    for name in "pq":
        cluster.put(k.PODS, k.pod(name, node="n9", limits={"nvidia.com/gpu": "1"}))
    with running(cluster, store, tmp_path) as one:
        before = {r["pod"]: r for r in one.until(lambda rows: len(rows) == 3)}
        until(lambda: store.rows("devices").num_rows == 3, "the inventory", SECONDS)
    seen = max(r["time"] for r in store.rows("allocations").to_pylist())
    cluster.delete(k.CLAIMS, "uid-c1")
    cluster.delete(k.PODS, "uid-p")
    cluster.delete(k.NODES, "uid-n9")
    shutil.rmtree(tmp_path / "state")
    cluster.stop()  # who begins while nobody answers has not seen anything either
    with running(cluster, store, tmp_path) as one:
        until(lambda: len(one.report.not_ready()) > 3, "that nobody answers", SECONDS)
        cluster.start()
        after = {r["pod"]: r for r in one.until(lambda rows: sum(r["end"] is None for r in rows) == 1)}
        until(lambda: store.rows("devices").to_pylist()[-1]["end"] is not None, "the node's end", SECONDS)
    assert after["q"]["end"] is None and after["q"]["start"] == before["q"]["start"]
    for gone in "ap":
        assert after[gone]["end_quality"] == "gap" and before[gone]["time"] <= after[gone]["end"]
        assert abs((after[gone]["end"] - seen).total_seconds()) < 1.0


@pytest.mark.parametrize("verb", ["list", "watch"])
def test_a_right_that_is_missing_is_named_and_the_rest_goes_on(
    verb: str, cluster: FakeCluster, store: Store, tmp_path: Path
) -> None:
    """Without the owners a bill still has pods: the operator must read which right to grant."""
    cluster.denied.add((verb, "replicasets"))
    scene(cluster)
    with running(cluster, store, tmp_path) as one:
        [row] = one.until(lambda rows: len(rows) == 1)
        until(lambda: bool(one.report.remarks()), "readiness that tells it", SECONDS)
        [remark] = one.report.remarks()
        assert f"right to {verb} replicasets" in remark and "is forbidden" in remark
        assert one.report.not_ready() == []
        assert row["workload"] == ("ReplicaSet/rs" if verb == "list" else "Deployment/api")


def test_a_workload_is_what_controls_its_deployment_as_far_as_may_be_read(
    cluster: FakeCluster, store: Store, tmp_path: Path
) -> None:
    """A bill by InferenceService, not by the Deployments that KServe makes; what lies above a kind that this
    account may not get is not guessed, and the right is named.  A restart moves no workload to and fro."""
    serving = "serving.kserve.io/v1beta1"
    deployments, services = "/apis/apps/v1/deployments", f"/apis/{serving}/inferenceservices"
    cluster.kinds |= {deployments: "Deployment", services: "InferenceService"}
    cluster.denied.add(("get", "inferenceservices"))
    above = k.owner("InferenceService", "fraud", serving)
    cluster.put(deployments, {"metadata": k.meta("api", namespace="ml", owner=above)})
    cluster.put(
        services, {"metadata": k.meta("fraud", namespace="ml", owner=k.owner("Bundle", "x", serving))}
    )
    scene(cluster)
    cluster.put(k.REPLICA_SETS, k.replica_set("rs", "api", api="apps/v1"))
    for _ in range(2):
        with running(cluster, store, tmp_path) as one:
            [row] = one.until(lambda rows: [r["workload"] for r in rows] == ["InferenceService/fraud"])
            until(lambda: bool(one.report.remarks()), "readiness that tells it", SECONDS)
            assert f"right to get InferenceService of {serving}" in " ".join(one.report.remarks())
            assert one.report.not_ready() == []
    versions = store._run("SELECT workload FROM allocations ORDER BY revision", {}, {})
    names = versions.column("workload").to_pylist()
    assert set(names[names.index("InferenceService/fraud") :]) == {"InferenceService/fraud"}


def test_a_cluster_without_dra_is_read_by_its_pods(
    cluster: FakeCluster, store: Store, tmp_path: Path
) -> None:
    """An older cluster has no resource.k8s.io at all, or an older version of it."""
    cluster.absent.add("/apis/resource.k8s.io/")
    cluster.put(k.PODS, k.pod("p", limits={"nvidia.com/gpu": "1"}))
    with running(cluster, store, tmp_path) as one:
        one.until(lambda rows: len(rows) == 1)
        assert "resourceclaims" in " ".join(one.report.remarks())


@pytest.mark.parametrize("served", ["v1beta2", "v1beta1"])
def test_an_older_version_of_the_api_is_read_where_v1_is_not_served(
    served: str, cluster: FakeCluster, store: Store, tmp_path: Path
) -> None:
    """Clusters of 1.32 and 1.33 serve betas only; v1beta1 has devices one level deeper."""
    others = {"v1", "v1beta2", "v1beta1"} - {served}
    cluster.absent |= {f"/apis/resource.k8s.io/{version}/" for version in others}
    gpu = k.device()
    if served == "v1beta1":
        gpu = {"name": gpu.pop("name"), "basic": gpu}
    cluster.put(k.SLICES.replace("v1", served), k.slice_(gpu))
    cluster.put(k.CLAIMS.replace("v1", served), k.claim("c1", {}, pods=("a",)))
    with running(cluster, store, tmp_path) as one:
        assert [r["device"] for r in one.until(lambda rows: len(rows) == 1)] == ["GPU-gpu-0"]


@pytest.mark.parametrize("skew", [3_600, -3_600])
def test_a_clock_that_is_an_hour_wrong_does_not_move_the_bill(
    skew: int, store: Store, tmp_path: Path
) -> None:
    """Starts are written by the server's clock: ends by ours would make intervals an hour longer."""
    cluster = FakeCluster(skew_seconds=skew)
    scene(cluster)
    with running(cluster, store, tmp_path) as one:
        one.until(lambda rows: len(rows) == 1)
        cluster.delete(k.CLAIMS, "uid-c1")
        [row] = one.until(lambda rows: rows[0]["end"] is not None)
        assert row["end"].timestamp() == pytest.approx(time.time() + skew, abs=5)
        assert f"{skew:+} s" in " ".join(one.report.remarks())
    cluster.stop()


def test_an_object_that_cannot_be_read_is_a_row(cluster: FakeCluster, store: Store, tmp_path: Path) -> None:
    """One broken object must not hide the ten thousand others."""
    broken = k.pod("x")
    broken["spec"]["containers"] = "none"
    cluster.put(k.PODS, broken)
    cluster.put(k.PODS, k.pod("p", limits={"nvidia.com/gpu": "1"}))
    with running(cluster, store, tmp_path) as one:
        one.until(lambda rows: len(rows) == 1)
    assert store.rows("rejected").column("reason").to_pylist() == ["wrong_type"]


def test_a_fault_in_reading_one_resource_is_said_and_does_not_hide_it(
    cluster: FakeCluster, store: Store, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Pods that nobody reads any more would be billed for ever by a collector that calls itself ready."""

    def broken(self: Any, what: Any, item: Any) -> Any:
        raise RuntimeError("a fault of ours")

    monkeypatch.setattr("collectors.live.kube.watch.Follower._object", broken)
    cluster.put(k.PODS, k.pod("a"))
    one = Running(AllocationSettings(server=cluster.url, turn_seconds=0.05), store, tmp_path / "state")
    one.thread.join(SECONDS)
    one.report.stop()
    assert isinstance(one.failure, RuntimeError) and not one.thread.is_alive()


def test_time_goes_on_while_nothing_changes(cluster: FakeCluster, store: Store, tmp_path: Path) -> None:
    """What is open costs until the newest fact: without a beat a quiet cluster would cost nothing."""
    scene(cluster)
    with running(cluster, store, tmp_path) as one:
        [first] = one.until(lambda rows: len(rows) == 1)
        one.until(lambda rows: len(rows) == 1 and rows[0]["time"] > first["time"])
