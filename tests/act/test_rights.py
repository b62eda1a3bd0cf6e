"""Rights are asked for before anything is begun, and what was changed is not forgotten without them."""

from __future__ import annotations

import json

import pytest

from pipeline.act import freezing
from pipeline.act.approvals import ask_undo
from pipeline.act.climbing import climb
from pipeline.act.freezing import thaw
from pipeline.act.undo import asked
from pipeline.actuator.catalogue import TARGETS
from pipeline.actuator.gitops_owner import RESOURCES
from pipeline.actuator.kubernetes import DEPLOYMENTS, STATEFUL_SETS, ApiError
from pipeline.actuator.ladder.contract import Scope
from pipeline.actuator.ladder.rights import NEEDS
from pipeline.actuator.ladder.table import RUNGS
from pipeline.actuator.rights import GITOPS, Right, refusal
from pipeline.actuator.stuck_pods import NEEDS as NEEDS_OF_STUCK
from pipeline.errors import PreflightFailed
from pipeline.policy.ladders import STEPS
from pipeline.policy.rules import Target
from tests.act.memory_ledger import MemoryLedger
from tests.act.objects_api import Objects
from tests.act.promised import given
from tests.act.test_ladder import HOUR, MINUTE, NOW, NS, InMemory, cluster, fields, known, standing


@pytest.fixture
def scene():
    return InMemory()


def used(step: str) -> set[tuple[str, str]]:
    """What the step asks a cluster for from its plan to its being put back."""
    api = cluster()
    idle = (Target("lab", NS, "Deployment", "idle"),)
    plan = json.loads(json.dumps(RUNGS[step].plan(api, Scope("lab", NS, ("serving",), idle=idle))))
    RUNGS[step].carry_out(api, plan, step, NOW + HOUR)
    RUNGS[step].holds(api, plan, step)
    RUNGS[step].put_back(api, plan, step)
    return api.asked


@pytest.mark.parametrize("step", STEPS)
def test_all_that_a_step_and_its_undo_ask_for_is_reviewed(step):
    """A right that nobody reviews is found to be missing when half of the objects are changed."""
    reviewed = {(right.verb, right.resource.words) for right in NEEDS[step]}
    assert used(step) <= reviewed


def test_what_is_reviewed_is_what_the_shipped_role_gives():
    """Else a refusal names a rule that is not there, or the shipped role is never enough."""
    roles = given("actuator-rbac.yaml")
    for step, rights in NEEDS.items():
        for right in rights:
            role = "driftledger-actuator-devices" if right.everywhere else "driftledger-actuator"
            assert (f"ClusterRole {role}", right.verb, right.resource.words) in roles, (step, right)
    waiting = given("actuator-gitops-rbac.yaml")
    for resource in RESOURCES.values():
        assert {("Role driftledger-actuator-gitops", v, resource.words) for v in ("get", "patch")} <= waiting


BESIDE = {
    ("list", "replicasets.apps"), ("get", "configmaps"), ("create", "events.events.k8s.io"),
    ("list", "limitranges"), ("list", "resourcequotas"),
} | {(verb, "controllerrevisions.apps") for verb in ("list", "create", "delete")}  # fmt: skip
"""What rollbacks keep and read beside their targets, what is told on objects, and the report of quotas."""


def test_the_shipped_role_gives_nothing_that_nothing_needs():
    """A right that is left over is worth something in other hands only."""
    steps = {(right.verb, right.resource.words) for rights in NEEDS.values() for right in rights}
    targets = {(verb, t.shape.RESOURCE.words) for t in TARGETS.values() for verb in ("get", "patch")}
    roles = given("actuator-rbac.yaml")
    acting = {(verb, what) for role, verb, what in roles if not role.endswith("-lease")}
    assert acting == steps | targets | BESIDE | {(r.verb, r.resource.words) for r in NEEDS_OF_STUCK}


@pytest.mark.parametrize("mode", ["auto", "propose"])
def test_a_step_that_could_not_be_put_back_is_not_begun_nor_offered(scene, mode):
    """With the right to make a quota and none to delete it, the namespace would stay frozen."""
    scene.api.denied = {("delete", "resourcequotas"), ("list", "nodes")}
    rules = scene.policy(mode, "freeze")
    assert scene.tick(rules) == [("freeze", "refused")]
    assert scene.tick(rules, NOW + MINUTE) == [], "said once"
    assert not scene.api.writes
    assert scene.rows("refused")[0]["detail"] == (
        "rights: forbidden: this account may not list nodes in the cluster; "
        "delete resourcequotas driftledger-freeze in team-a; "
        "delete resourcequotas driftledger-freeze-claims in team-a; deploy/actuator-rbac.yaml gives it by "
        'ClusterRole driftledger-actuator bound in team-a: {apiGroups: [""], resources: [resourcequotas], '
        "verbs: [delete]} and by ClusterRole driftledger-actuator-devices bound to the cluster: "
        '{apiGroups: [""], resources: [nodes], verbs: [list]}'
    )
    scene.api.denied = {("delete", "resourcequotas")}
    assert scene.tick(rules, NOW + 2 * MINUTE) == [("freeze", "refused")], "the other half"
    scene.api.denied = set()
    assert scene.tick(rules, NOW + 3 * MINUTE)[-1][1] in ("executed", "proposed"), "once it is given"


def test_who_only_observes_needs_no_right_to_write(scene):
    scene.api.denied = {("patch", "jobs.batch")}
    assert scene.tick(scene.policy("observe", "suspend_batch")) == [("suspend_batch", "proposed")]


def test_rights_that_cannot_be_asked_for_begin_nothing(scene, monkeypatch):
    said = ApiError("timeout", "create", "selfsubjectaccessreviews", "no answer in 15 s")
    monkeypatch.setattr(scene.api, "may", lambda *_: said)
    assert scene.tick(scene.policy(steps="hold_queues")) == [("hold_queues", "refused")]
    assert "rights_unknown: timeout" in scene.rows("refused")[0]["detail"] and not scene.api.writes


CHANGES = {"freeze": ("delete", "resourcequotas"), "scale_idle": ("patch", "deployments/scale.apps")} | {
    step: ("patch", resource)
    for step, resource in {
        "hold_queues": "localqueues.kueue.x-k8s.io", "suspend_batch": "jobs.batch",
        "cap_autoscalers": "horizontalpodautoscalers.autoscaling",
    }.items()
}  # fmt: skip


@pytest.mark.parametrize("step", CHANGES)
def test_what_cannot_be_put_back_is_told_once_and_put_back_when_it_can_be(scene, step):
    """A role taken away, or data.stop of the fence, at a step's end: its objects stayed changed."""
    api, before = scene.api, fields(scene.api)
    scene.idle = (Target("lab", NS, "Deployment", "idle"),)
    rules = scene.policy(steps=step)
    assert climbed(scene, rules, NOW)[-1] == (step, "executed")
    for quota in api.held.get("resourcequotas", {}).values():
        quota["status"] = {"hard": quota["spec"]["hard"]}
    assert climbed(scene, rules, NOW + MINUTE) == [(step, "verified")]
    api.denied = {CHANGES[step]}
    late = NOW + 13 * HOUR
    assert (step, "failed") in climbed(scene, rules, late)
    failed = [r for r in scene.rows("failed") if r["kind"] == step]
    assert "tried again at each tick" in failed[-1]["detail"] and "forbidden" in failed[-1]["detail"]
    assert climbed(scene, rules, late + MINUTE) == [], "told once"
    api.denied = set()
    ends = climbed(scene, rules, late + 2 * MINUTE)
    assert (step, "undone") in ends and fields(api) == before and not api.held.get("resourcequotas")


def climbed(scene, rules, now):
    told = known(scene.store, rules, {"a": standing(as_of=NOW)}, now, scene.idle)
    taken = climb(scene.store, scene.store, told, {"lab": scene.api})
    return [(t.kind, t.state) for t in taken if t.state != "refused"]


def test_an_undo_that_the_cluster_refuses_is_asked_for_again(scene):
    """Who pressed Undo was told that it is done."""
    rules = scene.policy(steps="hold_queues")
    assert scene.tick(rules)[-1] == ("hold_queues", "executed")
    (row,) = scene.rows("executed")
    ask_undo(scene.store, scene.store, row["action_id"], "ana", NOW)
    scene.api.denied = {("patch", "localqueues.kueue.x-k8s.io")}
    states = [t.state for t in asked(scene.store, scene.store, {"lab": scene.api}, NOW + MINUTE)]
    assert states == ["failed"]
    assert list(asked(scene.store, scene.store, {"lab": scene.api}, NOW + 2 * MINUTE)) == [], "told once"
    scene.api.denied = set()
    states = [t.state for t in asked(scene.store, scene.store, {"lab": scene.api}, NOW + 3 * MINUTE)]
    assert states == ["undone", "executed"]
    assert scene.thing("localqueues.kueue.x-k8s.io", "q")["spec"]["stopPolicy"] == "None"


def test_a_quota_whose_answer_was_lost_is_neither_refused_nor_forgotten(scene, monkeypatch):
    """Called refused, it would stand in the namespace and nobody would end it."""
    rules = scene.policy(steps="freeze")
    scene.api.faults = [("create", "lost")]
    scene.api.denied = {("get", "resourcequotas")}  # nor can it be looked up just now
    monkeypatch.setattr(scene.api, "may", lambda *_: True)
    assert scene.tick(rules)[-1] == ("freeze", "approved")
    scene.api.denied = set()
    assert scene.tick(rules, NOW + MINUTE) == [("freeze", "executed")]
    assert [w[2] for w in scene.api.writes] == ["driftledger-freeze", "driftledger-freeze-claims"]
    ended = list(thaw(scene.store, scene.store, {"lab": scene.api}, NOW + 13 * HOUR))
    assert [t.state for t in ended] == ["undone"] and not scene.api.held["resourcequotas"]


def test_a_rollback_needs_what_its_rollout_may_need():
    """A StatefulSet waits for its broken pod: without the right to evict it the rollback never ends."""
    api, target = Objects(), Target("lab", NS, "StatefulSet", "s")
    assert TARGETS["StatefulSet"].lacks(api, target) == ""
    api.denied = {("create", "pods/eviction"), ("patch", STATEFUL_SETS.words)}
    said = TARGETS["StatefulSet"].lacks(api, target)
    assert "may not patch statefulsets.apps s in team-a; create pods/eviction in team-a; deploy/" in said
    api.denied = {("patch", DEPLOYMENTS.words)}
    assert "verbs: [patch]" in TARGETS["Deployment"].lacks(api, Target("lab", NS, "Deployment", "d"))


def test_a_refusal_of_an_owner_names_the_file_of_owners():
    api = Objects()
    api.denied = {("patch", RESOURCES["Application"].words)}
    needs = (Right("patch", RESOURCES["Application"], "fraud"),)
    assert "deploy/actuator-gitops-rbac.yaml gives it by Role" in refusal(api, needs, "argocd", GITOPS)


def test_a_freeze_by_command_asks_for_its_rights_and_ends_also_when_the_command_died(monkeypatch):
    """A quota without its line in the ledger was a freeze that nothing would ever end."""
    ledger, api = MemoryLedger(), cluster()
    wanted = freezing.plan(api, NS)
    asked_for = ledger, api, "lab", wanted, HOUR, "ana", NOW
    api.denied = {("delete", "resourcequotas")}
    with pytest.raises(PreflightFailed, match="may not delete resourcequotas"):
        list(freezing.freeze(*asked_for))
    assert not api.writes and ledger.states("freeze") == []
    api.denied = set()
    steps = freezing.freeze(*asked_for)
    assert [next(steps).state, next(steps).state] == ["proposed", "approved"]
    monkeypatch.setattr(ledger, "put", None)  # it dies with the quota made
    with pytest.raises(TypeError):
        next(steps)
    monkeypatch.undo()
    clients = {"lab": api}
    assert api.held["resourcequotas"] and not list(thaw(ledger, ledger, clients, NOW + MINUTE))
    assert [t.state for t in thaw(ledger, ledger, clients, NOW + HOUR)] == ["undone"]
    assert not api.held["resourcequotas"] and not list(thaw(ledger, ledger, clients, NOW + HOUR))


def test_a_freeze_by_command_is_undone_from_the_page_as_well():
    """Its button was there, and was answered that the freeze is no rollback."""
    ledger, api = MemoryLedger(), cluster()
    steps = list(freezing.freeze(ledger, api, "lab", freezing.plan(api, NS), HOUR, "ana", NOW))
    assert steps[-1].state == "executed"
    ask_undo(ledger, ledger, steps[-1].action_id, "ana", NOW)
    assert [t.state for t in asked(ledger, ledger, {"lab": api}, NOW + MINUTE)] == ["undone", "executed"]
    assert not api.held["resourcequotas"]
