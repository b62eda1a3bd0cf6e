"""The version that decisions keep rises with the rules: else old rollbacks would differ without a word."""

from __future__ import annotations

import json
from dataclasses import replace
from datetime import timedelta

from pipeline import judge
from pipeline.canonical import digest
from pipeline.policy.climb import due
from pipeline.policy.decisions import RULES
from pipeline.policy.step_decision import Known, decided, refused
from pipeline.store import Store
from tests.act.deciding import BAD, BEFORE, DAY, GOOD, NOW, STATE, TEXT, finding, journal
from tests.act.deciding import decided as decision
from tests.act.rollback_scene import NOW as JUDGED
from tests.act.rollback_scene import PARAMETERS, fill
from tests.act.test_ladder import Scene, standing

DECIDES = {7: "436d3028b7283cde4ac81a1f8b4de72bb5de96d6dd493a16c38d262a112ba050"}
JUDGES = {7: "a403794be9c886d8e3d74262bcea7d9b2fe29b1d39e6763625382ceb53f74ebe"}
"""SHA-256 of what the version makes of the cases below."""
REMEDY = "the rules have changed: raise RULES in pipeline/policy/decisions.py, and add its digest here"


def cases():
    """Decisions on the same inputs: an action, refusals by several gates, and steps of a ladder."""
    yield decision()
    yield decision(text=TEXT + "kill_switch: true\n", findings=[finding(count=1)])
    yield decision(known=journal(target=None))
    yield decision(known=journal(replace(GOOD, good_at=None), BAD))
    yield decision(known=journal(target=replace(STATE, version="v1", revision=1)))
    yield decision(history=[replace(BEFORE, acted_at=NOW - timedelta(hours=1))])
    yield decision(history=[replace(BEFORE, state="undone", model_version="v2", acted_at=NOW - DAY)])
    yield decision([finding(), finding("accuracy", "warn", model_version="v0")], now=NOW + DAY)
    rules = Scene.policy(type("", (), {"name": "lab"})(), steps="notify freeze evict")
    known = Known(rules, {"a": standing()}, (), {}, NOW, 41)
    for one in due(rules, known.standings, (), NOW, {}):
        yield decided(one, {"tell": "team-a"}, known)
        yield refused(one, one.gates[0], known)


def test_whoever_changes_a_gate_or_a_ladder_raises_the_version():
    assert digest([one.evidence for one in cases()]) == DECIDES[RULES], REMEDY


def test_whoever_changes_a_detector_raises_the_version(tmp_path):
    """To five digits: another processor may round the last ones otherwise."""
    with Store.open(tmp_path) as store:
        fill(store)
        found, _ = judge.tick(store, JUDGED, PARAMETERS)
    told = [rounded(json.loads(one.to_json())) for one in found]
    assert digest(sorted(told, key=str)) == JUDGES[RULES], REMEDY


def rounded(value):
    if isinstance(value, float):
        return f"{value:.5g}"
    if isinstance(value, dict):
        return {key: rounded(inner) for key, inner in value.items()}
    return [rounded(inner) for inner in value] if isinstance(value, list) else value
