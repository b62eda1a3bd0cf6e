"""The control plane of the tests: a real scheduler gives out devices, an audit log says what was done."""

from __future__ import annotations

import pytest
import requests

from pipeline.rig.kube.cluster import Kube
from tests import cluster_objects as objects


def test_a_deployment_runs_and_rolls(kube: Kube) -> None:
    """Without real revisions no rollback could be tested."""
    ns, node = objects.namespace(kube), "roll-1"
    objects.node(kube, node)
    objects.deployment(kube, ns, "web", objects.pod_spec(node=node), 3)
    first = set(objects.until(lambda: len(p := objects.running_pods(kube, ns)) == 3 and p, "three pods"))
    image = {"spec": {"template": {"metadata": {"annotations": {"v": "2"}}}}}
    kube.request("PATCH", f"/apis/apps/v1/namespaces/{ns}/deployments/web", image)
    objects.until(
        lambda: len(p := set(objects.running_pods(kube, ns))) == 3 and not p & first, "three other pods"
    )
    sets = kube.request("GET", f"/apis/apps/v1/namespaces/{ns}/replicasets")["items"]
    revisions = {s["metadata"]["annotations"]["deployment.kubernetes.io/revision"] for s in sets}
    assert revisions == {"1", "2"}


def test_the_scheduler_gives_out_devices(kube: Kube) -> None:
    """Whole, shared, cut to pieces, one for two, watched only: what claims look like comes from here."""
    ns = objects.namespace(kube, resource_kubernetes_io__admin_access="true")
    objects.node(kube, "dra-1")
    whole = "device.allowMultipleAllocations == false"
    objects.device_class(kube, "whole", whole)
    objects.device_class(kube, "shared", "device.allowMultipleAllocations")
    memory = {"default": "10Gi", "validRange": {"min": "1Gi", "step": "1Gi"}}
    shared = objects.device(
        "gpu-1",
        allowMultipleAllocations=True,
        capacity={"memory": {"value": "80Gi", "requestPolicy": memory}},
    )
    objects.devices(kube, "dra-1", objects.device("gpu-0"), shared)
    objects.template(kube, ns, "whole", objects.request("whole"))
    part = objects.request("shared", capacity={"requests": {"memory": "10Gi"}})
    objects.template(kube, ns, "part", part)
    objects.pod(kube, ns, "one", objects.pod_spec(template="whole"))
    for name in ("two", "three"):
        objects.pod(kube, ns, name, objects.pod_spec(template="part"))
    objects.until(lambda: len(objects.running_pods(kube, ns)) == 3, "three pods with devices")
    given = [r for c in objects.claims(kube, ns) for r in objects.results(c)]
    assert sorted(r["device"] for r in given) == ["gpu-0", "gpu-1", "gpu-1"]
    shares = [r for r in given if r["device"] == "gpu-1"]
    assert len({r["shareID"] for r in shares}) == 2
    assert [r["consumedCapacity"] for r in shares] == [{"memory": "10Gi"}] * 2

    objects.claim(kube, ns, "watch", objects.request("whole", allocationMode="All", adminAccess=True))
    objects.pod(kube, ns, "watcher", objects.pod_spec(claim="watch"))
    objects.until(lambda: "watcher" in objects.running_pods(kube, ns), "the watching pod")
    watched = kube.request("GET", f"{objects.RESOURCE}/namespaces/{ns}/resourceclaims/watch")
    assert all(r["adminAccess"] for r in objects.results(watched))

    objects.delete_pod(kube, ns, "one")
    names = {"two", "three", "watcher"}
    objects.until(
        lambda: not any(r["device"] == "gpu-0" and not r.get("adminAccess") for c in objects.claims(kube, ns)
                        for r in objects.results(c)),
        "the device to be free again",
    )  # fmt: skip
    assert set(objects.running_pods(kube, ns)) == names


def test_a_service_account_may_only_what_it_was_given(kube: Kube) -> None:
    """A collector that lacks a right must meet a real refusal."""
    ns = objects.namespace(kube)
    access = kube.account(ns, "reader")
    answer = requests.get(
        f"{access.server}/api/v1/namespaces/{ns}/pods",
        headers={"Authorization": f"Bearer {access.token}"}, verify=str(access.ca), timeout=10,
    )  # fmt: skip
    assert answer.status_code == 403
    assert 'cannot list resource "pods"' in answer.json()["message"]


def test_the_api_server_restarts_and_the_audit_log_goes_on(kube: Kube) -> None:
    """What happened while a collector was cut off is judged by this log."""
    ns = objects.namespace(kube)
    objects.node(kube, "audit-1")
    objects.pod(kube, ns, "before", objects.pod_spec(node="audit-1"))
    objects.until(lambda: objects.running_pods(kube, ns) == ["before"], "a pod")
    kube.restart_apiserver()
    objects.delete_pod(kube, ns, "before")
    told = [e for e in kube.audited() if (e.namespace, e.name, e.resource) == (ns, "before", "pods")]
    assert [(e.verb, e.subresource) for e in told][:1] == [("create", "")] or told[0].verb == "create"
    assert any(e.subresource == "binding" for e in told)
    assert any(e.verb == "delete" for e in told)
    created = next(e for e in told if e.verb == "create" and not e.subresource)
    assert created.object["metadata"]["namespace"] == ns
    assert [e.time for e in told] == sorted(e.time for e in told)


def test_a_quota_refuses_what_is_over_it(kube: Kube) -> None:
    """The money ladder stands on this."""
    ns = objects.namespace(kube)
    hard = {"spec": {"hard": {"requests.nvidia.com/gpu": "1"}}}
    kube.request("POST", f"/api/v1/namespaces/{ns}/resourcequotas", {"metadata": {"name": "q"}, **hard})
    quota = f"/api/v1/namespaces/{ns}/resourcequotas/q"
    objects.until(lambda: kube.request("GET", quota)["status"].get("used"), "the quota to count")
    with pytest.raises(requests.HTTPError, match="exceeded quota"):
        objects.pod(kube, ns, "over", objects.pod_spec(limits={"nvidia.com/gpu": "2"}))
