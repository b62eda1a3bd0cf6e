"""Serving kinds on a real API server: their published fields, strict validation, the actuator's own rights.

What their controllers write into the status is played here.
"""

from __future__ import annotations

from dataclasses import replace
from datetime import timedelta
from time import perf_counter

import pytest

from pipeline.act.carrying_out import carried_out
from pipeline.act.events import publish, taken
from pipeline.actuator.catalogue import TARGETS
from pipeline.actuator.kubernetes import CONTROLLER_REVISIONS, ApiError
from pipeline.actuator.patching import ANNOTATION
from pipeline.actuator.steps import Begun
from pipeline.embedded import Embedded
from pipeline.policy.rules import VERSION_LABEL, Target
from pipeline.store import Store
from tests.act.deciding import NOW, decided, journal
from tests.act.rig_targets import client, hijacked, install
from tests.act.serving_kinds import BY_NAME, SERVING
from tests.rig import cluster_objects as objects

MOST_SECONDS = 2.0
"""From a verdict to the patch."""
CRDS = "/apis/apiextensions.k8s.io/v1/customresourcedefinitions"
MARK = {"op": "add", "path": "/metadata/annotations/driftledger.io~1action-id", "value": "a"}


class Serving:
    """One object of each kind in a namespace of its own, and the actuator's account."""

    def __init__(self, kube, ns, access, store) -> None:
        self.kube, self.ns, self.access, self.api = kube, ns, access, client(access)
        self.store, self.into = store, Embedded(store)

    def path(self, kind: str) -> str:
        of = BY_NAME[kind].resource
        return f"{of.root}/namespaces/{self.ns}/{of.plural}/fraud"

    def thing(self, kind: str):
        return self.kube.request("GET", self.path(kind))

    def target(self, kind: str) -> Target:
        return Target("rig", self.ns, kind, "fraud")

    def report(self, kind: str, done: bool = True) -> None:
        told = BY_NAME[kind].report(self.thing(kind), done)
        self.kube.request("PATCH", f"{self.path(kind)}/status", {"status": told})

    def watched(self, kind: str):
        found = TARGETS[kind].watch(self.api, self.target(kind), VERSION_LABEL)
        assert not isinstance(found, ApiError), found
        return found

    def made(self, kind: str):
        """It served v1, and v2 now."""
        listed = self.path(kind).rpartition("/")[0]
        self.kube.request("POST", f"{listed}?fieldValidation=Strict", BY_NAME[kind].body("fraud", "v1"))
        self.report(kind)
        self.watched(kind)
        self.kube.request("PATCH", self.path(kind), {"spec": BY_NAME[kind].spec("v2")})
        self.report(kind)
        return self.watched(kind)

    def acted(self, kind: str):
        """The steps of a rollback, and the seconds from the verdict until the patch and its record are there.

        With what `up` does in between: the object read, the decision, each step in a real ledger.
        """
        began = perf_counter()
        found = TARGETS[kind].observe(self.api, self.target(kind), VERSION_LABEL)
        action = replace(decided(known=journal(target=found)), target=self.target(kind))
        where = action, action.target, action.to_version
        publish(self.into, taken(*where, "proposed", action.detail, action.evidence, 41), NOW)
        done = list(
            carried_out(
                self.store, self.into, action, self.api, NOW,
                lambda step: taken(*where, step.state, step.detail, step.evidence),
            )
        )  # fmt: skip
        return done, perf_counter() - began

    def refused(self, kind: str, *operations, marked: bool = True) -> str:
        of = BY_NAME[kind].resource
        operations = (MARK, *operations) if marked else operations
        if "annotations" not in self.thing(kind)["metadata"]:
            operations = ({"op": "add", "path": "/metadata/annotations", "value": {}}, *operations)
        answer = self.api.patch(of, self.ns, "fraud", operations, dry_run=True)
        assert isinstance(answer, ApiError), f"{kind} took {operations}"
        return answer.message


@pytest.fixture(scope="module")
def serving(kube, tmp_path_factory):
    kube.start()
    for kind in SERVING:
        kube.request("POST", CRDS, kind.definition, or_status=409)
    ns = objects.namespace(kube)
    store = Store.open(tmp_path_factory.mktemp("ledger"))
    lab = Serving(kube, ns, install(kube, ns), store)

    def served() -> bool:
        found = {c["metadata"]["name"]: c.get("status", {}) for c in objects.items(kube, CRDS)}
        wanted = [found[k.definition["metadata"]["name"]].get("conditions") or () for k in SERVING]
        return all(any((c["type"], c["status"]) == ("Established", "True") for c in w) for w in wanted)

    objects.until(served, "their APIs")
    objects.until(lambda: not isinstance(lab.api.list_all(CONTROLLER_REVISIONS, ns), ApiError), "the rights")
    yield lab
    lab.api.close()
    store.close()


@pytest.mark.parametrize("kind", BY_NAME)
def test_a_bad_version_is_rolled_back_through_the_real_api(serving, kind):
    """One guarded patch with strict fields, behind the fence; verified by what the controller says after."""
    state = serving.made(kind)
    assert (state.version, {r.version for r in state.revisions}) == ("v2", {"v1", "v2"})
    action = replace(decided(known=journal(target=state)), target=serving.target(kind))
    generation = serving.thing(kind)["metadata"]["generation"]
    steps = TARGETS[kind].execute(serving.api, action)
    assert next(steps).state == "approved"
    steps.close()  # the process ends before the patch
    done, seconds = serving.acted(kind)
    assert [s.state for s in done] == ["approved", "executed"], done
    assert seconds <= MOST_SECONDS, f"{kind}: {seconds:.2f} s from the verdict to the patch"
    assert [s.state for s in TARGETS[kind].execute(serving.api, action)] == ["executed"], "the same again"
    thing = serving.thing(kind)
    assert thing["metadata"]["generation"] == generation + 1
    assert thing["metadata"]["annotations"][ANNOTATION] == action.action_id
    assert TARGETS[kind].observe(serving.api, serving.target(kind), VERSION_LABEL).version == "v1"

    def settled(now=NOW):
        begun = Begun(action.action_id, action.target, "executed", "v1", VERSION_LABEL)
        return TARGETS[kind].settle(serving.api, begun, NOW + timedelta(minutes=10), now)

    serving.report(kind, done=False)
    assert settled() is None
    serving.report(kind)
    assert settled().state == "verified"
    moved = list(TARGETS[kind].execute(serving.api, replace(action, action_id="b")))
    assert moved[0].detail.startswith("target_moved")


def test_a_hijacked_actuator_can_do_none_of_this_to_serving_kinds(serving):
    """Each is tried with its own token and refused by the fence, with the sentence that says why."""
    for kind in BY_NAME:
        if serving.kube.request("GET", serving.path(kind), or_status=404).get("kind") == "Status":
            serving.made(kind)
    label = {"op": "add", "path": "/metadata/labels", "value": {"a": "b"}}
    for kind in BY_NAME:
        thing = serving.thing(kind)
        noted = {
            "op": "add",
            "path": "/metadata/annotations",
            "value": thing["metadata"].get("annotations", {}),
        }
        again = noted | {"value": noted["value"] | {"x": "y"}}
        assert "action of its own" in serving.refused(kind, again, marked=False)
        assert "labels" in serving.refused(kind, label)
    pods = {
        "InferenceService": "/spec/predictor",
        "LLMInferenceService": "/spec/template",
        "RayService": "/spec/rayClusterConfig/headGroupSpec/template/spec",
    }
    for kind, pod in pods.items():
        account = {"op": "add", "path": f"{pod}/serviceAccountName", "value": "admin"}
        assert "service account" in serving.refused(kind, account)
        assert "host's" in serving.refused(kind, {"op": "add", "path": f"{pod}/hostNetwork", "value": True})
    model = {"op": "add", "path": "/spec/predictor/model/securityContext", "value": {"privileged": True}}
    assert "privileged" in serving.refused("InferenceService", model)
    worker = "/spec/rayClusterConfig/workerGroupSpecs/0/template/spec/hostNetwork"
    assert "host's" in serving.refused("RayService", {"op": "add", "path": worker, "value": True})
    replicas = {
        "InferenceService": "/spec/predictor/minReplicas",
        "LLMInferenceService": "/spec/replicas",
        "ModelDeployment": "/spec/scaling/replicas",
    }
    for kind, path in replicas.items():
        assert "replicas" in serving.refused(kind, {"op": "replace", "path": path, "value": 9})
    for path, value in (
        ("/spec/rules/0/backendRefs/0/name", "evil"),
        ("/spec/rules/0/matches/0/path/value", "/"),
        ("/spec/hostnames", ["evil.example"]),
    ):
        assert "only weights" in serving.refused("HTTPRoute", {"op": "add", "path": path, "value": value})
    unknown = {"op": "add", "path": "/spec/nonsense", "value": 1}
    for kind in BY_NAME:
        assert "unknown field" in serving.refused(kind, unknown), "strict validation"


def test_a_hijacked_actuator_cannot_touch_the_revisions_of_others(serving):
    """It keeps states as ControllerRevisions: its own by name and label, and never a StatefulSet's."""
    api, ns = hijacked(serving.access), serving.ns
    theirs = {"metadata": {"name": "web-1"}, "revision": 1, "data": {"spec": {}}}
    path = f"/apis/apps/v1/namespaces/{ns}/controllerrevisions"
    uid = serving.kube.request("POST", path, theirs)["metadata"]["uid"]
    for answer in (
        api.delete(CONTROLLER_REVISIONS, ns, "web-1", uid),
        api.create(CONTROLLER_REVISIONS, ns, theirs | {"metadata": {"name": "web-2"}}),
        api.create(CONTROLLER_REVISIONS, ns, theirs | {"metadata": {"name": "driftledger-x"}}),
    ):
        assert isinstance(answer, ApiError) and "named driftledger-" in answer.message, answer
    api.close()
    assert serving.kube.request("GET", f"{path}/web-1")["revision"] == 1


def test_the_audit_log_has_only_the_writes_that_were_promised(serving):
    """What the server wrote down of this account in this namespace: its patches, and the states it keeps."""
    name = "system:serviceaccount:driftledger:driftledger-actuator"
    done = [e for e in serving.kube.audited() if e.user == name and e.namespace == serving.ns]
    wrote = {(e.verb, e.resource, e.subresource) for e in done if e.code < 300}
    kinds = {("patch", kind.resource.plural, "") for kind in SERVING}
    assert wrote == kinds | {("create", "controllerrevisions", "")}
