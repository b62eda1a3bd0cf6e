"""Rollbacks on a real control plane: real revisions, real rights, real refusals, and one effective patch."""

from __future__ import annotations

from dataclasses import replace
from datetime import timedelta

import pytest

from pipeline.actuator.catalogue import TARGETS
from pipeline.actuator.kubernetes import REPLICA_SETS, ApiError, Kubernetes
from pipeline.actuator.patching import ANNOTATION
from pipeline.actuator.steps import Begun
from pipeline.policy.rules import VERSION_LABEL
from tests import cluster_objects as objects
from tests.deciding import NOW
from tests.rig_targets import PLURALS, RIGHTS, Workload, client

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
    access = kube.account(ns, "actuator")
    kube.grant(ns, "actuator", RIGHTS)
    lab = Lab(kube, ns, access)
    objects.until(
        lambda: not isinstance(lab.api.list_all(REPLICA_SETS, ns), ApiError), "the rights to be there"
    )
    yield lab
    lab.api.close()


@pytest.mark.parametrize("kind", PLURALS)
def test_a_revision_that_cannot_run_is_rolled_back_and_available_again(lab, kind):
    """The promise itself; and the crash at each named point leaves one effective patch."""
    bad = lab.bad(kind)
    action, generation = bad.decide(), bad.thing["metadata"]["generation"]
    steps = TARGETS[kind].execute(lab.api, action)
    assert next(steps).state == "approved"
    steps.close()  # the process ends before the patch
    assert lab.settle(action, "approved").state == "refused"
    assert bad.thing["metadata"]["generation"] == generation
    deaf = client(lab.access, Deaf)
    assert lab.execute(action, deaf) == ["approved", "executed"]  # the answer is lost
    deaf.close()
    assert lab.settle(action, "approved").state == "executed"  # the process ends before it is recorded
    assert lab.execute(action) == ["executed"]  # the same action again
    thing = bad.thing
    assert thing["metadata"]["generation"] == generation + 1
    assert thing["metadata"]["annotations"][ANNOTATION] == action.action_id
    assert thing["spec"]["template"]["metadata"]["labels"][VERSION_LABEL] == "v1"
    objects.until(lambda: (step := lab.settle(action)) and step.state == "verified", "v1 to be available")
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
    assert lab.why(bad.decide()).startswith("owned: Argo CD")
    bad.kube.request("DELETE", bad.path)
    objects.until(lambda: "metadata" not in _found(bad), "the old one to be gone")
    bad.create()
    bad.roll_out("v2")
    assert lab.why(action).startswith("target_moved"), "the same name is not the same object"
    lab.kube.grant(lab.ns, "actuator", [{**RIGHTS[0], "verbs": ["get"]}, *RIGHTS[1:]])
    try:
        objects.until(lambda: lab.api.may("patch", TARGETS[kind].shape.RESOURCE, lab.ns, "x") is False, "no")
        assert "may not patch" in lab.why(bad.decide())
    finally:
        lab.kube.grant(lab.ns, "actuator", RIGHTS)
        objects.until(lambda: lab.api.may("patch", TARGETS[kind].shape.RESOURCE, lab.ns, "x") is True, "yes")
    assert bad.thing["spec"]["template"]["metadata"]["labels"][VERSION_LABEL] == "v2"


def _found(workload: Workload):
    found = workload.kube.request("GET", workload.path, or_status=404)
    return {} if found.get("kind") == "Status" else found
