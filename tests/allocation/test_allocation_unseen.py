"""What happened while nobody looked, or could not be read: it ends, begins and is whose the objects say."""

from __future__ import annotations

from datetime import datetime

from collectors.live.kube.news import News
from tests.allocation import kube_shapes as k
from tests.allocation.test_allocation_cases import CLAIMS, KINDS, SECOND, SLICES, Scene, naive, news


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
