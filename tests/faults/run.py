"""A faulty run: workers read a stream into a ledger that is maintained, while a plan of faults hits them."""

from __future__ import annotations

import random
import signal
import threading
import time
from collections import Counter
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from kafka import KafkaConsumer, KafkaProducer, TopicPartition

from pipeline.broker import connection, topics
from pipeline.broker.parameters import KafkaSettings
from pipeline.events import TYPES, Message
from pipeline.lake.location import Place
from pipeline.store import Store
from tests.faults.workers import WorkerProcess

CATCH_UP_SECONDS = 300.0
GIVES_UP = 50
"""A worker that ends by itself so often does not get anywhere."""

Fault = Callable[[Sequence[WorkerProcess], random.Random], None]


@dataclass(frozen=True, slots=True)
class Plan:
    """`faults` are hit one after another, `between` seconds apart; workers that ended are started again."""

    faults: Sequence[tuple[str, Fault]]
    workers: int
    seed: int
    between: tuple[float, float]


@dataclass(slots=True)
class Outcome:
    """What happened in a run."""

    hit: Counter[str] = field(default_factory=Counter)
    seconds: float = 0.0
    messages: int = 0
    publishing_seconds: float = 0.0
    """From the first message to the acknowledgement of the last."""
    ended_by_themselves: Counter[int] = field(default_factory=Counter)


def kill_9(workers: Sequence[WorkerProcess], chance: random.Random) -> None:
    """A running worker, whatever it does at that moment."""
    until = time.monotonic() + 30
    while not chance.choice(workers).kill():
        assert time.monotonic() < until, "no worker runs"
        _keep(workers)


def run(
    plan: Plan,
    *,
    kafka: KafkaSettings,
    store: Place,
    environment: Mapping[str, str],
    messages: Sequence[Message],
    folder: Path,
) -> Outcome:
    """Publish the messages evenly over the run, hit every fault, then wait until the ledger has read all.

    Every message is published once and acknowledged: what is missing or double afterwards is the workers'.
    """
    outcome = Outcome(messages=len(messages))
    chance = random.Random(plan.seed)
    start = time.monotonic()
    workers = [WorkerProcess(f"w{n}", environment, folder / f"worker-{n}.log") for n in range(plan.workers)]
    maintainer = WorkerProcess("m", environment, folder / "maintainer.log", "maintain")
    every = [*workers, maintainer]
    length = sum(plan.between) / 2 * len(plan.faults)
    publishing = _Publishing(kafka, messages, length)
    publishing.start()
    try:
        for name, fault in plan.faults:
            _keep(every)
            time.sleep(chance.uniform(*plan.between))
            _keep(every)
            fault(workers, chance)
            outcome.hit[name] += 1
        publishing.finish()
        outcome.publishing_seconds = publishing.seconds
        _wait_until_read(kafka, store, every)
        codes = [worker.stop() for worker in workers]
        # What the last kill ended is not missed where the others had read all.
        assert {*codes} <= {0, -signal.SIGKILL}, (codes, [w.said() for w in workers])
    finally:
        for process in every:
            process.kill()
        publishing.stop()
    outcome.seconds = time.monotonic() - start
    for worker in workers:
        outcome.ended_by_themselves.update(worker.ended_by_itself)
    return outcome


def _keep(workers: Sequence[WorkerProcess]) -> None:
    for worker in workers:
        worker.keep_running()
        assert len(worker.ended_by_itself) < GIVES_UP, worker.said()


class _Publishing(threading.Thread):
    """Sends the messages in order, spread over `seconds`."""

    def __init__(self, kafka: KafkaSettings, messages: Sequence[Message], seconds: float) -> None:
        super().__init__(daemon=True)
        self._kafka, self._messages, self._pause = kafka, messages, seconds / max(len(messages), 1)
        self._stopped = threading.Event()
        self._failure: BaseException | None = None
        self.seconds = 0.0

    def run(self) -> None:
        try:
            self._send()
        except BaseException as error:
            self._failure = error

    def _send(self) -> None:
        producer = KafkaProducer(
            **connection.options(self._kafka), acks="all", enable_idempotence=True, linger_ms=5,
            delivery_timeout_ms=180_000,
        )  # fmt: skip
        sent = []
        start = time.monotonic()
        for number, message in enumerate(self._messages):
            if self._stopped.wait(max(0.0, start + number * self._pause - time.monotonic())):
                return
            marked = [(name, text.encode()) for name, text in message.headers.items()]
            sent.append(producer.send(message.topic, value=message.value, key=message.key, headers=marked))
        for future in sent:
            future.get(timeout=180)
        self.seconds = time.monotonic() - start
        producer.close()

    def finish(self) -> None:
        """Wait until all are acknowledged."""
        self.join(300)
        assert not self.is_alive(), "publishing has not ended"
        if self._failure is not None:
            raise self._failure

    def stop(self) -> None:
        self._stopped.set()


def _wait_until_read(kafka: KafkaSettings, place: Place, workers: Sequence[WorkerProcess]) -> None:
    """Until the watermark of every partition is at the end of its log."""
    until = time.monotonic() + CATCH_UP_SECONDS
    behind = {partition: end for partition, end in log_ends(kafka).items() if end}
    with Store.open(place, read_only=True) as store:
        while behind := _behind(store, behind):
            late = f"{len(behind)} partitions are behind"
            assert time.monotonic() < until, "\n".join([late, *(w.said() for w in workers)])
            _keep(workers)
            time.sleep(0.2)


def _behind(store: Store, ends: Mapping[tuple[str, int], int]) -> dict[tuple[str, int], int]:
    """The partitions of which something is still to be read."""
    marks = store.watermarks(ends)
    return {partition: end for partition, end in ends.items() if marks[partition].offset < end - 1}


def log_ends(kafka: KafkaSettings) -> dict[tuple[str, int], int]:
    """The next offset of every partition, by topic id and partition."""
    from kafka.admin import KafkaAdminClient

    admin: Any = KafkaAdminClient(**connection.options(kafka))
    ids = {topic.name: topic.id for topic in topics.ensure(admin, kafka).values()}
    admin.close()
    consumer = KafkaConsumer(**connection.options(kafka))
    places = [
        TopicPartition(type_.topic, partition)
        for type_ in TYPES.values()
        for partition in consumer.partitions_for_topic(type_.topic) or ()
    ]
    ends = consumer.end_offsets(places)
    consumer.close()
    return {(ids[place.topic], place.partition): end for place, end in ends.items()}


def freeze(seconds: float) -> Fault:
    """SIGSTOP for so long: beyond the session timeout it comes back as a zombie."""

    def fault(workers: Sequence[WorkerProcess], chance: random.Random) -> None:
        worker = chance.choice(workers)
        if worker.signal(signal.SIGSTOP):
            time.sleep(seconds)
            worker.signal(signal.SIGCONT)

    return fault


def leave(workers: Sequence[WorkerProcess], chance: random.Random) -> None:
    """One worker leaves in order; it joins again with the next fault: a rebalance each time."""
    chance.choice(workers).signal(signal.SIGTERM)
