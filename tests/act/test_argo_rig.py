"""A canary of Argo Rollouts that goes wrong, taken back under its real controller."""

from __future__ import annotations

import time
from datetime import timedelta

import pytest
import requests
import yaml

from pipeline.actuator.catalogue import TARGETS
from pipeline.actuator.kubernetes import REPLICA_SETS, ApiError
from pipeline.actuator.steps import Begun
from pipeline.policy.rules import VERSION_LABEL
from pipeline.rig import argo
from tests.act.deciding import NOW
from tests.act.rig_targets import PATCHED_SECONDS, Workload, client, install
from tests.rig import cluster_objects as objects

pytestmark = pytest.mark.soak


class Canary(Workload):
    """Half of its pods take the new version, and there it stops."""

    @property
    def path(self) -> str:
        return f"/apis/argoproj.io/v1alpha1/namespaces/{self.ns}/rollouts/{self.name}"

    def create(self, **metadata) -> None:
        steps = [{"setWeight": 50}, {"pause": {}}]
        spec = {
            "replicas": 2,
            "selector": {"matchLabels": {"app": self.name}},
            "strategy": {"canary": {"steps": steps}},
            "template": self.template("v1"),
        }
        named = {"apiVersion": "argoproj.io/v1alpha1", "kind": "Rollout", "metadata": {"name": self.name}}
        self.kube.request("POST", self.path.rpartition("/")[0], named | {"spec": spec})
        self.until_complete()


@pytest.fixture(scope="module")
def canary(kube, tmp_path_factory):
    kube.start()
    for file in argo.definitions():
        body = yaml.safe_load(file.read_text())
        kube.request("POST", "/apis/apiextensions.k8s.io/v1/customresourcedefinitions", body, or_status=409)
    kube.request("POST", "/api/v1/namespaces", {"metadata": {"name": "argo-rollouts"}}, or_status=409)
    ns = objects.namespace(kube)
    objects.node(kube, "argo-1")
    access = install(kube, ns)
    controller = argo.controller(kube.kubeconfig, tmp_path_factory.mktemp("argo") / "log")
    objects.until(lambda: _served(kube, f"/apis/argoproj.io/v1alpha1/namespaces/{ns}/rollouts"), "its API")
    controller.start()
    made = Canary(kube, ns, "Rollout", "fraud")
    made.create()
    yield made, client(access)
    controller.stop()


def _served(kube, listed: str) -> bool:
    """A new API is not found at first, and then asks for patience."""
    try:
        return "items" in kube.request("GET", listed)
    except requests.HTTPError as error:
        assert error.response.status_code in (404, 429), error
        return False


def test_a_bad_canary_is_taken_back_by_the_real_controller(canary, record_property):
    made, api = canary
    objects.until(lambda: not isinstance(api.list_all(REPLICA_SETS, made.ns), ApiError), "the rights")
    made.kube.request("PATCH", made.path, {"spec": {"template": made.template("v2")}})
    objects.until(lambda: len(made.observed().revisions) == 2 and made.progress() != "unseen", "the canary")
    began = time.monotonic()
    action = made.decide()
    assert [s.state for s in TARGETS["Rollout"].execute(api, action)] == ["approved", "executed"]
    assert (patched := time.monotonic() - began) <= PATCHED_SECONDS
    begun = Begun(action.action_id, action.target, "executed", "v1", VERSION_LABEL)

    def settled():
        return TARGETS["Rollout"].settle(api, begun, NOW + timedelta(minutes=10), NOW)

    objects.until(lambda: (step := settled()) and step.state == "verified", "v1 to be healthy again")
    record_property("Rollout: seconds to patched, to verified", (patched, time.monotonic() - began))
    pods = objects.items(made.kube, f"/api/v1/namespaces/{made.ns}/pods")
    alive = [p for p in pods if "deletionTimestamp" not in p["metadata"]]
    assert {p["metadata"]["labels"][VERSION_LABEL] for p in alive} == {"v1"}
    assert [s.state for s in TARGETS["Rollout"].execute(api, action)] == ["executed"]
