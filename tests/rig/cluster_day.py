"""A day in the life of a GPU cluster, in half a minute: rollouts, shared claims, a drain, an API server away.

Each step is done for real through the API before its name is yielded, so whoever watches can be stopped,
killed or asked between any two.  What was held meanwhile is told by `cluster_truth.holds`.
"""

from __future__ import annotations

from collections.abc import Iterator

from pipeline.rig.kube.cluster import Kube
from tests.rig import cluster_objects as objects
from tests.rig import cluster_workloads as workloads

PLUGIN = "nvidia.com/gpu"
WHOLE = "device.allowMultipleAllocations == false && device.attributes['gpu.nvidia.com'].type == 'gpu'"


def live(kube: Kube, *, away_seconds: float) -> Iterator[str]:
    """The names of the steps; at the end nothing is held any more."""
    ns = objects.namespace(kube, {"resource.kubernetes.io/admin-access": "true", "team": "vision"})
    build(kube)
    templates(kube, ns)
    whole = objects.pod_spec(template="whole")
    workloads.deploy(kube, ns, "serve", whole, 3)
    workloads.deploy(kube, ns, "plain", objects.pod_spec(limits={PLUGIN: "1"}), 2)
    yield "deployed"
    workloads.deploy(kube, ns, "small", objects.pod_spec(template="part"), 3)
    workloads.deploy(kube, ns, "mig", objects.pod_spec(template="mig"), 2)
    yield "devices shared and cut to pieces"
    yield from _one_claim(kube, ns)
    workloads.roll_out(kube, ns, "serve", "2")
    workloads.roll_out(kube, ns, "plain", "2")
    yield "rolled out anew"
    workloads.job(kube, ns, "train", whole)
    yield "a job ended by itself"
    _drain(kube, ns, "serve")
    yield "a node drained"
    workloads.scale(kube, ns, "serve", 5)
    kube.restart_apiserver(away_seconds=away_seconds)
    yield "the API server restarted"
    workloads.roll_out(kube, ns, "small", "2")
    workloads.scale(kube, ns, "serve", 1)
    yield "scaled down"
    for name in ("serve", "small", "mig", "plain"):
        workloads.scale(kube, ns, name, 0)
    objects.delete_pod(kube, ns, "watcher")
    released(kube, ns)
    yield "all released"


def build(kube: Kube) -> None:
    """Two nodes with four GPUs each, one with a GPU for many, one whose GPU can be cut to pieces, and one of
    a device plugin."""
    objects.node(kube, "gpu-e", capacity={PLUGIN: "4", "pods": "20"})
    objects.node(kube, "gpu-a", "gpu-c", zone="z1")
    objects.node(kube, "gpu-b", "gpu-d", zone="z2")
    for name in ("gpu-a", "gpu-b"):
        objects.devices(kube, name, *(objects.device(f"gpu-{n}") for n in range(4)))
    objects.devices(kube, "gpu-c", objects.shared_device("gpu-0"))
    counters = [{"name": "gpu-0", "counters": {"memory": {"value": "40320Mi"}}}]
    slices = [objects.counted_device(f"gpu-0-mig-1g10gb-{n}", "gpu-0", "9984Mi", kind="mig") for n in (0, 2)]
    objects.devices(kube, "gpu-d", part=0, parts=2, sharedCounters=counters)
    objects.devices(kube, "gpu-d", *slices, part=1, parts=2)
    objects.device_class(kube, "whole", WHOLE)
    objects.device_class(kube, "shared", "device.allowMultipleAllocations")
    objects.device_class(kube, "mig", "device.attributes['gpu.nvidia.com'].type == 'mig'")


def templates(kube: Kube, ns: str) -> None:
    objects.template(kube, ns, "whole", objects.request("whole"))
    objects.template(kube, ns, "mig", objects.request("mig"))
    part = objects.request("shared", capacity={"requests": {"memory": "20Gi"}})
    objects.template(kube, ns, "part", part)


def released(kube: Kube, ns: str) -> None:
    """Back when no claim holds a device."""
    objects.until(
        lambda: not any(objects.results(c) for c in objects.claims(kube, ns)), "all devices to be released"
    )


def _one_claim(kube: Kube, ns: str) -> Iterator[str]:
    """Two pods of one claim, of which one goes first, while a third pod watches all devices."""
    objects.claim(kube, ns, "pair", objects.request("whole"))
    objects.claim(kube, ns, "all", objects.request("whole", allocationMode="All", adminAccess=True))
    both = objects.pod_spec(claim="pair")
    for name in ("left", "right"):
        objects.pod(kube, ns, name, both)
    objects.pod(kube, ns, "watcher", objects.pod_spec(claim="all", node="gpu-a"))
    wanted = {"left", "right", "watcher"}
    objects.until(lambda: wanted <= set(objects.running_pods(kube, ns)), "two pods of one claim")
    yield "two pods of one claim"
    objects.delete_pod(kube, ns, "left")
    pair = f"{objects.RESOURCE}/namespaces/{ns}/resourceclaims/pair"

    def holders() -> list[str]:
        return [pod["name"] for pod in kube.request("GET", pair).get("status", {}).get("reservedFor", [])]

    objects.until(lambda: holders() == ["right"], "the claim to be that of one pod")
    yield "one of two gone"
    objects.delete_pod(kube, ns, "right")
    objects.until(lambda: not holders(), "the claim to be released")
    yield "both gone, their claim stays"


def _drain(kube: Kube, ns: str, name: str) -> None:
    """The node of one of the Deployment's pods takes none any more, and its pods go elsewhere."""
    found = workloads.pods(kube, ns, name)
    node = found[0]["spec"]["nodeName"]
    objects.cordon(kube, node)
    leaving = {p["metadata"]["name"] for p in found if p["spec"]["nodeName"] == node}
    for pod in sorted(leaving):
        objects.evict(kube, ns, pod)
    objects.until(
        lambda: not leaving & {p["metadata"]["name"] for p in workloads.pods(kube, ns, name)},
        f"the pods to leave {node}",
    )
    workloads.settled(kube, ns, name, len(found))
    objects.cordon(kube, node, False)
