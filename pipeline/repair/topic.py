"""What the broker still retains of topics, read into a ledger that lacks some of it, or into a new one."""

from __future__ import annotations

import time
from collections import Counter
from collections.abc import Callable, Iterator, Mapping, Sequence
from contextlib import ExitStack, contextmanager, suppress
from dataclasses import dataclass, field
from functools import partial
from typing import Any

from pipeline.broker import any_record, connection
from pipeline.broker.failures import told
from pipeline.broker.parameters import KafkaSettings
from pipeline.broker.topics import MAX_RECORD_BYTES
from pipeline.errors import DriftledgerError, NotFound, StaleWatermark
from pipeline.events import TYPES, Message
from pipeline.folding import Refusals
from pipeline.ingest import Ingest
from pipeline.repair.batches import FROM_THE_START, batches
from pipeline.step import Step
from pipeline.store import Store
from pipeline.wire import dead_letter
from pipeline.worker import missing
from pipeline.worker.broker_view import BrokerView, Partition, Span
from pipeline.worker.dead_letters import letters as letters_of

_SEND_SECONDS = 60.0
_STALE_ATTEMPTS = 100


@dataclass(slots=True)
class Replayed:
    """read = taken + already in the ledger; `before` offsets were in it by their number: not read again."""

    read: int = 0
    before: int = 0
    step: Step = field(default_factory=Step)

    @property
    def balanced(self) -> bool:
        step = self.step
        return (
            self.read
            == step.taken + step.duplicates
            == (step.stored + step.refused + step.letters + step.duplicates)
        )

    @property
    def complete(self) -> bool:
        return not (self.step.rejected or self.step.gaps)


def known(topics: Sequence[str]) -> list[str]:
    """The topics, all of ours where none is named; raises NotFound for one that is not ours."""
    ours = [type_.topic for type_ in TYPES.values()]
    for topic in topics:
        if topic not in ours:
            raise NotFound(f"{topic} is not a topic of events; there are {', '.join(ours)}")
    return list(dict.fromkeys(topics)) or ours


def replay(
    store: Store, kafka: KafkaSettings, topics: Sequence[str], *,
    letters: bool, told_length: Callable[[int], None], told_done: Callable[[int], None],
) -> Replayed:  # fmt: skip
    """Step what the broker has now of these topics into the ledger; what is in it already counts once.

    `letters` keeps refused messages in the topic of dead letters, as a worker does.  Raises NotFound where a
    topic is not there, PreflightFailed where the broker is not.
    """
    from kafka.errors import KafkaError

    any_record.take_any()
    try:
        with ExitStack() as stack:
            admin = stack.enter_context(connection.admin(kafka))
            consumer = stack.enter_context(
                _client(
                    "KafkaConsumer",
                    kafka,
                    enable_auto_commit=False,
                    isolation_level=connection.COMMITTED,
                    **FROM_THE_START,
                )  # fmt: skip
            )
            wide = {"acks": "all", "max_request_size": 2 * MAX_RECORD_BYTES}
            producer = stack.enter_context(_client("KafkaProducer", kafka, **wide)) if letters else None
            keep = partial(_keep, producer)
            view = BrokerView(admin, connection.options(kafka))
            ingest = Ingest(store, judge_holes=partial(missing.judge, broker=view), keep_refused=keep)
            ids = _partitions(admin, topics)
            gaps, spans = _bridged(store, ingest, view, ids)
            return _replay(ingest, consumer, ids, gaps, spans, told_length, told_done)
    except KafkaError as error:
        raise told(error, "reading topics again") from error


def _bridged(
    store: Store, ingest: Ingest, view: BrokerView, ids: Mapping[Partition, str]
) -> tuple[Counter[str], dict[Partition, Span]]:
    """Move over what the logs no longer have: how often, by the kind of gap; and where the logs are."""
    marks = {p: ingest.watermark(topic_id, p[1]) for p, topic_id in ids.items()}
    taken = {p: mark.offset for p, mark in marks.items()}
    spans = missing.settled_spans(view, taken, time.sleep)
    after = view.first_after(marks)
    gaps: Counter[str] = Counter()
    for partition, topic_id in ids.items():
        where = marks[partition], spans[partition], after.get(partition), time.time_ns() // 1_000
        with suppress(StaleWatermark):  # a worker just did
            if gap := missing.bridge(store, partition, topic_id, *where):
                gaps[gap.kind] += 1
    ingest.reload()
    return gaps, spans


def _replay(
    ingest: Ingest, consumer: Any, ids: Mapping[Partition, str], gaps: Counter[str],
    spans: Mapping[Partition, Span], told_length: Callable[[int], None], told_done: Callable[[int], None],
) -> Replayed:  # fmt: skip
    result = Replayed()
    result.step.gaps.update(gaps)
    starts = {p: max(log.begin, ingest.watermark(ids[p], p[1]).offset + 1) for p, log in spans.items()}
    left = {p: Span(starts[p], log.end) for p, log in spans.items() if starts[p] < log.end}
    result.before = sum(min(starts[p], log.end) - log.begin for p, log in spans.items())
    told_length(sum(span.end - span.begin for span in left.values()))
    for batch, moved in batches(consumer, left, ids):
        result.read += len(batch)
        result.step.add(_patiently(ingest, batch))
        told_done(moved)
    return result


def _patiently(ingest: Ingest, batch: Sequence[Message]) -> Step:
    """One transaction, after whatever a worker has put in meanwhile."""
    for _ in range(_STALE_ATTEMPTS):
        try:
            return ingest.step(batch)
        except StaleWatermark:
            ingest.reload()
    raise DriftledgerError("workers kept these partitions busy; try again, or stop them meanwhile")


def _partitions(admin: Any, topics: Sequence[str]) -> dict[Partition, str]:
    """Topic id by topic and partition; raises NotFound where the broker has no such topic."""
    found: dict[Partition, str] = {}
    for topic in admin.describe_topics(list(topics)):
        if topic["error_code"]:
            raise NotFound(f"the broker has no topic {topic['name']}, or we may not see it")
        found |= {(topic["name"], p["partition_index"]): str(topic["topic_id"]) for p in topic["partitions"]}
    return found


@contextmanager
def _client(kind: str, kafka: KafkaSettings, **options: Any) -> Iterator[Any]:
    import kafka as clients

    client = getattr(clients, kind)(**connection.options(kafka), **options)
    try:
        yield client
    finally:
        client.close()


def _keep(producer: Any, refused: Refusals) -> None:
    """Return when the broker has the refused messages as dead letters; without a producer nothing is kept."""
    if producer is None:
        return
    sent = [
        producer.send(dead_letter.TOPIC, message.value, message.key or None, headers=marked)
        for message, marked in letters_of(refused)
    ]
    for future in sent:
        future.get(_SEND_SECONDS)
