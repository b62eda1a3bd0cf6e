"""A GitOps owner suspended for a rollback: at most once, for a stated time, and never forgotten."""

from __future__ import annotations

from dataclasses import replace
from datetime import timedelta

import pytest

from pipeline.act import owner_waiting
from pipeline.act.carrying_out import carried_out
from pipeline.act.events import publish, taken
from pipeline.act.tick import act
from pipeline.act.undo import undo
from pipeline.actuator import gitops_owner
from pipeline.actuator.catalogue import TARGETS
from pipeline.actuator.kubernetes import ApiError
from pipeline.actuator.patching import ANNOTATION
from pipeline.errors import ConfigError, NotFound
from pipeline.policy.decisions import Action
from pipeline.policy.file import parse
from pipeline.policy.gitops import Owner
from pipeline.policy.rules import VERSION_LABEL
from tests.act.deciding import NOW, TEXT, decided, journal
from tests.act.memory_cluster import NAME, MemoryCluster
from tests.act.memory_ledger import Died, MemoryLedger, counted

MINUTE, HOUR = timedelta(minutes=1), timedelta(hours=1)
AUTOMATED = {"prune": True, "selfHeal": True}
SPECS = {
    "Application": {"project": "ml", "syncPolicy": {"automated": AUTOMATED, "syncOptions": ["x=y"]}},
    "Kustomization": {"interval": "10m", "prune": True},
    "HelmRelease": {"interval": "10m", "suspend": False},
}
MARKS = {
    "Application": {"annotations": {"argocd.argoproj.io/tracking-id": "apps:apps/Deployment:ml/fraud"}},
    "Kustomization": {
        "labels": {
            "kustomize.toolkit.fluxcd.io/name": "apps", "kustomize.toolkit.fluxcd.io/namespace": "ops"
        }
    },
    "HelmRelease": {
        "labels": {"helm.toolkit.fluxcd.io/name": "apps", "helm.toolkit.fluxcd.io/namespace": "ops"},
        "annotations": {"meta.helm.sh/release-name": "apps"},
    },
}  # fmt: skip
UNTIL = NOW + 4 * HOUR


class Scene:
    """A Deployment that runs v2 as Git says, the owner that keeps it so, and a ledger."""

    def __init__(self, kind: str) -> None:
        self.owner = Owner(kind, "ops", "apps")
        named = f"{{kind: {kind}, namespace: ops, name: apps}}"
        self.text = f"{TEXT}    gitops: {{owner: {named}, suspend: 4h}}\n"
        self.ledger, self.api = MemoryLedger(), MemoryCluster()
        self.target = self.api.make("Deployment")
        self.thing["metadata"].update(MARKS[kind])
        self.key = gitops_owner.RESOURCES[kind].plural, "apps"
        metadata = {
            "name": "apps", "namespace": "ops", "uid": "o", "generation": 1, "resourceVersion": "7",
            "managedFields": [],
        }  # fmt: skip
        self.api.objects[self.key] = {"kind": kind, "metadata": metadata, "spec": SPECS[kind]}
        counted(self.api, self.ledger)

    @property
    def thing(self):
        return self.api.objects[("deployments", NAME)]

    @property
    def held(self):
        return self.api.objects[self.key]

    @property
    def waits(self) -> bool:
        return gitops_owner.waits(self.owner.kind, self.held)

    @property
    def runs(self) -> str:
        return self.thing["spec"]["template"]["metadata"]["labels"][VERSION_LABEL]

    def decide(self):
        state = TARGETS["Deployment"].observe(self.api, self.target, VERSION_LABEL)
        return decided(known=journal(target=state), text=self.text)

    def decide_another(self):
        """The same for another Deployment of this owner."""
        action = Scene(self.owner.kind).decide()
        return replace(action, action_id="b" * 64, target=replace(action.target, name="other"))

    def carry_out(self, now=NOW) -> list[str]:
        action = self.decide()
        assert isinstance(action, Action), action

        def told(step):
            return taken(action, action.target, action.to_version, step.state, step.detail, step.evidence)

        where = action, action.target, action.to_version
        publish(self.ledger, taken(*where, "proposed", action.detail, action.evidence, 41), now)
        steps = carried_out(self.ledger, self.ledger, action, self.api, now, told)
        return [(s.kind, s.state, s.detail) for s in steps]

    def tick(self, now) -> list[tuple[str, str]]:
        """Settles, and tells owners to go on; nothing is found to act on."""
        rules = parse(self.text)
        steps = act(self.ledger, self.ledger, [], rules, {"lab": self.api}, now, snapshot=1)
        return [(s.kind, s.state) for s in steps]

    def gits(self) -> None:
        """What the owner's controller does with an object that is not as Git says."""
        if not self.waits and self.runs == "v1":
            self.thing["spec"]["template"]["metadata"]["labels"][VERSION_LABEL] = "v2"
            self.thing["metadata"]["generation"] += 1
            self.api.report("Deployment")


@pytest.mark.parametrize("kind", SPECS)
def test_the_owner_waits_for_its_time_and_is_then_as_it_was(kind):
    scene = Scene(kind)
    assert [s[:2] for s in scene.carry_out()] == [
        ("suspend_owner", "approved"), ("suspend_owner", "executed"), ("rollback", "approved"),
        ("rollback", "executed"),
    ]  # fmt: skip
    assert (scene.waits, scene.runs) == (True, "v1")
    scene.api.report("Deployment")
    scene.gits()
    assert scene.tick(NOW + MINUTE) == [("rollback", "verified")]
    assert scene.tick(UNTIL - MINUTE) == [] and scene.waits
    assert scene.tick(UNTIL) == [("suspend_owner", "undone")]
    assert scene.held["spec"] == SPECS[kind] and ANNOTATION not in scene.held["metadata"]["annotations"]
    assert scene.tick(UNTIL + MINUTE) == []


def test_a_crash_at_any_point_changes_both_at_most_once_and_no_owner_is_forgotten():
    die_at, ended = 0, False
    while not ended:
        die_at += 1
        scene = Scene("Application")
        scene.ledger.calls, scene.ledger.die_at = 0, die_at
        try:
            scene.carry_out()
            ended = True
        except Died:
            scene.tick(NOW + MINUTE)
        scene.ledger.die_at = -1
        patched = scene.runs == "v1"
        assert scene.waits is patched, f"point {die_at}: an owner that waits for nothing, or fights"
        assert scene.thing["metadata"]["generation"] == (3 if patched else 2), die_at
        scene.gits()
        if not patched:
            scene.carry_out(NOW + 2 * MINUTE)
        assert (scene.waits, scene.runs) == (True, "v1"), die_at
        scene.tick(UNTIL + 3 * MINUTE)
        assert scene.held["spec"] == SPECS["Application"], die_at
    assert die_at > 15


def test_an_undo_puts_the_version_back_and_lets_the_owner_go_on_at_once():
    scene = Scene("Kustomization")
    scene.carry_out()
    scene.api.report("Deployment")
    scene.tick(NOW + MINUTE)
    (action_id,) = {r["action_id"] for r in scene.ledger.query("action_rows", prefix="").to_pylist()
                    if r["kind"] == "rollback"}  # fmt: skip
    steps = list(undo(scene.ledger, scene.ledger, action_id, scene.api, "lab", "ana", NOW + 2 * MINUTE))
    assert [(s.kind, s.state) for s in steps[-2:]] == [("rollback", "undone"), ("suspend_owner", "undone")]
    assert (scene.waits, scene.runs) == (False, "v2")


def test_a_person_lets_the_owner_go_on_before_its_time():
    """Git has been mended: nobody wants to wait for four hours."""
    scene = Scene("Application")
    scene.carry_out()
    rows = scene.ledger.query("owners_waiting", kind="suspend_owner").to_pylist()
    where = scene.ledger, scene.ledger, rows[0]["action_id"], scene.api
    with pytest.raises(ConfigError, match="was in cluster lab"):
        list(undo(*where, "other", "ana", NOW + MINUTE))
    (step,) = undo(*where, "lab", "ana", NOW + MINUTE)
    assert (step.kind, step.state) == ("suspend_owner", "undone") and "by ana" in step.detail
    assert not scene.waits and scene.runs == "v1"
    with pytest.raises(NotFound):
        list(undo(*where, "lab", "ana", NOW + 2 * MINUTE))


def test_an_answer_that_was_lost_is_waited_for_before_the_owner_counts_as_going_on(monkeypatch):
    """A write that arrives late, of which nobody knows, would keep an owner waiting for ever."""
    scene = Scene("HelmRelease")
    write, late = scene.api.patch, []

    def slow(resource, *where, dry_run):
        if dry_run or resource.plural != "helmreleases":
            return write(resource, *where, dry_run=dry_run)
        late.append((resource, *where))
        return ApiError("timeout", "patch", resource.words, "no answer in 15 s")

    monkeypatch.setattr(scene.api, "patch", slow)
    assert scene.carry_out()[-1][1:] == (
        "refused", "owner_unknown: whether HelmRelease ops/apps waits is not known; it is put back"
    )  # fmt: skip
    monkeypatch.setattr(scene.api, "patch", write)
    assert scene.tick(NOW + MINUTE) == [] and scene.runs == "v2"
    write(*late[0], dry_run=False)
    assert scene.waits
    assert scene.tick(NOW + 2 * MINUTE) == [("suspend_owner", "undone")] and not scene.waits


@pytest.mark.parametrize(
    ("change", "reason"),
    [
        (lambda o: o.update(operation={"sync": {}}), "sync_in_progress"),
        (lambda o: o.update(status={"operationState": {"phase": "Running"}}), "sync_in_progress"),
        (lambda o: o["metadata"].update(ownerReferences=[
            {"kind": "ApplicationSet", "name": "all", "controller": True}]), "owner_owned"),
        (lambda o: o["metadata"].update(deletionTimestamp="x"), "owner_deleted"),
    ],
)  # fmt: skip
def test_an_owner_that_would_not_wait_is_not_told_to(change, reason):
    scene = Scene("Application")
    change(scene.held)
    assert scene.carry_out()[-1][2].startswith(reason) and scene.api.written == 0


def test_an_owner_that_waits_already_is_left_to_whoever_told_it_so():
    scene = Scene("Application")
    scene.held["spec"] = {"project": "ml", "syncPolicy": {"automated": {"enabled": False}}}
    assert [s[:2] for s in scene.carry_out()] == [("rollback", "approved"), ("rollback", "executed")]
    scene.api.report("Deployment")
    assert scene.tick(UNTIL) == [("rollback", "verified")] and scene.waits


def test_a_second_rollback_does_not_rest_on_a_wait_that_ends_with_the_first():
    """When the first is over the owner goes on, and would put the second one's bad version back."""
    scene = Scene("Kustomization")
    scene.carry_out()
    scene.api.report("Deployment")
    scene.tick(NOW + MINUTE)
    action = scene.decide_another()
    told = owner_waiting.told_to_wait(
        scene.ledger, scene.ledger, action, action.gitops, scene.api, NOW + 2 * MINUTE
    )
    with pytest.raises(StopIteration) as ended:
        next(told)
    assert ended.value.value.startswith("owner_waits_for: Kustomization ops/apps waits for rollback ")


def test_who_lets_the_owner_go_on_meanwhile_is_seen_and_not_fought():
    scene = Scene("Kustomization")
    scene.carry_out()
    scene.held["spec"]["suspend"] = False
    scene.gits()
    assert scene.tick(NOW + MINUTE) == [("rollback", "undone")] and not scene.waits
    assert ANNOTATION not in scene.held["metadata"]["annotations"]
    assert scene.tick(NOW + 2 * MINUTE) == [("suspend_owner", "undone")]


def test_a_rollback_that_the_object_refuses_leaves_no_owner_waiting():
    scene = Scene("Kustomization")
    action = scene.decide()
    moved = replace(action, patch=replace(action.patch, generation=9))
    scene.decide = lambda: moved
    assert [s[:2] for s in scene.carry_out()][-2:] == [("rollback", "refused"), ("suspend_owner", "undone")]
    assert not scene.waits and scene.runs == "v2"


def test_two_owners_or_a_copied_mark_name_nobody():
    """Who tells one of two owners to wait is fought by the other."""
    scene = Scene("Kustomization")
    scene.thing["metadata"]["annotations"] = MARKS["Application"]["annotations"]
    assert scene.decide().reason == "owner_agrees"
    other = Scene("Application")
    other.thing["metadata"]["annotations"] = {"argocd.argoproj.io/tracking-id": "apps:apps/Deployment:x/y"}
    assert other.decide().reason == "owner_agrees"


def test_an_owner_that_may_not_be_told_to_go_on_is_not_forgotten(monkeypatch):
    """With its right taken away or all writes stopped at that hour, it would apply nothing for ever."""
    scene = Scene("Application")
    scene.carry_out()
    scene.api.report("Deployment")
    scene.tick(NOW + MINUTE)
    said = ApiError("forbidden", "patch", "applications.argoproj.io", "not any more")
    monkeypatch.setattr(scene.api, "patch", lambda *_, **__: said)
    assert scene.tick(UNTIL) == [("suspend_owner", "failed")]
    assert scene.tick(UNTIL + HOUR) == [] and scene.waits, "told once"
    monkeypatch.undo()
    assert scene.tick(UNTIL + 2 * HOUR) == [("suspend_owner", "undone")] and not scene.waits


def test_an_owner_is_not_told_to_wait_for_what_this_account_may_not_do(monkeypatch):
    scene = Scene("Application")
    patches = scene.api.written
    monkeypatch.setattr(scene.api, "may", lambda verb, resource, *_: resource.plural != "deployments")
    (refused,) = scene.carry_out()
    assert refused[:2] == ("rollback", "refused") and "may not patch deployments.apps" in refused[2]
    assert scene.api.written == patches and not scene.waits
