"""A rollback is proven on labels, and one that did not help is put back."""

from __future__ import annotations

import shutil
from contextlib import contextmanager
from dataclasses import replace
from datetime import timedelta

import pytest

from pipeline import judge
from pipeline.act.approvals import approve, offer
from pipeline.act.outcome import measure
from pipeline.act.proving import GIVE_UP, prove
from pipeline.act.undo import asked as asked_for
from pipeline.alerts.notice import notices
from pipeline.embedded import Embedded
from pipeline.explain.explanation import explain
from pipeline.explain.narrative import narrative
from pipeline.registry import register
from pipeline.store import Batch, Store
from tests.act.cluster_scene import cluster
from tests.act.rollback_scene import GOOD_AT, NOW, PARAMETERS, Scene, life, policy, scene
from tests.act.test_actuator_act import Dying, Stopped
from tests.detect.judged import SEGMENTS, reference
from tests.ledger import START, Life, rows

MINUTE = timedelta(minutes=1)


@pytest.mark.parametrize(
    ("error", "result", "serves"),
    [(0.1, "helped", "v1"), (0.45, "no-change", "v2"), (0.8, "harmed", "v2")],
)
def test_a_rollback_that_did_not_help_is_put_back_after_one_look(tmp_path, error, result, serves):
    """v1 errs after the rollback as v2 did: the fault is not the model's, and waiting changes nothing."""
    with scene(tmp_path) as s:

        def proven(after):
            return [t.state for t in prove(s.store, s.embedded, policy(), s.clients, NOW + after)]

        s.tick()
        s.lab.server.tick()
        assert [t.state for t in s.tick(NOW + MINUTE)] == ["verified"]
        assert proven(130 * MINUTE) == [], "no label has come"
        s.store.append(life(3, "v1", 101, 60, error))
        assert proven(61 * MINUTE) == [], "it is not time"
        assert [*prove(s.store, s.embedded, policy(), {}, NOW + 130 * MINUTE)] == [], "another one leads"
        steps = proven(130 * MINUTE)
        assert steps == ([] if result == "helped" else ["proposed", "approved", "executed", "undone"])
        assert s.lab.serving() == serves
        (outcome,) = s.store.rows("outcomes").to_pylist()
        assert outcome["state"] == result and "labelled on version v2" in outcome["detail"]
        assert proven(131 * MINUTE) == []


def test_a_crash_or_a_kill_switch_around_the_look_leaves_nothing_in_place_that_harms(tmp_path):
    """What did not help was never put back after either, or put back and then done again."""
    with scene(tmp_path) as s:

        def proven(minutes, publisher=None, rules=None):
            at = NOW + minutes * MINUTE
            return [
                t.state for t in prove(s.store, publisher or s.embedded, rules or policy(), s.clients, at)
            ]

        def dies(state):
            return Dying(s.embedded, state, recorded=True)

        s.tick()
        s.lab.server.tick()
        s.tick(NOW + MINUTE)
        s.store.append(life(3, "v1", 101, 60, 0.8))
        killed = policy(more="kill_switch: true\n")
        assert proven(130, rules=killed) == [] and not s.store.rows("outcomes").num_rows
        with pytest.raises(Stopped):
            proven(131, dies("harmed"))
        assert s.lab.serving() == "v1"
        with pytest.raises(Stopped):
            proven(132, dies("executed"))
        assert s.lab.serving() == "v2" and s.states()[-1][0] != "undone"
        assert proven(133) == [] and s.lab.asked("patch") == 2
        s.lab.server.tick()
        told = [(t.kind, t.state) for t in s.tick(NOW + 134 * MINUTE)]
        assert told[:2] == [("undo", "verified"), ("rollback", "undone")]
        assert proven(135) == [] and s.lab.asked("patch") == 2
        (outcome,) = s.store.rows("outcomes").to_pylist()
        assert outcome["state"] == "harmed"


def slow(version: str, first: int, minutes: int, seconds: float):
    life = Life(first).serve(version, first, minutes, error=0.1, seconds=seconds).facts()
    return Batch({name: rows(name, given) for name, given in life.items() if name != "labels"})


@contextmanager
def by_latency(folder, mode="auto"):
    """v2 was too slow, without a label anywhere, and has been rolled back to v1."""
    rules = policy(mode, detectors="latency_objective")
    lab = cluster("v1", "v2")
    with Store.open(folder) as store, lab as running:
        register(store, replace(reference(), latency_objective_seconds=0.2), START)
        store.append(slow("v1", 0, 60, 0.05))
        judge.tick(store, GOOD_AT, PARAMETERS)
        store.append(slow("v2", 60, 40, 0.9))
        s = Scene(store, running)
        steps = s.tick(rules=rules)
        if mode == "propose":
            approve(store, s.embedded, steps[0].action_id, offer(store, steps[0].action_id).token, "ana", NOW)
            steps = s.tick(rules=rules)
        assert steps[-1].state == "executed" and running.serving() == "v1"
        running.server.tick()
        s.tick(NOW + MINUTE, rules=rules)
        yield s, lambda after: [*prove(store, s.embedded, rules, s.clients, NOW + after)]


@pytest.mark.parametrize(("seconds", "result"), [(0.05, "helped"), (0.9, "no-change")])
def test_a_rollback_for_latency_is_proven_by_latencies(tmp_path, seconds, result):
    """A model server without labels: its error rate would be waited for for ever."""
    with by_latency(tmp_path) as (s, proven):
        s.store.append(slow("v1", 101, 60, seconds))
        steps = [t.state for t in proven(130 * MINUTE)]
        assert steps == ([] if result == "helped" else ["proposed", "approved", "executed", "undone"])
        (outcome,) = s.store.rows("outcomes").to_pylist()
        assert outcome["state"] == result and "slower than the objective 100.0% of" in outcome["detail"]


def test_first_tokens_are_compared_by_their_own_objective(tmp_path):
    """A rule that names it must find something to measure after its rollback."""
    known = reference(latency_objective_seconds=None, objectives=(("time_to_first_token", 0.2),))
    with Store.open(tmp_path) as store:
        register(store, known, START)
        for version, first, seconds in (("v2", 0, 0.9), ("v1", 60, 0.05)):
            life = Life(first).serve(version, first, 60, error=0.1, seconds=seconds)
            bins = [{**row, "metric": "time_to_first_token"} for row in life.latency_bins]
            store.append(Batch({"latency_bins": rows("latency_bins", bins)}))
        at = START + 60 * MINUTE
        found = measure(
            store, "fraud", "v2", "v1", at, at + 60 * MINUTE, 60 * MINUTE, ["time_to_first_token_objective"]
        )
    assert found.result == "helped" and "first token later than the objective 100.0% of 1200" in found.detail


def test_a_segment_is_compared_with_itself(tmp_path):
    """Half of the web was wrong and the app right: on the whole v1 is hardly better."""
    at = START + 60 * MINUTE
    with Store.open(tmp_path) as store:
        register(store, reference(**SEGMENTS), START)
        for version, first, errors in (
            ("v2", 0, {"web": 0.6, "app": 0.0}),
            ("v1", 60, {"web": 0.1, "app": 0.2}),
        ):
            for segment, error in errors.items():
                life = Life(len(segment)).serve(version, first, 60, error=error, per_minute=5).facts()
                for name in ("predictions", "labels"):
                    ids = [{**row, "prediction_id": row["prediction_id"] + segment} for row in life[name]]
                    more = [{**row, "segment": segment} for row in ids] if name == "predictions" else ids
                    store.append(Batch({name: rows(name, more)}))
        found = measure(store, "fraud", "v2", "v1", at, at + 60 * MINUTE, 60 * MINUTE, ["segment_accuracy"])
    assert found.result == "helped" and "labelled on version v2" in found.detail
    assert [side.count for side in (found.compared[0].before, found.compared[0].after)] == [300, 300]


def test_what_never_comes_is_unknown_after_a_week(tmp_path):
    with by_latency(tmp_path) as (s, proven):
        assert proven(GIVE_UP - MINUTE) == [] == s.store.rows("outcomes").to_pylist()
        assert proven(GIVE_UP) == []
        (outcome,) = s.store.rows("outcomes").to_pylist()
        assert outcome["state"] == "unknown" and "too few by latency_objective" in outcome["detail"]


@contextmanager
def shelved(folder, to):
    """The ledger as it stands, for another course of events."""
    shutil.copytree(folder, to)
    with Store.open(to) as store:
        yield store


def test_in_mode_propose_putting_it_back_is_offered(tmp_path):
    rules = policy("propose", detectors="latency_objective")
    with by_latency(tmp_path / "ledger", "propose") as (s, proven):
        s.store.append(slow("v1", 101, 60, 0.9))
        (asked,) = proven(130 * MINUTE)
        assert asked.state == "proposed" and "did not help" in asked.detail and s.lab.serving() == "v1"
        said = "\n".join(narrative(explain(s.store.location, asked.action_id)))
        assert (
            "Decided: put v2 back, since the rollback did not help" in said and "asks for the undo of" in said
        )
        assert "NOT IDENTICAL" not in said and "cannot be read" not in said
        later = NOW + 131 * MINUTE
        assert [n.state for n in notices(s.store, NOW + 120 * MINUTE)] == ["proposed"]
        assert [*asked_for(s.store, s.embedded, s.clients, later)] == [], "nobody has said yes"
        approve(s.store, s.embedded, asked.action_id, offer(s.store, asked.action_id).token, "ana", later)
        with shelved(s.store.location.folder, tmp_path / "late") as copy:
            (refused,) = asked_for(copy, Embedded(copy), s.clients, later + timedelta(hours=4))
            assert refused.state == "refused" and "too old" in refused.detail and s.lab.serving() == "v1"
        assert "undone" in [t.state for t in asked_for(s.store, s.embedded, s.clients, later)]
        assert s.lab.serving() == "v2" and rules.rules[0].mode == "propose"
