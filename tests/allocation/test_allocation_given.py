"""Alternatives, groups of pods and extended resources, as the real scheduler gives them: each device once."""

from __future__ import annotations

from itertools import pairwise
from pathlib import Path

from pipeline.rig.kube.cluster import Kube
from pipeline.rig.processes import free_port
from pipeline.store import Store
from tests.allocation.held_and_told import (
    blind_of,
    caught_up,
    config_of,
    is_explained,
    key_of,
    names_of,
    told_of,
    truth_of,
)
from tests.command import Command
from tests.rig import cluster_objects as objects
from tests.rig import cluster_workloads as workloads
from tests.rig.cluster_day import PLUGIN

OF_CLASS = "deviceclass.resource.kubernetes.io/whole"
"""The name by which a pod may ask for a class that names no resource itself."""


def test_what_a_scheduler_gives_in_newer_ways_is_told_once(cluster: Kube, tmp_path: Path) -> None:
    """An extended resource beside its claim, or a group beside its pods, would be paid for twice."""
    config, ledger = config_of(cluster, tmp_path, free_port()), tmp_path / "ledger"
    before = sum(1 for _ in cluster.audited())
    ns, names = _built(cluster)
    command = Command(config, "collect", "allocation", "--store", str(ledger))
    with command:
        for name in ("first", "second"):
            objects.pod(cluster, ns, name, objects.pod_spec(template="two-or-one"))
            objects.until(lambda name=name: name in objects.running_pods(cluster, ns), f"{name} to run")
        workloads.deploy(cluster, ns, "plain", objects.pod_spec(limits={PLUGIN: "1"}), 1)
        objects.pod(cluster, ns, "by-class", objects.pod_spec(limits={OF_CLASS: "1"}))
        objects.pod_group(cluster, ns, "g", "whole")
        grouped = {**objects.pod_spec(template="whole"), "schedulingGroup": {"podGroupName": "g"}}
        workloads.job(cluster, ns, "train", grouped)
        asked = [_status(cluster, ns, name) for name in ("by-class", *_plain(cluster, ns))]
        caught_up(tmp_path)
        at = f"/apis/batch/v1/namespaces/{ns}/jobs/train?propagationPolicy=Background"
        cluster.request("DELETE", at)
        objects.until(lambda: len(_pods(cluster, ns)) == 4, "the group's pods to be gone")
        caught_up(tmp_path)
    with command:  # and goes on, while the group holds without pods
        caught_up(tmp_path)
        cluster.request("DELETE", f"{objects.SCHEDULING}/namespaces/{ns}/podgroups/g")
        workloads.scale(cluster, ns, "plain", 0)
        for name in ("first", "second", "by-class"):
            objects.delete_pod(cluster, ns, name)
        objects.until(lambda: not _given(cluster, ns), "all devices to be released")
        caught_up(tmp_path)
    held = truth_of(cluster, before)
    with Store.open(ledger, read_only=True) as store:
        rows, gaps = store.rows("allocations").to_pylist(), store.rows("gaps").to_pylist()
    told, blind = told_of(rows), blind_of(gaps, "resourceclaims")
    truth = {key_of(h, names): h for h in held}
    assert told.keys() == truth.keys() and all(row["claim_uid"] for row in rows)
    wrong = [k for k, h in truth.items() if not is_explained(h, told[k], blind)]
    assert not wrong, "\n".join(f"{truth[k]}\n{told[k]}" for k in wrong)
    assert {one["resourceName"] for found in asked for one in found["requestMappings"]} == {PLUGIN, OF_CLASS}

    by = {truth[k].pod: [] for k in truth}
    for k, row in sorted(told.items()):
        by[truth[k].pod].append((truth[k].request, truth[k].device.rpartition("/")[2][:-2], row["workload"]))
    [plain] = by.keys() - {"first", "second", "by-class", "g"}
    assert by == {
        "first": [("gpu/two", "small", "Pod/first")] * 2, "second": [("gpu/one", "gpu", "Pod/second")],
        "by-class": [("container-0-request-0", "gpu", "Pod/by-class")],
        plain: [("container-0-request-0", "gpu", "Deployment/plain")],
        "g": [("gpu", "gpu", "Job/train")],
    }  # fmt: skip
    assert {row["team"] for row in rows} == {"vision"} and {row["node"] for row in rows} == {"n1"}
    for device in {row["device"] for row in rows}:
        turns = sorted((row["start"], row["end"]) for row in told.values() if row["device"] == device)
        assert all(end <= start for (_, end), (start, _) in pairwise(turns)), device
    assert {(row["share_units"], row["device_units"]) for row in rows} == {(1, 1)}


def _built(cluster: Kube) -> tuple[str, dict[str, str]]:
    """A namespace, and what the devices of its node are called."""
    ns = objects.namespace(cluster, {"team": "vision"})
    objects.node(cluster, "n1")
    small = [objects.device(f"small-{n}", kind="small") for n in range(2)]
    objects.devices(cluster, "n1", *(objects.device(f"gpu-{n}") for n in range(4)), *small)
    for name, of in (("whole", "gpu"), ("small", "small")):
        objects.device_class(cluster, name, f"device.attributes['gpu.nvidia.com'].type == '{of}'")
    whole = "device.attributes['gpu.nvidia.com'].type == 'gpu'"
    objects.device_class(cluster, "extended", whole, extendedResourceName=PLUGIN)
    objects.template(cluster, ns, "whole", objects.request("whole"))
    two, one = {"deviceClassName": "small", "count": 2}, {"deviceClassName": "whole"}
    objects.template(cluster, ns, "two-or-one", objects.alternatives(two=two, one=one))
    return ns, names_of(cluster)


def _status(cluster: Kube, ns: str, name: str) -> objects.Json:
    found: objects.Json = cluster.request("GET", f"/api/v1/namespaces/{ns}/pods/{name}")["status"]
    return found["extendedResourceClaimStatus"]


def _pods(cluster: Kube, ns: str) -> list[objects.Json]:
    return objects.items(cluster, f"/api/v1/namespaces/{ns}/pods")


def _plain(cluster: Kube, ns: str) -> list[str]:
    return [pod["metadata"]["name"] for pod in workloads.pods(cluster, ns, "plain")]


def _given(cluster: Kube, ns: str) -> list[objects.Json]:
    return [r for claim in objects.claims(cluster, ns) for r in objects.results(claim)]
