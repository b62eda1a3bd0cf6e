"""The rollback of a Deployment: one guarded patch, or a refusal with a reason and no write at all."""

from __future__ import annotations

from dataclasses import replace
from datetime import timedelta

import pytest

from pipeline.actuator.catalogue import TARGETS
from pipeline.actuator.kubernetes import ApiError
from pipeline.actuator.steps import Begun
from pipeline.demo.apiserver_faults import Fault
from pipeline.policy.file import KINDS
from pipeline.policy.rules import VERSION_LABEL
from tests.act.cluster_scene import TARGET, cluster, template
from tests.act.deciding import NOW, decided, journal

ANNOTATION = "driftledger.io/action-id"
LATER = NOW + timedelta(minutes=10)


def observed(scene):
    return TARGETS["Deployment"].observe(scene.client, TARGET, VERSION_LABEL)


def decide(scene):
    """As if no owner's mark was there yet at the decision."""
    return decided(known=journal(target=replace(observed(scene), owner="", owned_by="")))


def execute(scene, action):
    return list(TARGETS["Deployment"].execute(scene.client, action))


def begun(action, state="executed"):
    return Begun(action.action_id, TARGET, state, action.to_version, VERSION_LABEL)


def settle(scene, action, state="executed", now=NOW):
    return TARGETS["Deployment"].settle(scene.client, begun(action, state), LATER, now)


def test_every_kind_that_a_policy_may_name_has_an_actuator():
    assert set(KINDS) == set(TARGETS)


def test_the_state_is_what_the_cluster_says():
    with cluster("v1", "v2") as scene:
        state = TARGETS["Deployment"].observe(scene.client, TARGET, VERSION_LABEL)
        assert (state.revision, state.version, state.generation) == (2, "v2", 2)
        assert [(r.revision, r.version) for r in state.revisions] == [(1, "v1"), (2, "v2")]
        assert state.template_hash == state.revisions[1].template_hash


def test_a_replica_set_of_another_deployment_is_no_revision():
    """A selector may match a stranger's ReplicaSet; only the owner's uid decides."""
    with cluster("v1", "v2") as scene:
        stranger = next(iter(scene.server.apps.replica_sets.values()))
        stranger["metadata"]["ownerReferences"][0]["uid"] = "other"
        state = TARGETS["Deployment"].observe(scene.client, TARGET, VERSION_LABEL)
        assert len(state.revisions) == 1


def test_a_rollback_puts_the_old_template_back_with_the_action_id():
    with cluster("v1", "v2") as scene:
        before = scene.deployment
        action = decide(scene)
        assert [s.state for s in execute(scene, action)] == ["approved", "executed"]
        after = scene.deployment
        assert scene.serving() == "v1"
        assert "pod-template-hash" not in after["spec"]["template"]["metadata"]["labels"]
        assert after["metadata"]["annotations"][ANNOTATION] == action.action_id
        assert {**after["spec"], "template": None} == {**before["spec"], "template": None}
        assert settle(scene, action) is None, "the controller has not seen the change yet"
        scene.server.tick()
        assert settle(scene, action).state == "verified"


def test_the_audit_log_has_the_promised_requests_in_order_and_no_other():
    """The least rights of its account: deployments get, patch; replicasets list; reviews create."""
    with cluster("v1", "v2") as scene:
        execute(scene, decide(scene))
        assert [(e.verb, e.path.rsplit("/", 1)[-1], e.dry_run) for e in scene.server.audit] == [
            ("get", "fraud", False),
            ("list", "replicasets", False),
            ("create", "selfsubjectaccessreviews", False),
            ("get", "fraud", False),
            ("list", "replicasets", False),
            ("patch", "fraud", True),
            ("patch", "fraud", False),
        ]


def test_nothing_is_written_before_the_approval_is_taken():
    """The caller records `approved` first, so that a crash leaves a trace of what may have happened."""
    with cluster("v1", "v2") as scene:
        steps = TARGETS["Deployment"].execute(scene.client, decide(scene))
        assert next(steps).state == "approved"
        assert scene.serving() == "v2" and scene.asked("patch") == 0


def test_a_crash_before_the_patch_is_found_and_nothing_was_written():
    with cluster("v1", "v2") as scene:
        action = decide(scene)
        next(TARGETS["Deployment"].execute(scene.client, action))
        assert settle(scene, action, "approved").state == "refused"
        assert scene.serving() == "v2"


def test_a_crash_after_the_patch_is_found_and_never_sent_again():
    with cluster("v1", "v2") as scene:
        action = decide(scene)
        execute(scene, action)
        assert settle(scene, action, "approved").state == "executed"
        assert [s.state for s in execute(scene, action)] == ["executed"]
        assert scene.asked("patch") == 1


def test_a_moved_generation_is_not_patched():
    with cluster("v1", "v2") as scene:
        action = decide(scene)
        scene.deploy("v3")
        steps = execute(scene, action)
        assert [s.state for s in steps] == ["refused"] and steps[0].detail.startswith("target_moved")
        assert scene.asked("patch") == 0 == scene.asked("patch", dry_run=True)


def test_a_generation_that_moves_after_the_check_fails_the_patch_itself():
    """The last moment before the write: only the test operation inside the patch can see it."""
    with cluster("v1", "v2") as scene:
        steps = TARGETS["Deployment"].execute(scene.client, decide(scene))
        assert next(steps).state == "approved"
        scene.deploy("v3")
        refused = next(steps)
        assert refused.state == "refused" and refused.detail.startswith("not_written: invalid")
        assert scene.serving() == "v3" and scene.asked("patch") == 1


def test_a_deployment_that_is_made_anew_after_the_check_fails_the_patch_itself():
    """The same name at the same generation under another uid: somebody's new object, not the one judged."""
    with cluster("v1", "v2") as scene:
        action = decide(scene)
        steps = TARGETS["Deployment"].execute(scene.client, action)
        assert next(steps).state == "approved"
        scene.server.apps.deployments["ml", "fraud"]["metadata"]["uid"] = "a-new-uid"
        refused = next(steps)
        assert refused.state == "refused" and refused.detail.startswith("not_written: invalid")
        assert scene.serving() == "v2" and scene.asked("patch") == 1


def test_a_recreated_deployment_of_the_same_name_is_another_target():
    with cluster("v1", "v2") as scene:
        action = decide(scene)
        moved = replace(action, patch=replace(action.patch, uid="the-old-uid"))
        assert execute(scene, moved)[0].detail.startswith("target_moved")


@pytest.mark.parametrize(
    ("reason", "change"),
    [
        ("paused", lambda d: d["spec"].update(paused=True)),
        (
            "owned: Argo CD",
            lambda d: d["metadata"]["annotations"].update({"argocd.argoproj.io/tracking-id": "x"}),
        ),
        ("owned: Flux", lambda d: d["metadata"]["labels"].update({"kustomize.toolkit.fluxcd.io/name": "x"})),
        ("owned: Flux", lambda d: d["metadata"]["labels"].update({"helm.toolkit.fluxcd.io/name": "x"})),
        ("owned: Helm", lambda d: d["metadata"]["annotations"].update({"meta.helm.sh/release-name": "x"})),
        ("owned: Helm", lambda d: d["metadata"]["labels"].update({"app.kubernetes.io/managed-by": "Helm"})),
        (
            "owned: ModelDeployment/fraud",
            lambda d: d["metadata"].update(
                ownerReferences=[{"kind": "ModelDeployment", "name": "fraud", "controller": True}]
            ),
        ),
    ],
)
def test_what_stands_against_a_patch_is_refused_by_name(reason, change):
    with cluster("v1", "v2") as scene:
        scene.edit(change)
        scene.server.tick()
        steps = execute(scene, decide(scene))
        assert [s.state for s in steps] == ["refused"] and steps[0].detail.startswith(reason)
        if reason.startswith("owned: "):
            refusal = decided(known=journal(target=observed(scene)))
            assert (refusal.reason, reason[7:] in refusal.detail) == ("owner_agrees", True)
        assert scene.asked("patch") == 0 == scene.asked("patch", dry_run=True)


@pytest.mark.parametrize("manager", ["argocd-controller", "kustomize-controller", "helm-controller", "helm"])
def test_a_live_field_manager_of_gitops_is_refused(manager):
    """A mark may have been removed; who wrote the fields stays."""
    with cluster("v1", "v2") as scene:
        scene.server.apps.change(
            "ml",
            "fraud",
            lambda d: {**d, "spec": {**d["spec"], "replicas": 5}},
            manager=manager,
            dry_run=False,
        )
        scene.server.tick()
        assert execute(scene, decide(scene))[0].detail.startswith("owned")
        assert scene.serving() == "v2"


def test_a_change_that_the_controller_has_not_seen_is_waited_for():
    with cluster("v1", "v2") as scene:
        scene.edit(lambda d: d["spec"].update(replicas=6))
        assert execute(scene, decide(scene))[0].detail.startswith("rollout_in_progress")


def test_a_rollout_of_an_earlier_action_is_waited_for():
    with cluster("v1", "v2") as scene:
        scene.edit(lambda d: d["metadata"]["annotations"].update({ANNOTATION: "earlier"}))
        scene.server.apps.deploy("ml", "fraud", template("v3"))
        scene.server.tick(complete=False)
        assert execute(scene, decide_v3(scene))[0].detail.startswith("rollout_in_progress")


def decide_v3(scene):
    state = TARGETS["Deployment"].observe(scene.client, TARGET, VERSION_LABEL)
    action = decided(known=journal(target=replace(state, version="v2")))
    return replace(action, model_version="v3")


def test_a_bad_version_half_way_out_is_stopped():
    """Waiting for the rollout to complete would put the worse model before everybody."""
    with cluster("v1") as scene:
        scene.server.apps.deploy("ml", "fraud", template("v2"))
        scene.server.tick(complete=False)
        assert [s.state for s in execute(scene, decide(scene))] == ["approved", "executed"]


def test_a_revision_that_is_gone_or_changed_is_refused():
    with cluster("v1", "v2") as scene:
        action = decide(scene)
        wrong = replace(action, patch=replace(action.patch, to_template_hash="0" * 64))
        assert execute(scene, wrong)[0].detail.startswith("missing_revision")
        scene.server.apps.replica_sets.pop(("ml", action.patch.keeper))
        assert execute(scene, action)[0].detail.startswith("missing_revision")
        assert scene.serving() == "v2"


def test_a_missing_right_is_refused_with_verb_and_resource():
    with cluster("v1", "v2") as scene:
        action = decide(scene)
        scene.server.deny("patch", "deployments")
        (step,) = execute(scene, action)
        assert step.state == "refused"
        assert "forbidden" in step.detail and "patch deployments.apps fraud in ml" in step.detail
        assert scene.asked("patch", dry_run=True) == 0


def test_a_denied_read_is_a_value_that_names_verb_and_resource():
    with cluster("v1", "v2") as scene:
        scene.server.deny("list", "replicasets")
        found = TARGETS["Deployment"].observe(scene.client, TARGET, VERSION_LABEL)
        assert isinstance(found, ApiError) and found.words.startswith("forbidden: list replicasets.apps")


@pytest.mark.parametrize("fault", ["forbidden", "conflict", "server_error"])
def test_a_failed_dry_run_is_never_followed_by_the_real_patch(fault):
    with cluster("v1", "v2") as scene:
        action = decide(scene)
        scene.server.inject(Fault(fault, "patch", dry_run=True))
        (step,) = execute(scene, action)
        assert step.state == "refused" and step.detail.startswith("dry_run")
        assert scene.asked("patch") == 0 and scene.serving() == "v2"


@pytest.mark.parametrize("fault", ["forbidden", "conflict"])
def test_a_refused_patch_is_not_tried_again(fault):
    with cluster("v1", "v2") as scene:
        action = decide(scene)
        scene.server.inject(Fault(fault, "patch", dry_run=False))
        assert [s.state for s in execute(scene, action)] == ["approved", "refused"]
        assert scene.asked("patch") == 1 and scene.serving() == "v2"


def test_a_lost_answer_is_looked_up_on_the_object():
    with cluster("v1", "v2", read_seconds=0.3) as scene:
        action = decide(scene)
        scene.server.inject(Fault("timeout_after_success", "patch", dry_run=False))
        assert [s.state for s in execute(scene, action)] == ["approved", "executed"]
        assert scene.asked("patch") == 1 and scene.serving() == "v1"


def test_a_patch_of_unknown_fate_stays_approved_until_the_object_tells():
    with cluster("v1", "v2", read_seconds=0.3) as scene:
        action = decide(scene)
        scene.server.inject(Fault("timeout", "patch", dry_run=False))
        assert [s.state for s in execute(scene, action)] == ["approved"]
        assert settle(scene, action, "approved").state == "refused"


def test_a_rollout_that_does_not_complete_in_time_has_failed():
    with cluster("v1", "v2") as scene:
        action = decide(scene)
        execute(scene, action)
        scene.server.tick(complete=False)
        assert settle(scene, action) is None
        assert settle(scene, action, now=LATER).state == "failed"


def test_a_change_by_somebody_else_undoes_the_action():
    with cluster("v1", "v2") as scene:
        action = decide(scene)
        execute(scene, action)
        scene.deploy("v2")
        assert settle(scene, action).state == "undone"


def test_an_object_that_cannot_be_read_is_asked_again_until_the_time_is_up():
    with cluster("v1", "v2") as scene:
        action = decide(scene)
        execute(scene, action)
        scene.server.deny("get", "deployments")
        assert settle(scene, action) is None
        assert settle(scene, action, now=LATER).state == "failed"


def test_no_step_holds_the_pod_template():
    """Pod templates hold environment values; the ledger keeps their hashes."""
    with cluster("v1", "v2") as scene:
        words = "".join(s.detail + s.evidence for s in execute(scene, decide(scene)))
        assert "registry.example" not in words and "sha256" in words
