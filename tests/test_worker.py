"""A worker on a real broker: what it takes is in the ledger once, and what it cannot take is said."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path

from pipeline.broker import connection, topics
from pipeline.broker.parameters import KafkaSettings
from pipeline.embedded import Embedded
from pipeline.events import TYPES, Message
from pipeline.facts.catalogue import FACTS
from pipeline.rig.kafka import Kafka
from pipeline.store import Store
from tests.kafka_messages import every_type, send
from tests.worker_process import WorkerProcess


def prepare(broker: Kafka, partitions: int = 2) -> KafkaSettings:
    """Topics with few partitions: a test is about what happens, not about how much."""
    kafka = KafkaSettings(bootstrap_servers=broker.bootstrap, partitions=partitions)
    with connection.admin(kafka) as admin:
        topics.ensure(admin, kafka)
    return kafka


def worker(folder: Path, kafka: KafkaSettings, **settings: object) -> WorkerProcess:
    return WorkerProcess(folder, kafka.bootstrap_servers, partitions=kafka.partitions, **settings)


def ledger(folder: Path) -> dict[str, list[tuple[object, ...]]]:
    """Every fact's rows; of refusals what does not depend on where and when they were read."""
    with Store.open(folder, read_only=True) as store:
        tables = {name: store.rows(name) for name in FACTS}
    tables["rejected"] = tables["rejected"].select(["topic", "row", "reason", "detail", "head"])
    return {name: sorted(map(repr, zip(*t.to_pydict().values(), strict=True))) for name, t in tables.items()}


def embedded(folder: Path, messages: Sequence[Message]) -> dict[str, list[tuple[object, ...]]]:
    """The ledger of the same messages without a broker."""
    with Store.open(folder) as store:
        Embedded(store).take(messages)
    return ledger(folder)


def test_every_type_in_both_forms_gives_the_ledger_of_the_embedded_run(broker: Kafka, tmp_path: Path):
    """A broker between source and ledger changes nothing: not a row more, less or other."""
    kafka = prepare(broker)
    messages = every_type(rounds=3)
    send(kafka.bootstrap_servers, messages)
    with worker(tmp_path / "lake", kafka) as process:
        process.until_ready().until_taken(len(messages))
        numbers = process.metrics()
        assert process.stop() == 0
    assert ledger(tmp_path / "lake") == embedded(tmp_path / "embedded", messages)
    assert numbers["driftledger_unexplained_offsets"] == 0
    assert all(numbers[f"driftledger_events_total{{type={name}}}"] == 6 for name in TYPES)
    assert "driftledger_gaps_total" not in numbers
