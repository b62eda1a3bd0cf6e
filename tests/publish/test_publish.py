"""The producer on a real broker: what is put is in the ledger once, whatever dies in between."""

from __future__ import annotations

import random
import subprocess
import sys
import time
from collections import Counter
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from contextlib import contextmanager
from dataclasses import replace
from pathlib import Path

import pyarrow as pa
import pytest

from collectors.publish.outbox import Blocked
from collectors.publish.parameters import PublishSettings
from collectors.publish.publisher import Publisher
from pipeline.broker.connection import admin
from pipeline.broker.failures import BrokerRefused
from pipeline.broker.parameters import KafkaSettings, Protocol
from pipeline.broker.topics import MAX_RECORD_BYTES, described
from pipeline.errors import DriftledgerError
from pipeline.events import MAX_MESSAGE_BYTES
from pipeline.rig.kafka import GUEST, Kafka
from pipeline.secret import Secret
from tests.publish.published import LABEL, TIME, arrived, assert_in_order, consumed, ids, labels

SOURCES = ["a", "b", "c", "d", "e"]
PARTITIONS = 4


def settings(kafka: Kafka) -> KafkaSettings:
    return replace(KafkaSettings(), bootstrap_servers=kafka.bootstrap, partitions=PARTITIONS)


def spooling(folder: Path, **changed: object) -> PublishSettings:
    given = {"spool_folder": folder / "spool", "delivery_timeout_seconds": 2.0, **changed}
    return replace(PublishSettings(), **given)


def feed(publisher: Publisher, sequences: range, *, pause: float = 0.0) -> None:
    for sequence in sequences:
        for source in SOURCES:
            rows = labels(source, sequence)
            publisher.put(LABEL, rows, source=source, sequence=sequence, time=TIME)
        time.sleep(pause)


def assert_once(kafka: KafkaSettings, folder: Path, expected: set[str]) -> None:
    """0 lost, 0 double, in the ledger; in the broker's log no message has overtaken another."""
    assert_in_order(list(consumed(kafka)))
    found = arrived(kafka, folder / f"ledger-{time.monotonic_ns()}")
    assert Counter(found.ids) == Counter(expected)
    assert found.rejected == 0


def test_all_events_arrive_once_however_often_they_are_put(broker: Kafka, tmp_path: Path) -> None:
    """Arrow and JSON, small and large: a second run of the same adds nothing to the ledger."""
    kafka = settings(broker)
    large = labels("large", 0, rows=8_000, padding=500)
    for _ in range(2):
        with Publisher.open(kafka, spooling(tmp_path)) as publisher:
            feed(publisher, range(20))
            for body in ("arrow", "json"):
                rows = labels(body, 0)
                publisher.put(LABEL, rows, source=body, sequence=0, time=TIME, body=body)
            publisher.put(LABEL, large, source="large", sequence=0, time=TIME)
            assert publisher.delivered(20)
            stats = publisher.close()
        assert stats.messages == stats.acknowledged > 100 + 2 + 8
        assert (stats.in_memory_messages, stats.spooled_messages, stats.spooled_bytes) == (0, 0, 0)
    assert stats.last_error == "" and stats.torn_bytes == 0
    expected = ids(SOURCES, 20) | ids(["arrow", "json"], 1) | ids(["large"], 1, 8_000)
    assert_once(kafka, tmp_path, expected)
    sent = list(consumed(kafka))
    assert {m.headers["content-type"].rpartition("/")[2] for m in sent} > {"json"}
    assert max(len(m.value) for m in sent) <= 524_288 and len({m.partition for m in sent}) == PARTITIONS


def test_a_row_too_large_for_any_message_is_a_value(broker: Kafka, tmp_path: Path) -> None:
    """Its neighbours arrive; it is counted, and stands in the ledger as rejected."""
    kafka = settings(broker)
    rows = pa.concat_tables([labels("a", 0), labels("b", 0, rows=1, padding=MAX_MESSAGE_BYTES + 1)])
    with Publisher.open(kafka, spooling(tmp_path)) as publisher:
        refused = publisher.put(LABEL, rows, source="a", sequence=0, time=TIME)
        assert [r.reason for r in refused] == ["too_large"]
        assert publisher.delivered(10)
        assert publisher.stats().refused == 1
    found = arrived(kafka, tmp_path / "ledger")
    assert Counter(found.ids) == Counter(ids(["a"], 1)) and found.rejected == 1


def test_a_broker_that_dies_and_restarts_costs_nothing(broker: Kafka, tmp_path: Path) -> None:
    """kill -9 for longer than the delivery timeout, then a restart, while sources go on putting."""
    kafka = settings(broker)
    with Publisher.open(kafka, spooling(tmp_path)) as publisher, ThreadPoolExecutor() as pool:
        feed(publisher, range(1))
        assert publisher.delivered(20)
        putting = pool.submit(feed, publisher, range(1, 200), pause=0.03)
        time.sleep(0.5)
        broker.kill()
        until = time.monotonic() + 20
        while not (away := publisher.stats()).spooled_messages and time.monotonic() < until:
            time.sleep(0.1)
        assert away.spooled_messages and not away.connected and "nothing listens there" in _error(publisher)
        broker.start()
        time.sleep(1.5)
        broker.restart()
        putting.result(60)
        assert publisher.delivered(60)
        stats = publisher.close()
    assert stats.messages == stats.acknowledged == 200 * len(SOURCES)
    assert stats.connects > 1 and stats.spooled_bytes == 0
    assert_once(kafka, tmp_path, ids(SOURCES, 200))


def _error(publisher: Publisher) -> str:
    until = time.monotonic() + 10
    while "nothing listens" not in (error := publisher.stats().last_error) and time.monotonic() < until:
        time.sleep(0.1)
    return error


def test_a_killed_collector_goes_on_from_its_cursor(broker: Kafka, tmp_path: Path) -> None:
    """kill -9 of the publishing process at random moments, each time started again."""
    kafka = settings(broker)
    command = [sys.executable, "-m", "tests.publish.publish_child", broker.bootstrap, str(tmp_path / "spool")]
    command += [str(tmp_path / "cursor"), "300", ",".join(SOURCES)]
    seed, kills = random.Random(4), 0
    while True:
        child = subprocess.Popen(command, stdout=subprocess.PIPE, text=True)
        assert child.stdout is not None
        with child, child.stdout:
            assert child.stdout.readline() == "up\n"
            try:
                child.wait(60 if kills == 2 else seed.uniform(0.1, 0.5))
            except subprocess.TimeoutExpired:
                child.kill()
                kills += 1
                continue
            assert child.stdout.read() == "done\n" and child.returncode == 0
            break
    assert kills
    assert_once(kafka, tmp_path, ids(SOURCES, 300))


def _resident_bytes() -> int:
    return int(Path("/proc/self/statm").read_text().split()[1]) * 4_096


def test_memory_stays_bounded_and_the_limit_stops_the_source(
    broker: Kafka, tmp_path: Path, caplog: pytest.LogCaptureFixture
) -> None:
    """While the broker is away: memory, then disk, then the source waits and says so; nothing is dropped."""
    kafka = settings(broker)
    publish = spooling(tmp_path, in_flight_bytes=4_000_000, spool_bytes=60_000_000)

    def big(sequence: int) -> pa.Table:
        return labels("a", sequence, rows=75, padding=4_000)

    with Publisher.open(kafka, publish) as publisher:
        publisher.put(LABEL, big(0), source="a", sequence=0, time=TIME)
        assert publisher.delivered(10)
        broker.kill()
        before, taken = _resident_bytes(), 1
        with pytest.raises(Blocked, match=r"publish\.spool_bytes is reached"):
            while True:
                publisher.put(LABEL, big(taken), source="a", sequence=taken, time=TIME, timeout=3.0)
                taken += 1
        stats = publisher.stats()
        assert 50_000_000 < stats.spooled_bytes <= 64_000_000 + 4_000_000
        assert stats.blocked_seconds > 0 and "sources have to wait" in caplog.text
        assert _resident_bytes() - before < 60_000_000, "memory grows with the outage"
        broker.start()
        publisher.put(LABEL, big(taken), source="a", sequence=taken, time=TIME, timeout=60.0)
        assert publisher.delivered(60)
        assert publisher.stats().blocked_seconds == 0 and publisher.stats().spooled_bytes == 0
    assert_once(kafka, tmp_path, ids(["a"], taken + 1, 75))


def test_a_full_disk_stops_the_source_and_heals(broker: Kafka, small_disk: Path, tmp_path: Path) -> None:
    """Something else fills the disk while the broker is away: the source waits, and then all arrives."""
    kafka = settings(broker)
    rows = [labels("a", sequence, rows=75, padding=4_000) for sequence in range(20)]
    with Publisher.open(kafka, spooling(small_disk, in_flight_bytes=600_000)) as publisher:
        publisher.put(LABEL, rows[0], source="a", sequence=0, time=TIME)
        assert publisher.delivered(20)
        broker.kill()
        taken = 1
        with pytest.raises(Blocked, match="No space left on device"):
            while True:
                publisher.put(LABEL, rows[taken], source="a", sequence=taken, time=TIME, timeout=5.0)
                taken += 1
        assert taken > 3 and publisher.stats().blocked_seconds > 0
        broker.start()
        for sequence in range(taken, len(rows)):
            publisher.put(LABEL, rows[sequence], source="a", sequence=sequence, time=TIME, timeout=60.0)
        assert publisher.delivered(60)
        assert (publisher.stats().blocked_seconds, publisher.stats().torn_bytes) == (0, 0)
    assert_once(kafka, tmp_path, ids(["a"], len(rows), 75))


def test_a_message_that_the_broker_refuses_holds_all_back_until_it_is_mended(
    broker: Kafka, tmp_path: Path
) -> None:
    """The topic's limit is lowered under a running producer: it says so, and nothing is lost or overtaken."""
    kafka = settings(broker)
    with Publisher.open(kafka, spooling(tmp_path)) as publisher:
        feed(publisher, range(3))
        assert publisher.delivered(20)
        limit_messages(kafka, 300)
        feed(publisher, range(3, 6))
        assert not publisher.delivered(3)
        assert "max.message.bytes is 300; set it to" in publisher.stats().last_error
        limit_messages(kafka, MAX_RECORD_BYTES)
        feed(publisher, range(6, 9))
        assert publisher.delivered(40)
        assert publisher.stats().connects > 1
    assert_once(kafka, tmp_path, ids(SOURCES, 9))


def limit_messages(kafka: KafkaSettings, most: int) -> None:
    from kafka.admin import ConfigResource, ConfigResourceType

    with admin(kafka) as client:
        changed = {"max.message.bytes": str(most)}
        client.alter_configs([ConfigResource(ConfigResourceType.TOPIC, LABEL.topic, changed)])
        until = time.monotonic() + 10
        while described(client)[LABEL.topic].max_message_bytes != most and time.monotonic() < until:
            time.sleep(0.05)


def test_what_a_stop_leaves_is_sent_by_the_next_start(broker: Kafka, tmp_path: Path) -> None:
    """A node is drained while the broker is away."""
    kafka = settings(broker)
    with Publisher.open(kafka, spooling(tmp_path)) as publisher:
        feed(publisher, range(5))
        assert publisher.delivered(10)
        broker.kill()
        feed(publisher, range(5, 10))
        stopped = time.monotonic()
        stats = publisher.close(timeout=1.0)
        assert time.monotonic() - stopped < 8
    assert stats.spooled_messages == 5 * len(SOURCES) and stats.in_memory_messages == 0
    with pytest.raises(DriftledgerError, match="closed"):
        feed(publisher, range(1))
    with Publisher.open(kafka, spooling(tmp_path)) as publisher:
        feed(publisher, range(10, 12))
        broker.start()
        assert publisher.delivered(30)
    assert_once(kafka, tmp_path, ids(SOURCES, 12))


@contextmanager
def _open(kafka: KafkaSettings, folder: Path) -> Iterator[Publisher]:
    with Publisher.open(kafka, spooling(folder)) as publisher:
        yield publisher


def test_tls_and_password_are_used_and_a_wrong_one_is_named(secure_kafka: Kafka, tmp_path: Path) -> None:
    """Each mistake has its own sentence, in seconds; kafka-python waits half a minute and names none."""
    assert secure_kafka.secure is not None
    right = replace(
        settings(secure_kafka),
        bootstrap_servers=secure_kafka.secure.bootstrap,
        security_protocol=Protocol.sasl_ssl,
        ssl_cafile=str(secure_kafka.secure.cafile),
        sasl_username=secure_kafka.secure.username,
        sasl_password=Secret(secure_kafka.secure.password),
    )
    guest = {"sasl_username": GUEST, "sasl_password": Secret(secure_kafka.secure.guest_password)}
    wrong = {
        "the credentials of 'driftledger' were refused": {"sasl_password": Secret("wrong")},
        "its certificate is not trusted": {"ssl_cafile": ""},
        "does this listener speak PLAINTEXT": {"security_protocol": Protocol.plaintext},
        "does this listener speak SSL": {"security_protocol": Protocol.ssl},
        "no right to": guest,
    }
    for words, changed in wrong.items():
        with pytest.raises(BrokerRefused, match=words) as caught, _open(replace(right, **changed), tmp_path):
            pass
        assert caught.value.exit_code == 5
    with _open(right, tmp_path) as publisher:
        feed(publisher, range(3))
        assert publisher.delivered(10)
    assert_once(settings(secure_kafka), tmp_path, ids(SOURCES, 3))
