"""Somebody wants a rollback that must not happen: each way is refused or harmless, and the reason is kept."""

from __future__ import annotations

import json
import time
from dataclasses import replace
from datetime import timedelta

import pytest

from pipeline.act.tick import act
from pipeline.alerts.delivery import deliver
from pipeline.alerts.tick import known, record
from pipeline.answers.cells import safe_text
from pipeline.embedded import Embedded
from pipeline.explain.explanation import Explanation
from pipeline.explain.narrative import narrative
from pipeline.outgoing import Unreachable
from pipeline.policy.decisions import Action, Refusal
from pipeline.policy.file import parse
from pipeline.policy.journal import Loss, Revision, SeenState
from pipeline.store import Store
from tests.act.deciding import BAD, BEFORE, GOOD, NOW, STATE, TEXT, decided, finding, journal
from tests.act.rollback_scene import NOW as judged_at
from tests.act.rollback_scene import scene

HOUR = timedelta(hours=1)
TWO = TEXT.replace("[accuracy]", "[accuracy, latency_objective]").replace("signals: 1", "signals: 2")
EVIL = 'v2"}\n  - {name: x, mode: auto}\n# ![x](http://198.51.100.7)<script>\x1b[2J'


def refused(decision) -> str:
    """The reason; a refusal carries every gate with its numbers, as it goes into the ledger."""
    assert isinstance(decision, Refusal), decision
    failed = [g["gate"] for g in json.loads(decision.evidence)["gates"] if not g["passed"]]
    assert decision.reason == failed[0] and decision.detail
    return decision.reason


def test_the_scene_acts_when_nobody_meddles():
    """Else the refusals below would show nothing."""
    both = [finding(), finding("latency_objective")]
    assert isinstance(decided(), Action) and isinstance(decided(both, text=TWO), Action)


def test_one_poisoned_source_cannot_act_alone():
    """Labels that are forged move the accuracy and not the latency; auto waits for two that agree."""
    calm = finding("latency_objective", "ok")
    assert refused(decided([finding(), calm], text=TWO)) == "evidence_complete"
    assert refused(decided([finding()], text=TWO)) == "evidence_complete", "silence is no agreement"


def test_forged_inference_moves_both_detectors_and_reaches_one_way_back():
    """Errors and latencies come of the same events; docs/acting.md says so.  What it can reach is bounded."""
    both = [finding(), finding("latency_objective")]
    action = decided(both, text=TWO)
    assert action.to_version == "v1", "only to what was judged good"
    again = replace(BEFORE, action_id=action.action_id, model_version="v2", to_version="v1", acted_at=NOW)
    forged = [replace(f, model_version="v1") for f in both]
    state = replace(STATE, version="v1", revision=3, template_hash="hash-1")
    seen = (SeenState("hash-1", {}, NOW - HOUR),)
    known = replace(journal(target=state), seen=seen)
    assert refused(decided(forged, text=TWO, history=[again], known=known)) == "judged_good", "nowhere else"


def test_forged_metrics_lead_nowhere():
    """Whoever writes events can make a version look bad or good; where that could lead is bounded."""
    everywhere = [finding(), finding(model_version="v1")]
    assert refused(decided(everywhere)) == "siblings_calm", "a version that is bad like all others is not it"
    praised = replace(GOOD, version="evil", good_at=NOW)
    assert decided(known=journal(GOOD, praised, BAD)).to_version == "v1", "it was never rolled out"
    assert refused(decided(known=journal(praised, BAD))) == "revision_kept"
    unknown = replace(BAD, version="other")
    assert refused(decided(known=journal(GOOD, unknown))) == "came_with_change", "harm without any traffic"
    few = [finding(count=12)]
    assert refused(decided(few)) == "enough_events"
    lost = replace(journal(), gaps=(Loss("labels/eu", "lost_events", NOW, 9000),))
    assert refused(decided(known=lost)) == "sources_whole"


def test_a_label_that_carries_yaml_or_markdown_is_only_a_name():
    """The label of a pod is text: it reaches no policy, no patch, and no terminal or page as a command."""
    state = replace(STATE, version=EVIL, revisions=(STATE.revisions[0], Revision(2, EVIL, "hash-2", "b")))
    action = decided(
        [finding(model_version=EVIL)], known=journal(GOOD, replace(BAD, version=EVIL), target=state)
    )
    assert isinstance(action, Action) and EVIL not in json.dumps(
        json.loads(action.evidence)["decision"]["patch"]
    )
    policy = json.loads(action.evidence)["policy"]
    assert [r.name for r in parse(policy["text"]).rules] == ["fraud-accuracy"]
    step = {
        "cluster": "lab", "namespace": "ml", "kind": "rollback", "workload": "Deployment/fraud",
        "policy": "r", "time": NOW, "state": "proposed", "detail": action.detail,
    }  # fmt: skip
    found = Explanation(action.action_id, True, action.evidence, action.evidence, (), (step,), None)
    shown = [safe_text(line) for line in narrative(found)]
    assert any("v2" in line for line in shown) and all(line.isprintable() for line in shown)


def test_a_storm_of_ten_thousand_findings_opens_the_breaker_at_once():
    """So much at once is one outage or our data: nothing is done, and the tick is not held up."""
    storm = [finding(model=f"fraud-{n}") for n in range(9_999)] + [finding()]
    began = time.process_time()
    decision = decided(storm)
    assert refused(decision) == "breaker" and "10000 models" in decision.detail
    assert time.process_time() - began < 5
    assert len(decision.evidence) < 100_000, "the storm is not copied into the ledger for each rule"


def test_a_storm_goes_through_a_whole_tick_and_nothing_is_written(tmp_path):
    """Three rules that trip in it are read once each, refused once each with the reason, and not again."""
    names = ("fraud", "fraud-7", "fraud-9")
    rules = "".join(
        f"  - {{name: {n}, model: {n}, detectors: [accuracy], mode: auto, signals: 1, min_count: 200,\n"
        f"     target: {{cluster: lab, namespace: ml, kind: Deployment, name: fraud}}}}\n"
        for n in names
    )
    stormy = parse(f'version: "1"\nrules:\n{rules}')
    with scene(tmp_path) as s:
        found, at = s.judge(judged_at)
        (bad,) = [f for f in found if (f.detector, f.level) == ("accuracy", "act")]
        storm = [*found, *(replace(bad, model=f"fraud-{n}") for n in range(9_999))]
        asked, began = len(s.lab.server.audit), time.process_time()

        def ticked():
            return act(s.store, s.embedded, storm, stormy, s.clients, judged_at, snapshot=at)

        steps = ticked()
        assert time.process_time() - began < 10
        assert len(s.lab.server.audit) - asked <= 30, "a target is read as often as rules trip, not findings"
        assert [t.state for t in steps] == ["refused"] * 3
        words = {t.detail for t in steps}
        assert words == {
            "breaker: of 10000 models that are judged none is calm: one outage or our data, not the change"
        }
        assert ticked() == () and s.states() == [("refused", "breaker")] * 3
        assert not s.lab.asked("patch") and not s.lab.asked("patch", dry_run=True) and s.lab.serving() == "v2"


class Recorded:
    """Where alerts are written, as often as it is asked to."""

    def __init__(self, store):
        self.into, self.times = Embedded(store), 0

    def take(self, batch):
        self.times += 1
        return self.into.take(batch)


def test_a_storm_of_alerts_holds_up_nothing(tmp_path):
    """Each in a transaction of its own, ten thousand took twenty minutes, in which nothing was put back; a
    receiver that is away was asked for each of them."""
    storm = [finding(model=f"fraud-{n}") for n in range(200)]
    clock, sent, asked = iter(range(10_000)), [], []

    def away(alert):
        asked.append(alert)
        raise Unreachable("it does not answer")

    with Store.open(tmp_path) as store:
        ledger = Recorded(store)
        news = record(store, ledger, storm, NOW)
        assert (len(news), ledger.times) == (200, 1)
        assert record(store, ledger, storm, NOW) == [], "known by now"
        to = {"away": away, "hook": sent.append}
        failures = deliver(store, known(store), to, NOW, lambda: next(clock))
        assert len(asked) == 1 and 0 < len(sent) < 20, "one receiver's time does not take another's"
        assert failures == [
            ("away", "it does not answer"), ("hook", f"{200 - len(sent)} wait for the next tick"),
        ]  # fmt: skip
        before = len(sent)
        deliver(store, known(store), to, NOW, lambda: next(clock))
        assert len(sent) > before
        assert len({a.alert_id for a in sent}) == len(sent), "each once"


@pytest.mark.parametrize("off", [HOUR, -HOUR])
def test_a_clock_an_hour_off_acts_on_nothing(off):
    """Ahead, every verdict is stale; behind, it comes from the future."""
    assert refused(decided(now=NOW + off)) == "fresh"


def test_an_object_made_again_under_its_name_is_another_one():
    """The patch names the uid; tests/act/test_actuator_targets.py tries it with every kind of target."""
    action = decided()
    assert action.patch.uid == STATE.uid
    again = decided(known=journal(target=replace(STATE, uid="uid-2", generation=1)))
    assert again.action_id != action.action_id, "and what was decided or approved for the old one is not its"
