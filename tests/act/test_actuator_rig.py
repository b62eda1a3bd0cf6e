"""Rollbacks on a real control plane: real revisions, real rights, real refusals, and one effective patch."""

from __future__ import annotations

import time
from dataclasses import replace
from datetime import timedelta

import pytest
import requests

from pipeline.act import freezing
from pipeline.actuator import idle
from pipeline.actuator.catalogue import TARGETS
from pipeline.actuator.freeze import NAME
from pipeline.actuator.kubernetes import (
    DEPLOYMENTS,
    PODS,
    REPLICA_SETS,
    RESOURCE_QUOTAS,
    ApiError,
    Kubernetes,
    Resource,
)
from pipeline.actuator.patching import ANNOTATION
from pipeline.actuator.steps import Begun
from pipeline.embedded import Embedded
from pipeline.policy.rules import VERSION_LABEL
from pipeline.store import Store
from tests.act.deciding import NOW
from tests.act.promised import own, promised
from tests.act.rig_targets import (
    PATCHED_SECONDS,
    PLURALS,
    ArgoRollout,
    Workload,
    bind,
    client,
    hijacked,
    install,
)
from tests.rig import cluster_objects as objects

LATER = NOW + timedelta(minutes=10)


class Deaf(Kubernetes):
    """Its patches take effect and their answers are lost."""

    def patch(self, *where, dry_run):
        answer = super().patch(*where, dry_run=dry_run)
        return answer if dry_run else ApiError("timeout", "patch", "x.apps", str(answer)[:20])


class Lab:
    def __init__(self, kube, ns, access) -> None:
        self.kube, self.ns, self.access = kube, ns, access
        self.api = client(access)
        self.made = 0

    def bad(self, kind: str, **metadata) -> Workload:
        """A workload of the kind whose newest revision cannot run."""
        self.made += 1
        made = Workload(self.kube, self.ns, kind, f"{kind.lower()}-{self.made}")
        made.create(**metadata)
        made.roll_out("v2")
        return made

    def execute(self, action, api=None):
        return [s.state for s in TARGETS[action.target.kind].execute(api or self.api, action)]

    def settle(self, action, state="executed", now=NOW):
        begun = Begun(action.action_id, action.target, state, "v1", VERSION_LABEL)
        return TARGETS[action.target.kind].settle(self.api, begun, LATER, now)

    def why(self, action):
        (step,) = TARGETS[action.target.kind].execute(self.api, action)
        assert step.state == "refused"
        return step.detail


@pytest.fixture(scope="module")
def lab(kube):
    kube.start()
    ns = objects.namespace(kube)
    objects.node(kube, "act-1", "act-2")
    lab = Lab(kube, ns, install(kube, ns))
    objects.until(
        lambda: not isinstance(lab.api.list_all(REPLICA_SETS, ns), ApiError), "the rights to be there"
    )
    yield lab
    lab.api.close()


@pytest.mark.parametrize("kind", PLURALS)
def test_a_revision_that_cannot_run_is_rolled_back_and_available_again(lab, kind, record_property):
    """The promise itself; and the crash at each named point leaves one effective patch."""
    bad = lab.bad(kind)
    action, generation = bad.decide(), bad.thing["metadata"]["generation"]
    steps = TARGETS[kind].execute(lab.api, action)
    assert next(steps).state == "approved"
    steps.close()  # the process ends before the patch
    assert lab.settle(action, "approved").state == "refused"
    assert bad.thing["metadata"]["generation"] == generation
    deaf, began = client(lab.access, Deaf), time.monotonic()
    assert lab.execute(action, deaf) == ["approved", "executed"]  # the answer is lost
    patched = time.monotonic() - began
    assert patched <= PATCHED_SECONDS
    deaf.close()
    assert lab.settle(action, "approved").state == "executed"  # the process ends before it is recorded
    assert lab.execute(action) == ["executed"]  # the same action again
    thing = bad.thing
    assert thing["metadata"]["generation"] == generation + 1
    assert thing["metadata"]["annotations"][ANNOTATION] == action.action_id
    assert thing["spec"]["template"]["metadata"]["labels"][VERSION_LABEL] == "v1"
    objects.until(lambda: (step := lab.settle(action)) and step.state == "verified", "v1 to be available")
    record_property(f"{kind}: seconds to patched, to verified", (patched, time.monotonic() - began))
    state = bad.observed()
    assert (state.version, state.revision) == ("v1", 3), "the old state is now the newest revision"


@pytest.mark.parametrize("kind", PLURALS)
def test_what_moved_was_made_again_or_is_not_allowed_is_refused(lab, kind):
    bad = lab.bad(kind)
    action = bad.decide()
    same = replace(action.patch, from_template_hash=action.patch.to_template_hash)
    assert lab.why(replace(action, patch=same)).startswith("no_op")
    steps = TARGETS[kind].execute(lab.api, action)
    assert next(steps).state == "approved"
    bad.kube.request("PATCH", bad.path, {"spec": {"minReadySeconds": 1}})
    refused = next(steps)  # only the test operation in the patch can see this
    assert refused.state == "refused" and refused.detail.startswith("not_written: invalid")
    assert lab.why(action).startswith("target_moved")
    mark = {"metadata": {"annotations": {"argocd.argoproj.io/tracking-id": "x"}}}
    bad.kube.request("PATCH", bad.path, mark)
    objects.until(lambda: bad.progress() != "unseen", "the controller to read it")
    assert lab.why(bad.decide(owner="")).startswith("owned: Argo CD"), "marked after the decision"
    bad.kube.request("DELETE", bad.path)
    objects.until(lambda: "metadata" not in _found(bad), "the old one to be gone")
    bad.create()
    bad.roll_out("v2")
    assert lab.why(action).startswith("target_moved"), "the same name is not the same object"
    action = bad.decide()
    bind(lab.kube, lab.ns, False)
    try:
        objects.until(lambda: lab.api.may("patch", TARGETS[kind].shape.RESOURCE, lab.ns, "x") is False, "no")
        assert "may not patch" in lab.why(action)
    finally:
        bind(lab.kube, lab.ns, True)
        objects.until(lambda: lab.api.may("patch", TARGETS[kind].shape.RESOURCE, lab.ns, "x") is True, "yes")
    assert bad.thing["spec"]["template"]["metadata"]["labels"][VERSION_LABEL] == "v2"


def _found(workload: Workload):
    found = workload.kube.request("GET", workload.path, or_status=404)
    return {} if found.get("kind") == "Status" else found


def _refused(answer) -> str:
    assert isinstance(answer, ApiError) and answer.fault in ("forbidden", "invalid"), answer
    return answer.message


def test_a_hijacked_actuator_can_do_none_of_this(lab):
    """Each forbidden thing is tried with its own token: by rights, or by the fence."""
    good = Workload(lab.kube, lab.ns, "Deployment", "fenced")
    good.create()
    api, ns, name = hijacked(lab.access), lab.ns, good.name
    mark = {"op": "add", "path": "/metadata/annotations/driftledger.io~1action-id", "value": "a"}
    pod = "/spec/template/spec"

    def patched(*operations):
        return _refused(api.patch(DEPLOYMENTS, ns, name, operations, dry_run=False))

    def fence_is_up() -> bool:
        answer = api.patch(DEPLOYMENTS, ns, name, [{"op": "test", "path": "/kind", "value": "Deployment"},
            {"op": "add", "path": "/spec/minReadySeconds", "value": 1}], dry_run=True)  # fmt: skip
        return isinstance(answer, ApiError)

    objects.until(fence_is_up, "the fence to be up")
    other = {"op": "add", "path": "/spec/minReadySeconds", "value": 1}
    assert "action of its own" in patched(other)
    assert "scale subresource" in patched(mark, {"op": "replace", "path": "/spec/replicas", "value": 9})
    assert "service account" in patched(
        mark, {"op": "add", "path": f"{pod}/serviceAccountName", "value": "x"}
    )
    assert "host's" in patched(mark, {"op": "add", "path": f"{pod}/hostNetwork", "value": True})
    assert "labels" in patched(mark, {"op": "add", "path": "/metadata/labels", "value": {"a": "b"}})
    volume = [{"name": "host", "hostPath": {"path": "/"}}]
    assert "host's" in patched(mark, {"op": "add", "path": f"{pod}/volumes", "value": volume})
    admin = {
        "op": "add",
        "path": f"{pod}/containers/0/securityContext",
        "value": {"capabilities": {"add": ["SYS_ADMIN"]}},
    }
    assert "no capability" in patched(mark, admin)
    usual = {"capabilities": {"add": ["NET_BIND_SERVICE"], "drop": ["ALL"]}}
    allowed = api.patch(DEPLOYMENTS, ns, name, [mark, admin | {"value": usual}], dry_run=True)
    assert not isinstance(allowed, ApiError), allowed
    stolen = {
        "volumes": [{"name": "s", "secret": {"secretName": "theirs"}}],
        "imagePullSecrets": [{"name": "theirs"}],
        "containers/0/env": [{"name": "S", "valueFrom": {"secretKeyRef": {"name": "theirs", "key": "k"}}}],
        "containers/0/envFrom": [{"secretRef": {"name": "theirs"}}],
    }
    claim = [{"name": "c", "persistentVolumeClaim": {"claimName": "theirs"}}]
    projected = [{"name": "p", "projected": {"sources": [{"secret": {"name": "theirs"}}]}}]
    for place, value in (*stolen.items(), ("volumes", claim), ("volumes", projected)):
        assert "of a secret" in patched(mark, {"op": "add", "path": f"{pod}/{place}", "value": value}), place
    scale = Resource("apps", "v1", "deployments", "scale")
    more = [{"op": "add", "path": "/spec/replicas", "value": 3}]
    assert "scales to zero" in _refused(api.patch(scale, ns, name, more, dry_run=False))
    lab.kube.request("PATCH", good.path, {"spec": {"replicas": 0}})
    most = [{"op": "add", "path": "/spec/replicas", "value": 101}]
    assert "at most data.mostReplicas" in _refused(api.patch(scale, ns, name, most, dry_run=True))
    assert not isinstance(api.patch(scale, ns, name, more, dry_run=True), ApiError), "back from zero"
    quota = {"metadata": {"name": "theirs"}, "spec": {"hard": {"pods": "0"}}}
    assert "named driftledger-freeze" in _refused(api.create(RESOURCE_QUOTAS, ns, quota))
    secrets, config = Resource("", "v1", "secrets"), Resource("", "v1", "configmaps")
    assert "cannot list" in _refused(api.list_all(secrets, ns))
    assert "cannot create" in _refused(api.create(config, ns, {"metadata": {"name": "x"}}))
    assert "cannot delete" in _refused(api.delete(DEPLOYMENTS, ns, name, good.thing["metadata"]["uid"]))
    assert "cannot create" in _refused(api.create(PODS, ns, {"metadata": {"name": "x"}}))
    assert "cannot get" in _refused(api.get(DEPLOYMENTS, "kube-system", "x"))
    bad = lab.bad("Deployment")
    switch = "/api/v1/namespaces/driftledger/configmaps/driftledger-fence"
    lab.kube.request("PATCH", switch, {"data": {"stop": "true"}})
    try:
        objects.until(lambda: "fence is shut" in lab.why(bad.decide()), "the switch to be seen")
    finally:
        lab.kube.request("PATCH", switch, {"data": {"stop": "false"}})
    api.close()
    assert good.thing["metadata"]["generation"] == 2, "its own scaling to zero"


def test_a_state_whose_secrets_the_present_one_has_is_gone_back_to(lab):
    """Else whoever mounts a secret could never be rolled back; with data.secrets any name may come back."""
    uses = {"volumes": [{"name": "s", "secret": {"secretName": "model", "optional": True}}]}
    kept, lost = (Workload(lab.kube, lab.ns, "Deployment", name) for name in ("keeps", "loses"))
    for made in (kept, lost):
        made.create()
        lab.kube.request("PATCH", made.path, {"spec": {"template": {"spec": uses}}})
        made.until_complete()
        made.roll_out("v2")
    none = {"spec": {"template": {"spec": {"volumes": [{"name": "s", "$patch": "delete"}]}}}}
    lab.kube.request("PATCH", lost.path, none)
    objects.until(lambda: lost.progress() != "unseen", "the controller to read it")
    action = lost.decide()
    assert "of a secret" in lab.why(action) and lab.execute(kept.decide()) == ["approved", "executed"]
    switch = "/api/v1/namespaces/driftledger/configmaps/driftledger-fence"
    lab.kube.request("PATCH", switch, {"data": {"secrets": "any"}})
    try:
        ready = lambda: lab.execute(action) == ["approved", "executed"]  # noqa: E731
        objects.until(ready, "the fence to be seen")
    finally:
        lab.kube.request("PATCH", switch, {"data": {"secrets": "same"}})


def test_a_frozen_namespace_keeps_what_it_has_and_gets_no_more(lab, kube, tmp_path):
    """A new GPU pod and a new claim are refused while the old ones run; undone, both are given again."""
    ns = lab.ns
    objects.device_class(kube, "gpu.act")
    kube.request("PATCH", "/api/v1/nodes/act-1/status", {"status": {"allocatable": {"nvidia.com/gpu": "4"}}})
    gpu = objects.pod_spec(limits={"nvidia.com/gpu": "1"})
    objects.pod(kube, ns, "has-one", gpu)
    objects.claim(kube, ns, "has-one", objects.request("gpu.act", count=2))
    plan = freezing.plan(lab.api, ns)
    assert plan.hard["requests.nvidia.com/gpu"] == 1
    assert plan.hard["gpu.act.deviceclass.resource.k8s.io/devices"] == 2

    def refused(make, *what) -> bool:
        try:
            make(kube, ns, "more", *what)
        except requests.HTTPError as error:
            return "exceeded quota: driftledger-freeze" in str(error)
        return False

    with Store.open(tmp_path) as store:
        into, clients = Embedded(store), {"rig": lab.api}
        frozen = freezing.freeze(into, lab.api, "rig", plan, timedelta(hours=1), "ana", NOW)
        assert [t.state for t in frozen] == ["proposed", "approved", "executed"]
        again = freezing.freeze(into, lab.api, "rig", plan, timedelta(hours=1), "ana", NOW + timedelta(1))
        assert [t.state for t in again] == ["proposed", "approved", "refused"]
        objects.until(lambda: _quota(kube, ns).get("status", {}).get("used"), "the quota to count")
        assert refused(objects.pod, gpu)
        assert refused(objects.claim, objects.request("gpu.act"))
        objects.pod(kube, ns, "no-device", objects.pod_spec())
        assert not list(freezing.thaw(store, into, clients, NOW)), "it has not expired"
        late = NOW + timedelta(hours=1)
        assert [t.state for t in freezing.thaw(store, into, clients, late)] == ["undone"]
        assert not list(freezing.thaw(store, into, clients, late))
    assert not refused(objects.pod, gpu) and not refused(objects.claim, objects.request("gpu.act"))


def _quota(kube, ns):
    return kube.request("GET", f"/api/v1/namespaces/{ns}/resourcequotas/{NAME}", or_status=404)


@pytest.mark.parametrize("kind", ["Deployment", "StatefulSet"])
def test_what_is_idle_goes_to_zero_and_back(lab, kind):
    work = Workload(lab.kube, lab.ns, kind, f"idle-{kind.lower()}")
    work.create()
    scaling = idle.plan(lab.api, work.target)
    assert (scaling.before, scaling.after) == (2, 0)
    assert idle.scale(lab.api, scaling).state == "executed"
    assert "already" in idle.scale(lab.api, scaling).detail
    objects.until(lambda: not work.thing["status"].get("replicas"), "no pod")
    assert idle.scale(lab.api, scaling.inverse).state == "executed"
    work.until_complete()
    lab.kube.request("PATCH", work.path, {"spec": {"replicas": 3}})
    assert idle.scale(lab.api, scaling).detail.startswith("target_moved"), "somebody scaled it meanwhile"
    lab.kube.request("PATCH", work.path, {"metadata": {"labels": {"app.kubernetes.io/managed-by": "Helm"}}})
    assert idle.plan(lab.api, work.target).detail.startswith("owned: Helm")


def test_a_rollout_of_argo_takes_the_same_patch(lab):
    """Against its API with strict validation; what its controller writes is played here."""
    rollout = ArgoRollout(lab.kube, lab.ns, "Rollout", "canary")
    rollout.create()
    action = rollout.decide()
    assert lab.execute(action) == ["approved", "executed"]
    thing = rollout.thing
    assert thing["metadata"]["generation"] == action.patch.generation + 1
    labels = thing["spec"]["template"]["metadata"]["labels"]
    assert labels == rollout.template("v1")["metadata"]["labels"], "without the controller's label"
    assert lab.settle(action) is None
    rollout.report("Progressing")
    assert lab.settle(action) is None
    rollout.report("Healthy")
    assert lab.settle(action).state == "verified"
    assert lab.execute(action) == ["executed"]
    rollout.kube.request("PATCH", rollout.path, {"spec": {"paused": True}})
    rollout.report("Paused")
    moved = replace(action.patch, generation=rollout.thing["metadata"]["generation"])
    again = replace(action, action_id="b", patch=moved)
    assert lab.why(again).startswith("paused")


def test_of_the_core_kinds_each_verb_of_the_role_is_used(lab):
    """By the API server's own log: the file promises no more than is needed; test_verbs_rig.py, no less."""
    core = {f"{kind}.apps" for kind in (*PLURALS.values(), "replicasets", "controllerrevisions")}
    ours = {("create", "controllerrevisions.apps"), ("delete", "controllerrevisions.apps")}
    wanted = {(verb, what) for _, verb, what in promised() if what in core} - ours  # of kinds that keep none
    assert wanted <= {(e.verb, e.what) for e in own(lab.kube)}
