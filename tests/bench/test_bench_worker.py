"""A worker from broker to lake, beside other ways to read the same log, in one run."""

from __future__ import annotations

import json
import subprocess
import sys
import time
from collections.abc import Callable, Iterator
from datetime import UTC, datetime
from pathlib import Path
from typing import NamedTuple

import numpy as np
import pytest
from kafka import KafkaProducer
from kafka.admin import KafkaAdminClient

from detectors.reference_build import build
from pipeline.lake.location import Location
from pipeline.maintenance.run import run as maintain
from pipeline.registry import register
from pipeline.rig.kafka import Kafka
from pipeline.rig.postgres import Postgres
from pipeline.settings.maintenance import MaintenanceSettings
from pipeline.store import Store
from tests.bench import backlog, batches
from tests.bench.data_files import data_files
from tests.bench.page import cores
from tests.bench.timed_worker import Run, replay
from tests.rigs import running

MESSAGES = 4_000
IDENTIFIED_MESSAGES = 200
BACKLOG_MESSAGES = 10_000
ONE_EVENT_MESSAGES = 50_000
SIZES = [(6_000, 1_600), (1_250, 8_000)]
"""Messages and rows of each: 100 KB and 500 KB."""
SPEED = 1.5e6
"""Events a second that a worker must do, and:"""
SHARE = 0.3
"""of what reading and decoding alone do."""
MEMORY = 600e6

ONE_EVENT_TOPIC = "bench.one-event"
pytestmark = pytest.mark.bench

Record = Callable[..., None]


class Log(NamedTuple):
    """A broker with so many messages in one topic."""

    bootstrap: str
    messages: int
    message_bytes: int
    rows: int = batches.ROWS

    @property
    def events(self) -> int:
        return self.messages * self.rows


@pytest.fixture(scope="module")
def log() -> Iterator[Log]:
    with running(Kafka) as server:
        yield Log(server.bootstrap, MESSAGES, backlog.fill(server.bootstrap, MESSAGES))


@pytest.fixture
def ledger(postgres: Postgres, tmp_path: Path) -> Callable[[str], Location]:
    """A new ledger that knows what the bench's model is compared with, in a folder or in PostgreSQL."""

    def made(catalog: str) -> Location:
        folder = tmp_path / f"ledger-{time.monotonic_ns()}"
        location = Location(folder, postgres.url() if catalog == "PostgreSQL" else "", str(folder / "data"))
        values = batches.features(20_000, np.random.default_rng(9))
        with Store.open(location) as store:
            register(store, build(batches.reference(values), model="m"), datetime(2026, 1, 1))
        return location

    return made


def other_way(way: str, bootstrap: str, topic: str, messages: int) -> dict[str, float]:
    """Read so many messages in a process of its own."""
    command = [sys.executable, "-m", "tests.bench.consumers", way, bootstrap, topic]
    done = subprocess.run(
        [*command, str(backlog.PARTITIONS), str(messages)], capture_output=True, text=True, check=True
    )
    found: dict[str, float] = json.loads(done.stdout.splitlines()[-1])
    return found


def one_event_messages(bootstrap: str) -> None:
    """A topic of JSON inferences, one a message."""
    admin = KafkaAdminClient(bootstrap_servers=bootstrap)
    admin.create_topics({ONE_EVENT_TOPIC: {"num_partitions": backlog.PARTITIONS, "replication_factor": 1}})
    admin.wait_for_topics([ONE_EVENT_TOPIC])
    admin.close()
    event = {
        "model": "m", "model_version": "1", "time": "2026-11-01T00:00:00Z", "latency_seconds": 0.1,
        "prediction": "yes", "score": 0.9, "features": {f"f{i}": i / 7 for i in range(batches.FEATURES)},
    }  # fmt: skip
    body = json.dumps(event).encode()
    producer = KafkaProducer(bootstrap_servers=bootstrap, linger_ms=20, batch_size=300_000)
    for number in range(ONE_EVENT_MESSAGES):
        future = producer.send(ONE_EVENT_TOPIC, body, partition=number % backlog.PARTITIONS)
    future.get(60)
    producer.close()


def counted(location: Location) -> tuple[int, int]:
    """Inferences in the ledger, and those that its histogram of the first feature holds."""
    with Store.open(location, read_only=True) as store:
        binned = store.rows("feature_bins")
        first = [
            n
            for f, n in zip(binned["feature"].to_pylist(), binned["count"].to_pylist(), strict=True)
            if f == "f0"
        ]
        return sum(store.rows("prediction_sums")["count"].to_pylist()), sum(first)


def worked(log: Log, location: Location, folder: Path, workers: int = 1) -> Run:
    """The log brought into the ledger by real workers: every event once, or the bench fails."""
    found = replay(log.bootstrap, location, log.messages, folder, workers=workers)
    assert counted(location) == (log.events, log.events)
    return found


def told(run: Run, rows: int = batches.ROWS) -> dict[str, float]:
    events = run.messages * rows
    return {
        "events_per_second": events / run.seconds,
        "events_per_cpu_second": events / sum(run.cpu_seconds),
        "seconds": run.seconds,
        "peak_MB": max(run.peak_rss_bytes) / 1e6,
        "startup_seconds": run.startup_seconds,
    }


def test_a_worker_beside_other_ways_to_read_the_same_log(log, ledger, tmp_path, record: Record):
    """A worker must not be the reason to buy machines."""
    one_event_messages(log.bootstrap)
    speeds: dict[str, float] = {}
    for way in ("kafka-python", "kafka-python + decode", "aiokafka", "aiokafka + decode"):
        found = other_way(way, log.bootstrap, backlog.TYPE.topic, log.messages)
        assert not way.endswith("decode") or found["events"] == log.events
        speeds[way] = _recorded(record, way, log.events, found)
    found = other_way("Faust, one event a message", log.bootstrap, ONE_EVENT_TOPIC, ONE_EVENT_MESSAGES)
    _recorded(record, "Faust, one event a message", ONE_EVENT_MESSAGES, found)
    runs = {}
    for catalog in ("SQLite", "PostgreSQL"):
        runs[catalog] = told(worked(log, ledger(catalog), tmp_path))
        record("worker from broker to lake", way=f"worker, ledger in {catalog}", **runs[catalog])
    for run in runs.values():
        assert run["peak_MB"] * 1e6 < MEMORY
        assert run["events_per_second"] >= SHARE * speeds["aiokafka + decode"]
        assert run["events_per_second"] >= SPEED


def _recorded(record: Record, way: str, events: int, found: dict[str, float]) -> float:
    speed = events / found["seconds"]
    record(
        "worker from broker to lake",
        way=way,
        events_per_second=speed,
        events_per_cpu_second=events / found["cpu_seconds"],
        seconds=found["seconds"],
    )
    return speed


@pytest.mark.parametrize("messages, rows", SIZES)
def test_a_worker_on_smaller_and_larger_messages(ledger, tmp_path, record: Record, messages: int, rows: int):
    """Who sizes the messages of a source sees what smaller ones cost."""
    with running(Kafka) as server:
        size = backlog.fill(server.bootstrap, messages, rows=rows)
        run = told(worked(Log(server.bootstrap, messages, size, rows), ledger("PostgreSQL"), tmp_path), rows)
    record("worker on messages of other sizes", message_bytes=size, messages=messages, **run)
    assert run["peak_MB"] * 1e6 < MEMORY


def test_two_workers_share_a_log(log, ledger, tmp_path, record: Record):
    """With cores to spare, a second worker must help."""
    alone, together = (told(worked(log, ledger("PostgreSQL"), tmp_path, n)) for n in (1, 2))
    for workers, run in ((1, alone), (2, together)):
        record("workers that share a log", workers=workers, cores=cores(), **run)
    assert together["peak_MB"] * 1e6 < MEMORY
    # Two workers and a broker need three cores; with fewer a second worker may only not do harm.
    wanted = 1.5 if cores() > 3 else 0.8
    assert together["events_per_second"] >= wanted * alone["events_per_second"]


def test_predictions_with_an_id_are_kept_one_by_one(ledger, tmp_path, record: Record):
    """What labels will name costs a row of the ledger each."""
    with running(Kafka) as server:
        size = backlog.fill(server.bootstrap, IDENTIFIED_MESSAGES, identified=True)
        log = Log(server.bootstrap, IDENTIFIED_MESSAGES, size)
        location = ledger("PostgreSQL")
        run = told(worked(log, location, tmp_path))
    record("predictions with an id", events=log.events, message_bytes=size, **run)
    assert run["peak_MB"] * 1e6 < MEMORY
    with Store.open(location, read_only=True) as store:
        assert store.rows("predictions").num_rows == log.events


def test_a_backlog_of_fifty_million_events(ledger, tmp_path, record: Record):
    """Workers were away for hours: they catch up, in the same memory."""
    with running(Kafka) as server:
        size = backlog.fill(server.bootstrap, BACKLOG_MESSAGES)
        log = Log(server.bootstrap, BACKLOG_MESSAGES, size)
        location = ledger("PostgreSQL")
        run = told(worked(log, location, tmp_path))
    with Store.open(location) as store:
        before = data_files(store)
        maintain(store, datetime.now(UTC).replace(tzinfo=None), MaintenanceSettings())
        after = data_files(store)
    record(
        "backlog replayed", events=log.events, message_bytes=size, **run,
        files=before, files_after_maintenance=after,
    )  # fmt: skip
    assert counted(location) == (log.events, log.events)
    assert run["peak_MB"] * 1e6 < MEMORY
