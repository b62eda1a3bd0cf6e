"""Every kind of target: one effective patch through a crash at any point, and what is left alone."""

from __future__ import annotations

from dataclasses import replace

import pytest

from pipeline.actuator import ray_service, snapshots
from pipeline.actuator.catalogue import TARGETS
from pipeline.actuator.kubernetes import CONTROLLER_REVISIONS
from pipeline.actuator.patching import action_of
from pipeline.actuator.steps import Begun
from pipeline.policy.rules import VERSION_LABEL
from tests.act.crashing import POINTS, through
from tests.act.deciding import LATER, NOW, decided, journal
from tests.act.memory_cluster import NAME, NS, MemoryCluster

KEPT_BY_US = ("InferenceService", "LLMInferenceService", "ModelDeployment", "RayService")


class Scene:
    def __init__(self, kind: str) -> None:
        self.kind, self.api = kind, MemoryCluster()
        self.actuator = TARGETS[kind]
        self.target = self.api.make(kind)

    @property
    def thing(self):
        return self.api.objects[(self.actuator.shape.RESOURCE.plural, NAME)]

    def observed(self):
        return self.actuator.observe(self.api, self.target, VERSION_LABEL)

    def decide(self):
        return replace(decided(known=journal(target=self.observed())), target=self.target)

    def settle(self, action, state, now=NOW):
        begun = Begun(action.action_id, self.target, state, "v1", VERSION_LABEL)
        return self.actuator.settle(self.api, begun, LATER, now)

    def why(self, action) -> str:
        (step,) = self.actuator.execute(self.api, action)
        assert step.state == "refused" and self.api.written == 0
        return step.detail


@pytest.mark.parametrize("point", POINTS)
@pytest.mark.parametrize("kind", TARGETS)
def test_a_crash_at_any_point_leaves_exactly_one_effective_patch(kind, point):
    """The ledger holds what was recorded; the object tells the rest; the next process goes on from there."""
    scene = Scene(kind)
    assert scene.observed().version == "v2"
    action = through(scene.api, scene.decide, point)
    assert scene.api.written == 1
    assert action_of(scene.thing) == action.action_id
    assert scene.observed().version == "v1"
    scene.api.report(kind, done=False)
    assert (step := scene.settle(action, "executed")) is None or step.state == "executed"
    scene.api.report(kind)
    assert scene.settle(action, "executed").state == "verified"
    assert [s.state for s in scene.actuator.execute(scene.api, action)] == ["executed"]
    assert scene.api.written == 1


@pytest.mark.parametrize("kind", TARGETS)
def test_a_status_older_than_the_patch_verifies_nothing(kind):
    """Right after the patch the old status still says that all is well."""
    scene = Scene(kind)
    action = scene.decide()
    list(scene.actuator.execute(scene.api, action))
    assert scene.settle(action, "executed") is None
    assert scene.settle(action, "executed", LATER).state == "failed"


@pytest.mark.parametrize("kind", TARGETS)
def test_a_target_made_again_under_its_name_is_another_one(kind):
    scene = Scene(kind)
    action = scene.decide()
    scene.thing["metadata"]["uid"] = "uid-2"
    assert scene.why(action).startswith("target_moved")


@pytest.mark.parametrize("kind", KEPT_BY_US)
def test_each_state_is_kept_once_and_only_the_newest_ones(kind):
    scene = Scene(kind)
    assert [r.version for r in scene.observed().revisions] == ["v1", "v2"]
    scene.actuator.watch(scene.api, scene.target, VERSION_LABEL)
    assert len(scene.api.list_all(CONTROLLER_REVISIONS, NS)) == 2
    for generation in range(3, snapshots.MOST + 5):
        scene.thing["metadata"]["generation"] = generation
        scene.thing["spec"]["marker"] = generation
        scene.actuator.watch(scene.api, scene.target, VERSION_LABEL)
    kept = scene.observed().revisions
    assert len(kept) == snapshots.MOST and kept[-1].revision == snapshots.MOST + 4


def test_replicas_and_routes_stay_as_they_are_now():
    """Who scaled since then, an autoscaler or a budget, is not overruled by a rollback."""
    changes = {
        "InferenceService": (("predictor", "maxReplicas"), 7),
        "LLMInferenceService": (("router", "route"), {"group": "fraud", "weight": 1}),
        "ModelDeployment": (("scaling", "replicas"), 5),
        "RayService": (("upgradeStrategy",), {"type": "NewCluster"}),
    }
    for kind, (path, value) in changes.items():
        scene = Scene(kind)
        holder = scene.thing["spec"]
        for name in path[:-1]:
            holder = holder[name]
        holder[path[-1]] = value
        list(scene.actuator.execute(scene.api, scene.decide()))
        holder = scene.thing["spec"]
        for name in path[:-1]:
            holder = holder[name]
        assert holder[path[-1]] == value and scene.observed().version == "v1", kind
    scene = Scene("RayService")
    scene.thing["spec"]["rayClusterConfig"]["workerGroupSpecs"][0]["replicas"] = 3
    list(scene.actuator.execute(scene.api, scene.decide()))
    assert ray_service.at(scene.thing["spec"], "rayClusterConfig", "workerGroupSpecs")[0]["replicas"] == 3


def test_a_canary_of_kserve_loses_its_traffic_at_once():
    """Its controller then sends all to the revision that had all before."""
    scene = Scene("InferenceService")
    scene.thing["spec"]["predictor"]["canaryTrafficPercent"] = 10
    list(scene.actuator.execute(scene.api, scene.decide()))
    assert scene.thing["spec"]["predictor"]["canaryTrafficPercent"] == 0
    assert scene.observed().version == "v1"


def test_a_canary_of_kserve_cannot_return_to_what_the_rest_does_not_have():
    scene = Scene("InferenceService")
    action = scene.decide()
    other = {"predictor": {"labels": {VERSION_LABEL: "v1b"}}}
    snapshots.keep(scene.api, scene.thing | {"metadata": scene.thing["metadata"] | {"generation": 9}}, other)
    scene.thing["spec"]["predictor"]["canaryTrafficPercent"] = 10
    assert scene.why(action).startswith("canary: the rest of the traffic")


def test_another_model_is_no_rollback_of_a_model_deployment():
    """The webhook of AI Runway refuses it; the reason and the way round are said before it is tried."""
    scene = Scene("ModelDeployment")
    action = scene.decide()
    scene.thing["spec"]["model"]["id"] = "org/other"
    assert scene.why(action).startswith("immutable: model.id cannot change")


@pytest.mark.parametrize(
    ("kind", "change", "reason"),
    [
        ("InferenceService", {"annotations": {"serving.kserve.io/stop": "true"}}, "stopped"),
        ("InferenceService", {"spec": {"canary": [{"trafficPercent": 10}]}}, "canary_unsupported"),
        ("LLMInferenceService", {"annotations": {"serving.kserve.io/stop": "true"}}, "stopped"),
        ("ModelDeployment", {"annotations": {"airunway.ai/reconcile-paused": "true"}}, "paused"),
        ("RayService", {"spec": {"suspend": True}}, "suspended"),
    ],
)
def test_what_would_not_roll_out_is_refused(kind, change, reason):
    scene = Scene(kind)
    action = scene.decide()
    scene.thing["metadata"].setdefault("annotations", {}).update(change.get("annotations", {}))
    scene.thing["spec"].update(change.get("spec", {}))
    assert scene.why(action).startswith(reason)


def test_the_weight_of_a_route_goes_to_the_version_judged_good_and_nothing_else_changes():
    scene = Scene("HTTPRoute")
    before = scene.thing["spec"]["rules"][0]
    list(scene.actuator.execute(scene.api, scene.decide()))
    after = scene.thing["spec"]["rules"][0]
    assert [b["weight"] for b in after["backendRefs"]] == [100, 0]
    assert {**after, "backendRefs": 0} == {**before, "backendRefs": 0}


@pytest.mark.parametrize("weights", [(80, 20), (50, 50), (20, 80), (1, 99)])
def test_a_bad_version_with_any_share_of_a_route_is_rolled_back(weights):
    """A canary that has most of the traffic by now is still the one that errs."""
    scene = Scene("HTTPRoute")
    for backend, weight in zip(scene.thing["spec"]["rules"][0]["backendRefs"], weights, strict=True):
        backend["weight"] = weight
    assert set(scene.observed().serving) == {"v1", "v2"}
    action = scene.decide()
    list(scene.actuator.execute(scene.api, action))
    after = scene.thing["spec"]["rules"][0]["backendRefs"]
    assert [b["weight"] for b in after] == [sum(weights), 0] and scene.observed().serving == ("v1",)
    scene.api.report("HTTPRoute")
    assert scene.settle(action, "executed").state == "verified"


def test_a_route_that_says_no_version_is_refused_by_the_policy():
    scene = Scene("HTTPRoute")
    scene.thing["metadata"]["annotations"] = {}
    assert scene.observed().version == ""
    assert decided(known=journal(target=scene.observed())).reason == "serving"
