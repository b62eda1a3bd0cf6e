"""`python -m tests.bench.hours --hours 2.5`: what a worker's commits cost after hours of a message a second.

Broker, PostgreSQL catalog, worker and maintainer are those that a user runs, by the real clock.  Settings are
the defaults but for three, so that all that maintenance does is done within the run: past states are let go
after an hour, files an hour later, and a round begins each two minutes.  Prints a JSON line each ten minutes;
fails where a commit of the last hour takes half as long again as one of the first, or a message is missing.
"""

from __future__ import annotations

import argparse
import json
import os
import signal
import statistics
import subprocess
import sys
import tempfile
import time
from collections.abc import Iterator
from contextlib import ExitStack, contextmanager
from datetime import UTC, datetime, timedelta
from pathlib import Path

import numpy as np
import pyarrow as pa
import pyarrow.compute as pc
from kafka import KafkaProducer

from detectors.reference_build import build
from pipeline.answers.drift import drift
from pipeline.answers.window import Window
from pipeline.broker import connection, topics
from pipeline.events import TYPES, encode
from pipeline.lake.location import Location
from pipeline.registry import register
from pipeline.rig.kafka import Kafka
from pipeline.rig.postgres import Postgres
from pipeline.store import Store
from tests.bench import backlog, batches
from tests.bench.data_files import data_files
from tests.bench.timed_worker import Worker, environment, finished
from tests.rigs import running
from tests.waiting import until

TYPE = TYPES["inference"]
ROWS = 200
SLICE = 600
"""Messages, and so seconds, of a line of the curve."""
OF_AN_HOUR = 6
WARM = 1
"""Lines that are of a worker's start."""
HURRIED = {
    "DRIFTLEDGER__MAINTENANCE__EVERY_SECONDS": "120",
    "DRIFTLEDGER__MAINTENANCE__SNAPSHOT_HOURS": "1",
    "DRIFTLEDGER__MAINTENANCE__GRACE_HOURS": "1",
}


def main() -> None:
    asked = argparse.ArgumentParser(description=__doc__)
    asked.add_argument("--hours", type=float, default=2.5)
    lines = int(asked.parse_args().hours * OF_AN_HOUR)
    if lines <= WARM:
        asked.error(
            f"a line takes {SLICE // 60} minutes, and the first {WARM} are of the start: ask for more hours"
        )
    with ExitStack() as stack:
        folder = Path(stack.enter_context(tempfile.TemporaryDirectory(prefix="driftledger-hours-")))
        bootstrap = stack.enter_context(running(Kafka)).bootstrap
        place = Location(
            folder / "ledger", stack.enter_context(running(Postgres)).url(), str(folder / "data")
        )
        with Store.open(place) as store:
            values = batches.features(20_000, np.random.default_rng(9))
            register(store, build(batches.reference(values), model="m"), datetime(2026, 1, 1))
        settings = {**environment(bootstrap, place), **HURRIED}
        worker = Worker("w0", settings, folder / "worker.log")
        stack.callback(worker.child.kill)
        stack.enter_context(_maintainer(settings, folder / "maintain.log"))
        until(worker.assignment, "the worker's partitions", 60)
        curve = [_told(line) for line in _curve(worker, bootstrap, place, lines)]
        finished([worker], lines * SLICE)
        worker.stop()
        _check(curve, place, lines)


@contextmanager
def _maintainer(settings: dict[str, str], log: Path) -> Iterator[None]:
    with log.open("wb") as out:
        child = subprocess.Popen(
            [sys.executable, "-m", "pipeline.cli", "maintain"],
            env={**os.environ, **settings}, stdin=subprocess.DEVNULL, stdout=out, stderr=out,
        )  # fmt: skip
    try:
        yield
        child.send_signal(signal.SIGTERM)
        code = child.wait(60)
        assert code in (0, -signal.SIGTERM), log.read_text(errors="replace")[-2_000:]
    finally:
        child.kill()
        child.wait()


def _curve(worker: Worker, bootstrap: str, place: Location, lines: int) -> Iterator[dict[str, float]]:
    """A message each second; of each slice what its commits took, and how the ledger is then."""
    before, cpu = worker.metrics(), worker.cpu_seconds()
    sent = _sent(bootstrap)
    for number in range(1, lines + 1):
        for _ in range(SLICE):
            next(sent)
        now, spent = worker.metrics(), worker.cpu_seconds()
        commits = now["driftledger_commit_seconds_count"] - before.get("driftledger_commit_seconds_count", 0)
        seconds = now["driftledger_commit_seconds_sum"] - before.get("driftledger_commit_seconds_sum", 0)
        with Store.open(place) as store:
            count = data_files(store)
            drift(store, _last_hour())
            asked = statistics.median(_question(store) for _ in range(5))
        yield {
            "minutes": number * SLICE // 60,
            "commits": commits,
            "commit_ms": 1e3 * seconds / commits,
            "worker_cpu_ms_a_commit": 1e3 * (spent - cpu) / commits,
            "question_ms": asked * 1e3,
            "files": count,
            "files_kept": sum(1 for _ in Path(place.data_path).rglob("*.parquet")),
            "peak_rss_mb": worker.peak_rss_bytes() / 1e6,
        }
        before, cpu = now, spent


def _sent(bootstrap: str) -> Iterator[None]:
    """One message of the second that has passed each time, whose predictions are of that second."""
    kafka = backlog.settings(bootstrap)
    with connection.admin(kafka) as admin:
        topics.ensure(admin, kafka)
    producer = KafkaProducer(**connection.options(kafka), acks="all", compression_type="lz4")
    rng = np.random.default_rng(3)
    rows = backlog.narrow(batches.inference(rng, 0).slice(0, ROWS), identified=False)
    began = time.time()
    number = 0
    while True:
        time.sleep(max(0.0, began + number - time.time()))
        moment = int((began + number) * 1e6) - np.sort(rng.integers(0, 1_000_000, ROWS))[::-1]
        events = rows.set_column(
            rows.schema.get_field_index("time"), "time", pa.array(moment, pa.timestamp("us", "UTC"))
        )
        message = encode(TYPE, events, source="hours", sequence=number, time=int(moment[-1]))
        headers = [(name, text.encode()) for name, text in message.headers.items()]
        sending = producer.send(
            TYPE.topic, message.value, key=message.key, headers=headers, partition=number % backlog.PARTITIONS
        )
        sending.get(60)
        number += 1
        yield


def _last_hour() -> Window:
    end = datetime.now(UTC).replace(tzinfo=None, second=0, microsecond=0)
    return Window(end - timedelta(hours=1), end)


def _question(store: Store) -> float:
    """CPU seconds of the drift of the last hour: as many rows at any time of the run."""
    start = time.process_time()
    drift(store, _last_hour())
    return time.process_time() - start


def _told(line: dict[str, float]) -> dict[str, float]:
    print(json.dumps({name: round(value, 2) for name, value in line.items()}), flush=True)
    return line


def _check(curve: list[dict[str, float]], place: Location, lines: int) -> None:
    with Store.open(place, read_only=True) as store:
        kept = pc.sum(store.rows("prediction_sums")["count"]).as_py()
    assert kept == lines * SLICE * ROWS, f"{kept:,} predictions are in the ledger"
    first = curve[WARM : WARM + OF_AN_HOUR]
    last = curve[-OF_AN_HOUR:]
    for cost in ("commit_ms", "worker_cpu_ms_a_commit"):
        early, late = (statistics.median(line[cost] for line in part) for part in (first, last))
        assert late < 1.5 * early, (cost, early, late)


if __name__ == "__main__":
    main()
