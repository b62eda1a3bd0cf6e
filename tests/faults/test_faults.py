"""Workers are killed at random moments, and the ledger is the one that no fault had touched."""

from __future__ import annotations

import pytest

from pipeline.lake.location import Location
from pipeline.rig.kafka import Kafka
from pipeline.rig.postgres import Postgres
from tests.faults import same_ledger, stream
from tests.faults.run import Plan, kill_9
from tests.faults.scene import play

KILLS = 20
"""In `make soak` a hundred, and other faults (test_soak_faults.py)."""


@pytest.mark.parametrize("workers", [1, 2])
def test_twenty_kills_lose_nothing_and_count_nothing_twice(
    broker: Kafka, postgres: Postgres, tmp_path, workers: int
) -> None:
    """Power fails, the kernel runs out of memory, a node is drained: finance must not see it."""
    messages = list(stream.messages(seed=workers, rounds=4))
    shared = workers > 1
    location = Location(tmp_path / "ledger", catalog=postgres.url() if shared else "")
    plan = Plan([("kill -9", kill_9)] * KILLS, workers, seed=workers, between=(0.1, 2.1))
    with same_ledger.expected(tmp_path / "expected", messages) as right:
        outcome, account = play(plan, broker.bootstrap, location, messages, right, tmp_path)
    assert outcome.hit["kill -9"] == KILLS
    assert account.inferences > 0 and account.is_exact, account
