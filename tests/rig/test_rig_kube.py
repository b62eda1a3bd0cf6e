"""The control plane of the tests: real workloads, real revisions, real refusals, and a log of all of it."""

from __future__ import annotations

import time

import pytest
import requests

from pipeline.rig.kube.cluster import Access, Kube
from tests.rig import cluster_objects as objects
from tests.rig import cluster_workloads as workloads

READ_PODS = {"apiGroups": [""], "resources": ["pods"], "verbs": ["list", "watch"]}


def test_a_deployment_runs_and_rolls(cluster: Kube) -> None:
    """Without real revisions no rollback could be tested."""
    ns = objects.namespace(cluster)
    objects.node(cluster, "n1")
    workloads.deploy(cluster, ns, "web", objects.pod_spec(), 3)
    workloads.roll_out(cluster, ns, "web", "2")
    sets = objects.items(cluster, f"/apis/apps/v1/namespaces/{ns}/replicasets")
    revisions = {s["metadata"]["annotations"]["deployment.kubernetes.io/revision"] for s in sets}
    assert revisions == {"1", "2"}
    sizes = {
        s["metadata"]["annotations"]["deployment.kubernetes.io/revision"]: s["spec"]["replicas"] for s in sets
    }
    assert sizes == {"1": 0, "2": 3}


def test_pods_of_a_device_plugin_are_held_to_what_a_node_has(cluster: Kube) -> None:
    """A GPU that the node has not must not be given: its cost would be invented."""
    ns = objects.namespace(cluster)
    objects.node(cluster, "n1", capacity={"cpu": "8", "memory": "32Gi", "pods": "100", "nvidia.com/gpu": "2"})
    one = objects.pod_spec(limits={"nvidia.com/gpu": "1"})
    for name in ("a", "b", "c"):
        objects.pod(cluster, ns, name, one)

    def refused() -> bool:
        pods = objects.items(cluster, f"/api/v1/namespaces/{ns}/pods")
        return any(
            c.get("reason") == "Unschedulable" for p in pods for c in p["status"].get("conditions", [])
        )

    objects.until(
        lambda: len(objects.running_pods(cluster, ns)) == 2 and refused(), "two pods and one without"
    )


def test_a_service_account_may_only_what_it_was_granted(cluster: Kube) -> None:
    """A collector that lacks a right must meet a real refusal, and a real answer once it has it."""
    ns = objects.namespace(cluster)
    access = cluster.account(ns, "reader")
    refused = _get(access, "/api/v1/pods")
    assert refused.status_code == 403
    assert 'cannot list resource "pods"' in refused.json()["message"]
    cluster.grant(ns, "reader", [READ_PODS])
    objects.until(lambda: _get(access, "/api/v1/pods").ok, "the right to be there")
    assert _get(access, "/api/v1/nodes").status_code == 403
    cluster.grant(ns, "reader", [])
    objects.until(lambda: _get(access, "/api/v1/pods").status_code == 403, "the right to be taken away")
    assert requests.get(f"{cluster.url}/api/v1/pods", verify=str(cluster.ca), timeout=10).status_code == 403


@pytest.mark.soak  # the day of tests/allocation restarts it in `make test`
def test_the_api_server_restarts_and_the_audit_log_goes_on(cluster: Kube) -> None:
    """What happened while a collector was cut off is judged by this log."""
    ns = objects.namespace(cluster)
    objects.node(cluster, "n1")
    objects.pod(cluster, ns, "web", objects.pod_spec())
    objects.until(lambda: objects.running_pods(cluster, ns) == ["web"], "a pod")
    began = time.monotonic()
    cluster.restart_apiserver()
    assert time.monotonic() - began < 60
    assert objects.running_pods(cluster, ns) == ["web"]
    objects.delete_pod(cluster, ns, "web")
    objects.until(lambda: not objects.items(cluster, f"/api/v1/namespaces/{ns}/pods"), "the pod to be gone")
    told = [e for e in cluster.audited() if (e.namespace, e.name, e.resource) == (ns, "web", "pods")]
    steps = [(e.verb, e.subresource) for e in told]
    assert steps[0] == ("create", "")
    assert ("create", "binding") in steps
    assert steps[-1] == ("delete", "")
    uids = {e.uid for e in told}
    assert uids == {told[0].object["metadata"]["uid"]}
    assert all(e.asked <= e.done for e in told)
    assert [e.done for e in told] == sorted(e.done for e in told)


def test_the_audit_log_tells_what_was_refused_when_asked_for_it(cluster: Kube) -> None:
    """A refused write by the actuator must be seen by its test, and never taken for a change."""
    ns = objects.namespace(cluster)
    hard = {"spec": {"hard": {"requests.nvidia.com/gpu": "1"}}}
    quotas = f"/api/v1/namespaces/{ns}/resourcequotas"
    cluster.request("POST", quotas, {"metadata": {"name": "q"}, **hard})
    objects.until(
        lambda: cluster.request("GET", f"{quotas}/q").get("status", {}).get("used"), "the quota to count"
    )
    with pytest.raises(requests.HTTPError, match="exceeded quota"):
        objects.pod(cluster, ns, "over", objects.pod_spec(limits={"nvidia.com/gpu": "2"}))

    def codes(refused: bool) -> list[int]:
        found = cluster.audited(refused=refused)
        return [e.code for e in found if e.namespace == ns and e.resource == "pods" and e.verb == "create"]

    assert codes(True) == [403]
    assert codes(False) == []


def _get(access: Access, path: str) -> requests.Response:
    token = {"Authorization": f"Bearer {access.token}"}
    return requests.get(f"{access.server}{path}", headers=token, verify=str(access.ca), timeout=10)
