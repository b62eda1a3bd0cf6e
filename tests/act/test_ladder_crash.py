"""A process that dies at any point of any step of a ladder: each object is changed and put back once."""

from __future__ import annotations

from collections import Counter
from datetime import timedelta

import pytest

from pipeline.act.climbing import climb
from pipeline.policy.ladders import STEPS
from pipeline.policy.rules import Target
from tests.act.memory_ledger import Died, MemoryLedger, counted
from tests.act.test_ladder import NOW, NS, Scene, fields, known, standing

MINUTE = timedelta(minutes=1)
SPENT = {"evict": 2, "suspend_batch": 2, "freeze": 2, "hold_queues": 1, "cap_autoscalers": 2, "scale_idle": 1}
"""Objects that each step changes in the cluster of the ladder's tests; the others change none."""


class Life(Scene):
    """A ledger and a cluster that outlive the process."""

    def __init__(self) -> None:
        self.ledger = MemoryLedger()
        super().__init__(self.ledger, "lab")
        self.before = fields(self.api)
        counted(self.api, self.ledger)

    def tick(self, rules, now, spent=120):
        idle = (Target("lab", NS, "Deployment", "idle"),)
        budgets = {"a": standing(spent, as_of=now)}
        climb(self.ledger, self.ledger, known(self.ledger, rules, budgets, now, idle), {"lab": self.api})
        for quota in self.api.held.get("resourcequotas", {}).values():
            quota["status"] = {"hard": quota["spec"]["hard"]}

    def lives(self, rules, die_at: int, first: int, spent: float) -> int:
        """Ticks, the first of which dies at a point; how many points the first had passed at its end."""
        self.ledger.calls, self.ledger.die_at = 0, die_at
        for minute in range(first, first + 3):
            try:
                self.tick(rules, NOW + minute * MINUTE, spent)
            except Died:
                continue
            finally:
                if minute == first:
                    passed, self.ledger.die_at = self.ledger.calls, -1
        return passed


@pytest.mark.parametrize("step", STEPS)
def test_a_crash_at_any_point_of_a_step_changes_each_object_once_and_puts_it_back_once(step):
    die_at, ended = 0, False
    while not ended:
        die_at += 1
        life = Life()
        rules = life.policy(steps=step)
        ended = life.lives(rules, die_at, 0, 120) < die_at
        wrote = Counter(life.api.writes)
        assert (len(wrote), set(wrote.values())) == (SPENT.get(step, 0), {1} if wrote else set()), die_at
        assert life.ledger.states(step)[-1] == "verified", die_at
    assert die_at > 6, "points: before and after each record, dry run and write"


@pytest.mark.parametrize("step", STEPS)
def test_a_crash_at_any_point_of_putting_back_restores_what_was(step):
    die_at, ended = 0, False
    while not ended:
        die_at += 1
        life = Life()
        rules = life.policy(steps=step)
        life.lives(rules, -1, 0, 120)
        life.api.writes.clear()
        ended = life.lives(rules, die_at, 5, 80) < die_at
        wrote = Counter(life.api.writes)
        assert set(wrote.values()) <= {1}, die_at
        assert fields(life.api) == life.before and not life.api.held.get("resourcequotas"), die_at
        assert life.ledger.states(step)[-1] == "undone", die_at
