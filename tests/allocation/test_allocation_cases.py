"""Objects of a cluster to intervals: every way in which a pod can hold a device, counted once."""

from __future__ import annotations

import json
from datetime import UTC, datetime
from fractions import Fraction
from typing import Any

import pytest

from collectors.dcgm.timeline import Scrape
from collectors.exposition import Sample
from collectors.live.allocation import exported
from collectors.live.allocation.fold import Fold
from collectors.live.allocation.meta import at
from collectors.live.allocation.parameters import AllocationSettings
from collectors.live.allocation.source import _names, kinds
from collectors.live.kube.news import News
from collectors.parsed import Parsed
from pipeline.errors import ConfigError
from tests.allocation import kube_shapes as k
from tests.samples import sample

KINDS = {kind.name: kind for kind in kinds(AllocationSettings())}
NOON = int(datetime(2026, 7, 2, 12, tzinfo=UTC).timestamp() * 1e6)
SECOND = 1_000_000
CLAIMS, SLICES = "resourceclaims", "resourceslices"
BOUND = datetime(2026, 7, 2, 10)


def news(kind: str, one: dict[str, Any], what: Any = "put", at: int = NOON) -> News:
    return News(kind, what, KINDS[kind].reduce(json.dumps(one).encode()), at)


class Scene:
    """A fold that is told of objects, and the newest version of every interval that it gave."""

    def __init__(self, kept: Any = None, *, listed: bool = True) -> None:
        self.fold = Fold("c", _names(AllocationSettings()), kept)
        self.rows: dict[tuple[Any, ...], dict[str, Any]] = {}
        self.devices: dict[tuple[Any, ...], dict[str, Any]] = {}
        self.now = NOON
        if listed:
            self.fold.take(News(name, "synced", None, NOON) for name in KINDS)

    def __call__(self, *told: News, at: int | None = None) -> Parsed:
        self.now = at if at is not None else self.now + SECOND
        self.fold.take(told)
        parsed = self.fold.settle(self.now)
        assert parsed.balanced
        for name, into in (("allocation", self.rows), ("device", self.devices)):
            for row in parsed.events[name].to_pylist() if name in parsed.events else []:
                names = ("device", "share_id", "claim_uid", "consumer_uid", "container", "start")
                key = tuple(row.get(n) for n in names)
                assert key not in into or into[key]["revision"] < row["revision"], "a version is lost"
                into[key] = row
        return parsed

    def open(self) -> list[dict[str, Any]]:
        return [r for r in self.rows.values() if r["end"] is None]

    def share(self, device: str) -> Fraction:
        """Of a device, of all who hold it now."""
        held = [r for r in self.open() if r["device"] == device and not r["admin_access"]]
        return sum((Fraction(r["share_units"], r["device_units"]) for r in held), Fraction())


def naive(time: datetime | None) -> datetime | None:
    return time.replace(tzinfo=None) if time else None


def test_a_whole_gpu_is_held_from_its_allocation_until_its_claim_is_gone() -> None:
    """The bill of the simplest case: one pod of a Deployment with one GPU."""
    scene = Scene()
    scene(
        news("namespaces", k.namespace(team="fraud")), news("replicasets", k.replica_set("rs", "api")),
        news(SLICES, k.slice_(k.device())),
        news("pods", k.pod("a", owner=k.owner("ReplicaSet", "rs"))),
        news(CLAIMS, k.claim("c1", {}, pods=("a",))),
    )  # fmt: skip
    [row] = scene.open()
    assert (row["device"], row["node"], row["pod"]) == ("GPU-gpu-0", "n1", "a")
    assert (row["workload"], row["team"], row["namespace"]) == ("Deployment/api", "fraud", "ml")
    assert (naive(row["start"]), row["start_quality"]) == (BOUND, "exact")
    gone = scene.now + 5 * SECOND
    scene(news(CLAIMS, k.claim("c1"), at=gone), at=gone + SECOND)
    [row] = scene.rows.values()
    assert (row["end"].timestamp() * 1e6, row["end_quality"]) == (gone, "observed")
    assert row["revision"] == gone + SECOND


def test_a_pod_that_ended_ends_its_interval_when_its_last_container_did() -> None:
    """The controller frees a claim some time later: that is not the pod's time."""
    scene = Scene()
    ended = k.pod("a", phase="Succeeded", finished="2026-07-02T11:59:00Z")
    scene(news(SLICES, k.slice_(k.device())), news(CLAIMS, k.claim("c1", {}, pods=("a",))))
    scene(news("pods", ended), news(CLAIMS, k.claim("c1")))
    [row] = scene.rows.values()
    assert (naive(row["end"]), row["end_quality"]) == (datetime(2026, 7, 2, 11, 59), "exact")


def test_a_pod_of_less_than_a_second_is_held_until_its_end_was_seen() -> None:
    """Kubernetes writes whole seconds: a short job would start and end in the same one, and cost nothing."""
    scene = Scene()
    claim = k.claim("c1", {}, pods=("a",), allocated="2026-07-02T12:00:00Z")
    ended = k.pod("a", phase="Succeeded", finished="2026-07-02T12:00:00Z")
    released = NOON + 700_000
    scene(
        news(SLICES, k.slice_(k.device())), news(CLAIMS, claim, at=NOON + 200_000),
        news("pods", ended, at=released), news(CLAIMS, k.claim("c1"), at=released),
    )  # fmt: skip
    [row] = scene.rows.values()
    assert (row["end"].timestamp() * 1e6, row["end_quality"]) == (released, "observed")


def test_a_namespace_that_comes_later_tells_the_team_from_the_start() -> None:
    """A new namespace and its first pod come by two watches, in either order."""
    scene = Scene()
    scene(news("pods", k.pod("a", limits={"amd.com/gpu": "1"})))
    scene(news("namespaces", k.namespace(team="new"), at=NOON + 60 * SECOND))
    assert [(r["team"], r["end"]) for r in scene.rows.values()] == [("new", None)]


def test_pods_that_share_a_claim_share_its_device_at_every_instant() -> None:
    """Three pods on one GPU are one GPU, also while they come and go."""
    scene = Scene()
    scene(news(SLICES, k.slice_(k.device())), news(CLAIMS, k.claim("c1", {}, pods=("a",))))
    assert scene.share("GPU-gpu-0") == 1
    scene(news(CLAIMS, k.claim("c1", {}, pods=("a", "b")), at=NOON + 9 * SECOND))
    assert [r["device_units"] for r in scene.open()] == [2, 2] and scene.share("GPU-gpu-0") == 1
    scene(news(CLAIMS, k.claim("c1", {}, pods=("b",)), at=NOON + 20 * SECOND))
    assert [r["consumer_uid"] for r in scene.open()] == ["uid-b"] and scene.share("GPU-gpu-0") == 1
    scene(news(CLAIMS, k.claim("c1"), "gone", at=NOON + 30 * SECOND))
    assert scene.open() == []
    whole = sum(
        (r["end"] - r["start"]).total_seconds() * r["share_units"] / r["device_units"]
        for r in scene.rows.values()
    )
    assert whole == pytest.approx(2 * 3600 + 30)


def test_who_stays_takes_over_from_who_left_before_though_both_are_let_go_at_once() -> None:
    """What three pods shared would else be nobody's for as long as no watch told of each end by itself."""
    scene = Scene()
    together = k.claim("c1", {}, pods=("a", "b", "c"), allocated="2026-07-02T11:00:00Z")
    scene(news(SLICES, k.slice_(k.device())), news(CLAIMS, together))
    ends = {"a": "2026-07-02T11:10:00Z", "b": "2026-07-02T11:40:00Z"}
    ended = [news("pods", k.pod(name, phase="Succeeded", finished=at)) for name, at in ends.items()]
    released = NOON + 20 * SECOND
    scene(*ended, news(CLAIMS, k.claim("c1"), at=released))
    minutes = sum(
        (r["end"] - r["start"]).total_seconds() / 60 * Fraction(r["share_units"], r["device_units"])
        for r in scene.rows.values()
    )
    assert minutes == pytest.approx(60 + 20 / 60)
    [last] = [r for r in scene.rows.values() if r["device_units"] == 1]
    assert (last["consumer_uid"], naive(last["start"])) == ("uid-c", datetime(2026, 7, 2, 11, 40))
    assert (last["end"].timestamp() * 1e6, last["end_quality"]) == (released, "observed")


def test_claims_on_one_device_hold_what_they_consume_of_it() -> None:
    """Consumable capacity: two claims of 10Gi are an eighth of a card each, told apart by their share."""
    scene = Scene()
    shares = [{"shareID": s, "consumedCapacity": {"memory": "10Gi"}} for s in ("s1", "s2")]
    scene(
        news(SLICES, k.slice_(k.device(allowMultipleAllocations=True))),
        *(news(CLAIMS, k.claim(f"c{i}", s, pods=(f"p{i}",))) for i, s in enumerate(shares)),
    )
    assert {r["share_id"] for r in scene.open()} == {"s1", "s2"}
    assert {r["method"] for r in scene.open()} == {"dra-shared"} and scene.share("GPU-gpu-0") == Fraction(
        1, 4
    )


def test_a_partition_is_its_part_of_the_counters_of_its_card() -> None:
    """A MIG slice of an A100 must not cost a whole A100."""
    counters = {"name": "set", "counters": {"memory": {"value": "40320Mi"}}}
    mig = k.device(
        "gpu-0-mig-1g10gb-0",
        attributes={
            "type": "mig",
            "profile": "1g.10gb",
            "parentUUID": "GPU-gpu-0",
            "productName": "NVIDIA A100-SXM4-40GB",
        },
        consumesCounters=[{"counterSet": "set", "counters": {"memory": {"value": "9984Mi"}}}],
    )
    scene = Scene()
    scene(
        news(SLICES, k.slice_(name="s1", count=2, sharedCounters=[counters])),
        news(SLICES, k.slice_(mig, name="s2", count=2)),
        news(CLAIMS, k.claim("c1", {"device": "gpu-0-mig-1g10gb-0"}, pods=("a",))),
    )
    [row] = scene.open()
    assert row["method"] == "mig" and Fraction(row["share_units"], row["device_units"]) == Fraction(1, 4)
    [there] = scene.devices.values()
    assert (there["parent_device"], there["mig_profile"]) == ("GPU-gpu-0", "1g.10gb")


def test_a_request_with_alternatives_holds_the_one_that_was_taken() -> None:
    """firstAvailable: the result names request/subrequest, and is one device."""
    scene = Scene()
    scene(
        news(SLICES, k.slice_(k.device(), k.device("gpu-1"))),
        news(CLAIMS, k.claim("c1", {"request": "gpu/small", "device": "gpu-1"}, pods=("a",))),
    )
    assert [r["device"] for r in scene.open()] == ["GPU-gpu-1"]


def test_admin_access_is_seen_beside_who_pays() -> None:
    """A monitoring pod looks at all GPUs of a node: nobody must pay for that."""
    scene = Scene()
    scene(
        news(SLICES, k.slice_(k.device())),
        news(CLAIMS, k.claim("c1", {}, pods=("a",))),
        news(CLAIMS, k.claim("c2", {"adminAccess": True}, pods=("monitor",))),
    )
    assert sorted(r["admin_access"] for r in scene.open()) == [False, True] and scene.share("GPU-gpu-0") == 1


def test_a_pod_group_holds_a_claim_for_the_workload_of_its_pods() -> None:
    """The claim names the group; the bill needs the job behind it, whichever comes first."""
    scene = Scene()
    group = {"apiGroup": "scheduling.k8s.io", "resource": "podgroups", "name": "g", "uid": "uid-g"}
    scene(news(SLICES, k.slice_(k.device())), news(CLAIMS, k.claim("c1", {}, pods=(group,))))
    assert [r["workload"] for r in scene.open()] == ["PodGroup/g"]
    scene(news("pods", k.pod("a", group="g", owner=k.owner("RayCluster", "train"))))
    [row] = scene.rows.values()
    assert (row["workload"], row["consumer_uid"], row["pod"]) == ("RayCluster/train", "uid-g", None)


def test_an_extended_resource_that_dra_backs_is_counted_once() -> None:
    """The pod asks nvidia.com/gpu and a claim stands behind it: two rows would double the bill."""
    scene = Scene()
    mapped = [{"containerName": "main", "resourceName": "nvidia.com/gpu", "requestName": "r"}]
    scene(
        news(SLICES, k.slice_(k.device())),
        news("pods", k.pod("a", limits={"nvidia.com/gpu": "1"}, mapped=mapped)),
        news(CLAIMS, k.claim("c1", {}, pods=("a",))),
    )
    assert [(r["claim"], r["device"]) for r in scene.open()] == [("c1", "GPU-gpu-0")]


def test_an_extended_resource_of_a_class_is_counted_once_where_the_pod_does_not_tell_of_its_claim() -> None:
    """A scheduler or a server that leaves the mapping out must not double the bill, nor hide a plugin's."""
    scene = Scene()
    gpu = {"nvidia.com/gpu": "1"}
    scene(
        news("nodes", k.node()), news("nodes", k.node("n2", capacity=gpu)),
        news(SLICES, k.slice_(k.device())),
        news("pods", k.pod("a", limits=gpu)), news("pods", k.pod("b", limits=gpu, node="n2")),
        news(CLAIMS, k.claim("c1", {}, pods=("a",))),
    )  # fmt: skip
    assert len(scene.open()) == 3
    scene(news("deviceclasses", k.class_("gpu", "nvidia.com/gpu")))
    assert sorted(r["device"] for r in scene.open()) == ["GPU-gpu-0", "n2/nvidia.com/gpu/0"]
    scene(news("deviceclasses", k.class_("gpu", "")))
    assert len(scene.open()) == 3


def test_a_device_plugin_names_its_device_late_and_it_was_that_one_all_along() -> None:
    """The kubelet tells the UUID seconds after the start; the interval must begin with the pod."""
    scene = Scene()
    gpu = {"nvidia.com/gpu": "1"}
    scene(
        news("nodes", k.node(capacity={"nvidia.com/gpu": "2"}, nvidia_com__gpu_product="A100")),
        news("pods", k.pod("a", limits=gpu)),
    )
    assert [r["device"] for r in scene.open()] == ["n1/nvidia.com/gpu/0"]
    scene(news("pods", k.pod("a", limits=gpu, given={"nvidia.com/gpu": ["GPU-1"]})))
    [row] = scene.open()
    assert (row["device"], naive(row["start"]), row["start_quality"]) == ("GPU-1", BOUND, "exact")
    [empty] = [r for r in scene.rows.values() if r["end"]]
    assert empty["start"] == empty["end"], "the number that it had before holds nothing"
    held = [d["device"] for d in scene.devices.values() if d["end"] is None]
    assert sorted(held) == ["GPU-1", "n1/nvidia.com/gpu/0"], "two GPUs, of which one has a name"
    scene(news("pods", k.pod("a", limits=gpu), "gone", at=NOON + 60 * SECOND))
    assert scene.open() == []


def test_a_device_that_the_kubelet_names_within_its_node_stands_once_in_the_inventory() -> None:
    """Held under one name and listed under another it would be paid for twice, once of them as idle."""
    scene = Scene()
    scene(news("nodes", k.node(capacity={"gpu.intel.com/i915": "2"})))
    asked = k.pod("a", limits={"gpu.intel.com/i915": "1"}, given={"gpu.intel.com/i915": ["card1"]})
    scene(news("pods", asked))
    [held] = [r for r in scene.open() if r["pod"] == "a"]
    there = {r["device"] for r in scene.devices.values() if r["end"] is None}
    assert held["device"] == "n1/card1" and there == {"n1/card1", "n1/gpu.intel.com/i915/0"}
    kept = Scene(kept=scene.fold.kept(scene.now), listed=False)
    node = k.node(capacity={"gpu.intel.com/i915": "2"})
    kept(news("nodes", node, "listed"), news("pods", asked, "listed"))
    kept(*(News(name, "synced", None, kept.now) for name in KINDS))
    assert not [r for r in (*kept.devices.values(), *kept.rows.values()) if r["end"]], "it ends nothing"


@pytest.mark.parametrize("uid", [True, False])
def test_an_exporter_names_the_devices_that_a_kubelet_does_not(uid: bool) -> None:
    """On most clusters nothing else says which GPU a pod has: its usage would be of another than its cost."""
    scene = Scene()
    bound = NOON - 120 * SECOND
    pod = k.pod("a", limits={"nvidia.com/gpu": "2"}, bound=at(bound).isoformat() + "Z")
    node = k.node(capacity={"nvidia.com/gpu": "2"}, nvidia_com__gpu_product="A100")
    scene(news("nodes", node), news("pods", pod))
    where, before = ("ml", "a", "main", "uid-a" if uid else ""), ("ml", "a", "main", "uid-before")
    for told in (
        {where: {"GPU-1": bound + SECOND, "GPU-2": NOON}},  # the first is of the pod's namesake before it
        {where: {"GPU-1": NOON}}, {where: {"x": NOON, "GPU-2": NOON}},
        {("x", "a", "main", ""): {"GPU-1": NOON}}, {before: {"GPU-1": NOON, "GPU-2": NOON}},
    ):  # fmt: skip
        scene(News("names", "put", told, NOON))
    assert {r["device"] for r in scene.open()} == {"n1/nvidia.com/gpu/0", "n1/nvidia.com/gpu/1"}
    scene(News("names", "put", {where: {"GPU-1": NOON, "GPU-2": NOON}}, NOON))
    held = sorted((r["device"], naive(r["start"])) for r in scene.open())
    assert held == [("GPU-1", at(bound)), ("GPU-2", at(bound))]
    assert {r["device"] for r in scene.devices.values() if r["end"] is None} == {"GPU-1", "GPU-2"}
    again = Scene(scene.fold.kept(scene.now), listed=False)
    again.fold.take([news("nodes", node, "listed"), news("pods", pod, "listed")])
    again(*(News(name, "synced", None, scene.now + SECOND) for name in KINDS))
    assert again.open() == [] == list(again.rows.values()), "they are those that they were"
    again(news("pods", pod, "gone", at=scene.now + 9 * SECOND))
    assert sorted(r["device"] for r in again.rows.values() if r["end"]) == ["GPU-1", "GPU-2"]


@pytest.mark.parametrize("label", ["pod_uid", "exported_pod_uid", "UID", "exported_UID"])
def test_an_exporter_tells_of_which_pod_of_a_name_it_speaks(label: str) -> None:
    """Else a StatefulSet's pod would have the device of the one before it; issue 718 calls the label UID."""
    labels = {"UUID": "GPU-1", "pod": "a", "namespace": "ml", "container": "main", label: "uid-before"}
    scrapes = [Scrape(NOON, "t", [Sample("dcgm_fb_used", labels, 5.0, None, 0)])]
    assert exported.told(scrapes) == {("ml", "a", "main", "uid-before"): {"GPU-1": NOON}}


def test_a_slice_has_its_exporters_name_from_the_first_pod_that_tells_it() -> None:
    """What a slice did is told under the exporter's name: its cost must stand there, and no second device."""
    scene = Scene()
    mig = "nvidia.com/mig-1g.5gb"
    node = k.node(capacity={mig: "2"})
    pod = k.pod("a", limits={mig: "1"}, given={mig: ["MIG-x"]})
    scene(news("nodes", node), news("pods", pod))
    assert [r["device"] for r in scene.open()] == ["MIG-x"]
    scene(News("names", "put", {("ml", "a", "main", ""): {"GPU-a/7": NOON}}, NOON))
    scene()

    def devices(of: Scene) -> set[str]:
        return {d["device"] for d in of.devices.values() if d["end"] is None}

    assert [(r["device"], naive(r["start"])) for r in scene.open()] == [("GPU-a/7", BOUND)]
    assert devices(scene) == {"GPU-a/7", f"n1/{mig}/0"}
    again = Scene(scene.fold.kept(scene.now), listed=False)
    again.fold.take([news("nodes", node, "listed"), news("pods", pod, "listed")])
    again(*(News(name, "synced", None, scene.now + SECOND) for name in KINDS))
    assert list(again.rows.values()) == [] == list(again.devices.values()), "a restart changes no name"
    again(news("pods", pod, "gone"))
    short = k.pod("b", limits={mig: "1"}, given={mig: ["MIG-x"]})
    again(news("pods", short))
    assert [r["device"] for r in again.open()] == ["GPU-a/7"], "known at once, however short the next pod is"
    both = k.pod("d", limits={mig: "2"}, given={mig: ["MIG-x", "MIG-y"]})
    again(news("pods", short, "gone"), news("pods", both))
    assert {r["device"] for r in again.open()} == {"GPU-a/7", "MIG-y"}
    again()
    assert devices(again) == {"MIG-y"}, "the slice that has a name keeps it and its interval"


@pytest.mark.parametrize("renamed", [True, False])
def test_a_replica_is_its_part_of_a_gpu_whether_its_resource_is_renamed_or_not(renamed: bool) -> None:
    """Four share a card by time: each pays a quarter, and three of them leave a quarter idle."""
    resource = "nvidia.com/gpu.shared" if renamed else "nvidia.com/gpu"
    scene = Scene()
    labels = {"nvidia_com__gpu_replicas": "4", "nvidia_com__gpu_sharing-strategy": "time-slicing"}
    pods = [
        k.pod(f"p{i}", limits={resource: "1"}, given={resource: [f"GPU-1::{i}"]}) for i in range(3)
    ]  # fmt: skip
    scene(news("nodes", k.node(capacity={resource: "4"}, **labels)), *(news("pods", p) for p in pods))
    assert scene.share("GPU-1") == Fraction(3, 4)
    assert {(r["share_id"], r["method"]) for r in scene.open()} == {
        (str(i), "time-slicing") for i in range(3)
    }
    assert [d["device"] for d in scene.devices.values() if d["end"] is None] == ["GPU-1"]


@pytest.mark.parametrize(
    ("given", "card"),
    [("card0-{}", "n1/card0"), ("GPU-1-2-{}", "GPU-1-2"), ("", "n1/gpu.intel.com/i915/0")],
)
def test_replicas_that_no_label_tells_are_those_of_the_setting(given: str, card: str) -> None:
    """Intel's sharedDevNum and AWS's vGPUs: each was a whole card, and four pods paid for four of one."""
    resource = "gpu.intel.com/i915"
    reduced = {
        kind.name: kind.reduce for kind in kinds(AllocationSettings(resources="", replicas=f"{resource}=4"))
    }
    pods = [
        k.pod(f"p{i}", limits={resource: "1"}, given={resource: [given.format(i)]} if given else None)
        for i in range(3)
    ]
    scene = Scene()
    told = [("nodes", k.node(capacity={resource: "8"})), *(("pods", p) for p in pods)]
    scene(*(News(kind, "put", reduced[kind](json.dumps(one).encode()), NOON) for kind, one in told))
    assert scene.share(card) == Fraction(3, 4)
    assert len([d for d in scene.devices.values() if d["end"] is None]) == 2


@pytest.mark.parametrize("wrong", ["x", "x=", "=4", "x=0", "x=1.5", "x=-1", "x=99999"])
def test_replicas_that_are_no_number_are_refused(wrong: str) -> None:
    """A slip of the pen must not make a card of ten."""
    with pytest.raises(ConfigError, match="allocation.replicas"):
        kinds(AllocationSettings(replicas=wrong))


@pytest.mark.parametrize(
    ("resource", "method"),
    [
        ("nvidia.com/mig-1g.10gb", "mig"), ("amd.com/gpu", "whole"), ("gpu.intel.com/i915", "whole"),
        ("gpu.intel.com/xe", "whole"), ("habana.ai/gaudi", "whole"),
    ],
)  # fmt: skip
def test_the_names_of_each_vendor_are_devices(resource: str, method: str) -> None:
    """Two devices in one container are two rows with names of their own, and have one inventory."""
    scene = Scene()
    scene(
        news("nodes", k.node(capacity={resource: "2", "cpu": "8"})),
        news("pods", k.pod("a", limits={resource: "2", "memory": "1Gi"})),
    )
    rows = scene.open()
    assert sorted(r["device"] for r in rows) == [f"n1/{resource}/0", f"n1/{resource}/1"]
    assert {r["method"] for r in rows} == {method}
    assert {d["device"] for d in scene.devices.values()} == {r["device"] for r in rows}


def test_a_slot_is_free_again_when_its_pod_is_gone() -> None:
    """Else the numbers would grow beyond what the node has."""
    scene = Scene()
    gpu = {"nvidia.com/gpu": "1"}
    scene(news("pods", k.pod("a", limits=gpu)), news("pods", k.pod("b", limits=gpu)))
    scene(news("pods", k.pod("a", limits=gpu), "gone"))
    scene(news("pods", k.pod("c", limits=gpu)))
    assert sorted(r["device"][-1] + r["pod"] for r in scene.open()) == ["0c", "1b"]


def test_four_quarters_by_hami_are_one_gpu() -> None:
    """HAMi splits a card by cores or memory: the larger part counts, and they sum to the card."""
    register = '[{"id":"GPU-1","count":10,"devmem":16000,"devcore":100,"type":"NVIDIA T4","health":true}]'
    scene = Scene()
    annotation = "hami.io/vgpu-devices-allocated"
    pods = [
        k.pod(
            f"p{i}", limits={"nvidia.com/gpu": "1"}, annotations={annotation: f"GPU-1,NVIDIA,{4000 - i},25:;"}
        )
        for i in range(4)
    ]
    told = {"hami.io/node-nvidia-register": register}
    scene(
        news("nodes", k.node(capacity={"nvidia.com/gpu": "10"}, annotations=told)),
        *(news("pods", p) for p in pods),
    )  # fmt: skip
    assert scene.share("GPU-1") == 1
    [there] = scene.devices.values()
    assert (there["device"], there["gpu_model"], there["memory_bytes"]) == (
        "GPU-1",
        "NVIDIA T4",
        16000 * 2**20,
    )


def test_any_driver_and_any_node_is_carried() -> None:
    """A quantum processor on a Windows node has an owner too."""
    scene = Scene()
    qpu = {"driver": "qpu.example.com", "pool": "lab", "device": "qpu-0"}
    slices = k.slice_(k.device("qpu-0", attributes={"uuid": "", "type": "qpu"}), node="win-1")
    slices["spec"] |= {
        "driver": "qpu.example.com",
        "pool": {"name": "lab", "generation": 3, "resourceSliceCount": 1},
    }
    scene(
        news("nodes", k.node("win-1", kubernetes_io__os="windows", topology_kubernetes_io__zone="z1")),
        news(SLICES, slices), news(CLAIMS, k.claim("c1", qpu, pods=("a",))),
    )  # fmt: skip
    [row] = scene.open()
    assert (row["device"], row["node"]) == ("qpu.example.com/lab/qpu-0", "win-1")
    [there] = scene.devices.values()
    assert (there["zone"], there["provider"], there["driver"]) == ("z1", "aws", "qpu.example.com")


def test_an_owner_that_comes_later_is_the_owner_all_along() -> None:
    """Watches are not ordered among each other: a pod may be seen before its ReplicaSet."""
    scene = Scene()
    scene(news("pods", k.pod("a", limits={"amd.com/gpu": "1"}, owner=k.owner("ReplicaSet", "rs"))))
    assert [r["workload"] for r in scene.open()] == ["ReplicaSet/rs"]
    scene(news("replicasets", k.replica_set("rs", "api")))
    assert [r["workload"] for r in scene.rows.values()] == ["Deployment/api"]


@pytest.mark.parametrize(
    ("label", "name"),
    [
        ("pod-template-hash", "7d9c"),
        ("controller-revision-hash", "db-5f8"),
        ("serving.knative.dev/revision", "fraud-00007"),
    ],
)
def test_an_interval_says_of_which_revision_its_pod_is(label: str, name: str) -> None:
    """What a rollout cost, and which of its versions: both revisions run side by side meanwhile."""
    scene = Scene()
    scene(news("pods", k.pod("a", limits={"amd.com/gpu": "1"}, labels={label: name, "x": "y"})))
    assert [r["workload_revision"] for r in scene.open()] == [name]


def test_changes_that_wait_for_a_resource_are_bounded(monkeypatch: pytest.MonkeyPatch) -> None:
    """One resource that a server cannot list for hours must not fill the memory with changes of the others;
    what is left out is a gap, and what holds in the end is what would have held."""
    monkeypatch.setattr("collectors.live.allocation.early.MOST", 20)
    teams = [f"team-{i}" for i in range(100)]
    told = [news("pods", k.pod("a", limits={"amd.com/gpu": "1"}, labels={"team": t}), at=NOON + i * SECOND)
            for i, t in enumerate(teams)]  # fmt: skip
    gone = k.pod("b", limits={"amd.com/gpu": "1"})
    told += [news("pods", gone), news("pods", gone, "gone", at=NOON + SECOND)]
    scene = Scene(listed=False)
    scene(News("pods", "synced", None, NOON), *told)
    assert len(scene.fold._early.waiting) <= 40 and scene.rows == {}
    parsed = scene(*(News(name, "synced", None, NOON) for name in KINDS if name != "pods"))
    assert [r["team"] for r in scene.open()] == ["team-99"]
    kinds = [g["kind"] for g in parsed.gaps.to_pylist() if g["kind"] != "begins"]
    assert kinds == ["changes_left_out"]


def test_a_team_pays_until_another_takes_over() -> None:
    """A namespace that changes hands must not move the past to its new owner."""
    scene = Scene()
    scene(news("namespaces", k.namespace(team="old")), news("pods", k.pod("a", limits={"amd.com/gpu": "1"})))
    scene(news("namespaces", k.namespace(team="new"), at=NOON + 60 * SECOND))
    assert {(r["team"], r["end"] is None) for r in scene.rows.values()} == {("old", False), ("new", True)}


def test_who_has_ended_pays_no_more_while_a_team_changes() -> None:
    """A claim is let go some time after its pod ended: what changes meanwhile is not about that pod."""
    scene = Scene()
    ended = k.pod("a", phase="Succeeded", finished="2026-07-02T12:00:15Z")
    scene(
        news("namespaces", k.namespace(team="one")), news(SLICES, k.slice_(k.device())),
        news("pods", k.pod("a")), news(CLAIMS, k.claim("c1", {}, pods=("a",))),
    )  # fmt: skip
    scene(news("pods", ended, at=NOON + 15 * SECOND))
    scene(news("namespaces", k.namespace(team="two"), at=NOON + 15 * SECOND + 800_000))
    scene(news(CLAIMS, k.claim("c1"), at=NOON + 17 * SECOND))
    assert [(r["team"], naive(r["end"])) for r in scene.rows.values()] == [
        ("one", datetime(2026, 7, 2, 12, 0, 15))
    ]


def test_a_pod_that_came_under_the_same_name_while_nobody_looked_is_another_holder() -> None:
    """A StatefulSet's pods keep their names: the hours between two of them are held by nobody."""
    scene, gpu = Scene(), {"nvidia.com/gpu": "1"}
    given = {"limits": gpu, "given": {"nvidia.com/gpu": ["GPU-a"]}}
    scene(news("pods", k.pod("web-0", uid="first", **given)))
    again, late = Scene(scene.fold.kept(scene.now), listed=False), NOON + 7_200 * SECOND
    second = k.pod("web-0", uid="second", bound="2026-07-02T13:30:00Z", **given)
    again.fold.take([news("pods", second, "listed", late)])
    again(*(News(name, "synced", None, late) for name in KINDS), at=late)
    first, other = sorted(again.rows.values(), key=lambda r: r["start"])
    assert (first["consumer_uid"], first["end_quality"]) == ("first", "gap")
    assert first["end"].timestamp() * 1e6 == scene.now
    assert (other["consumer_uid"], other["start_quality"], other["end"]) == ("second", "exact", None)
    assert naive(other["start"]) == datetime(2026, 7, 2, 13, 30)


def test_what_cannot_be_listed_after_a_restart_is_as_it_was() -> None:
    """A right that is taken away ends no interval, whatever changes around it."""
    scene = Scene()
    scene(
        news("namespaces", k.namespace(team="one")), news(SLICES, k.slice_(k.device())),
        news("pods", k.pod("a")), news(CLAIMS, k.claim("c1", {}, pods=("a",))),
    )  # fmt: skip
    again = Scene(scene.fold.kept(scene.now), listed=False)
    late = scene.now + SECOND
    again.fold.take([news("namespaces", k.namespace(team="one"), "listed", late)])
    again.fold.take(News(n, "lacking" if n == CLAIMS else "synced", None, late) for n in KINDS)
    again(news("namespaces", k.namespace(team="two"), at=late + SECOND))
    assert not again.rows
    again.fold.take([news(CLAIMS, k.claim("c1", {}, pods=("a",)), "listed", late + 5 * SECOND)])
    again(News(CLAIMS, "synced", None, late + 5 * SECOND), at=late + 6 * SECOND)
    assert {(r["team"], r["end"] is None) for r in again.rows.values()} == {("one", False), ("two", True)}


def test_a_device_whose_slices_come_late_has_its_name_from_the_start() -> None:
    """Else the exporter's usage and the allocation would be of two devices."""
    scene = Scene()
    scene(news(CLAIMS, k.claim("c1", {}, pods=("a",))))
    assert [r["device"] for r in scene.open()] == ["gpu.nvidia.com/n1/gpu-0"]
    scene(news(SLICES, k.slice_(k.device())))
    [row] = scene.open()
    assert (row["device"], naive(row["start"])) == ("GPU-gpu-0", BOUND)
    scene(
        news(SLICES, k.slice_(k.device()), "gone"),
        news(CLAIMS, k.claim("c1", {}, pods=("a", "b"))),
    )
    assert {r["device"] for r in scene.open()} == {"GPU-gpu-0"}, "remembered though its driver is gone"


def test_a_crash_loop_keeps_its_device() -> None:
    """Between two starts all containers are ended, but nobody else can have the GPU."""
    scene = Scene()
    looping = k.pod("a", limits={"amd.com/gpu": "1"}, finished="2026-07-02T11:00:00Z")
    scene(news("pods", looping))
    scene(news("pods", looping, "gone", at=NOON + 60 * SECOND))
    [row] = scene.rows.values()
    assert (row["end"].timestamp() * 1e6, row["end_quality"]) == (NOON + 60 * SECOND, "observed")


def test_what_came_and_went_within_one_turn_was_held() -> None:
    """A busy cluster gives a device to three pods in a second: each has its interval."""
    scene = Scene()
    first, second = (k.claim(f"c{i}", {}, pods=(f"p{i}",), allocated=None) for i in (1, 2))
    scene(
        news(SLICES, k.slice_(k.device())),
        news(CLAIMS, first), news(CLAIMS, first, "gone", at=NOON + SECOND),
        news(CLAIMS, second, at=NOON + SECOND), news(CLAIMS, k.claim("c2"), at=NOON + 2 * SECOND),
    )  # fmt: skip
    assert len(scene.rows) == 2 and scene.open() == []


def test_a_hostile_label_is_left_out_and_said() -> None:
    """A label of 100 KB must neither break the turn nor come into the ledger."""
    scene = Scene()
    parsed = scene(news("pods", k.pod("a", limits={"amd.com/gpu": "1"}, labels={"team": "x" * 100_000})))
    assert [r.reason for r in parsed.rejected] == ["text_too_long"]
    assert [r["team"] for r in scene.open()] == [None]


def test_objects_without_any_field_are_no_reason_to_stop() -> None:
    """Another server, or an old one, may leave out anything."""
    scene = Scene()
    for kind in KINDS:
        scene(
            news(kind, {"metadata": {}}),
            news(kind, {"metadata": {"uid": "u", "name": "x"}, "spec": {}, "status": {}}),
        )
    scene(
        news(
            "pods",
            {
                "metadata": {"uid": "u"},
                "spec": {"nodeName": "n", "containers": None},
                "status": {"phase": None},
            },
        )
    )
    assert scene.open() == []


@pytest.mark.parametrize("version", ["v1.34.0", "v1.36.0", "HEAD"])
def test_objects_with_every_field_set_are_reduced(version: str) -> None:
    """A field of a new Kubernetes must not turn an object away."""
    scene = Scene()
    for plural, kind in (("resourceslices", "ResourceSlice"), ("resourceclaims", "ResourceClaim")):
        data = sample("k8s-api-testdata", f"{version}.resource.k8s.io.v1.{kind}.json").read_bytes()
        scene(News(plural, "put", KINDS[plural].reduce(data), NOON))
    [row] = scene.open()
    assert (row["device"], row["admin_access"]) == ("driverValue/poolValue/deviceValue", True)


def test_a_pod_with_every_field_set_is_who_it_is_and_holds_what_it_asks() -> None:
    """A field of a new Kubernetes must neither turn a pod away nor be taken for another."""
    text = sample("k8s-api-testdata", "HEAD.core.v1.Pod.json").read_bytes()
    pod = KINDS["pods"].reduce(text)
    assert (pod.uid, pod.namespace, pod.name, pod.node) == (
        "uidValue", "namespaceValue", "nameValue", "nodeNameValue",
    )  # fmt: skip
    assert (pod.owner.kind, pod.owner.uid, pod.group) == ("kindValue", "uidValue", "podGroupNameValue")
    assert pod.bound == int(datetime(2007, 1, 1, 1, 1, 1, tzinfo=UTC).timestamp()) * SECOND
    assert (pod.asked, pod.holds, pod.ended, pod.finished) == ((), False, False, None)
    one = json.loads(text)
    status = one["status"]
    one["spec"]["containers"][0]["resources"]["limits"] = {"nvidia.com/gpu": "2"}
    given = [{"name": "nvidia.com/gpu", "resources": [{"resourceID": "GPU-1"}, {"resourceID": "GPU-2"}]}]
    status["containerStatuses"][0]["allocatedResourcesStatus"] = given
    scene = Scene()
    scene(news("pods", one))
    bound = datetime(2007, 1, 1, 1, 1, 1)
    held = sorted((r["device"], r["pod"], r["workload"], naive(r["start"])) for r in scene.open())
    assert held == [(gpu, "nameValue", "kindValue/nameValue", bound) for gpu in ("GPU-1", "GPU-2")]


def test_the_real_claims_meet_their_real_slices() -> None:
    """Recorded from two clusters: four GPUs and a claim, and channels between nodes that are none."""
    scene = Scene()
    for name in ("v1.35_vks_dra_support_01", "v1.36_vks_dra_support_01"):
        for one in json.loads(sample("dra", f"{name}_ResourceSlice.json").read_bytes())["items"]:
            scene(news(SLICES, one))
    text = sample("dra", "v1.36_vks_dra_support_02_ResourceClaim.json").read_bytes()
    found = json.loads(text)
    for one in found.get("items", [found]):
        scene(news(CLAIMS, one))
    [row] = scene.open()
    assert (row["device"], row["pod"]) == (
        "GPU-44d2411e-1604-478f-aa96-5a3c00000000",
        "dra-gpu-example-798fccd4d-sfl2p",
    )
    assert len(scene.devices) == 6


def _health(scene: Scene) -> list[tuple[str, datetime | None, bool]]:
    """Health, start and whether it lasts, of the versions of a device in the order of time."""
    rows = sorted(scene.devices.values(), key=lambda row: row["start"])
    return [(row["health"], row["start"], row["end"] is None) for row in rows]


def test_a_device_of_a_cordoned_or_broken_node_cannot_be_allocated_from_then_on() -> None:
    """Idle time that nobody could have used is not the team's that sized the cluster."""
    scene = Scene()
    scene(news("resourceslices", k.slice_(k.device())), news("nodes", k.node()))
    cordoned = k.node()
    cordoned["spec"]["unschedulable"] = True
    at_cordon = scene.now + SECOND
    scene(news("nodes", cordoned, at=at_cordon), at=at_cordon)
    broken = k.node()
    broken["status"]["conditions"] = [{"type": "Ready", "status": "Unknown"}]
    scene(news("nodes", broken, at=at_cordon + SECOND), at=at_cordon + SECOND)
    scene(news("nodes", k.node(), at=at_cordon + 2 * SECOND), at=at_cordon + 2 * SECOND)
    found = _health(scene)
    assert [health for health, _, _ in found] == ["healthy", "unschedulable", "unhealthy", "healthy"]
    assert [lasts for _, _, lasts in found] == [False, False, False, True]


def test_a_tainted_device_is_unhealthy_while_its_neighbour_is_not() -> None:
    """A driver that finds a card broken says so with a taint (KEP-5055)."""
    scene = Scene()
    taint = {"key": "gpu.nvidia.com/xid", "effect": "NoSchedule"}
    seen = {"key": "gpu.nvidia.com/ecc", "effect": "None"}
    scene(news("resourceslices", k.slice_(k.device(taints=[taint]), k.device("gpu-1", taints=[seen]))))
    assert {row["uuid"]: row["health"] for row in scene.devices.values()} == {
        "GPU-gpu-0": "unhealthy", "GPU-gpu-1": "healthy",
    }  # fmt: skip


def test_a_plugins_devices_are_unschedulable_with_their_node() -> None:
    scene = Scene()
    node = k.node(capacity={"nvidia.com/gpu": "2"})
    scene(news("nodes", node))
    cordoned = json.loads(json.dumps(node))
    cordoned["spec"]["unschedulable"] = True
    later = scene.now + SECOND
    scene(news("nodes", cordoned, at=later), at=later)
    lasting = [row["health"] for row in scene.devices.values() if row["end"] is None]
    assert lasting == ["unschedulable", "unschedulable"]


@pytest.mark.parametrize(
    ("resource", "label", "text", "model"),
    [
        ("amd.com/gpu", "amd.com/gpu.product-name", "AMD_Instinct_MI300X_OAM", "AMD_Instinct_MI300X_OAM"),
        ("gpu.intel.com/xe", "gpu.intel.com/product", "Max_1550", "Max_1550"),
        ("google.com/tpu", "cloud.google.com/gke-tpu-accelerator", "tpu-v5p-slice", "tpu-v5p-slice"),
        ("habana.ai/gaudi", "x", "y", "habana.ai/gaudi"),
        ("aws.amazon.com/neuron", "x", "y", "aws.amazon.com/neuron"),
        ("amd.com/gpu", "x", "y", None),
        ("nvidia.com/gpu", "cloud.google.com/gke-accelerator", "nvidia-l4", "nvidia-l4"),
        ("nvidia.com/gpu", "nvidia.com/gpu.product", "NVIDIA-A30-MIG-1g.6gb", "NVIDIA-A30"),
    ],
)  # fmt: skip
def test_a_device_has_the_name_by_which_a_price_knows_it(
    resource: str, label: str, text: str, model: str | None
) -> None:
    """A Gaudi or TPU without a model could have no price of its own; of a GPU any model would be a guess."""
    scene = Scene()
    one = k.node(capacity={resource: "1"}, kubernetes_io__os="windows")
    one["metadata"]["labels"] |= {label: text}
    scene(news("nodes", one))
    assert {(there["gpu_model"], there["os"]) for there in scene.devices.values()} == {(model, "windows")}


def test_chosen_labels_and_annotations_are_told_of_the_pod_else_of_its_namespace() -> None:
    """Nothing else of a pod is kept; a label that changes pays from then on."""
    settings = AllocationSettings(labels="app,tier", annotations="owner/mail")
    chosen = {kind.name: kind for kind in kinds(settings)}
    scene = Scene(listed=False)
    scene.fold = Fold("c", _names(settings))
    scene.fold.take(News(name, "synced", None, NOON) for name in chosen)

    def told(kind: str, one: dict[str, Any]) -> News:
        return News(kind, "put", chosen[kind].reduce(json.dumps(one).encode()), scene.now + SECOND)

    def pod(app: str) -> dict[str, Any]:
        marks = {"labels": {"app": app, "secret": "x"}, "annotations": {"owner/mail": "a@b", "other": "y"}}
        return k.pod("p", limits={"nvidia.com/gpu": "1"}, **marks)

    scene(told("namespaces", k.namespace(tier="gold")), told("pods", pod("web")))
    [row] = scene.open()
    assert row["labels"] == '{"annotation.owner/mail":"a@b","label.app":"web","label.tier":"gold"}'
    scene(told("pods", pod("batch")))
    assert len(scene.rows) == 2 and '"label.app":"batch"' in scene.open()[0]["labels"]
