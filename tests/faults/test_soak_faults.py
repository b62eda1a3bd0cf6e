"""Long runs under every fault; the numbers become docs/faults.md."""

from __future__ import annotations

import random
from collections.abc import Sequence
from pathlib import Path

import pytest

from pipeline.lake.location import Location
from pipeline.rig.kafka import Kafka
from pipeline.rig.postgres import Postgres
from tests.faults import stream
from tests.faults.run import Fault, Outcome, Plan, freeze, kill_9, leave
from tests.faults.scene import Account, play
from tests.faults.workers import WorkerProcess
from tests.recorded import record

pytestmark = pytest.mark.soak

RATE = stream.Rate(inference=1_000, others=50)


@pytest.mark.parametrize("workers", [1, 2])
def test_two_hundred_kills(private_kafka: Kafka, postgres: Postgres, tmp_path: Path, workers: int) -> None:
    """More than a year of a bad machine."""
    messages = list(stream.messages(seed=10 + workers, rounds=40, rate=RATE))
    location = Location(tmp_path / "ledger", catalog=postgres.url() if workers > 1 else "")
    plan = Plan([("kill -9", kill_9)] * 100, workers, seed=10 + workers, between=(0.1, 4.0))
    outcome, account = play(plan, private_kafka.bootstrap, location, messages, tmp_path)
    _record("kill -9", workers, "PostgreSQL" if workers > 1 else "SQLite", outcome, account)
    assert account.is_exact, account


def test_every_fault_at_once(private_kafka: Kafka, postgres: Postgres, tmp_path: Path) -> None:
    """A bad day: nothing that holds the ledger up stays up."""

    def restart(server: Kafka | Postgres, *, hard: bool) -> Fault:
        def fault(_workers: Sequence[WorkerProcess], _chance: random.Random) -> None:
            if hard:
                server.kill()
            else:
                server.stop()
            server.start()

        return fault

    faults = [
        *[("kill -9", kill_9)] * 40,
        *[("leave and join", leave)] * 30,
        *[("freeze 8 s", freeze(8.0))] * 4,
        *[("broker restart", restart(private_kafka, hard=False))] * 3,
        *[("broker kill -9", restart(private_kafka, hard=True))] * 3,
        *[("database restart", restart(postgres, hard=False))] * 3,
        *[("database kill -9", restart(postgres, hard=True))] * 3,
    ]
    random.Random(1).shuffle(faults)
    messages = list(stream.messages(seed=3, rounds=40, rate=RATE))
    location = Location(tmp_path / "ledger", catalog=postgres.url())
    plan = Plan(faults, workers=4, seed=3, between=(0.1, 5.0))
    outcome, account = play(plan, private_kafka.bootstrap, location, messages, tmp_path)
    _record("every fault", 4, "PostgreSQL", outcome, account)
    assert account.is_exact, account


def _record(name: str, workers: int, catalog: str, outcome: Outcome, account: Account) -> None:
    record(
        name,
        workers=workers,
        catalog=catalog,
        faults="; ".join(f"{count} x {fault}" for fault, count in sorted(outcome.hit.items())),
        seconds=outcome.seconds,
        messages=outcome.messages,
        inferences=account.inferences,
        lost=account.lost,
        double=account.double,
        differing_tables=len(account.differing),
        months_equal="yes" if account.months_equal else "no",
        ended_by_themselves=outcome.ended_by_themselves.total(),
    )
