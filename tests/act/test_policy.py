"""Decisions: proven harm acts, everything else is refused by name or ignored."""

from __future__ import annotations

import json
from dataclasses import replace
from datetime import timedelta

import pytest
from hypothesis import given
from hypothesis import strategies as st

from pipeline.policy.decisions import Action, Refusal
from pipeline.policy.file import parse
from pipeline.policy.journal import Loss, Revision, SeenState
from tests.act.deciding import BAD, BEFORE, DAY, GOOD, NOW, SINCE, STATE, TEXT, decided, finding, journal

HOUR = timedelta(hours=1)


def reason(decision) -> str:
    assert isinstance(decision, Refusal)
    return decision.reason


def with_rule(line: str) -> str:
    return TEXT.replace("    mode: auto\n", f"    mode: auto\n    {line}\n")


def came(began, first=NOW - 9 * DAY):
    """v2 was known elsewhere before; the target was seen to come to it at `began`."""
    seen = (SeenState("hash-1", {}), SeenState("hash-2", {}, began))
    good = replace(GOOD, good_at=began or GOOD.good_at)
    return replace(journal(good, replace(BAD, first=first)), seen=seen)


def missed(lost: int | None, end):
    return replace(journal(), gaps=(Loss("label/x", "lost", end, lost),))


def test_a_gap_holds_back_what_it_alone_could_explain():
    """Of 2,400 events 960 were errors, and 12 % are tolerated: 5,600 lost calm ones could have been enough.

    Held for ever by any event that was ever lost, a bad version would serve on; one lost before it came to
    serve says nothing of it.
    """
    early = NOW - 5 * HOUR
    action = decided(known=missed(5_599, early))
    assert isinstance(action, Action)
    told = next(g for g in json.loads(action.evidence)["gates"] if g["gate"] == "sources_whole")
    assert "label/x missed 5599 events (lost) while v2 was judged" in told["detail"]
    assert reason(decided(known=missed(1, NOW - timedelta(minutes=15)))) == "sources_whole", "now: any loss"
    assert isinstance(decided(known=missed(None, BAD.first - HOUR)), Action)
    both = [finding(), finding("latency_objective", evidence={"rate": 0.02, "bound": 0.01, "over": 48})]
    refused = decided(both, text=BOTH, known=missed(2_400, early))
    assert reason(refused) == "sources_whole" and "latency_objective would be within" in refused.detail


def test_proven_harm_goes_back_to_the_last_version_judged_good():
    action = decided()
    assert isinstance(action, Action)
    assert (action.model_version, action.to_version, action.patch.to_revision) == ("v2", "v1", 1)
    assert action.snapshot == 41


@pytest.mark.parametrize("level", ["ok", "warn", "not_enough_data", "no_reference", "stale", "invalid"])
def test_only_the_level_act_acts(level):
    assert decided([finding(level=level)]) is None


def test_no_finding_is_no_action():
    assert decided([]) is None


@pytest.mark.parametrize("detector", ["drift", "unknown"])
def test_drift_explains_and_never_triggers(detector):
    assert decided([finding(detector)]) is None
    evidence = json.loads(decided([finding(), finding(detector)]).evidence)
    assert [f["detector"] for f in evidence["findings"]] == sorted(["accuracy", detector])


def test_a_segment_that_is_worse_acts_only_where_a_rule_asks_for_it():
    found = [finding("segment_accuracy")]
    assert decided(found) is None
    assert isinstance(decided(found, text=TEXT.replace("[accuracy]", "[segment_accuracy]")), Action)


def test_a_model_that_no_rule_covers_is_left_alone():
    assert decided([finding(model="other")]) is None
    glob = TEXT.replace("model: fraud", "model: 'fr*'")
    assert isinstance(decided(text=glob), Action)


BOTH = TEXT.replace("[accuracy]", "[accuracy, latency_objective]")


@pytest.mark.parametrize("level", ["missing", "ok", "warn", "stale", "not_enough_data"])
def test_every_needed_detector_must_say_act(level):
    more = [] if level == "missing" else [finding("latency_objective", level)]
    refused = decided([finding(), *more], text=BOTH)
    assert reason(refused) == "evidence_complete" and f"latency_objective says {level}" in refused.detail
    assert isinstance(decided([finding(), finding("latency_objective")], text=BOTH), Action)


@pytest.mark.parametrize(
    ("name", "arguments"),
    [
        ("kill_switch", {"text": TEXT + "kill_switch: true\n"}),
        ("not_quiet", {"text": TEXT + "quiet_hours: [{from: '11:59', to: '12:01'}]\n"}),
        ("not_muted", {"known": replace(journal(), muted_until=NOW + HOUR)}),
        ("sources_whole", {"known": replace(journal(), gaps=(Loss("label/x", "lost", NOW, 3),))}),
        ("sources_whole", {"known": missed(None, NOW - 5 * HOUR)}),
        ("sources_whole", {"known": missed(5_600, NOW - 5 * HOUR)}),
        ("sources_whole", {"known": missed(9, NOW - 5 * HOUR), "findings": [finding(evidence={})]}),
        ("siblings_calm", {"findings": [finding(), finding(model_version="v1")]}),
        ("siblings_calm", {"findings": [finding(), finding(level="warn", model_version="v1")]}),
        ("came_with_change", {"known": journal(GOOD, replace(BAD, first=NOW - 9 * DAY))}),
        ("came_with_change", {"known": journal(GOOD)}),
        ("came_with_change", {"known": came(NOW - 5 * DAY)}),
        ("control", {"known": journal(replace(GOOD, good_at=NOW - 4 * DAY), BAD)}),
        ("breaker", {"findings": [finding(), finding(model="b")]}),
        ("breaker", {"findings": [finding(), finding(model="b"), finding(model="c")]}),
        ("breaker", {"findings": [finding(), finding("latency_objective", "warn", model="b")]}),
        ("breaker", {"findings": [finding(), *(finding(model=n) for n in "abc")]}),
        ("fresh", {"findings": [finding(end=NOW - timedelta(minutes=16))]}),
        ("fresh", {"findings": [finding(end=NOW + timedelta(minutes=1))]}),
        ("enough_events", {"findings": [finding(count=499)]}),
        ("target_read", {"known": journal(target=None)}),
        ("serving", {"known": journal(target=replace(STATE, version="v3"))}),
        ("serving", {"known": journal(target=replace(STATE, version=""))}),
        ("judged_good", {"known": journal(replace(GOOD, good_at=None, good_count=0), BAD)}),
        ("judged_good", {"known": journal(replace(GOOD, good_count=499), BAD)}),
        ("judged_good", {"known": journal(replace(GOOD, bad_at=NOW - HOUR), BAD)}),
        ("judged_good", {"known": journal(replace(BAD, good_at=NOW - HOUR, good_count=900))}),
        ("revision_kept", {"known": journal(target=replace(STATE, revisions=STATE.revisions[1:]))}),
        (
            "changes_something",
            {"known": journal(target=replace(STATE, revisions=(Revision(1, "v1", "hash-2", "fraud-a"),)))},
        ),
        ("not_put_back", {"history": [replace(BEFORE, model_version="v2", state="undone")]}),
        ("cool_down", {"history": [replace(BEFORE, acted_at=NOW - 5 * HOUR)]}),
        ("action_settled", {"history": [replace(BEFORE, state="executed")]}),
        ("action_settled", {"history": [replace(BEFORE, state="approved")]}),
        ("no_ping_pong", {"history": [replace(BEFORE, model_version="v1", to_version="v0")]}),
        (
            "per_target_per_day",
            {"history": [replace(BEFORE, acted_at=NOW - n * HOUR) for n in (7, 8)]},
        ),
        (
            "per_namespace_per_hour",
            {"history": [replace(BEFORE, workload=f"Deployment/{n}", acted_at=NOW) for n in "abc"]},
        ),
        (
            "per_cluster_per_hour",
            {"history": [replace(BEFORE, namespace=n, acted_at=NOW) for n in "abc"]},
        ),
        (
            "per_hour",
            {"history": [replace(BEFORE, cluster=n, acted_at=NOW) for n in "abcde"]},
        ),
    ],
)
def test_each_refusal_has_the_name_of_its_gate(name, arguments):
    assert reason(decided(**arguments)) == name


def test_a_fleet_that_moves_whole_is_no_fault_of_one_rollout():
    """Two of three, with one calm, can be two faults; a model of which nothing is known is no witness."""
    moved = [finding(), finding(model="b")]
    assert isinstance(decided([*moved, finding(level="ok", model="c")]), Action)
    assert reason(decided([*moved, finding("drift", "ok", model="c")])) == "breaker"
    assert reason(decided([*moved, finding(level="stale", model="c")])) == "breaker"
    mixed = [finding("latency_objective", "ok", model="b"), *moved]
    assert reason(decided(mixed)) == "breaker", "ok by one and harmed by another is not calm"


def test_the_control_is_another_version_another_model_or_what_was_there_before():
    """Harm that came together with a rollout is of the rollout only if something else stayed calm."""
    long_ago = journal(replace(GOOD, good_at=NOW - 4 * DAY), BAD)
    alive = [finding(), finding(level="ok", model_version="v1")]
    other = [finding(), finding(level="ok", model="b")]
    for found, words in ((alive, "accuracy says ok on v1"), (other, "calm meanwhile: b")):
        gates = {g["gate"]: g for g in json.loads(decided(found, known=long_ago).evidence)["gates"]}
        assert gates["control"]["passed"] and words in gates["control"]["detail"]
    gates = {g["gate"]: g for g in json.loads(decided().evidence)["gates"]}
    assert "v1 was judged good 0 s before the first traffic of v2" in gates["control"]["detail"]


def test_a_version_came_when_its_target_was_seen_to_change():
    """Traffic of the same version in another cluster, weeks before, says nothing of this target."""
    assert isinstance(decided(known=came(NOW - HOUR)), Action)
    assert isinstance(decided(known=came(SINCE + timedelta(minutes=1))), Action), (
        "a tick sees it a moment later"
    )
    assert reason(decided(known=came(None))) == "came_with_change"
    late = came(NOW, first=NOW - 9 * DAY)
    assert reason(decided(known=late)) == "came_with_change", "recorded after the harm: it came before that"


def test_what_the_same_tick_has_begun_counts_against_the_limits_and_is_kept():
    once = TEXT + "limits: {per_cluster_per_hour: 1}\n"
    other = replace(BEFORE, workload="Deployment/other", state="executed", acted_at=NOW)
    assert isinstance(decided(text=once), Action)
    refused = decided(text=once, begun=[other])
    assert reason(refused) == "per_cluster_per_hour"
    evidence = json.loads(refused.evidence)
    assert evidence["begun"] == [other.action_id] == [h["action_id"] for h in evidence["history"]]
    assert "begun" not in json.loads(decided().evidence)


def test_what_was_refused_or_lies_far_back_holds_nothing_back():
    """Otherwise one refused attempt would stop the rollback for a whole cool-down."""
    history = [replace(BEFORE, state="refused", acted_at=None), BEFORE]
    assert isinstance(decided(history=history), Action)


def test_too_many_targets_at_once_is_an_outage_or_our_fault():
    rules = "".join(
        TEXT.split("rules:\n")[1]
        .replace("fraud-accuracy", f"rule-{n}")
        .replace("name: fraud}", f"name: fraud-{n}}}")
        for n in range(3)
    )
    assert isinstance(decided(text=TEXT + rules[: len(rules) * 2 // 3]), Action)
    assert reason(decided(text=TEXT + rules)) == "breaker"


def test_a_version_that_an_action_has_left_needs_no_second_action():
    """Its verdicts stay in the window for hours; a record at every tick would bury the ones that matter."""
    left = replace(BEFORE, model_version="v2", to_version="v1", acted_at=NOW - DAY)
    back = replace(STATE, version="v1", template_hash="hash-1", revision=3)
    assert decided(history=[left], known=journal(target=back)) is None


def test_the_destination_is_the_last_judged_good_and_never_the_previous_one():
    bad_between = replace(GOOD, version="v1b", bad_at=NOW - HOUR)
    older = replace(GOOD, version="v0", good_at=NOW - 5 * DAY)
    revisions = (
        Revision(3, "v0", "hash-0", "fraud-0"),
        Revision(4, "v1", "hash-1", "fraud-a"),
        Revision(5, "v1b", "hash-1b", "fraud-c"),
        Revision(6, "v2", "hash-2", "fraud-b"),
    )
    target = replace(STATE, revision=6, revisions=revisions)
    action = decided(known=journal(older, GOOD, bad_between, BAD, target=target))
    assert (action.to_version, action.patch.to_revision) == ("v1", 4)


@given(
    st.sets(st.sampled_from(["v0", "v1", "v2"])),
    st.sets(st.sampled_from(["v0", "v1", "v2"])),
    st.permutations(["v0", "v1", "v2"]),
)
def test_ping_pong_is_impossible(good, left, order):
    """Whatever was judged good: no action returns to a version that is bad now or that an action left."""
    served = [
        replace(GOOD, version=v, good_at=NOW - DAY if v in good else None, first=NOW - (9 - i) * DAY)
        for i, v in enumerate(order)
    ]
    history = [replace(BEFORE, action_id=v, model_version=v) for v in sorted(left)]
    revisions = tuple(Revision(i, v, f"hash-{v}", v) for i, v in enumerate(order, 1))
    target = replace(STATE, revisions=revisions)
    action = decided(
        history=history, known=journal(*served, target=target), text=with_rule("change_window: 90d")
    )
    if isinstance(action, Action):
        assert action.to_version in good - left - {"v2"}
    else:
        assert not good - left - {"v2"}


def test_the_same_input_gives_the_same_id_and_bytes():
    assert decided() == decided()


def test_the_id_follows_the_effect_and_not_the_tick():
    """A tick later the same change has the same id, so the object's annotation stops a second patch."""
    later = decided([finding(end=NOW + HOUR)], now=NOW + HOUR)
    assert later.action_id == decided().action_id
    assert decided([finding(since=SINCE + HOUR)]).action_id != later.action_id
    other = replace(STATE, uid="uid-2")
    assert decided(known=journal(target=other)).action_id != later.action_id


def test_the_evidence_is_complete():
    evidence = json.loads(decided().evidence)
    assert evidence["policy"]["hash"] == parse(TEXT).hash and evidence["policy"]["text"] == TEXT
    assert evidence["policy"]["version"] == "2026-11-24"
    assert evidence["journal"]["snapshot"] == 41 and evidence["parameters"] == {"act_minutes": 1.3e7}
    assert evidence["decision"]["patch"]["generation"] == 4
    assert {g["gate"] for g in evidence["gates"]} >= {"kill_switch", "fresh", "cool_down", "judged_good"}


def test_a_refusal_keeps_every_gate_passed_and_failed():
    evidence = json.loads(decided(text=TEXT + "kill_switch: true\n", findings=[finding(count=1)]).evidence)
    failed = {g["gate"] for g in evidence["gates"] if not g["passed"]}
    assert failed == {"kill_switch", "enough_events"}


@given(st.permutations([finding(), finding("drift", "warn"), finding("latency_objective", "ok")]))
def test_the_order_of_findings_does_not_matter(findings):
    assert decided(findings) == decided(sorted(findings, key=lambda f: f.detector))
