"""A rollback by a commit: one at most, never forced, only what the rule names, true in the cluster after."""

from __future__ import annotations

import json
from datetime import timedelta

import pytest
import yaml

from pipeline.act.carrying_out import carried_out
from pipeline.act.events import publish, taken
from pipeline.act.tick import act
from pipeline.act.undo import undo
from pipeline.actuator.catalogue import TARGETS
from pipeline.actuator.git_repository import Fetched, GitFailed
from pipeline.policy.file import parse
from pipeline.policy.rules import VERSION_LABEL
from tests.act.deciding import NOW, TEXT, decided, journal
from tests.act.git_folder import FILE, GitFolder
from tests.act.git_https import PASSWORD, USER, served
from tests.act.memory_cluster import NAME, MemoryCluster
from tests.act.memory_ledger import Died, MemoryLedger

MINUTE = timedelta(minutes=1)
MANIFEST = """\
# by the platform team
apiVersion: apps/v1
kind: Deployment
metadata: {name: fraud}
spec:
  replicas: 2
  template:
    metadata:
      labels: {app: fraud, driftledger.io/model-version: v2}
    spec:
      containers:
        - {name: server, image: "registry.example/fraud:v2"}   # one model
"""
GITOPS = """\
    gitops:
      owner: {{kind: Kustomization, namespace: ops, name: apps}}
      revert:
        repository: {repository}
        branch: main
        file: apps/fraud.yaml
        fields:
          - at: /spec/template/metadata/labels/driftledger.io~1model-version
          - at: /spec/template/spec/containers/0/image
"""
FLUX = {"kustomize.toolkit.fluxcd.io/name": "apps", "kustomize.toolkit.fluxcd.io/namespace": "ops"}


class Scene:
    """A Deployment of which Flux keeps what main says; `sync` is what its controllers do."""

    def __init__(self, git: GitFolder) -> None:
        self.git = git
        self.text = TEXT + GITOPS.format(repository=self.git.folder)
        self.ledger, self.api = MemoryLedger(), MemoryCluster()
        self.target = self.api.make("Deployment")
        self.thing["metadata"]["labels"] = FLUX

    @property
    def thing(self):
        return self.api.objects[("deployments", NAME)]

    def sync(self) -> None:
        self.thing["spec"]["template"] = yaml.safe_load(self.git.text)["spec"]["template"]
        self.thing["metadata"]["generation"] += 1
        self.api.report("Deployment")
        status = {"lastAppliedRevision": f"main@sha1:{self.git.head}"}
        self.api.objects[("kustomizations", "apps")] = {"metadata": {}, "spec": {}, "status": status}

    def decide(self):
        state = TARGETS["Deployment"].observe(self.api, self.target, VERSION_LABEL)
        return decided(known=journal(target=state), text=self.text)

    def carry_out(self, now=NOW) -> list[tuple[str, str]]:
        action = self.decide()

        def told(step):
            return taken(action, action.target, action.to_version, step.state, step.detail, step.evidence)

        where = action, action.target, action.to_version
        publish(self.ledger, taken(*where, "proposed", action.detail, action.evidence, 41), now)
        steps = carried_out(self.ledger, self.ledger, action, self.api, now, told)
        return [(s.state, s.detail) for s in steps]

    def tick(self, now):
        rules = parse(self.text)
        steps = act(self.ledger, self.ledger, [], rules, {"lab": self.api}, now, snapshot=1)
        return [(s.state, s.detail) for s in steps]

    def rows(self, state: str):
        return [r for r in self.ledger.query("action_rows", prefix="").to_pylist() if r["state"] == state]


@pytest.fixture
def scene(tmp_path):
    return Scene(GitFolder(tmp_path, MANIFEST))


def test_the_branch_says_the_good_version_and_the_object_proves_it(scene):
    steps = scene.carry_out()
    assert [s for s, _ in steps] == ["approved", "executed"]
    assert scene.git.text == MANIFEST.replace("v2", "v1"), "comments, order and every other byte stay"
    assert scene.git.commits == ["Roll Deployment/fraud back from v2 to v1", "first"]
    action_id = scene.rows("executed")[0]["action_id"]
    assert f"Driftledger-Action: {action_id}" in scene.git.show("main") and scene.api.written == 0
    told = json.loads(scene.rows("approved")[0]["evidence"])
    assert told["commit"][1]["after"] == "registry.example/fraud:v1" and told["revert"]["file"] == FILE
    assert scene.tick(NOW + MINUTE) == [], "the owner has not brought it yet"
    scene.sync()
    ((state, words),) = scene.tick(NOW + 2 * MINUTE)
    assert state == "verified" and f"Kustomization ops/apps says main@sha1:{scene.git.head}" in words
    steps = list(undo(scene.ledger, scene.ledger, action_id, scene.api, "lab", "ana", NOW + 3 * MINUTE))
    assert [s.state for s in steps] == ["proposed", "approved", "executed", "undone"]
    assert scene.git.text == MANIFEST and len(scene.git.commits) == 3


def test_an_owner_that_does_not_bring_it_is_told_and_nothing_is_sent_again(scene):
    scene.carry_out()
    ((state, words),) = scene.tick(NOW + 10 * MINUTE)
    assert state == "failed" and "the object runs v2" in words and "says not_found" in words
    assert len(scene.git.commits) == 2


def test_a_crash_at_any_point_leaves_one_commit(tmp_path, monkeypatch):
    push = Fetched.pushed

    def pushed(self, *what):
        scene.ledger.reached()
        made = push(self, *what)
        scene.ledger.reached()
        return made

    monkeypatch.setattr(Fetched, "pushed", pushed)
    git, die_at, ended = GitFolder(tmp_path, MANIFEST), 0, False
    while not ended:
        die_at += 1
        scene = Scene(git.copied(tmp_path / str(die_at)))
        scene.ledger.die_at = die_at
        try:
            scene.carry_out()
            ended = True
        except Died:
            scene.tick(NOW + 3 * MINUTE)
        scene.ledger.die_at = -1
        states = [r["state"] for r in scene.ledger.query("action_rows", prefix="").to_pylist()]
        if "executed" not in states:
            scene.carry_out(NOW + 4 * MINUTE)
        assert len(scene.git.commits) == 2 and scene.git.text == MANIFEST.replace("v2", "v1"), die_at
        assert len(scene.rows("executed")) == 1, die_at
    assert die_at > 7


def test_an_answer_that_was_lost_is_looked_up_in_the_branch(scene, monkeypatch):
    push = Fetched.pushed

    def deaf(self, *what):
        push(self, *what)
        raise GitFailed("git push: no answer in 60 s", unanswered=True)

    monkeypatch.setattr(Fetched, "pushed", deaf)
    assert "its answer was lost" in scene.carry_out()[-1][1]
    assert scene.carry_out(NOW + MINUTE)[-1][1].endswith("is there already")
    assert len(scene.git.commits) == 2


def test_a_push_that_nobody_answered_is_not_called_off_while_it_can_arrive(scene, monkeypatch):
    def silent(self, *what):
        raise GitFailed("git push: no answer in 60 s", unanswered=True)

    monkeypatch.setattr(Fetched, "pushed", silent)
    assert [s for s, _ in scene.carry_out()] == ["approved"]
    assert scene.tick(NOW + MINUTE) == []
    assert scene.tick(NOW + 2 * MINUTE)[0][0] == "refused"


def test_a_branch_that_moved_meanwhile_is_not_overwritten(scene, monkeypatch):
    push = Fetched.pushed

    def late(self, *what):
        scene.git.commit(MANIFEST.replace("replicas: 2", "replicas: 3"), "scaled")
        return push(self, *what)

    monkeypatch.setattr(Fetched, "pushed", late)
    state, words = scene.carry_out()[-1]
    assert state == "refused" and "rejected" in words
    assert scene.git.commits[0] == "scaled" and "replicas: 3" in scene.git.text
    monkeypatch.setattr(Fetched, "pushed", push)
    assert scene.carry_out(NOW + MINUTE)[-1][0] == "executed"
    assert "replicas: 3" in scene.git.text and "fraud:v1" in scene.git.text


def committed(old: str, new: str):
    return lambda s: s.git.commit(MANIFEST.replace(old, new))


def told(old: str, new: str):
    return lambda s: setattr(s, "text", s.text.replace(old, new))


@pytest.mark.parametrize(
    ("change", "reason"),
    [
        (committed("v2", "v3"), "manifest_moved"),
        (committed("# by", "a: 1\n---\n# by"), ""),
        (committed("name: fraud}", "name: other}\n---\na: 1\n---"), "manifest_missing"),
        (told("file: apps/fraud.yaml", "file: apps"), "git_failed: apps is no plain file"),
        (told("file: apps", "file: none"), "git_failed: none/fraud.yaml"),
        (told("branch: main", "branch: live"), "git_failed: git fetch"),
        (told("deploy.git", "gone.git"), "git_failed: git fetch"),
        (told("          - at: /spec/template/spec/containers/0/image\n", ""), "fields_incomplete"),
        (told("at: /spec/template/spec", "at: /status"), "fields_wrong"),
    ],
)
def test_what_cannot_be_committed_is_refused_by_name(scene, change, reason):
    change(scene)
    state, words = scene.carry_out()[-1]
    assert (state, words[: len(reason)]) == ("refused" if reason else "executed", reason), words
    assert ("Roll" in scene.git.commits[0]) is (not reason)


def test_a_branch_that_nobody_may_push_to_says_so(scene):
    hook = scene.git.folder / "hooks" / "pre-receive"
    hook.write_text("#!/bin/sh\necho protected >&2; exit 1\n")
    hook.chmod(0o755)
    state, words = scene.carry_out()[-1]
    assert state == "refused" and "rejected" in words and len(scene.git.commits) == 1


def test_a_forge_over_https_is_pushed_to_with_what_git_is_let_in_with(scene, tmp_path, monkeypatch):
    """The password is in no message; without it, behind another certificate or elsewhere nothing is sent."""
    inner = scene.text
    with served(scene.git.folder.parent, tmp_path / "tls") as (address, cafile):

        def tried(path="", password=PASSWORD, trusted=cafile):
            helper = f"!f() {{ echo username={USER}; echo password={password}; }}; f"
            monkeypatch.setenv("GIT_CONFIG_COUNT", "1")
            monkeypatch.setenv("GIT_CONFIG_KEY_0", "credential.helper")
            monkeypatch.setenv("GIT_CONFIG_VALUE_0", helper)
            monkeypatch.setenv("GIT_SSL_CAINFO", str(trusted))
            scene.text = inner.replace(str(scene.git.folder), f"{address}{path}/deploy.git")
            return scene.carry_out()[-1]

        for wrong, why in (
            ({"path": "/moved"}, "302"),
            ({"password": "guessed"}, "Authentication failed"),
            ({"trusted": tmp_path / "none.pem"}, "unable to access"),
        ):
            state, words = tried(**wrong)
            assert state == "refused" and words.startswith("git_failed: git fetch: fatal"), words
            assert why in words and "guessed" not in words and PASSWORD not in words
        assert tried()[0] == "executed"
    assert scene.git.text == MANIFEST.replace("v2", "v1") and len(scene.git.commits) == 2
    recorded = str(scene.ledger.query("action_rows", prefix="").to_pylist())
    assert PASSWORD not in recorded and "guessed" not in recorded
