"""What happened while nobody looked, or could not be read: it ends, begins and is whose the objects say."""

from __future__ import annotations

import zlib
from datetime import datetime
from typing import Any

import msgspec

from collectors.live.kube.news import News
from tests.allocation import kube_shapes as k
from tests.allocation.test_allocation_cases import CLAIMS, KINDS, NOON, SECOND, SLICES, Scene, naive, news


def _again(scene: Scene, *listed: News, lacking: str = "", late: int) -> Scene:
    """A restart, which lists only these."""
    again = Scene(scene.fold.kept(scene.now), listed=False)
    again.fold.take(listed)
    told = (News(n, "lacking" if n == lacking else "synced", None, late) for n in KINDS)
    again(*told, at=late)
    return again


def test_a_group_whose_pods_are_gone_holds_for_the_same_workload() -> None:
    """Kubernetes frees a group's claim when the group is deleted, which may be long after its pods."""
    group = {"apiGroup": "scheduling.k8s.io", "resource": "podgroups", "name": "g", "uid": "uid-g"}
    member = k.pod("a", group="g", owner=k.owner("RayCluster", "train"), labels={"team": "vision"})
    claim = k.claim("c1", {}, pods=(group,))
    scene = Scene()
    scene(news(SLICES, k.slice_(k.device())), news("pods", member), news(CLAIMS, claim))
    scene(news("pods", member, "gone"))
    scene(news("namespaces", k.namespace(tier="x")), news("namespaces", k.namespace(tier="y")))
    late = scene.now + 60 * SECOND
    listed = (news(SLICES, k.slice_(k.device()), "listed"), news(CLAIMS, claim, "listed"))
    again = _again(scene, *listed, late=late)
    again(news(CLAIMS, claim, "gone"))
    for rows in (scene.open(), again.rows.values()):
        assert [(r["workload"], r["team"]) for r in rows] == [("RayCluster/train", "vision")]


def test_whose_a_claim_is_stays_as_it_was_where_pods_may_not_be_read_any_more() -> None:
    """A right that is taken away before a restart must move no hour to another team."""
    scene = Scene()
    pod = k.pod("a", owner=k.owner("RayCluster", "train"), labels={"team": "vision"})
    claim = k.claim("c1", {}, pods=("a",))
    scene(news(SLICES, k.slice_(k.device())), news("pods", pod), news(CLAIMS, claim))
    late = scene.now + 60 * SECOND
    listed = (news(SLICES, k.slice_(k.device()), "listed"), news(CLAIMS, claim, "listed"))
    again = _again(scene, *listed, lacking="pods", late=late)
    assert list(again.rows.values()) == [], "nothing is told anew"
    again(news(CLAIMS, claim, "gone"))
    [row] = again.rows.values()
    assert (row["workload"], row["team"]) == ("RayCluster/train", "vision")


def test_a_claim_that_was_given_another_device_while_nobody_looked_has_it_since_then() -> None:
    """The hours between two allocations of a named claim are nobody's; the scheduler tells when they end."""
    scene = Scene()
    slices = k.slice_(k.device(), k.device("gpu-1"))
    scene(news(SLICES, slices), news(CLAIMS, k.claim("c1", {}, pods=("a",))))
    late = scene.now + 7_200 * SECOND
    second = k.claim("c1", {"device": "gpu-1"}, pods=("b",), allocated="2026-07-02T13:30:00Z")
    listed = (news(SLICES, slices, "listed"), news(CLAIMS, second, "listed"))
    again = _again(scene, *listed, late=late)
    first, other = sorted(again.rows.values(), key=lambda r: r["start"])
    assert (first["consumer_uid"], first["end_quality"]) == ("uid-a", "gap")
    assert (naive(other["start"]), other["start_quality"]) == (datetime(2026, 7, 2, 13, 30), "exact")


def test_who_joined_a_claim_before_it_was_first_seen_holds_it_since_then() -> None:
    """A collector of today must not charge the pod of yesterday for the week before it."""
    scene = Scene()
    made, bound = "2026-07-02T11:00:00Z", "2026-07-02T11:00:02Z"
    scene(
        news(SLICES, k.slice_(k.device())),
        news("pods", k.pod("a")), news("pods", k.pod("b", bound=bound, creationTimestamp=made)),
        news(CLAIMS, k.claim("c1", {}, pods=("a", "b"))),
    )  # fmt: skip
    ten, eleven = datetime(2026, 7, 2, 10), datetime(2026, 7, 2, 11, 0, 2)
    rows = sorted(scene.rows.values(), key=lambda r: (r["start"], r["pod"]))
    assert [(r["pod"], naive(r["start"]), naive(r["end"]), r["device_units"]) for r in rows] == [
        ("a", ten, eleven, 1), ("a", eleven, None, 2), ("b", eleven, None, 2),
    ]  # fmt: skip
    assert {r["start_quality"] for r in rows} == {"exact"}
    scene(news(CLAIMS, k.claim("c1"), "gone"))
    alone = Scene()
    alone(
        news("pods", k.pod("b", bound=bound, creationTimestamp=made)),
        news(CLAIMS, k.claim("c1", {}, pods=("b",))),
    )
    assert [naive(r["start"]) for r in alone.open()] == [eleven], "who had it before is not known"


def test_a_scheduler_whose_clock_is_an_hour_ahead_does_not_make_an_hour_free() -> None:
    """A start after the end would be no time at all, and the device nobody's."""
    scene, ahead = Scene(), "2026-07-02T13:00:00Z"
    scene(news(SLICES, k.slice_(k.device())), news(CLAIMS, k.claim("c1", {}, pods=("a",), allocated=ahead)))
    scene(news(CLAIMS, k.claim("c1", {}, pods=("a", "b"), allocated=ahead), at=NOON + 20 * SECOND))
    scene(news(CLAIMS, k.claim("c1"), "gone", at=NOON + 60 * SECOND))
    rows = scene.rows.values()
    assert sum((r["end"] - r["start"]).total_seconds() / r["device_units"] for r in rows) == 60
    assert {r["start_quality"] for r in rows} == {"observed"}


def test_a_node_whose_clock_is_an_hour_behind_does_not_make_a_job_free() -> None:
    scene = Scene()
    scene(
        news(SLICES, k.slice_(k.device())),
        news("pods", k.pod("a")),
        news(CLAIMS, k.claim("c1", {}, pods=("a",))),
    )
    behind = k.pod("a", phase="Succeeded", finished="2026-07-02T09:30:00Z")
    later = NOON + 60 * SECOND
    scene(news("pods", behind, at=later), news(CLAIMS, k.claim("c1"), at=later), at=later)
    [row] = scene.rows.values()
    assert (row["end"].timestamp() * 1e6, row["end_quality"]) == (later, "observed")


def test_who_also_watches_the_device_that_it_holds_pays_for_it() -> None:
    """Both are rows of one claim, pod and device: the one that is never billed must not stand for both."""
    scene = Scene()
    both = ({"request": "gpu"}, {"request": "monitor", "adminAccess": True})
    other = {"request": "monitor", "adminAccess": True, "device": "gpu-1"}
    for results in (both, both[::-1]):
        scene(
            news(SLICES, k.slice_(k.device(), k.device("gpu-1"))),
            news(CLAIMS, k.claim("c1", *results, other, pods=("a",))),
        )
        assert sorted((r["device"], r["admin_access"]) for r in scene.open()) == [
            ("GPU-gpu-0", False), ("GPU-gpu-1", True),
        ]  # fmt: skip


def test_what_an_older_version_kept_in_other_parts_is_kept_whole() -> None:
    """Only parts that changed are packed anew: one of another cut would stand for those it does not hold."""
    scene = Scene()
    pods = [k.pod(f"p{n}", limits={"amd.com/gpu": "1"}, node=f"n{n}") for n in range(40)]
    scene(*(news("pods", pod) for pod in pods))
    kept = scene.fold.kept(scene.now)
    parts: list[dict[str, Any]] = [{}, {}]
    for number, (subject, rows) in enumerate(scene.fold.holding.allocations.open.items()):
        parts[number % 2][subject] = list(rows.values())
    old = {str(n): zlib.compress(msgspec.msgpack.encode(part)) for n, part in enumerate(parts)}
    again = Scene(kept | {"allocations": old}, listed=False)
    again.fold.take(news("pods", pod, "listed") for pod in pods)
    again(*(News(name, "synced", None, again.now) for name in KINDS))
    again(news("pods", pods[0], "gone"))
    third = Scene(again.fold.kept(again.now), listed=False)
    assert len(third.fold.holding.allocations) == 39
