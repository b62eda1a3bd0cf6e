"""A tick of acting on a real ledger and a simulated cluster: what is recorded, what is written."""

from __future__ import annotations

from dataclasses import replace
from datetime import timedelta

import pytest

from pipeline.answers.actions import actions
from pipeline.answers.window import Window
from pipeline.demo.apiserver_faults import Fault
from pipeline.explain.explanation import explain
from pipeline.policy.file import parse
from tests.act import cluster_scene
from tests.act.cluster_scene import template
from tests.act.rollback_scene import NOW, POLICY, policy, scene
from tests.ledger import START

MINUTE = timedelta(minutes=1)
HOUR = timedelta(hours=1)


class Stopped(Exception):
    """The process ends here."""


class Dying:
    """A publisher that dies when it is handed the named state, before or after it is in the ledger."""

    def __init__(self, embedded, state: str, *, recorded: bool) -> None:
        self._embedded, self._state, self._recorded = embedded, state, recorded

    def put(self, type_, events, **where):
        dies = events["state"][0].as_py() == self._state
        if not dies or self._recorded:
            self._embedded.put(type_, events, **where)
        if dies:
            raise Stopped


def states(taken):
    return [t.state for t in taken]


def test_a_worse_version_is_rolled_back_verified_and_left_alone(tmp_path):
    with scene(tmp_path) as s:
        assert states(s.tick()) == ["proposed", "approved", "executed"]
        assert s.lab.serving() == "v1"
        s.lab.server.tick()
        assert states(s.tick(NOW + MINUTE)) == ["verified"]
        assert states(s.tick(NOW + 2 * MINUTE)) == []
        assert s.lab.asked("patch") == 1
        answer = actions(s.store, Window(START, NOW + HOUR))
        (row,) = (dict(zip((c.name for c in answer.columns), r, strict=True)) for r in answer.rows)
        assert (row["state"], row["workload"], row["model_version"], row["to_version"]) == (
            "verified", "Deployment/fraud", "v2", "v1",
        )  # fmt: skip


def test_limits_hold_between_two_rules_of_one_tick_and_that_is_explained(tmp_path):
    """Both read the ledger from before the tick; what the first one did is in the second one's evidence."""
    with scene(tmp_path) as s:
        s.lab.server.apps.create("ml", "fraud-b", template("v1"), replicas=2)
        s.lab.server.tick()
        s.lab.server.apps.deploy("ml", "fraud-b", template("v2"))
        s.lab.server.tick()
        one = POLICY.format(mode="auto", detectors="accuracy")
        other = one.partition("rules:\n")[2].replace("fraud-accuracy", "b").replace("fraud}", "fraud-b}")
        rules = parse(one + other + "limits: {per_cluster_per_hour: 1}\n")
        done = s.tick(rules=rules)
        assert states(done) == ["proposed", "approved", "executed", "refused"]
        assert done[-1].detail.startswith("per_cluster_per_hour: 1 actions in the cluster")
        assert s.lab.asked("patch") == 1
    assert explain(tmp_path, done[-1].action_id).identical


@pytest.mark.parametrize(("mode", "words"), [("observe", "observed only"), ("propose", "for approval")])
def test_observe_and_propose_write_to_the_ledger_once_and_to_the_cluster_never(tmp_path, mode, words):
    with scene(tmp_path) as s:
        (taken,) = s.tick(rules=policy(mode))
        assert taken.state == "proposed" and taken.detail.startswith(words)
        assert states(s.tick(NOW + MINUTE, rules=policy(mode))) == []
        assert s.lab.serving() == "v2"
        asked = {e.verb for e in s.lab.server.audit if "accessreviews" not in e.path}
        assert asked == {"get", "list"}


def test_the_kill_switch_stops_all_and_says_so_once(tmp_path):
    with scene(tmp_path) as s:
        killed = policy(more="kill_switch: true\n")
        (taken,) = s.tick(rules=killed)
        assert taken.state == "refused" and taken.detail.startswith("kill_switch")
        assert states(s.tick(NOW + MINUTE, rules=killed)) == []
        assert s.lab.asked("patch") == 0 == s.lab.asked("patch", dry_run=True)


@pytest.mark.parametrize(
    ("state", "recorded", "patched"),
    [
        ("proposed", True, 0),
        ("approved", True, 0),
        ("executed", False, 1),
    ],
)
def test_a_crash_at_any_step_leaves_exactly_one_effective_patch(tmp_path, state, recorded, patched):
    with scene(tmp_path) as s:
        with pytest.raises(Stopped):
            s.tick(publisher=Dying(s.embedded, state, recorded=recorded))
        assert s.lab.asked("patch") == patched
        for minute in (1, 2, 3):
            s.tick(NOW + minute * MINUTE)
            s.lab.server.tick()
        assert s.lab.asked("patch") == 1
        assert s.lab.serving() == "v1"
        assert s.lab.deployment["metadata"]["generation"] == 3
        assert {"executed", "verified"} <= {name for name, _ in s.states()}


def test_a_rollback_is_settled_by_the_rule_that_decided_it(tmp_path, monkeypatch):
    """A file that is gone for a moment must not call a rollback undone: its owner would bring v2 back."""
    monkeypatch.setattr(cluster_scene, "VERSION_LABEL", "example.org/model")
    own = "signals: 1\n    version_label: example.org/model\n    verify_within: 1h\n"
    text = POLICY.format(mode="auto", detectors="accuracy").replace("signals: 1\n", own)
    gone = replace(parse(text), rules=(), ladders=(), kill_switch=True)
    with scene(tmp_path) as s:
        assert states(s.tick(rules=parse(text))) == ["proposed", "approved", "executed"]
        assert states(s.tick(NOW + 11 * MINUTE, rules=gone)) == [], "an hour is not over"
        s.lab.server.tick()
        assert states(s.tick(NOW + 12 * MINUTE, rules=gone)) == ["verified"]


def test_the_same_tick_again_after_a_crash_records_each_step_once(tmp_path):
    """A runner that restarts may repeat its tick with the same time."""
    with scene(tmp_path) as s:
        with pytest.raises(Stopped):
            s.tick(publisher=Dying(s.embedded, "executed", recorded=False))
        assert states(s.tick()) == ["executed"]
        assert s.lab.asked("patch") == 1
        assert [name for name, _ in s.states()] == ["proposed", "approved", "executed"]


def test_a_race_lost_is_decided_again_at_the_next_tick_without_a_cool_down(tmp_path):
    with scene(tmp_path) as s:
        s.lab.server.inject(Fault("conflict", "patch", dry_run=False))
        assert states(s.tick()) == ["proposed", "approved", "refused"]
        assert states(s.tick(NOW + MINUTE)) == ["proposed", "approved", "executed"]


def test_a_version_put_out_again_is_held_by_the_cool_down(tmp_path):
    with scene(tmp_path) as s:
        s.tick()
        s.lab.server.tick()
        s.tick(NOW + MINUTE)
        s.lab.deploy("v2")
        (taken,) = s.tick(NOW + 2 * MINUTE)
        assert taken.state == "refused" and taken.detail.startswith("cool_down")
        assert s.lab.asked("patch") == 1


def test_a_version_that_an_action_left_is_no_way_back(tmp_path):
    """Ping-pong: v1 was left by an earlier action, so the harm of v2 does not lead back to it."""
    with scene(tmp_path) as s:
        s.tick()
        s.lab.server.tick()
        s.tick(NOW + MINUTE)
        with s.store.transaction() as con:
            con.execute("UPDATE actions SET model_version = 'v1', to_version = 'v0'")
        s.lab.deploy("v2")
        patient = parse(POLICY.format(mode="auto", detectors="accuracy") + "    cool_down: 1m\n")
        (taken,) = s.tick(NOW + 3 * MINUTE, rules=patient)
        assert taken.state == "refused" and taken.detail.startswith("no_ping_pong")


def test_a_cluster_that_is_not_ours_is_never_reached(tmp_path):
    """A rule names its cluster; the object of the same name in another one is another object."""
    with scene(tmp_path) as s:
        s.clients = {"other": s.lab.client}
        (taken,) = s.tick()
        assert taken.state == "refused" and taken.detail.startswith("target_read")
        assert s.lab.server.audit == ()


def test_a_right_that_is_missing_is_in_the_ledger_with_its_name(tmp_path):
    with scene(tmp_path) as s:
        s.lab.server.deny("patch", "deployments")
        for mode in ("propose", "auto"):
            (taken,) = s.tick(rules=policy(mode))
            assert taken.state == "refused", "neither offered nor begun"
            assert "may not patch deployments.apps fraud in ml" in taken.detail
            assert s.tick(rules=policy(mode)) == (), "said once, and not at each minute of the harm"
        assert states(s.tick(rules=policy("observe"))) == ["proposed"]


def test_a_version_whose_traffic_rests_is_left_alone(tmp_path):
    """Half an hour without traffic: nobody knows how the version does now."""
    with scene(tmp_path) as s:
        assert s.tick(NOW + HOUR) == ()


def test_the_audit_log_holds_no_verb_beyond_those_promised(tmp_path):
    with scene(tmp_path) as s:
        for minute in range(3):
            s.tick(NOW + minute * MINUTE)
            s.lab.server.tick()
        rights = {
            (e.verb, e.path.split("/")[-1 if e.verb in ("list", "create") else -2])
            for e in s.lab.server.audit
        }
        assert rights == {
            ("get", "deployments"),
            ("patch", "deployments"),
            ("list", "replicasets"),
            ("create", "selfsubjectaccessreviews"),
        }
