"""Long runs under every fault; the numbers become docs/faults.md."""

from __future__ import annotations

import os
import random
from collections.abc import Iterator, Sequence
from pathlib import Path

import pytest

from pipeline.events import Message
from pipeline.lake.location import Location
from pipeline.rig.kafka import Kafka
from pipeline.rig.postgres import Postgres
from pipeline.store import Store
from tests.faults import same_ledger, stream
from tests.faults.run import Fault, Outcome, Plan, freeze, kill_9, leave
from tests.faults.scene import Account, play
from tests.faults.workers import WorkerProcess
from tests.recorded import record

pytestmark = pytest.mark.soak

RATE = stream.Rate(inference=1_000, others=50)
COPIES = 8
KILLS = int(os.environ.get("SOAK_KILLS", "100"))
"""Of each run; fewer for a short look, at the same rate of messages."""


@pytest.fixture(scope="module")
def messages() -> list[Message]:
    """What is published in each run."""
    return list(stream.messages(10, rounds=max(2 * KILLS // 5, 2), rate=RATE, copies=COPIES))


@pytest.fixture(scope="module")
def right(messages: list[Message], tmp_path_factory: pytest.TempPathFactory) -> Iterator[Store]:
    """The ledger that they make."""
    with same_ledger.expected(tmp_path_factory.mktemp("right") / "ledger", messages) as store:
        yield store


@pytest.mark.parametrize("workers", [1, 2])
def test_two_hundred_kills(
    private_kafka: Kafka,
    postgres: Postgres,
    messages: list[Message],
    right: Store,
    tmp_path: Path,
    workers: int,
) -> None:
    """More than a year of a bad machine."""
    location = Location(tmp_path / "ledger", catalog=postgres.url() if workers > 1 else "")
    plan = Plan([("kill -9", kill_9)] * KILLS, workers, seed=10 + workers, between=(0.1, 3.4))
    outcome, account = play(plan, private_kafka.bootstrap, location, messages, right, tmp_path)
    _record("kill -9", workers, "PostgreSQL" if workers > 1 else "SQLite", outcome, account)
    assert account.is_exact, account


def test_every_fault_at_once(
    private_kafka: Kafka, postgres: Postgres, messages: list[Message], right: Store, tmp_path: Path
) -> None:
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
        *[("kill -9", kill_9)] * (2 * KILLS // 5),
        *[("leave and join", leave)] * (3 * KILLS // 10),
        *[("freeze 8 s", freeze(8.0))] * 4,
        *[("broker restart", restart(private_kafka, hard=False))] * 3,
        *[("broker kill -9", restart(private_kafka, hard=True))] * 3,
        *[("database restart", restart(postgres, hard=False))] * 3,
        *[("database kill -9", restart(postgres, hard=True))] * 3,
    ]
    random.Random(1).shuffle(faults)
    location = Location(tmp_path / "ledger", catalog=postgres.url())
    plan = Plan(faults, workers=4, seed=3, between=(0.1, 4.3))
    outcome, account = play(plan, private_kafka.bootstrap, location, messages, right, tmp_path)
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
        **{
            "messages/s": outcome.messages / outcome.publishing_seconds,
            "inferences/s": account.inferences / outcome.publishing_seconds,
        },
        inferences=account.inferences,
        lost=account.lost,
        double=account.double,
        differing_tables=len(account.differing),
        months_equal="yes" if account.months_equal else "no",
        ended_by_themselves=outcome.ended_by_themselves.total(),
    )
