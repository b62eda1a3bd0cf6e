"""A rule may want its labels fresh: traffic goes on when they rest, and so does the verdict on them."""

from __future__ import annotations

import json
from dataclasses import replace
from datetime import timedelta

import pytest

from pipeline.act.records import rule_hash
from pipeline.errors import ConfigError
from pipeline.explain.explanation import explain
from pipeline.explain.page import page
from pipeline.policy.decisions import Action
from pipeline.policy.file import parse
from pipeline.policy.reading import labelled
from pipeline.policy.situation import Trip
from pipeline.store import Store
from tests.act.deciding import DAY, NOW, TEXT, decided, finding, journal
from tests.act.rollback_scene import NOW as JUDGED
from tests.act.rollback_scene import policy, scene
from tests.ledger import write

HOUR = timedelta(hours=1)
FRESH = TEXT + "    max_label_age: 6h\n"


def told(**newest):
    return replace(journal(), labelled=newest)


@pytest.mark.parametrize(
    "newest",
    [{}, {"v1": NOW}, {"v2": NOW - 6 * HOUR - timedelta(seconds=1)}, {"v2": NOW + timedelta(seconds=1)}],
)
def test_labels_that_rest_hold_a_rule_back_that_wants_them_fresh(newest):
    """None, of another version alone, too old, or of a clock that is ahead."""
    assert decided(text=FRESH, known=told(**newest)).reason == "labels_fresh"


def test_fresh_labels_let_it_act_and_stand_in_its_evidence():
    action = decided(text=FRESH, known=told(v2=NOW - 6 * HOUR))
    assert isinstance(action, Action)
    evidence = json.loads(action.evidence)
    assert list(evidence["journal"]["labelled"]) == ["v2"]
    assert "labels_fresh" in [g["gate"] for g in evidence["gates"]]


def test_a_rule_that_does_not_ask_decides_as_ever():
    """Old decisions must come out with the bytes that they had, and records of old rules stay good."""
    evidence = json.loads(decided(known=told(v2=NOW - 9 * DAY)).evidence)
    assert "labelled" not in evidence["journal"]
    assert "labels_fresh" not in [g["gate"] for g in evidence["gates"]]
    old, new = (parse(text).rules[0] for text in (TEXT, FRESH))
    assert rule_hash(old) == rule_hash(replace(old, mode="observe")) != rule_hash(new)


def test_a_rule_without_labels_cannot_want_them_fresh():
    with pytest.raises(ConfigError, match=r"rules\[0\].max_label_age.*6h.*no detector of the rule"):
        parse(FRESH.replace("[accuracy]", "[latency_objective]"))
    with pytest.raises(ConfigError, match=r"rules\[0\].max_label_age.*15m"):
        parse(FRESH.replace("6h", "six"))


def test_only_labels_that_tell_of_the_judged_predictions_count(tmp_path):
    """Not those of older predictions, of after now, of another model, nor rows that say nothing."""
    rule = parse(FRESH).rules[0]
    trip = Trip("fraud", "v2", (finding(),))
    made = {"old": 30 * HOUR, "a": 20 * HOUR, "b": HOUR}
    said = [("a", 5 * HOUR, "yes"), ("b", HOUR / 2, ""), ("old", HOUR, "yes"), ("b", -HOUR, "no")]

    def key(name, **more):
        return {"model": "fraud", "prediction_id": name, **more}

    with Store.open(tmp_path) as store:
        write(
            store,
            predictions=[
                key(n, time=NOW - ago, model_version="v2", prediction="x") for n, ago in made.items()
            ],
            labels=[key(n, time=NOW - ago, label=w, evaluator="p", revision=i)
                    for i, (n, ago, w) in enumerate(said)]
            + [{"model": "other", "prediction_id": "b", "time": NOW, "label": "yes", "evaluator": "p"}],
        )  # fmt: skip
        assert labelled(store, "fraud", rule, NOW, [trip]) == {"v2": NOW - 5 * HOUR}
        assert labelled(store, "fraud", rule, NOW + 2 * HOUR, [trip]) == {"v2": NOW + HOUR}
        assert labelled(store, "fraud", parse(TEXT).rules[0], NOW, [trip]) == {}


def test_it_acts_once_a_label_comes_and_both_decisions_are_computed_again(tmp_path):
    """The scene's labels are said an hour after their predictions: at the tick none is there yet."""
    rules = policy("auto", "    max_label_age: 30m\n")
    with scene(tmp_path) as s:
        refused = s.tick(rules=rules)[0]
        assert (refused.state, refused.detail.split(":")[0]) == ("refused", "labels_fresh")
        of = {"model": "fraud", "prediction_id": f"v2-{JUDGED - timedelta(minutes=9):%d%H%M}-3"}
        said = {"time": JUDGED - timedelta(minutes=5), "label": "no", "evaluator": "person", "revision": 1}
        write(s.store, labels=[of | said])
        acted = s.tick(JUDGED + timedelta(minutes=1), rules=rules)[0]
        assert acted.state == "proposed"
    for one in (refused, acted):
        found = explain(tmp_path, one.action_id)
        assert found.identical, found.differences
    assert "Labels on v2: the newest was said 360 s" in page(found, None)
