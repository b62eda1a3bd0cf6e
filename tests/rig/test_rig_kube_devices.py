"""Devices given out by the real scheduler: the shapes that the allocation collector must understand."""

from __future__ import annotations

from pipeline.rig.kube.cluster import Kube
from tests.rig import cluster_objects as objects
from tests.rig.cluster_day import WHOLE

Json = objects.Json


def test_a_whole_device_is_given_and_released(cluster: Kube) -> None:
    """A device that stayed taken after its pod would be paid for twice by the next one."""
    ns = objects.namespace(cluster)
    _whole_gpus(cluster, ns, 1)
    objects.pod(cluster, ns, "first", objects.pod_spec(template="whole"))
    (given,) = _given(cluster, ns, 1)
    assert given["device"] == "gpu-0" and given["pool"] == "n1" and given["driver"] == objects.DRIVER
    (claim,) = objects.claims(cluster, ns)
    assert claim["status"]["allocation"]["allocationTimestamp"]
    (holder,) = claim["status"]["reservedFor"]
    assert (holder["resource"], holder["name"]) == ("pods", "first")
    objects.pod(cluster, ns, "second", objects.pod_spec(template="whole"))
    objects.delete_pod(cluster, ns, "first")
    objects.until(lambda: objects.running_pods(cluster, ns) == ["second"], "the device to be another's")


def test_capacity_of_one_device_is_shared(cluster: Kube) -> None:
    """Two claims of one GPU: without their shares each would be billed the whole of it."""
    ns = objects.namespace(cluster)
    objects.node(cluster, "n1")
    objects.device_class(cluster, "shared", "device.allowMultipleAllocations")
    objects.devices(cluster, "n1", objects.shared_device("gpu-0"))
    objects.template(
        cluster, ns, "part", objects.request("shared", capacity={"requests": {"memory": "30Gi"}})
    )
    for name in ("a", "b"):
        objects.pod(cluster, ns, name, objects.pod_spec(template="part"))
    given = _given(cluster, ns, 2)
    assert {r["device"] for r in given} == {"gpu-0"}
    assert len({r["shareID"] for r in given}) == 2
    assert [r["consumedCapacity"] for r in given] == [{"memory": "30Gi"}] * 2
    objects.pod(cluster, ns, "c", objects.pod_spec(template="part"))  # 90 of 80 Gi
    _never_runs(cluster, ns, "c")


def test_partitions_share_the_counters_of_their_device(cluster: Kube) -> None:
    """While a slice of a GPU is held, the whole GPU cannot be, or one device would be sold twice."""
    ns = objects.namespace(cluster)
    objects.node(cluster, "n1")
    counters = [{"name": "gpu-0", "counters": {"memory": {"value": "40320Mi"}}}]
    slices = [objects.counted_device(f"gpu-0-mig-1g10gb-{n}", "gpu-0", "9984Mi", kind="mig") for n in (0, 2)]
    whole = objects.counted_device("gpu-0", "gpu-0", "40320Mi")
    objects.devices(cluster, "n1", part=0, parts=2, sharedCounters=counters)
    objects.devices(cluster, "n1", whole, *slices, part=1, parts=2)
    objects.device_class(cluster, "mig", "device.attributes['gpu.nvidia.com'].type == 'mig'")
    objects.device_class(cluster, "whole", WHOLE)
    for name in ("mig", "whole"):
        objects.template(cluster, ns, name, objects.request(name))
    for name in ("a", "b"):
        objects.pod(cluster, ns, name, objects.pod_spec(template="mig"))
    given = _given(cluster, ns, 2)
    assert {r["device"] for r in given} == {"gpu-0-mig-1g10gb-0", "gpu-0-mig-1g10gb-2"}
    objects.pod(cluster, ns, "all", objects.pod_spec(template="whole"))
    _never_runs(cluster, ns, "all")


def test_one_claim_is_held_by_two_pods(cluster: Kube) -> None:
    """A device stays allocated until the last of its pods is gone."""
    ns = objects.namespace(cluster)
    _whole_gpus(cluster, ns, 1)
    objects.claim(cluster, ns, "pair", objects.request("whole"))
    for name in ("a", "b"):
        objects.pod(cluster, ns, name, objects.pod_spec(claim="pair"))
    _runs(cluster, ns, "a", "b")
    assert _holders(cluster, ns, "pair") == {"a", "b"}
    objects.delete_pod(cluster, ns, "a")
    objects.until(lambda: _holders(cluster, ns, "pair") == {"b"}, "the claim to be one pod's")
    assert len(_given(cluster, ns, 1)) == 1
    objects.delete_pod(cluster, ns, "b")
    objects.until(lambda: _given(cluster, ns, 0) == [], "the device to be released")


def test_an_administrator_watches_devices_that_others_hold(cluster: Kube) -> None:
    """Monitoring that takes no device away must be told from use, or it would be billed."""
    ns = objects.namespace(cluster, {"resource.kubernetes.io/admin-access": "true"})
    _whole_gpus(cluster, ns, 2)
    objects.pod(cluster, ns, "user", objects.pod_spec(template="whole"))
    _runs(cluster, ns, "user")
    objects.claim(cluster, ns, "all", objects.request("whole", allocationMode="All", adminAccess=True))
    objects.pod(cluster, ns, "watcher", objects.pod_spec(claim="all"))
    _runs(cluster, ns, "watcher")
    watched = cluster.request("GET", f"{objects.RESOURCE}/namespaces/{ns}/resourceclaims/all")
    seen = objects.results(watched)
    assert {r["device"] for r in seen} == {"gpu-0", "gpu-1"}
    assert all(r["adminAccess"] for r in seen)


def _whole_gpus(cluster: Kube, ns: str, count: int) -> None:
    objects.node(cluster, "n1")
    objects.device_class(cluster, "whole", WHOLE)
    objects.devices(cluster, "n1", *(objects.device(f"gpu-{n}") for n in range(count)))
    objects.template(cluster, ns, "whole", objects.request("whole"))


def _given(cluster: Kube, ns: str, count: int) -> list[Json]:
    """All that claims hold, once it is so much."""

    def found() -> list[Json]:
        return [r for claim in objects.claims(cluster, ns) for r in objects.results(claim)]

    objects.until(lambda: len(found()) == count, f"{count} devices given")
    return found()


def _holders(cluster: Kube, ns: str, claim: str) -> set[str]:
    one = cluster.request("GET", f"{objects.RESOURCE}/namespaces/{ns}/resourceclaims/{claim}")
    return {pod["name"] for pod in one.get("status", {}).get("reservedFor", [])}


def _runs(cluster: Kube, ns: str, *names: str) -> None:
    objects.until(lambda: set(names) <= set(objects.running_pods(cluster, ns)), f"{names} to run")


def _never_runs(cluster: Kube, ns: str, name: str) -> None:
    """The scheduler has looked at the pod and has no device for it."""

    def refused() -> bool:
        status = cluster.request("GET", f"/api/v1/namespaces/{ns}/pods/{name}")["status"]
        return any(c.get("reason") == "Unschedulable" for c in status.get("conditions", []))

    objects.until(refused, f"{name} to be refused a device")
    assert name not in objects.running_pods(cluster, ns)
