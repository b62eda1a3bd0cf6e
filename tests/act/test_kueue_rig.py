"""Kueue's own controller asks our AdmissionCheck, and does what the budget answers."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta
from functools import partial

import pytest
import requests

from pipeline.act.admission import CONTROLLER, Hold, answer
from pipeline.actuator.kubernetes import ApiError, Resource
from pipeline.actuator.ladder.reading import CHECKS, LOCAL_QUEUES, WORKLOADS
from pipeline.rig import kueue
from tests import waiting
from tests.act.rig_targets import client, install
from tests.rig import cluster_objects as objects

pytestmark = pytest.mark.soak

until = partial(waiting.until, seconds=180.0)
CHECK = "driftledger-budget"
FLAVORS = Resource("kueue.x-k8s.io", "v1beta2", "resourceflavors")
CLUSTER_QUEUES = Resource("kueue.x-k8s.io", "v1beta2", "clusterqueues")
JOBS = Resource("batch", "v1", "jobs")
KINDS = {
    "localqueues": "LocalQueue", "jobs": "Job", "admissionchecks": "AdmissionCheck",
    "resourceflavors": "ResourceFlavor", "clusterqueues": "ClusterQueue",
}  # fmt: skip


class Lab:
    def __init__(self, kube, ns, access) -> None:
        self.kube, self.ns, self.api = kube, ns, client(access)

    def make(self, resource: Resource, name: str, spec, namespace: str = "", labels=None) -> None:
        within = f"/namespaces/{namespace}" if namespace else ""
        body = {"apiVersion": f"{resource.group}/{resource.version}", "kind": KINDS[resource.plural],
                "metadata": {"name": name, "labels": labels or {}}, "spec": spec}  # fmt: skip
        path = f"{resource.root}{within}/{resource.plural}?fieldValidation=Strict"

        def taken() -> bool:
            try:
                self.kube.request("POST", path, body, or_status=409)
                return True
            except requests.HTTPError as error:  # a new API is not found at first
                assert error.response.status_code in (404, 429), error
                return False

        until(taken, name)

    def job(self, name: str) -> None:
        """As Kueue's webhook would leave it: suspended until it is admitted."""
        pod = objects.pod_spec() | {"restartPolicy": "Never"}
        pod["containers"][0]["resources"] = {"requests": {"cpu": "1"}}
        spec = {"suspend": True, "parallelism": 1, "completions": 1, "template": {"spec": pod}}
        self.make(JOBS, name, spec, self.ns, {"kueue.x-k8s.io/queue-name": "q"})

    def runs(self, name: str) -> bool:
        path = f"/apis/batch/v1/namespaces/{self.ns}/jobs/{name}"
        return self.kube.request("GET", path)["spec"]["suspend"] is False

    def workload(self, job: str):
        path = f"{WORKLOADS.root}/namespaces/{self.ns}/{WORKLOADS.plural}"
        found = [w for w in objects.items(self.kube, path) if w["metadata"]["name"].startswith(f"job-{job}-")]
        return found[0] if found else {}

    def told(self, job: str) -> dict[str, str]:
        conditions = (self.workload(job).get("status") or {}).get("conditions") or ()
        return {c["type"]: c["status"] for c in conditions}

    def evicted(self, job: str) -> dict[str, str]:
        conditions = self.workload(job)["status"]["conditions"]
        return next((c for c in conditions if c["type"] == "Evicted" and c["status"] == "True"), {})

    def answered(self, held) -> list[str]:
        """Whom our answer reached; as `up` does every 5 s."""
        found = list(answer(self.api, (self.ns,), held, datetime.now(UTC).replace(tzinfo=None)))
        assert not [f for f in found if isinstance(f, ApiError) and not f.wrote_nothing], found
        return [f.state for f in found if not isinstance(f, ApiError)]


@pytest.fixture(scope="module")
def lab(kube, tmp_path_factory):
    kube.start()
    crds = "/apis/apiextensions.k8s.io/v1/customresourcedefinitions"
    for body in kueue.definitions():
        kube.request("DELETE", f"{crds}/{body['metadata']['name']}", or_status=404)
        gone = partial(kube.request, "GET", f"{crds}/{body['metadata']['name']}", or_status=404)
        until(lambda gone=gone: gone().get("kind") == "Status", "a definition of other tests to be gone")
        kube.request("POST", crds, body)
    for path, body in kueue.objects():
        kube.request("POST", path, body, or_status=409)
    ns = objects.namespace(kube)
    objects.node(kube, "kueue-1")
    lab = Lab(kube, ns, install(kube, ns))
    folder = tmp_path_factory.mktemp("kueue")
    controller = kueue.controller(kube.kubeconfig, folder)
    controller.start()
    secret = f"/api/v1/namespaces/{kueue.NAMESPACE}/secrets/{kueue.SECRET}"
    until(lambda: kueue.mounted(kube.request("GET", secret), folder), "its certificate")
    lab.make(CHECKS, CHECK, {"controllerName": CONTROLLER})
    lab.make(FLAVORS, "any", {})
    quota = [{"name": "any", "resources": [{"name": "cpu", "nominalQuota": "8"}]}]
    groups = [{"coveredResources": ["cpu"], "flavors": quota}]
    strategy = {"admissionChecks": [{"name": CHECK}]}
    lab.make(CLUSTER_QUEUES, "c", {
        "namespaceSelector": {}, "resourceGroups": groups, "admissionChecksStrategy": strategy,
    })  # fmt: skip
    lab.make(LOCAL_QUEUES, "q", {"clusterQueue": "c"}, ns)
    until(lambda: lab.api.may("patch", WORKLOADS, ns, "") is True, "the rights to be there")
    yield lab
    lab.api.close()
    controller.stop()


def test_kueue_admits_what_the_budget_allows(lab):
    """Kueue itself asks (Pending, with its quota), takes our Ready, and lets the job run."""
    lab.job("allowed")
    until(lambda: lab.answered({}) == ["Ready"], "Kueue to ask")
    until(lambda: lab.runs("allowed") and lab.told("allowed").get("Admitted") == "True", "the job to run")
    assert lab.answered({}) == [], "who runs is not asked about"


def test_kueue_lets_wait_what_the_budget_holds_and_asks_again_in_time(lab):
    """It takes our Retry with its time and its words; when the hold is over, the same job is admitted."""
    soon = datetime.now(UTC).replace(tzinfo=None) + timedelta(seconds=1)
    held = {lab.ns: Hold("budget a: 120.00 of 100.00 USD are spent", soon)}
    lab.job("held")
    until(lambda: lab.answered(held) == ["Retry"], "Kueue to ask")
    until(lambda: lab.workload("held")["status"].get("requeueState"), "Kueue to note when it asks again")
    assert not lab.runs("held") and lab.runs("allowed")
    assert lab.answered(held) == [], "it waits, and does not ask at each turn"
    told = until(partial(lab.evicted, "held"), "Kueue to take its quota back")
    assert told["reason"] == "AdmissionCheck"  # until it has its quota again
    assert "120.00 of 100.00 USD are spent" in told["message"]
    until(lambda: lab.answered({}) == ["Ready"], "Kueue to ask again")
    until(lambda: lab.runs("held") and lab.told("held").get("Admitted") == "True", "the job to run after all")
