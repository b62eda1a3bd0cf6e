"""The ladder of steps against a budget: what is due, what is done to the objects, and what is put back."""

from __future__ import annotations

import json
from dataclasses import replace
from datetime import datetime, timedelta
from decimal import Decimal
from types import SimpleNamespace

import pytest
from jsonschema import Draft202012Validator

from pipeline import yaml_file
from pipeline.act.approvals import approve, offer
from pipeline.act.climbing import climb
from pipeline.act.freezing import thaw
from pipeline.act.undo import undo
from pipeline.actuator.kubernetes import DEPLOYMENTS, NODES, PODS, ApiError, Resource
from pipeline.actuator.ladder.contract import Scope
from pipeline.actuator.ladder.reading import (
    AUTOSCALERS,
    JOBS,
    LOCAL_QUEUES,
    PRIORITY_CLASSES,
    SCALED_OBJECTS,
    WORKLOADS,
)
from pipeline.actuator.ladder.table import RUNGS
from pipeline.actuator.lease import Lease, Led
from pipeline.actuator.patching import ANNOTATION
from pipeline.alerts.action_delivery import tell
from pipeline.alerts.notice import Notice
from pipeline.embedded import Embedded
from pipeline.errors import ConfigError
from pipeline.explain.explanation import explain
from pipeline.explain.narrative import narrative
from pipeline.explain.page import page
from pipeline.policy.climb import due
from pipeline.policy.file import parse
from pipeline.policy.ladders import STEPS
from pipeline.policy.money import Standing
from pipeline.policy.past_steps import PastStep
from pipeline.policy.quiet import QuietHours
from pipeline.policy.reading import muted_until, past_steps
from pipeline.policy.rules import Target
from pipeline.policy.schema import schema
from pipeline.policy.step_decision import Known
from pipeline.store import Store
from tests.act.memory_ledger import MemoryLedger
from tests.act.objects_api import Objects

NOW = datetime(2026, 11, 24, 12)
MINUTE, HOUR = timedelta(minutes=1), timedelta(hours=1)
NS = "team-a"
LIMITS = {
    "per_target_per_day": 9, "per_namespace_per_hour": 9, "per_cluster_per_hour": 9, "per_hour": 99,
    "tripped_targets": 3,
}  # fmt: skip
TEXT = """\
version: "1"
limits:
  per_target_per_day: {per_target_per_day}
  per_namespace_per_hour: {per_namespace_per_hour}
  per_cluster_per_hour: {per_cluster_per_hour}
  per_hour: {per_hour}
  tripped_targets: {tripped_targets}
ladders:
  - name: money
    budget: a
    cluster: {name}
    namespaces: [team-a]
    mode: {mode}
    spare: [serving]
    steps:
{steps}
"""
LADDER_B = """\
  - {name: b, budget: b, cluster: lab, namespaces: [b], steps: [{step: freeze, spent: 100%}]}
"""


def rungs(steps: str) -> str:
    return "\n".join(f"      - {{step: {step}, spent: 100%}}" for step in steps.split())


def standing(spent: float | None = 120, **changes) -> Standing:
    money = None if spent is None else Decimal(spent)
    usual = Standing(
        "a", "exceeded", datetime(2026, 11, 1), datetime(2026, 12, 1), Decimal(100), money, Decimal(130),
        Decimal(125), Decimal(140), datetime(2026, 11, 23), "USD", NOW,
    )  # fmt: skip
    return replace(usual, **changes)


def known(store, rules, standings, now=NOW, idle=()) -> Known:
    """What a tick decides on, with standings that no ledger gave and the same idle workloads everywhere."""
    everywhere = {(one.name, space): tuple(idle) for one in rules.ladders for space in one.namespaces}
    resting = muted_until(store, (one.name for one in rules.ladders))
    return Known(rules, standings, past_steps(store), resting, now, store.snapshot(), idle=everywhere)


def template(priority: str = "") -> dict:
    container = {"name": "main", "resources": {"limits": {"nvidia.com/gpu": "1"}}}
    return {"spec": {"containers": [container], **({"priorityClassName": priority} if priority else {})}}


def cluster() -> Objects:
    """One of everything that a step changes, and beside each one that it must leave alone."""
    api = Objects()
    api.put(NODES, "", "n1", status={"allocatable": {"nvidia.com/gpu": "8"}})
    api.put(Resource("resource.k8s.io", "v1", "deviceclasses"), "", "gpu", spec={})
    api.put(Resource("resource.k8s.io", "v1", "resourceclaims"), "other", "x", spec={})
    api.put(PRIORITY_CLASSES, "", "low", value=1)
    api.put(PRIORITY_CLASSES, "", "high", value=1000)
    api.put(LOCAL_QUEUES, NS, "q", spec={"clusterQueue": "c", "stopPolicy": "None"})
    api.put(LOCAL_QUEUES, NS, "q-held", spec={"clusterQueue": "c", "stopPolicy": "HoldAndDrain"})
    helm = {"annotations": {"meta.helm.sh/release-name": "r"}}
    api.put(PRIORITY_CLASSES, "", "serving", value=9000)
    of, three = {"scaleTargetRef": {"kind": "Deployment", "name": "idle"}}, {"currentReplicas": 3}
    other = {"scaleTargetRef": {"kind": "Deployment", "name": "spared"}}
    unread = {"scaleTargetRef": {"kind": "Foo", "name": "idle"}}
    api.put(AUTOSCALERS, NS, "web", spec={**of, "minReplicas": 1, "maxReplicas": 9}, status=three)
    api.put(AUTOSCALERS, NS, "helm", spec={**of, "maxReplicas": 9}, status=three, metadata=helm)
    api.put(AUTOSCALERS, NS, "sparer", spec={**other, "maxReplicas": 9}, status=three)
    api.put(AUTOSCALERS, NS, "unread", spec={**unread, "maxReplicas": 9}, status=three)
    keda = {"ownerReferences": [{"kind": "ScaledObject", "name": "k", "controller": True}]}
    api.put(
        AUTOSCALERS, NS, "keda-hpa-k", spec={"maxReplicas": 100}, status={"currentReplicas": 2}, metadata=keda
    )
    api.put(SCALED_OBJECTS, NS, "k", spec={**of, "triggers": []}, status={"hpaName": "keda-hpa-k"})
    api.put(JOBS, NS, "train", spec={"suspend": False, "template": template("low")})
    api.put(JOBS, NS, "sparer", spec={"suspend": False, "template": template("serving")})
    queued = {"labels": {"kueue.x-k8s.io/queue-name": "q"}}
    api.put(JOBS, NS, "kueues", spec={"suspend": False, "template": template()}, metadata=queued)
    api.put(WORKLOADS, NS, "kueues", spec={"active": True, "priority": 0})
    api.put(DEPLOYMENTS, NS, "idle", spec={"replicas": 2, "template": template()})
    api.put(DEPLOYMENTS, NS, "spared", spec={"replicas": 2, "template": template("serving")})
    api.held["deployments.apps/scale"] = api.held["deployments.apps"]
    made = {"ownerReferences": [{"kind": "ReplicaSet", "name": "r", "uid": "r", "controller": True}]}
    for name, priority in (("a-high", 1000), ("z-low", 1)):
        api.put(PODS, NS, name, spec=template()["spec"] | {"priority": priority}, metadata=made)
    api.put(PODS, NS, "alone", spec=template()["spec"])
    api.put(PODS, NS, "spared", spec=template("serving")["spec"], metadata=made)
    return api


class Scene:
    """A cluster of its own in the ledger that all tests of this file share."""

    def __init__(self, store: Store, name: str) -> None:
        self.store, self.api, self.name = store, cluster(), name

    @property
    def into(self) -> Embedded:
        return Embedded(self.store)

    def policy(self, mode: str = "auto", steps: str = "freeze", more: str = "", **limits: int):
        text = TEXT.format(mode=mode, name=self.name, steps=rungs(steps), **{**LIMITS, **limits})
        return parse(text + more)

    def tick(self, rules, now=NOW, clients=None, **changes):
        taken = climb(
            self.store, self.into, known(self.store, rules, {"a": standing(**changes)}, now),
            {self.name: self.api} if clients is None else clients,
        )  # fmt: skip
        return [(t.kind, t.state) for t in taken if t.target.cluster == self.name]

    def thing(self, key: str, name: str) -> dict:
        return self.api.held[key][NS, name]

    def rows(self, state: str) -> list[dict]:
        rows = self.store.query("action_rows", prefix="").to_pylist()
        mine = [r for r in rows if (r["cluster"], r["state"]) == (self.name, state)]
        return sorted(mine, key=lambda r: r["time"])


class InMemory(Scene):
    """With a ledger of its own, which takes events itself."""

    def __init__(self) -> None:
        super().__init__(MemoryLedger(), "lab")

    @property
    def into(self) -> MemoryLedger:
        return self.store


@pytest.fixture
def quick():
    return InMemory()


@pytest.fixture(scope="module")
def store(tmp_path_factory):
    with Store.open(tmp_path_factory.mktemp("ladder")) as store:
        yield store


@pytest.fixture
def scene(store, request):
    return Scene(store, request.node.name.split("[")[0])


def fields(api: Objects) -> dict[str, object]:
    """What the steps change, by object."""
    shown = {
        "localqueues.kueue.x-k8s.io": "stopPolicy", "horizontalpodautoscalers.autoscaling": "maxReplicas",
        "scaledobjects.keda.sh": "maxReplicaCount", "jobs.batch": "suspend",
        "workloads.kueue.x-k8s.io": "active", "deployments.apps": "replicas",
    }  # fmt: skip
    return {
        f"{key.split('.')[0]}/{name}": thing["spec"].get(field)
        for key, field in shown.items()
        for (_, name), thing in api.held[key].items()
    }


def counted(api: Objects) -> None:
    """What the controller of quotas does a moment later."""
    for quota in api.held.get("resourcequotas", {}).values():
        quota["status"] = {"hard": quota["spec"]["hard"]}


CHANGED = {
    "localqueues/q": "Hold", "horizontalpodautoscalers/web": 3, "scaledobjects/k": 2, "jobs/train": True,
    "workloads/kueues": False, "deployments/idle": 0,
}  # fmt: skip


def test_every_step_is_one_file_and_one_line_of_the_table():
    assert tuple(RUNGS) == STEPS


def test_each_step_changes_what_it_may_and_puts_back_what_was():
    """What nobody can undo is a second outage; what is spared, owned or ended by others is never touched."""
    api, expires = cluster(), NOW + HOUR
    before = fields(api)
    idle = tuple(Target("lab", NS, "Deployment", name) for name in ("idle", "spared"))
    scope = Scope("lab", NS, spare=("serving",), idle=idle)
    plans = {}
    for step, rung in RUNGS.items():
        plans[step] = json.loads(json.dumps(rung.plan(api, scope)))
        assert rung.carry_out(api, plans[step], step, expires).state == "executed"
    assert fields(api) == before | CHANGED
    assert {name for _, name in api.held["pods"]} == {"alone", "spared"}
    assert [p["name"] for p in plans["evict"]["pods"]] == ["z-low", "a-high"], "the lowest priority first"
    quota = api.held["resourcequotas"][NS, "driftledger-freeze"]
    assert quota["spec"]["hard"]["requests.nvidia.com/gpu"] == "4", "three pods, and the surge of one rollout"
    (scope,) = quota["spec"]["scopeSelector"]["matchExpressions"]
    assert scope == {"scopeName": "PriorityClass", "operator": "NotIn", "values": ["serving"]}
    claims = api.held["resourcequotas"][NS, "driftledger-freeze-claims"]["spec"]
    assert claims == {"hard": {"gpu.deviceclass.resource.k8s.io/devices": "0"}}, "a claim has no class"
    counted(api)
    writes = len(api.writes)
    for step, rung in RUNGS.items():
        assert rung.carry_out(api, plans[step], step, expires).state == "executed", "again"
        assert rung.holds(api, plans[step], step).state == "verified"
        assert len(api.writes) == writes, step
    for step, rung in RUNGS.items():
        assert rung.put_back(api, plans[step], step).state == "undone"
    assert fields(api) == before
    assert not api.held["resourcequotas"]
    assert not any(
        ANNOTATION in t["metadata"].get("annotations", {}) for k in api.held.values() for t in k.values()
    )


def test_pods_that_a_disruption_budget_keeps_are_left_and_the_others_count():
    """Else what was evicted as far as it may be would count as failed, and call somebody at night."""
    api, scope = cluster(), Scope("lab", NS, spare=("serving",))
    plan = RUNGS["evict"].plan(api, scope)
    api.held["pods"][NS, "z-low"]["metadata"]["deletionTimestamp"] = "2026-11-24T12:00:00Z"
    assert RUNGS["evict"].holds(api, plan, "e") is None, "it ends still"
    del api.held["pods"][NS, "z-low"]
    assert RUNGS["evict"].holds(api, plan, "e").detail == "1 pods are gone, 1 were left"


def test_a_spared_class_that_is_the_default_spares_what_names_none():
    """Its pods get the class only when they are made; their templates say nothing."""
    api = cluster()
    api.held["priorityclasses.scheduling.k8s.io"]["", "serving"]["globalDefault"] = True
    scope = Scope("lab", NS, spare=("serving",), idle=(Target("lab", NS, "Deployment", "idle"),))
    assert RUNGS["scale_idle"].plan(api, scope) == {} == RUNGS["cap_autoscalers"].plan(api, scope)
    assert {c["name"] for c in RUNGS["suspend_batch"].plan(api, scope)["changes"]} == {"train"}


def test_a_spent_budget_climbs_and_what_was_is_restored_when_its_time_is_over(scene):
    rules = scene.policy(steps="notify freeze cap_autoscalers")
    before = fields(scene.api)
    taken = scene.tick(rules)
    for step in ("notify", "freeze", "cap_autoscalers"):
        assert [s for kind, s in taken if kind == step] == ["proposed", "approved", "executed"]
    counted(scene.api)
    verified = scene.tick(rules, NOW + MINUTE)
    assert sorted(verified) == [(s, "verified") for s in ("cap_autoscalers", "freeze", "notify")]
    told: list[Notice] = []
    assert tell(scene.store, {"x": told.append}, NOW) == []
    assert sorted(n.kind for n in told if n.cluster == scene.name) == ["cap_autoscalers", "freeze", "notify"]
    tell(scene.store, {"x": told.append}, NOW)
    assert len({n.alert_id for n in told}) == len(told), "each is told once"
    late = NOW + 12 * HOUR
    thawed = list(thaw(scene.store, scene.into, {scene.name: scene.api}, late))
    assert [t.state for t in thawed] == ["undone"], "the tick of rules ends every freeze whose time is over"
    ended = scene.tick(rules, late, as_of=late)
    assert len([k for k, s in ended if s == "undone"]) == 2 and fields(scene.api) == before
    assert {s for k, s in ended if s != "undone"} == {"refused"}, "the cool-down"


def test_a_lost_answer_and_a_crash_leave_each_object_changed_at_most_once(quick):
    rules = quick.policy(steps="suspend_batch")
    quick.api.faults = [("patch", "lost"), ("patch", "unreachable")]
    assert quick.tick(rules)[-1] == ("suspend_batch", "approved"), "nobody knows yet"
    assert quick.tick(rules, NOW + MINUTE) == [("suspend_batch", "executed")]
    assert [w[2] for w in quick.api.writes] == ["kueues", "train"]
    quick.thing("jobs.batch", "train")["spec"]["suspend"] = False  # somebody needs it
    assert quick.tick(rules, NOW + 2 * MINUTE) == [("suspend_batch", "failed")]
    assert quick.tick(rules, NOW + 3 * MINUTE, spent=80) == [("suspend_batch", "undone")], (
        "no longer called for"
    )
    assert quick.thing("jobs.batch", "train")["spec"]["suspend"] is False
    assert quick.thing("workloads.kueue.x-k8s.io", "kueues")["spec"]["active"] is True
    assert "somebody has changed it since" in quick.rows("undone")[0]["detail"]


def test_a_workload_called_timeout_is_refused_as_any_other_is(monkeypatch):
    """What a workload is called must not be read as a lost answer, which is asked for again for ever."""
    api = Objects()
    api.put(DEPLOYMENTS, NS, "timeout", spec={"replicas": 2})
    api.held["deployments.apps/scale"] = api.held["deployments.apps"]
    idle = (Target("c", NS, "Deployment", "timeout"),)
    plan = RUNGS["scale_idle"].plan(api, Scope("c", NS, idle=idle))
    for fault, state in (("forbidden", "refused"), ("unreachable", None)):
        said = ApiError(fault, "patch", "deployments/scale.apps", 'deployments.apps "timeout" is locked')
        monkeypatch.setattr(api, "patch", lambda *_, said=said, **__: said)
        step = RUNGS["scale_idle"].carry_out(api, plan, "a", NOW)
        assert (step and step.state) == state


def test_a_write_that_was_lost_is_not_done_after_its_time_or_with_the_kill_switch_on(quick):
    """A process that was down for a day must not come back and suspend what nobody asks for any more."""
    rules = quick.policy(steps="suspend_batch")
    quick.api.faults = [("patch", "unreachable")] * 2
    assert quick.tick(rules)[-1] == ("suspend_batch", "approved")
    off = replace(rules, kill_switch=True)
    assert quick.tick(off, NOW + MINUTE) == [] and not quick.api.writes
    late = NOW + 13 * HOUR
    assert ("suspend_batch", "undone") in quick.tick(off, late, as_of=late) and not quick.api.writes


def test_a_plan_of_another_hour_is_not_carried_out_after_an_outage(quick):
    """Which pods were the least and which replicas were there has changed meanwhile."""
    rules = quick.policy(steps="suspend_batch")
    quick.api.faults = [("patch", "lost"), ("patch", "unreachable")]
    assert quick.tick(rules)[-1] == ("suspend_batch", "approved")
    assert [w[2] for w in quick.api.writes] == ["kueues"], "half of it is done"
    assert quick.tick(rules, NOW + 11 * MINUTE)[0] == ("suspend_batch", "undone")
    assert [w[2] for w in quick.api.writes] == ["kueues", "kueues"]
    assert quick.thing("workloads.kueue.x-k8s.io", "kueues")["spec"]["active"] is True


def test_a_step_has_the_time_that_its_ladder_gave_it_also_when_the_file_is_gone(quick):
    """Else a slow cluster's step would count as failed, and pause its ladder."""
    text = quick.policy(steps="freeze").text
    rules = parse(text.replace("    mode: auto\n", "    mode: auto\n    verify_within: 1h\n"))
    assert quick.tick(rules)[-1] == ("freeze", "executed"), "no controller has counted by it yet"
    gone = replace(rules, rules=(), ladders=(), kill_switch=True)
    assert quick.tick(gone, NOW + 11 * MINUTE) == []
    assert quick.tick(gone, NOW + HOUR) == [("freeze", "failed")]


def test_what_a_person_agreed_to_is_done_as_planned_and_what_a_person_put_back_stays_back(scene):
    rules = scene.policy("propose", "cap_autoscalers")
    web = ("horizontalpodautoscalers.autoscaling", "web")
    assert scene.tick(rules) == [("cap_autoscalers", "proposed")]
    assert scene.tick(rules, NOW + MINUTE) == [] and not scene.api.writes
    (row,) = scene.rows("proposed")
    waiting = offer(scene.store, row["action_id"])
    approve(scene.store, scene.into, row["action_id"], waiting.token, "ana", NOW + MINUTE)
    scene.thing(*web)["status"]["currentReplicas"] = 2
    done = scene.tick(rules, NOW + 2 * MINUTE)
    assert done == [("cap_autoscalers", "approved"), ("cap_autoscalers", "executed")]
    assert scene.thing(*web)["spec"]["maxReplicas"] == 3
    later = NOW + 3 * MINUTE
    steps = list(undo(scene.store, scene.into, row["action_id"], scene.api, scene.name, "ana", later))
    assert [s.state for s in steps] == ["undone"] and scene.thing(*web)["spec"]["maxReplicas"] == 9
    assert scene.tick(rules, NOW + 9 * HOUR, as_of=NOW + 9 * HOUR) == [("cap_autoscalers", "refused")]
    assert "a person put" in scene.rows("refused")[0]["detail"]
    shown = page(explain(scene.store.location, row["action_id"]), None)
    assert "maxReplicas 9 to 3" in shown and "\\n  passed" not in shown, "lines"
    assert "<td>budget a</td>" in shown and "<td>maxReplicas</td><td>9</td><td>3</td>" in shown
    assert "&quot;path&quot;:&quot;/spec/maxReplicas&quot;,&quot;value&quot;:3" in shown, "the exact patch"
    assert "model -" not in shown
    assert "maxReplicas 9 to 3" in "\n".join(narrative(explain(scene.store.location, row["action_id"])))


def test_an_autoscaler_that_has_grown_since_the_plan_is_left(quick):
    """The cap that a person agreed to in a quiet hour would end four of the seven replicas that serve now."""
    rules = quick.policy("propose", "cap_autoscalers")
    quick.tick(rules)
    (row,) = quick.rows("proposed")
    token = offer(quick.store, row["action_id"]).token
    approve(quick.store, quick.into, row["action_id"], token, "ana", NOW)
    for name in ("web", "keda-hpa-k"):
        quick.thing("horizontalpodautoscalers.autoscaling", name)["status"]["currentReplicas"] = 7
    assert quick.tick(rules, NOW + MINUTE)[-1] == ("cap_autoscalers", "refused")
    assert quick.rows("refused")[0]["detail"].count("it has 7 replicas by now") == 2
    assert not quick.api.writes


def test_who_works_again_since_the_offer_is_not_scaled_to_zero(quick):
    """What was idle at noon may serve by the time somebody says yes."""
    idle = [Target(quick.name, NS, "Deployment", "idle")]

    def tick(now):
        told = known(quick.store, rules, {"a": standing()}, now, idle)
        taken = climb(quick.store, quick.into, told, {quick.name: quick.api})
        return [t.state for t in taken]

    rules = quick.policy("propose", "scale_idle")
    assert tick(NOW) == ["proposed"]
    (row,) = quick.rows("proposed")
    token = offer(quick.store, row["action_id"]).token
    approve(quick.store, quick.into, row["action_id"], token, "ana", NOW)
    quick.api.put(DEPLOYMENTS, NS, "second", spec={"replicas": 2, "template": template()})
    idle[:] = [Target(quick.name, NS, "Deployment", "second")]
    assert tick(NOW + MINUTE) == ["proposed"], "another plan, which asks for another yes"
    assert not quick.api.writes
    idle.clear()
    assert tick(NOW + 2 * MINUTE) == ["refused"] and not quick.api.writes


def test_a_process_that_does_not_lead_decides_nothing_and_says_nothing(quick):
    """Two replicas: the one that waits wrote refusals beside what its leader did, and told it twice."""
    waits = Led(quick.api, Lease(quick.api, "d", "lease", who="second"))
    rules = quick.policy(steps="notify freeze hold_admission")
    assert quick.tick(rules, clients={quick.name: waits}) == []
    assert quick.rows("refused") == quick.rows("proposed") == []
    assert {s for _, s in quick.tick(rules)} == {"proposed", "approved", "executed"}


def test_what_holds_a_step_back_is_said_once_and_nothing_is_written(scene):
    def why(rules, clients=None, **changes) -> str:
        assert scene.tick(rules, clients=clients, **changes)[-1][1] == "refused"
        assert scene.tick(rules, clients=clients, **changes) == [], "said once"
        return scene.rows("refused")[-1]["detail"]

    scene.thing("localqueues.kueue.x-k8s.io", "q")["spec"]["stopPolicy"] = "Hold"
    assert "nothing to change" in why(scene.policy(steps="hold_queues"))
    limited = scene.policy(steps="notify freeze cap_autoscalers", per_namespace_per_hour=1)
    taken = scene.tick(limited)
    assert [k for k, s in taken if s == "executed"] == ["notify", "freeze"], "a limit holds within one tick"
    assert "in the namespace in 1 h" in scene.rows("refused")[-1]["detail"]
    observed = scene.tick(scene.policy("observe", "cap_autoscalers"))
    assert ("cap_autoscalers", "proposed") in observed and len(scene.api.writes) == 2, "quotas"


def failed(rules, now=NOW, history=(), muted=None, **changes) -> list[str]:
    (one,) = due(rules, {"a": standing(**changes)}, history, now, muted or {})
    return [g.gate for g in one.gates if not g.passed]


def test_each_gate_holds_back_what_it_is_for():
    def rules(more: str = "", **limits: int):
        return Scene.policy(SimpleNamespace(name="lab"), more=more, **limits)

    past = PastStep("a", "freeze", "lab", NS, "money", "undone", NOW - 9 * HOUR, NOW - 7 * HOUR, False)
    quiet = "quiet_hours: [{days: [tue], from: '11:00', to: '13:00'}]\n"
    assert failed(rules()) == []
    assert failed(rules("kill_switch: true\n")) == ["kill_switch"]
    assert failed(rules(quiet)) == ["not_quiet"]
    assert failed(rules(), muted={"money": NOW + HOUR}) == ["not_muted"]
    assert failed(rules(), as_of=NOW - 3 * HOUR) == ["fresh"]
    assert failed(rules(), as_of=NOW + HOUR) == ["fresh"], "a clock an hour off"
    assert failed(rules(), history=[past]) == []
    assert failed(rules(), history=[replace(past, by_hand=True)]) == ["not_put_back"]
    assert failed(rules(), history=[replace(past, ended_at=NOW - HOUR)]) == ["cool_down"]
    assert failed(rules(per_target_per_day=1), history=[past]) == ["per_target_per_day"]
    other = replace(past, kind="evict", acted_at=NOW - MINUTE)
    assert failed(rules(per_namespace_per_hour=1), history=[other]) == ["per_namespace_per_hour"]
    assert failed(rules(per_cluster_per_hour=1), history=[replace(other, namespace="b")]) == [
        "per_cluster_per_hour"
    ]
    assert failed(rules(per_hour=1), history=[replace(other, cluster="b")]) == ["per_hour"]
    held = replace(past, ended_at=None)
    assert not list(due(rules(), {"a": standing()}, (held,), NOW, {})), "it holds already"
    for changes in ({"spent": 99}, {"spent": None}):
        assert not list(due(rules(), {"a": standing(**changes)}, (), NOW, {})), "missing data never acts"
    assert failed(rules(tripped_targets=1)) == []
    both = rules(LADDER_B, tripped_targets=1)
    found = due(both, {"a": standing(), "b": standing(budget="b")}, (), NOW, {})
    assert {d.failed.gate for d in found} == {"breaker"}, "two budgets at once are a wrong price"


FILE = Scene.policy(SimpleNamespace(name="lab"), steps=" ".join(STEPS)).text


@pytest.mark.parametrize(
    ("old", "new", "key", "remedy"),
    [
        ("freeze, spent: 100%", "freeze, spent: 100", "ladders[0].steps[1].spent", "a text"),
        ("step: freeze", "step: delete", "ladders[0].steps[1].step", "freeze, hold_queues"),
        ("step: freeze", "step: evict", "ladders[0].steps", "the mildest first"),
        ("evict, spent", "evict, forecast", "ladders[0].steps[7].forecast", "no reason to evict"),
        ("[team-a]", "[kube-system]", "ladders[0].namespaces", "system's own"),
        ("[team-a]", "['team-*']", "ladders[0].namespaces", "names of namespaces"),
        (
            "mode: auto",
            "mode: auto\n    quiet_hours: [{from: x, to: '06:00'}]",
            "quiet_hours[0].from",
            "22:00",
        ),
        ("mode: auto", "mode: auto\n    ttl: 0", "ladders[0].ttl", "6h"),
    ],
)
def test_a_wrong_ladder_is_named_with_its_remedy(old, new, key, remedy):
    assert old in FILE
    with pytest.raises(ConfigError) as raised:
        parse(FILE.replace(old, new))
    assert key in str(raised.value) and remedy in str(raised.value)


def test_the_schema_takes_the_file_and_refuses_what_the_parser_refuses():
    check = Draft202012Validator(json.loads(json.dumps(schema())))
    assert not list(check.iter_errors(yaml_file.document(FILE)))
    assert list(check.iter_errors(yaml_file.document(FILE.replace("100%", "100"))))
    assert list(check.iter_errors({"version": "1"}))


@pytest.mark.parametrize(
    ("utc", "held"),
    [
        ("2026-11-23T20:59", False),
        ("2026-11-23T21:00", True),
        ("2026-11-24T04:59", True),
        ("2026-11-24T05:00", False),
    ],
)
def test_quiet_hours_go_over_midnight_by_the_clock_of_their_zone(utc, held):
    """Monday 22 to 6 in Berlin is an hour earlier in UTC in winter, and the night's end is Tuesday."""
    assert QuietHours(("mon",), 22 * 60, 6 * 60, "Europe/Berlin").hold(datetime.fromisoformat(utc)) is held
