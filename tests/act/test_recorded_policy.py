"""A decision by a policy that this version cannot read stands as it is, and the process goes on."""

from __future__ import annotations

import logging
from dataclasses import replace

import pytest

from pipeline.act.approvals import approve, offer
from pipeline.act.decided_by import Unreadable
from pipeline.act.tick import act
from pipeline.act.undo import undo
from pipeline.policy.file import parse
from tests.act.memory_ledger import MemoryLedger
from tests.act.test_ladder import HOUR, MINUTE, NOW, InMemory, fields
from tests.act.test_owner_waiting import Scene as Owned


def by_another_version(ledger: MemoryLedger) -> None:
    """What is recorded says the policy in a form that this version does not know."""
    found = ledger._con.execute(
        "UPDATE actions SET evidence = replace(evidence, 'mode: ', 'mode_of_old: ') WHERE state = 'proposed'"
    )
    assert found.fetchone() != (0,)


def test_a_step_is_put_back_in_time_and_called_failed_by_no_time_that_nobody_knows(caplog):
    scene = InMemory()
    before, rules = fields(scene.api), scene.policy(steps="freeze cap_autoscalers")
    scene.tick(rules)
    by_another_version(scene.store)
    gone = replace(rules, ladders=())
    with caplog.at_level(logging.WARNING):
        assert scene.tick(gone, NOW + MINUTE) == [("cap_autoscalers", "verified")]
        assert scene.tick(gone, NOW + HOUR) == []
    assert sum("policy of another version" in r.message for r in caplog.records) == 1, "told once"
    assert scene.tick(rules, NOW + HOUR) == [("freeze", "failed")], "by the time of the present ladder"
    late = scene.tick(gone, NOW + 13 * HOUR)
    assert [s for _, s in late] == ["undone", "undone"]
    assert fields(scene.api) == before and not scene.api.held["resourcequotas"]


def test_an_offer_of_another_version_is_made_anew(caplog):
    """Until when it held is not known: nobody approves it, and the same step is offered again."""
    scene = InMemory()
    rules = scene.policy("propose", "hold_queues")
    assert scene.tick(rules) == [("hold_queues", "proposed")]
    (row,) = scene.rows("proposed")
    by_another_version(scene.store)
    assert offer(scene.store, row["action_id"]) is None
    assert scene.tick(rules, NOW + MINUTE) == [("hold_queues", "proposed")]
    again = offer(scene.store, row["action_id"])
    approve(scene.store, scene.into, row["action_id"], again.token, "ana", NOW + MINUTE)
    assert scene.tick(rules, NOW + 2 * MINUTE)[-1] == ("hold_queues", "executed")


def test_a_rollback_is_settled_by_the_present_rule_of_its_name_or_stays():
    scene = Owned("Application")
    scene.carry_out()
    scene.api.report("Deployment")
    by_another_version(scene.ledger)
    rules = parse(scene.text)

    def states(policy, now):
        taken = act(scene.ledger, scene.ledger, [], policy, {"lab": scene.api}, now, snapshot=1)
        return [(s.kind, s.state) for s in taken]

    gone = replace(rules, rules=())
    assert states(gone, NOW + HOUR) == [], "neither undone nor failed by a label that is not its own"
    (row,) = [r for r in scene.ledger.query("action_rows", prefix="").to_pylist() if r["state"] == "proposed"]
    with pytest.raises(Unreadable, match="cannot read; put it back at its source"):
        list(undo(scene.ledger, scene.ledger, row["action_id"], scene.api, "lab", "ana", NOW + HOUR))
    assert states(rules, NOW + HOUR) == [("rollback", "verified")]
