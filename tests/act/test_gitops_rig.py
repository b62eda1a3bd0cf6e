"""A Deployment that GitOps owns, on a real control plane: its owner waits, or a real commit comes through.

The owners' kinds are structural schemas of their published fields; what their controllers do is played here:
they apply what the branch of a real Git repository says, unless they are told to wait.
"""

from __future__ import annotations

from datetime import timedelta

import pytest
import yaml

from pipeline.act.carrying_out import carried_out
from pipeline.act.events import publish, taken
from pipeline.act.tick import act
from pipeline.actuator import gitops_owner
from pipeline.actuator.kubernetes import ApiError
from pipeline.policy.file import parse
from pipeline.policy.rules import VERSION_LABEL
from tests.act import gitops_crds
from tests.act.deciding import NOW
from tests.act.git_folder import FILE, GitFolder
from tests.act.memory_ledger import MemoryLedger
from tests.act.rig_targets import DEPLOY, Workload, client, install, rule_text
from tests.act.test_owner_waiting import SPECS
from tests.rig import cluster_objects as objects

MINUTE = timedelta(minutes=1)
UNTIL = NOW + timedelta(hours=4)


class Lab:
    def __init__(self, kube, ns, access, folder) -> None:
        self.kube, self.ns, self.api, self.folder = kube, ns, client(access), folder

    def path(self, kind: str) -> str:
        of = gitops_owner.RESOURCES[kind]
        return f"{of.root}/namespaces/{self.ns}/{of.plural}/fraud"

    def owner(self, kind: str):
        return self.kube.request("GET", self.path(kind))


class Owned(Workload):
    """Runs v2 as its branch says; `sync` is the owner's controller."""

    owner = ""

    def template(self, version: str):
        """v2 runs; it is its answers that are worse."""
        found = super().template("v1")
        found["metadata"]["labels"][VERSION_LABEL] = version
        found["spec"]["containers"][0]["image"] = f"model:{version}"
        return found

    def owned_by(self, lab: Lab, kind: str) -> None:
        self.lab, self.owner = lab, kind
        group = {"Kustomization": "kustomize.toolkit.fluxcd.io", "HelmRelease": "helm.toolkit.fluxcd.io"}.get(
            kind
        )
        marks = {"labels": {f"{group}/name": "fraud", f"{group}/namespace": self.ns}} if group else {
            "annotations": {"argocd.argoproj.io/tracking-id": f"fraud:apps/Deployment:{self.ns}/{self.name}"}
        }  # fmt: skip
        self.kube.request("PATCH", self.path, {"metadata": marks})
        named = {"apiVersion": lab.path(kind).split("/namespaces")[0].removeprefix("/apis/"), "kind": kind}
        body = named | {"metadata": {"name": "fraud"}, "spec": SPECS[kind]}
        self.kube.request("POST", f"{lab.path(kind).rpartition('/')[0]}?fieldValidation=Strict", body)
        text = yaml.safe_dump({
            "apiVersion": "apps/v1", "kind": "Deployment", "metadata": {"name": self.name},
            "spec": {"template": self.template("v2")},
        })  # fmt: skip
        folder = lab.folder / self.name
        folder.mkdir()
        self.git = GitFolder(folder, text)

    def sync(self) -> bool:
        """Whether it applied what the branch says."""
        if gitops_owner.waits(self.owner, self.lab.owner(self.owner)):
            return False
        template = yaml.safe_load(self.git.text)["spec"]["template"]
        # Strategic merge keeps containers by name; a merge patch replaces the list, which is the same here.
        self.kube.request("PATCH", self.path, {"spec": {"template": template}})
        status = {"lastAppliedRevision": f"main@sha1:{self.git.head}"}
        if self.owner == "Application":
            status = {"sync": {"status": "Synced", "revision": self.git.head}}
        self.kube.request("PATCH", f"{self.lab.path(self.owner)}/status", {"status": status})
        return True

    @property
    def runs(self) -> str:
        return self.thing["spec"]["template"]["metadata"]["labels"][VERSION_LABEL]

    def carry_out(self, ledger, gitops: str, now=NOW):
        action = self.decide(gitops)

        def told(step):
            return taken(action, action.target, action.to_version, step.state, step.detail, step.evidence)

        where = action, action.target, action.to_version
        publish(ledger, taken(*where, "proposed", action.detail, action.evidence, 41), now)
        return [
            (s.kind, s.state, s.detail) for s in carried_out(ledger, ledger, action, self.lab.api, now, told)
        ]

    def tick(self, ledger, gitops: str, now):
        rules = parse(rule_text(self.target, gitops=gitops))
        steps = act(ledger, ledger, [], rules, {"rig": self.lab.api}, now, snapshot=1)
        return [(s.kind, s.state, s.detail) for s in steps]


@pytest.fixture(scope="module")
def lab(kube, tmp_path_factory):
    kube.start()
    ns = objects.namespace(kube)
    objects.node(kube, "gitops-1")
    gitops_crds.install(kube)
    access = install(kube, ns)
    lab = Lab(kube, ns, access, tmp_path_factory.mktemp("git"))
    for one in yaml.safe_load_all((DEPLOY / "actuator-gitops-rbac.yaml").read_text()):
        one["metadata"]["namespace"] = ns
        kind = f"{one['kind'].lower()}s"
        kube.request("POST", f"/apis/rbac.authorization.k8s.io/v1/namespaces/{ns}/{kind}", one)
    resource = gitops_owner.RESOURCES["HelmRelease"]
    objects.until(lambda: lab.api.may("patch", resource, ns, "fraud") is True, "the rights to be there")
    yield lab
    lab.api.close()


def made(lab: Lab, kind: str) -> Owned:
    work = Owned(lab.kube, lab.ns, "Deployment", f"owned-{kind.lower()}")
    work.create()
    work.roll_out("v2")
    work.owned_by(lab, kind)
    return work


@pytest.mark.parametrize("kind", SPECS)
def test_an_owner_waits_while_the_good_version_serves_and_then_goes_on(lab, kind):
    work, ledger = made(lab, kind), MemoryLedger()
    gitops = f"{{owner: {{kind: {kind}, namespace: {lab.ns}, name: fraud}}, suspend: 4h}}"
    steps = work.carry_out(ledger, gitops)
    assert [s[:2] for s in steps] == [
        ("suspend_owner", "approved"), ("suspend_owner", "executed"), ("rollback", "approved"),
        ("rollback", "executed"),
    ], steps  # fmt: skip
    assert not work.sync() and work.runs == "v1"
    work.until_complete()
    assert work.tick(ledger, gitops, NOW + MINUTE)[0][:2] == ("rollback", "verified")
    ended = work.tick(ledger, gitops, UNTIL)
    assert [s[:2] for s in ended] == [("suspend_owner", "undone")], ended
    assert lab.owner(kind)["spec"] == SPECS[kind]
    assert work.sync() and work.runs == "v2", "what Git says holds again: it is a wait and no cure"


def test_a_commit_comes_through_the_owner_and_is_verified_by_the_object(lab):
    """The account patches nothing: the object changes once the owner has applied the commit."""
    lab.kube.request("DELETE", lab.path("Kustomization"))
    work, ledger = Owned(lab.kube, lab.ns, "Deployment", "in-git"), MemoryLedger()
    work.create()
    work.roll_out("v2")
    work.owned_by(lab, "Kustomization")
    label = VERSION_LABEL.replace("/", "~1")
    names = (f"/spec/template/metadata/labels/{label}", "/spec/template/spec/containers/0/image")
    fields = ", ".join(f"{{at: {name}}}" for name in names)
    gitops = (
        f"{{owner: {{kind: Kustomization, namespace: {lab.ns}, name: fraud}}, revert: {{"
        f"repository: {work.git.folder}, branch: main, file: {FILE}, fields: [{fields}]}}}}"
    )
    before = work.thing["metadata"]["generation"]
    steps = work.carry_out(ledger, gitops)
    assert [s[:2] for s in steps] == [("rollback", "approved"), ("rollback", "executed")], steps
    assert len(work.git.commits) == 2 and work.runs == "v2"
    assert work.thing["metadata"]["generation"] == before
    assert work.tick(ledger, gitops, NOW + MINUTE) == []
    assert work.sync() and work.runs == "v1"
    work.until_complete()
    ((_, state, words),) = work.tick(ledger, gitops, NOW + 2 * MINUTE)
    assert state == "verified" and f"Kustomization {lab.ns}/fraud says main@sha1:{work.git.head}" in words


def test_a_hijacked_actuator_cannot_point_an_owner_elsewhere(lab):
    """With its own token: only the wait, with an action of its own, of the owners that it was given."""
    if lab.kube.request("GET", lab.path("Application"), or_status=404).get("kind") == "Status":
        made(lab, "Application")
    mark = {"op": "add", "path": "/metadata/annotations", "value": {"driftledger.io/action-id": "a"}}

    def tried(kind, *operations):
        answer = lab.api.patch(gitops_owner.RESOURCES[kind], lab.ns, "fraud", operations, dry_run=True)
        assert isinstance(answer, ApiError), f"{kind} took {operations}"
        return answer.message

    other = {"op": "add", "path": "/spec/source", "value": {"repoURL": "https://evil.example/x"}}
    assert "changes one field" in tried("Application", mark, other)
    retry = {"op": "add", "path": "/spec/syncPolicy/syncOptions", "value": ["Replace=true"]}
    assert "only automated changes" in tried("Application", mark, retry)
    wait = {"op": "remove", "path": "/spec/syncPolicy/automated"}
    assert "action of its own" in tried("Application", wait)
    label = {"op": "add", "path": "/metadata/labels", "value": {"a": "b"}}
    assert "labels stay" in tried("Application", mark, wait, label)
    path = {"op": "add", "path": "/spec/path", "value": "./evil"}
    assert "changes one field" in tried("Kustomization", mark, path)
    values = {"op": "add", "path": "/spec/values", "value": {"image": "evil"}}
    assert "changes one field" in tried("HelmRelease", mark, values)
    resource = gitops_owner.RESOURCES["Application"]
    assert lab.api.may("patch", resource, lab.ns, "other") is False
    assert lab.api.may("delete", resource, lab.ns, "fraud") is False
