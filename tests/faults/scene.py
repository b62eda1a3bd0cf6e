"""A broker, a ledger and workers under faults, and the account of what was left."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path

from pipeline.broker import connection, topics
from pipeline.broker.parameters import KafkaSettings
from pipeline.events import Message
from pipeline.lake.location import Location
from pipeline.store import Store
from tests.faults import same_ledger
from tests.faults.run import Outcome, Plan, run


@dataclass(frozen=True, slots=True)
class Account:
    """What a run left, against the embedded ledger of the same messages."""

    inferences: int
    lost: int
    double: int
    differing: dict[str, str]
    months_equal: bool

    @property
    def is_exact(self) -> bool:
        return self.lost == self.double == 0 and not self.differing and self.months_equal


def play(
    plan: Plan, bootstrap: str, location: Location, messages: Sequence[Message], right: Store, folder: Path
) -> tuple[Outcome, Account]:
    """Prepare topics and ledger, run the plan, and compare what is left with `right`."""
    from kafka.admin import KafkaAdminClient

    kafka = KafkaSettings(bootstrap_servers=bootstrap)
    admin = KafkaAdminClient(**connection.options(kafka))
    topics.ensure(admin, kafka)
    admin.close()
    with Store.open(location) as store:
        same_ledger.prepare(store)
    environment = {
        "DRIFTLEDGER__KAFKA__BOOTSTRAP_SERVERS": bootstrap,
        "DRIFTLEDGER__STORE__FOLDER": str(location.folder),
        "DRIFTLEDGER__STORE__CATALOG": location.catalog,
        "DRIFTLEDGER__STORE__DATA": location.data,
        "DRIFTLEDGER__WORKER__GROUP": f"faults-{plan.seed}",
        "DRIFTLEDGER__WORKER__HEALTH_PORT": "0",
        "DRIFTLEDGER__WORKER__SESSION_SECONDS": "6",
        # Minutes stay minutes, as those of the ledger that this one is held against.
        "DRIFTLEDGER__MAINTENANCE__EVERY_SECONDS": "1",
        "DRIFTLEDGER__MAINTENANCE__ROLLUP_DAYS": "36500",
    }
    outcome = run(
        plan, kafka=kafka, store=location, environment=environment, messages=messages, folder=folder
    )
    with Store.open(location, read_only=True) as ours:
        return outcome, _account(ours, right)


def _account(ours: Store, right: Store) -> Account:
    found, sent = same_ledger.inferences(ours), same_ledger.inferences(right)
    return Account(
        inferences=found,
        lost=max(sent - found, 0),
        double=max(found - sent, 0),
        differing=same_ledger.differences(ours, right),
        months_equal=same_ledger.months_equal(ours, right),
    )
