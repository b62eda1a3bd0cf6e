"""Somebody wants a budget's step to hit what it must not: each way is refused or harmless, and says why."""

from __future__ import annotations

import json

import pytest

from pipeline.act.approvals import approve, lapsed, offer
from pipeline.act.climbing import climb
from pipeline.alerts.notice import Notice, slack
from pipeline.answers.cells import safe_text
from pipeline.errors import ConfigError
from pipeline.explain.explanation import Explanation
from pipeline.explain.narrative import narrative
from pipeline.explain.page import page
from pipeline.policy.rules import Target
from tests.act.test_ladder import HOUR, MINUTE, NOW, NS, InMemory, fields, known, standing

EVIL = 'a"}\n  - {step: evict}\n# ![x](http://198.51.100.7)<script><!channel>\x1b[2J'
OBJECTS = {
    "hold_queues": ("localqueues.kueue.x-k8s.io",),
    "cap_autoscalers": ("horizontalpodautoscalers.autoscaling", "scaledobjects.keda.sh"),
    "scale_idle": ("deployments.apps",),
    "suspend_batch": ("jobs.batch", "workloads.kueue.x-k8s.io"),
    "evict": ("pods",),
}


@pytest.fixture
def lab():
    return InMemory()


def tick(lab, rules, now, spent=120):
    idle = (Target("lab", NS, "Deployment", "idle"),)
    told = known(lab.store, rules, {"a": standing(spent, as_of=now)}, now, idle)
    taken = climb(lab.store, lab.store, told, {"lab": lab.api})
    return [t.state for t in taken]


def made_again(lab, step) -> None:
    """Every object that the step is about is deleted, and another one has its name."""
    for kind in OBJECTS[step]:
        for thing in lab.api.held[kind].values():
            lab.api.version += 1
            thing["metadata"] |= {"uid": f"new-{lab.api.version}", "resourceVersion": str(lab.api.version)}
            thing["metadata"].pop("annotations", None)


@pytest.mark.parametrize("step", OBJECTS)
def test_what_was_made_again_under_its_name_is_not_what_was_agreed_to(lab, step):
    rules = lab.policy("propose", step)
    assert tick(lab, rules, NOW) == ["proposed"]
    (row,) = lab.rows("proposed")
    approve(lab.store, lab.store, row["action_id"], offer(lab.store, row["action_id"]).token, "ana", NOW)
    before = fields(lab.api)
    made_again(lab, step)
    pods = set(lab.api.held["pods"])
    tick(lab, rules, NOW + MINUTE)
    assert fields(lab.api) == before and set(lab.api.held["pods"]) == pods and not lab.api.writes


@pytest.mark.parametrize("step", [s for s in OBJECTS if s != "evict"])
def test_what_was_made_again_while_a_step_holds_is_not_put_back(lab, step):
    """Its new owner's value is no change of ours."""
    rules = lab.policy("auto", step)
    assert tick(lab, rules, NOW)[-1] == "executed"
    made_again(lab, step)
    lab.api.writes.clear()
    held = fields(lab.api)
    assert "undone" in tick(lab, rules, NOW + 13 * HOUR, spent=50)
    assert fields(lab.api) == held and not lab.api.writes


def test_a_step_whose_approval_has_expired_is_not_taken(lab):
    """At any time: given too late, used too late, or with the token of another plan."""
    rules = lab.policy("propose", "hold_queues")
    tick(lab, rules, NOW)
    (row,) = lab.rows("proposed")
    token = offer(lab.store, row["action_id"]).token
    with pytest.raises(ConfigError, match="prints"):
        approve(lab.store, lab.store, row["action_id"], "0" * 24, "eve", NOW)
    approve(lab.store, lab.store, row["action_id"], token, "ana", NOW + 3 * HOUR)
    late = NOW + 4 * HOUR
    assert tick(lab, rules, late) == ["proposed"] and not lab.api.writes, "offered anew"
    assert [t.state for t in lapsed(lab.store, lab.store, late)] == ["refused"]
    with pytest.raises(ConfigError, match="give the token"):
        approve(lab.store, lab.store, row["action_id"], token, "ana", late)
    with pytest.raises(ConfigError, match="the offer ended"):
        approve(lab.store, lab.store, row["action_id"], token, "ana", late + 4 * HOUR)
    told = [r["detail"] for r in lab.rows("refused") if r["kind"] == "approval"]
    assert len(told) == 4 and all("refused: " in detail for detail in told), "each is in the ledger"


@pytest.mark.parametrize("off", [HOUR * 3, -HOUR])
def test_costs_by_a_clock_that_is_off_take_no_step(lab, off):
    rules = lab.policy("auto", "freeze evict")
    stands = {"a": standing(as_of=NOW - off)}
    taken = climb(lab.store, lab.store, known(lab.store, rules, stands), {"lab": lab.api})
    assert {t.state for t in taken} == {"refused"} and not lab.api.writes
    assert all(t.detail.startswith("fresh: ") for t in taken)


def test_a_forged_bill_reaches_one_step_an_hour_at_most(lab):
    """Whoever writes costs can call for all of a ladder; the limits of the file hold all the same."""
    rules = lab.policy(
        "auto", "freeze hold_queues cap_autoscalers suspend_batch evict", per_namespace_per_hour=1
    )
    taken = climb(lab.store, lab.store, known(lab.store, rules, {"a": standing(10**9)}), {"lab": lab.api})
    assert [t.kind for t in taken if t.state == "executed"] == ["freeze"]
    assert {t.detail.split(":")[0] for t in taken if t.state == "refused"} == {"per_namespace_per_hour"}


def test_a_name_that_carries_yaml_or_markdown_is_only_a_name(lab):
    """Of a budget and of an object: to no plan, page, terminal or channel is it a command."""
    lab.api.held["localqueues.kueue.x-k8s.io"][NS, "q"]["metadata"]["name"] = EVIL
    rules = lab.policy("propose", "hold_queues")
    climb(lab.store, lab.store, known(lab.store, rules, {"a": standing(budget=EVIL)}), {"lab": lab.api})
    (row,) = lab.rows("proposed")
    assert list(json.loads(row["evidence"])["decision"]["plan"]) == ["changes"]
    found = Explanation(row["action_id"], True, row["evidence"], row["evidence"], (), (row,), None)
    shown = page(found, None)
    assert "<script>" not in shown and "\x1b" not in shown and "&lt;script&gt;" in shown
    assert all(safe_text(line).isprintable() for line in narrative(found))
    notice = Notice.from_row(row | {"rule": row["policy"], "why": row["detail"]})
    assert "<!channel>" not in slack(notice, "")["text"]
    assert slack(notice, "")["blocks"][0]["text"]["type"] == "plain_text"


def test_a_budget_found_far_over_again_and_again_is_said_once(lab):
    """An alarm at each tick of a day must not fill the ledger, nor the channel of whoever is on call."""
    rules = lab.policy("auto", "hold_queues", per_hour=0)
    said = [tick(lab, rules, NOW + n * MINUTE) for n in range(30)]
    assert said[0] == ["refused"] and not any(said[1:])
    assert len(lab.rows("refused")) == 1
