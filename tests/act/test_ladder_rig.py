"""The steps of a ladder on a real control plane, with the rights and behind the fence that are shipped."""

from __future__ import annotations

import json
from datetime import timedelta

import pytest

from pipeline.act.admission import CONTROLLER, Hold, answer
from pipeline.actuator import freeze as quota
from pipeline.actuator.catalogue import TARGETS
from pipeline.actuator.kubernetes import ApiError, Kubernetes, Resource
from pipeline.actuator.ladder.contract import Scope
from pipeline.actuator.ladder.reading import (
    AUTOSCALERS,
    CHECKS,
    JOBS,
    LOCAL_QUEUES,
    SCALED_OBJECTS,
    WORKLOADS,
)
from pipeline.actuator.ladder.rights import NEEDS
from pipeline.actuator.ladder.table import RUNGS
from pipeline.actuator.lease import LEASES, Lease, Led
from pipeline.actuator.object_event import object_event
from pipeline.actuator.quotas import quotas
from pipeline.actuator.rights import refusal
from pipeline.actuator.room import lent_for, take_back
from pipeline.actuator.steps import Begun
from pipeline.policy.rules import VERSION_LABEL, Target
from tests.act import kueue_crds
from tests.act.crashing import POINTS, Died, Dying
from tests.act.deciding import NOW
from tests.act.promised import own
from tests.act.rig_targets import ACCOUNT, Workload, client, hijacked, install
from tests.rig import cluster_objects as objects

HOUR = timedelta(hours=1)
GPU = {"nvidia.com/gpu": "1"}
QUEUED = {"type": "QuotaReserved", "status": "True", "reason": "QuotaReserved", "message": "",
          "lastTransitionTime": "2026-11-24T12:00:00Z"}  # fmt: skip


class Serving(Workload):
    """v1 and v2 both hold a GPU a pod, and both run."""

    def template(self, version: str):
        spec = objects.pod_spec(limits=GPU)
        spec["containers"][0]["image"] = f"model:{version}"
        return {"metadata": {"labels": {"app": self.name, VERSION_LABEL: version}}, "spec": spec}


class Lab:
    def __init__(self, kube) -> None:
        self.kube, self.ns = kube, objects.namespace(kube)
        self.access = install(kube, self.ns)
        self.api = client(self.access)
        self.thief = hijacked(self.access)

    def make(self, resource: Resource, name: str, status=None, metadata=None, **spec) -> None:
        where = self.path(resource)
        kind = {LOCAL_QUEUES: "LocalQueue", WORKLOADS: "Workload", SCALED_OBJECTS: "ScaledObject"}.get(
            resource
        )
        typed = {"apiVersion": f"{resource.group}/{resource.version}", "kind": kind} if kind else {}
        named = {"name": name, **(metadata or {})}
        self.kube.request("POST", where, {**typed, "metadata": named, "spec": spec})
        if status:
            self.kube.request("PATCH", f"{where}/{name}/status", {"status": status})

    def path(self, resource: Resource, name: str = "") -> str:
        root = f"{resource.root}/namespaces/{self.ns}/{resource.plural}"
        return f"{root}/{name}" if name else root

    def spec(self, resource: Resource, name: str):
        return self.kube.request("GET", self.path(resource, name))["spec"]


@pytest.fixture(scope="module")
def lab(kube):
    kube.start()
    kueue_crds.install(kube)
    objects.node(
        kube, "ladder-1", capacity={"cpu": "16", "memory": "64Gi", "pods": "100", "nvidia.com/gpu": "8"}
    )
    lab = Lab(kube)
    # A role's new rule reaches the authorizer a moment later.
    objects.until(lambda: lab.api.may("patch", JOBS, lab.ns, "x") is True, "the rights to be there")
    objects.until(
        lambda: not isinstance(lab.api.list_all(WORKLOADS, lab.ns), ApiError), "the kinds to be there"
    )
    yield lab
    lab.api.close()
    lab.thief.close()


def test_a_frozen_namespace_still_rolls_back(lab):
    """The quota leaves room for the surge of one rollout; at what is held, the rollback would never end."""
    served = Serving(lab.kube, lab.ns, "Deployment", "frozen")
    served.create()
    served.roll_out("v2")
    served.until_complete()
    plan = RUNGS["freeze"].plan(lab.api, Scope("rig", lab.ns))
    assert plan["hard"]["requests.nvidia.com/gpu"] == 3, "two pods and one of surge"
    assert RUNGS["freeze"].carry_out(lab.api, plan, "f", NOW + HOUR).state == "executed"
    objects.until(lambda: RUNGS["freeze"].holds(lab.api, plan, "f"), "the quota to count")
    for name in ("more", "most"):
        with_gpu = objects.pod_spec(limits=GPU)
        body = {"metadata": {"name": name}, "spec": with_gpu}
        made = lab.kube.request("POST", f"/api/v1/namespaces/{lab.ns}/pods", body, or_status=403)
    assert "exceeded quota: driftledger-freeze" in made["message"]
    action = served.decide()  # "more" has taken the room, and stays
    *_, done = TARGETS["Deployment"].execute(lab.api, action)
    assert done.state == "executed" and done.detail.endswith("is raised for its surge")
    begun = Begun(action.action_id, action.target, "executed", "v1", VERSION_LABEL)

    def verified() -> bool:
        step = TARGETS["Deployment"].settle(lab.api, begun, NOW + HOUR, NOW)
        return step is not None and step.state == "verified"

    objects.until(verified, "v1 to be available under the frozen quota")
    raised = lab.api.get(quota.RESOURCE_QUOTAS, lab.ns, quota.NAME)
    assert raised["spec"]["hard"]["requests.nvidia.com/gpu"] == "4" and lent_for(raised) == action.action_id
    assert take_back(lab.api, raised) is None
    back = lab.api.get(quota.RESOURCE_QUOTAS, lab.ns, quota.NAME)
    assert back["spec"]["hard"]["requests.nvidia.com/gpu"] == "3" and lent_for(back) == ""
    objects.delete_pod(lab.kube, lab.ns, "more")
    assert RUNGS["freeze"].put_back(lab.api, plan, "f").state == "undone"
    assert isinstance(lab.api.get(quota.RESOURCE_QUOTAS, lab.ns, quota.NAME), ApiError)
    lab.kube.request("DELETE", served.path)


def test_a_frozen_namespace_gives_a_spared_class_its_devices(lab):
    """What must always grow does not wait for a budget that others have spent; a claim has no class."""
    lab.kube.request("POST", "/apis/scheduling.k8s.io/v1/priorityclasses",
                     {"metadata": {"name": "freeze-spared"}, "value": 9}, or_status=409)  # fmt: skip
    objects.device_class(lab.kube, "gpu.spared")
    plan = RUNGS["freeze"].plan(lab.api, Scope("rig", lab.ns, ("freeze-spared",)))
    plan = json.loads(json.dumps(plan))
    assert RUNGS["freeze"].carry_out(lab.api, plan, "s", NOW + HOUR).state == "executed"
    objects.until(lambda: RUNGS["freeze"].holds(lab.api, plan, "s"), "the quotas to count")

    def refused(name: str, **spec) -> str:
        body = {"metadata": {"name": name}, "spec": objects.pod_spec(limits=GPU) | spec}
        made = lab.kube.request("POST", f"/api/v1/namespaces/{lab.ns}/pods", body, or_status=403)
        return made.get("message", "")

    for name in ("room-of-surge", "over"):
        said = refused(name)
    assert "exceeded quota: driftledger-freeze" in said
    assert refused("spared-one", priorityClassName="freeze-spared") == ""
    assert refused("spared-two", priorityClassName="freeze-spared") == ""
    claim = {"metadata": {"name": "c"}, "spec": {"devices": {"requests": [
        {"name": "r", "exactly": {"deviceClassName": "gpu.spared", "count": 1}}]}}}  # fmt: skip
    claims = f"/apis/resource.k8s.io/v1/namespaces/{lab.ns}/resourceclaims"
    made = lab.kube.request("POST", claims, claim, or_status=403)
    assert "exceeded quota: driftledger-freeze-claims" in made["message"]
    assert RUNGS["freeze"].put_back(lab.api, plan, "s").state == "undone"
    objects.until(lambda: refused("over") == "", "devices to be given again")
    lab.kube.request("POST", claims, claim)
    for name in ("over", "room-of-surge", "spared-one", "spared-two"):
        lab.kube.request("DELETE", f"/api/v1/namespaces/{lab.ns}/pods/{name}", or_status=404)


def test_each_step_changes_real_objects_and_puts_them_back(lab):
    """With strict validation, and what Kueue's and KEDA's controllers write played here."""
    web = Serving(lab.kube, lab.ns, "Deployment", "web")
    web.create()
    reference = {"apiVersion": "apps/v1", "kind": "Deployment", "name": "web"}
    lab.make(AUTOSCALERS, "web", scaleTargetRef=reference, maxReplicas=9)
    lab.make(SCALED_OBJECTS, "k", {"hpaName": "keda-hpa-k"}, scaleTargetRef={"name": "other"}, triggers=[{}])
    keda = {
        "apiVersion": "keda.sh/v1alpha1",
        "kind": "ScaledObject",
        "name": "k",
        # Of an owner that is not there, the garbage collector would take the autoscaler away.
        "uid": lab.kube.request("GET", lab.path(SCALED_OBJECTS, "k"))["metadata"]["uid"],
        "controller": True,
    }
    other = reference | {"name": "other"}
    kedas = {"ownerReferences": [keda]}
    lab.make(AUTOSCALERS, "keda-hpa-k", metadata=kedas, scaleTargetRef=other, maxReplicas=50)
    lab.make(LOCAL_QUEUES, "q", clusterQueue="c")
    lab.make(WORKLOADS, "w", podSets=[{"count": 1, "template": {}}], queueName="q")
    nowhere = objects.pod_spec(limits={"example.com/none": "1"}) | {"restartPolicy": "Never"}
    lab.make(JOBS, "train", template={"spec": nowhere})  # KWOK ends a job's pod that it runs at once

    def reported() -> bool:
        found = lab.kube.request("GET", lab.path(AUTOSCALERS, "web")).get("status", {})
        return found.get("currentReplicas") == 2

    objects.until(reported, "the autoscaler to see two replicas")
    watched = (
        (AUTOSCALERS, "web"),
        (SCALED_OBJECTS, "k"),
        (LOCAL_QUEUES, "q"),
        (WORKLOADS, "w"),
        (JOBS, "train"),
    )
    before = [lab.spec(*w) for w in watched]
    scope = Scope("rig", lab.ns, idle=(Target("rig", lab.ns, "Deployment", "web"),))
    plans = {}
    for step in ("hold_queues", "cap_autoscalers", "scale_idle", "suspend_batch"):
        plans[step] = json.loads(json.dumps(RUNGS[step].plan(lab.api, scope)))
        done = RUNGS[step].carry_out(lab.api, plans[step], step, NOW + HOUR)
        assert done.state == "executed", done
        assert RUNGS[step].holds(lab.api, plans[step], step).state == "verified"
    changed = [lab.spec(*w) for w in watched]
    fields = ("maxReplicas", "maxReplicaCount", "stopPolicy", "active", "suspend")
    assert [c[f] for c, f in zip(changed, fields, strict=True)] == [2, 1, "Hold", False, True]
    pods = f"/api/v1/namespaces/{lab.ns}/pods"
    objects.until(lambda: not objects.items(lab.kube, pods), "no pod of an idle or suspended workload")
    for step, plan in plans.items():
        assert RUNGS[step].put_back(lab.api, plan, step).state == "undone"
    assert [lab.spec(*w) for w in watched] == before
    web.until_complete()
    objects.until(lambda: len(objects.items(lab.kube, pods)) == 3, "two replicas and the job's pod")
    objects.pod(lab.kube, lab.ns, "alone", objects.pod_spec(limits=GPU))
    plan = RUNGS["evict"].plan(lab.api, scope)
    assert [p["name"].split("-")[0] for p in plan["pods"]] == ["train", "web", "web"], "who comes back alone"
    assert RUNGS["evict"].carry_out(lab.api, plan, "e", NOW + HOUR).state == "executed"
    objects.until(lambda: RUNGS["evict"].holds(lab.api, plan, "e"), "the pods to be gone")
    web.until_complete()


def test_kueues_check_is_answered_from_the_budget(lab):
    """Kueue is played: it asks by Pending on a workload with its quota, and never about one that runs."""
    root = f"{CHECKS.root}/{CHECKS.plural}"
    for name, controller in (("driftledger-budget", CONTROLLER), ("others", "else.example/check")):
        body = {"apiVersion": "kueue.x-k8s.io/v1beta2", "kind": "AdmissionCheck", "metadata": {"name": name},
                "spec": {"controllerName": controller}}  # fmt: skip
        lab.kube.request("POST", root, body, or_status=409)
    asked = [
        {"name": n, "state": "Pending", "message": "", "lastTransitionTime": "2026-11-24T12:00:00Z"}
        for n in ("others", "driftledger-budget")
    ]
    runs = QUEUED | {"type": "Admitted", "reason": "Admitted"}
    for name, conditions in (("asks", [QUEUED]), ("waits", [QUEUED]), ("runs", [QUEUED, runs]), ("new", [])):
        status = {"conditions": conditions, "admissionChecks": asked}
        lab.make(WORKLOADS, name, status, podSets=[{"count": 1, "template": {}}], queueName="q")

    def states(name: str):
        found = lab.kube.request("GET", lab.path(WORKLOADS, name))["status"]["admissionChecks"]
        return [c["state"] for c in found]

    held = {lab.ns: Hold("budget a: 120.00 of 100.00 USD are spent", NOW + HOUR)}
    found = list(answer(lab.api, (lab.ns,), held, NOW))
    assert sorted((f.workload, f.state) for f in found) == [("asks", "Retry"), ("waits", "Retry")], found
    said = lab.kube.request("GET", lab.path(WORKLOADS, "asks"))["status"]["admissionChecks"][1]
    assert "120.00 of 100.00" in said["message"] and said["requeueAfterSeconds"] == 300
    assert states("runs") == states("new") == ["Pending", "Pending"] and states("asks") == [
        "Pending",
        "Retry",
    ]
    assert list(answer(lab.api, (lab.ns,), {}, NOW)) == [], (
        "whoever was answered is asked about by Kueue again"
    )
    for name in ("asks", "waits"):
        status = {"conditions": [QUEUED], "admissionChecks": asked}
        lab.kube.request("PATCH", lab.path(WORKLOADS, name) + "/status", {"status": status})
    assert {f.state for f in answer(lab.api, (lab.ns,), {}, NOW)} == {"Ready"}
    check = lab.kube.request("GET", f"{root}/driftledger-budget")
    assert [(c["type"], c["status"]) for c in check["status"]["conditions"]] == [("Active", "True")]
    other = [{"op": "replace", "path": "/status/admissionChecks/0/state", "value": "Ready"}]
    status = Resource("kueue.x-k8s.io", "v1beta2", "workloads", "status")
    assert "named driftledger" in _refused(lab.thief.patch(status, lab.ns, "new", other, dry_run=False))


def test_a_paused_old_leader_writes_nothing(lab):
    """Two processes and one lease: the one that slept finds out before it writes."""
    space, name = ACCOUNT[0], "driftledger-actuator"
    ticking = {"now": 0.0}
    old, new = (Lease(lab.api, space, name, who=who, clock=lambda: ticking["now"]) for who in ("old", "new"))
    leader = Led(client(lab.access), old)
    objects.until(lambda: lab.api.may("create", LEASES, space, "") is True, "the rights to be there")
    assert leader.renew(NOW) == "" and leader.leads
    assert new.renew(NOW) == "old holds the lease" and not new.held
    lab.make(LOCAL_QUEUES, "led", clusterQueue="c")
    plan = RUNGS["hold_queues"].plan(leader, Scope("rig", lab.ns))
    ticking["now"] = 31.0  # the old one is stopped here, with its plan made
    assert new.renew(NOW) == "" and new.held
    stopped = RUNGS["hold_queues"].carry_out(leader, plan, "late", NOW + HOUR)
    assert stopped.state == "refused" and "not the leader" in stopped.detail
    assert lab.spec(LOCAL_QUEUES, "led")["stopPolicy"] == "None"
    assert leader.renew(NOW) == "new holds the lease"
    new.release()
    assert leader.renew(NOW) == ""
    leader.close()
    lease = {
        "apiVersion": "coordination.k8s.io/v1",
        "kind": "Lease",
        "metadata": {"name": "kube-scheduler"},
        "spec": {},
    }
    assert "lease is driftledger/driftledger-actuator" in _refused(lab.thief.create(LEASES, space, lease))
    assert "cannot create" in _refused(lab.thief.create(LEASES, lab.ns, lease))


def test_a_hijacked_actuator_changes_one_field_of_a_limit_and_says_why(lab):
    """Each with its own token: another field, no action, an event in somebody's name; then one of its own."""
    lab.make(JOBS, "safe", suspend=True, template={"spec": objects.pod_spec() | {"restartPolicy": "Never"}})
    lab.make(LOCAL_QUEUES, "safe", clusterQueue="c")
    mark = {"op": "add", "path": "/metadata/annotations", "value": {"driftledger.io/action-id": "a"}}
    go = {"op": "add", "path": "/spec/suspend", "value": False}
    more = {"op": "add", "path": "/spec/parallelism", "value": 99}

    def patched(resource, name, *operations):
        return _refused(lab.thief.patch(resource, lab.ns, name, operations, dry_run=False))

    assert "action of its own" in patched(JOBS, "safe", go)
    assert "changes one field" in patched(JOBS, "safe", more, mark)
    label = {"op": "add", "path": "/metadata/labels", "value": {"kueue.x-k8s.io/queue-name": "q"}}
    assert "labels stay" in patched(JOBS, "safe", mark, label)
    queue = {"op": "add", "path": "/spec/clusterQueue", "value": "big"}
    assert "changes one field" in patched(LOCAL_QUEUES, "safe", queue, mark)
    web = {"apiVersion": "apps/v1", "kind": "Deployment", "name": "web"}
    lab.make(AUTOSCALERS, "safe", scaleTargetRef=web, maxReplicas=9)
    high = {"op": "add", "path": "/spec/maxReplicas", "value": 50}
    assert "lowers the limits" in patched(AUTOSCALERS, "safe", mark, high)
    low = [mark, high | {"value": 2}]
    assert not isinstance(lab.api.patch(AUTOSCALERS, lab.ns, "safe", low, dry_run=False), ApiError)
    unmark = {"op": "remove", "path": "/metadata/annotations/driftledger.io~1action-id"}
    assert "at most data.mostReplicas" in patched(AUTOSCALERS, "safe", unmark, high | {"value": 101})
    events = Resource("events.k8s.io", "v1", "events")
    event = {"metadata": {"name": "x"}, "eventTime": "2026-11-24T12:00:00.000000Z",
             "reportingController": "kubelet",
             "reportingInstance": "x", "action": "a", "reason": "r", "type": "Normal",
             "regarding": {"kind": "Job", "name": "safe", "namespace": lab.ns}}  # fmt: skip
    assert "events are its own" in _refused(lab.thief.create(events, lab.ns, event))
    assert "cannot delete" in _refused(lab.thief.delete(JOBS, lab.ns, "safe", "x"))
    of = ("a" * 64, "freeze", "executed")
    for _ in range(2):
        told = object_event(lab.api, lab.ns, "Namespace", lab.ns, "held to 3 devices", of, NOW)
        assert not isinstance(told, ApiError), told
    path = f"/apis/events.k8s.io/v1/namespaces/{lab.ns}/events/driftledger-{'a' * 20}-executed"
    assert lab.kube.request("GET", path)["note"] == "held to 3 devices"


def test_the_shipped_rights_are_enough_for_each_step_where_they_are_bound_and_nowhere_else(lab):
    for step, needs in NEEDS.items():
        assert refusal(lab.api, needs, lab.ns) == "", step
    said = refusal(lab.api, NEEDS["hold_queues"], "kube-system")
    assert said.startswith(
        "forbidden: this account may not list, get, patch localqueues.kueue.x-k8s.io in kube-system; "
        "deploy/actuator-rbac.yaml gives it by ClusterRole driftledger-actuator bound in kube-system: "
    )


def test_a_step_that_ends_while_the_fence_is_shut_is_put_back_once_it_is_open(lab):
    """It counted as put back, with the queue held for ever."""
    lab.make(LOCAL_QUEUES, "shut", clusterQueue="c")
    scope, rung = Scope("rig", lab.ns), RUNGS["hold_queues"]
    every = rung.plan(lab.api, scope)
    plan = {"changes": [c for c in every["changes"] if c["name"] == "shut"]}
    assert rung.carry_out(lab.api, plan, "shut", NOW + HOUR).state == "executed"
    fence = f"/api/v1/namespaces/{ACCOUNT[0]}/configmaps/driftledger-fence"
    probe = [{"op": "add", "path": "/spec/stopPolicy", "value": "None"}]

    def shut(stop: str) -> None:
        lab.kube.request("PATCH", fence, {"data": {"stop": stop}})

        def seen() -> bool:
            answer = lab.api.patch(LOCAL_QUEUES, lab.ns, "shut", probe, dry_run=True)
            assert isinstance(answer, ApiError), "it carries no action of its own"
            return ("the fence is shut" in answer.message) == (stop == "true")

        objects.until(seen, f"data.stop: {stop} to be known")

    shut("true")
    try:
        kept = rung.put_back(lab.api, plan, "shut")
        assert kept.state == "failed" and "the fence is shut" in kept.detail, kept
    finally:
        shut("false")
    assert rung.put_back(lab.api, plan, "shut").state == "undone"
    assert lab.spec(LOCAL_QUEUES, "shut")["stopPolicy"] == "None"


class Process(Dying, Kubernetes):
    """The actuator's own client, which can die."""


def test_a_crash_around_a_step_changes_a_queue_once_and_puts_it_back_once(lab):
    """By the audit log; tests/act/test_ladder_crash.py tries every step and point, with a ledger."""
    lab.make(LOCAL_QUEUES, "crash", clusterQueue="c")
    rung, api = RUNGS["hold_queues"], client(lab.access, Process)
    every = rung.plan(api, Scope("rig", lab.ns))
    plan = {"changes": [c for c in every["changes"] if c["name"] == "crash"]}

    def dies_at(point: str, what) -> str:
        api.die = point
        try:
            return what().state
        except Died:
            return what().state

    for n, point in enumerate(POINTS):
        of = f"crash-{n}"
        if not point.endswith("recorded"):
            done = dies_at(point, lambda of=of: rung.carry_out(api, plan, of, NOW + HOUR))
            assert (done, lab.spec(LOCAL_QUEUES, "crash")["stopPolicy"]) == ("executed", "Hold"), point
            back = dies_at(point, lambda of=of: rung.put_back(api, plan, of))
            assert (back, lab.spec(LOCAL_QUEUES, "crash")["stopPolicy"]) == ("undone", "None"), point
    api.close()
    tries = sum(not point.endswith("recorded") for point in POINTS)
    wrote = [e for e in own(lab.kube) if (e.verb, e.name, e.namespace) == ("patch", "crash", lab.ns)]
    assert sum(e.code == 200 and not e.dry_run for e in wrote) == 2 * tries


def test_quotas_and_limits_are_read(lab):
    root = f"/api/v1/namespaces/{lab.ns}"
    limits = {"limits": [{"type": "Container", "max": {"nvidia.com/gpu": "4"}}]}
    lab.kube.request("POST", f"{root}/limitranges", {"metadata": {"name": "l"}, "spec": limits})
    hard = {"hard": {"pods": "40", "requests.memory": "80Gi"}}
    lab.kube.request("POST", f"{root}/resourcequotas", {"metadata": {"name": "q"}, "spec": hard})
    rows = {(r[1], r[3]): r[4] for r in quotas(lab.api, (lab.ns,)).rows}
    assert rows["ResourceQuota", "pods"] == "40" and rows["LimitRange", "nvidia.com/gpu"] == "4"
    lab.kube.request("DELETE", f"{root}/limitranges/l")
    lab.kube.request("DELETE", f"{root}/resourcequotas/q")


def test_each_right_of_the_ladder_is_used(lab):
    """By the API server's own log of the tests above; test_verbs_rig.py shows that nothing else was.

    `beside` are those of idle StatefulSets and of Rollouts, which test_actuator_rig.py uses.
    """
    wanted = {(right.verb, right.resource.words) for rights in NEEDS.values() for right in rights}
    beside = {
        ("patch", "statefulsets/scale.apps"),
        ("get", "statefulsets.apps"),
        ("get", "rollouts.argoproj.io"),
    }
    assert wanted - beside - {(e.verb, e.what) for e in own(lab.kube)} == set()


def _refused(answer) -> str:
    assert isinstance(answer, ApiError) and answer.fault in ("forbidden", "invalid"), answer
    return answer.message
