"""Refused messages on a real broker: kept whole, shown, repaired, and topics read again into a ledger."""

from __future__ import annotations

import json
import re
import signal
from pathlib import Path
from typing import Any

import pytest

from pipeline.answers.rejected import rejected
from pipeline.broker import connection
from pipeline.broker.parameters import KafkaSettings
from pipeline.cli import app
from pipeline.events import Message
from pipeline.lake.watermarks import Advance
from pipeline.repair import topic as topic_replay
from pipeline.repair.refused import still_refused
from pipeline.repair.whole import read
from pipeline.rig.kafka import Kafka
from pipeline.step import Step
from pipeline.store import Batch, Store
from tests.generated import NOW
from tests.waiting import until
from tests.worker.kafka_messages import TIME, json_message
from tests.worker.worker_scene import Scene, embedded, ledger

TOPIC = "driftledger.inference"


def rows(count: int, bad: int | None = None) -> bytes:
    found = [
        {"model": "m", "model_version": "1", "time": TIME, "latency_seconds": 0.1 * at} for at in range(count)
    ]
    if bad is not None:
        found[bad]["latency_seconds"] = -1
    return json.dumps(found).encode()


def sent(value: bytes, sequence: int) -> Message:
    return json_message("inference", "s", sequence)._replace(value=value)


BATCH, CUT = sent(rows(100, bad=57), 0), sent(rows(50)[:-1], 1)
MESSAGES = [BATCH, CUT, sent(rows(3), 2)]


@pytest.fixture
def scene(broker: Kafka, tmp_path: Path) -> Scene:
    return Scene(broker, tmp_path, partitions=1)


@pytest.fixture
def refused(scene: Scene) -> Scene:
    """Topics with a batch with one bad row, a broken one and a good one, and their ledger."""
    scene.send(MESSAGES)
    assert run(scene.kafka, "replay-topic", TOPIC, "--store", str(scene.lake)) == 7
    return scene


def run(kafka: KafkaSettings, *arguments: str) -> int:
    with pytest.raises(SystemExit) as ended:
        app.main(["--set", f"kafka.bootstrap_servers={kafka.bootstrap_servers}", *arguments])
    return int(ended.value.code or 0)


def predictions(folder: Path) -> int:
    with Store.open(folder, read_only=True) as store:
        return sum(store.rows("prediction_sums")["count"].to_pylist())


def test_a_refused_message_is_read_whole_from_its_topic_and_then_from_the_dead_letters(
    scene: Scene,
) -> None:
    """The ledger keeps a kilobyte; who repairs a message needs all of it, also when its topic let it go."""
    kafka, folder = scene.kafka, scene.lake
    scene.send(MESSAGES)
    with scene.worker() as process:
        process.until_ready().until_taken(len(MESSAGES))
        assert process.stop() == 0
    with Store.open(folder, read_only=True) as store:
        wanted = still_refused(store)
    assert [(r.whole, r.rows) for r in wanted] == [(False, {57}), (True, frozenset())]
    own = read(kafka, wanted)
    with connection.admin(kafka) as admin:
        from kafka import TopicPartition

        admin.delete_records({TopicPartition(TOPIC, 0): 3})
    letters = read(kafka, wanted)
    assert own == letters
    assert [own[r.place].value for r in wanted] == [BATCH.value, CUT.value]
    assert own[wanted[0].place].headers == BATCH.headers
    assert not any(name.startswith("dead-letter") for name in own[wanted[0].place].headers)


def test_a_retry_adds_the_bad_row_of_a_hundred_and_the_broken_batch_and_nothing_twice(
    refused: Scene, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    """The 99 good rows were counted when the message came."""
    kafka, folder = refused.kafka, refused.lake
    assert predictions(folder) == 99 + 3
    in_store = ("--store", str(folder))
    repaired = tmp_path / "body.json"
    repaired.write_bytes(rows(100))
    for code in (0, 3):  # the second time there is nothing left to repair
        assert run(kafka, "rejected", "retry", TOPIC, "0", "0", "--body", str(repaired), *in_store) == code
        assert predictions(folder) == 100 + 3
    assert run(kafka, "rejected", "retry", *in_store) == 7
    repaired.write_bytes(rows(50))
    assert run(kafka, "rejected", "retry", TOPIC, "0", "1", "--body", str(repaired), *in_store) == 0
    assert predictions(folder) == 100 + 50 + 3
    with Store.open(folder, read_only=True) as store:
        assert {row[7] for row in rejected(store).rows} == {"repaired"}
    # The worker goes on behind its dead letters and counts none of them.
    with refused.worker() as process:
        process.until_ready()
        refused.send([sent(rows(2), 3)])
        process.until_taken(1 + 2)
        assert process.stop() == 0
    assert predictions(folder) == 100 + 50 + 3 + 2


def test_a_topic_read_into_a_new_ledger_gives_the_same_and_into_its_own_nothing(
    refused: Scene, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    """After a lost disk the broker is the backup; a second run, or one too many, must change nothing."""
    kafka, folder = refused.kafka, refused.lake
    before = ledger(folder)
    for _ in range(2):
        assert run(kafka, "replay-topic", "--into", str(tmp_path / "new")) in (0, 7)
        assert ledger(tmp_path / "new") == before
    assert run(kafka, "replay-topic", TOPIC, "--store", str(folder)) == 0
    assert "not read, since the ledger has them by their offset: 3" in capsys.readouterr().out
    assert ledger(folder) == before
    assert run(kafka, "replay-topic", "driftledger.nothing", "--store", str(folder)) == 3


def test_what_a_replay_refuses_first_becomes_a_dead_letter_too(scene: Scene) -> None:
    """A worker that comes later finds the offsets taken, and would never keep the message."""
    kafka = scene.kafka
    scene.send([CUT])
    assert run(kafka, "replay-topic", TOPIC, "--store", str(scene.lake)) == 7
    with Store.open(scene.lake, read_only=True) as store:
        [wanted] = still_refused(store)
    with connection.admin(kafka) as admin:
        admin.delete_topics([TOPIC])
    assert read(kafka, [wanted])[wanted.place].value == CUT.value


def test_a_replay_and_a_worker_side_by_side_take_each_message_once(
    scene: Scene, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    """Who repairs at noon must neither count twice nor end the workers, which want the same offsets."""
    monkeypatch.setattr("pipeline.repair.batches._TAKE_MESSAGES", 1)
    patiently = topic_replay._patiently

    def together(*what: Any) -> Step:
        worker.signal(signal.SIGCONT)
        return patiently(*what)

    monkeypatch.setattr(topic_replay, "_patiently", together)
    messages = [json_message("label", "s", n, prediction_id=str(n)) for n in range(40)]
    topic = messages[0].topic
    with scene.worker(take_messages=1) as worker:
        worker.until_ready().signal(signal.SIGSTOP)
        scene.send(messages)
        assert run(scene.kafka, "replay-topic", topic, "--store", str(scene.lake)) == 0
        seen = "driftledger_messages_total"
        until(lambda: worker.metrics().get(seen) == len(messages), "the worker had all in hand")
        stored = worker.metrics().get(f"{seen}{{outcome=stored}}", 0)
        assert worker.stop() == 0
    replayed = int(re.findall(r"= stored (\d+)", capsys.readouterr().out)[0])
    assert replayed > 0 and replayed + stored == len(messages)
    assert ledger(scene.lake) == embedded(tmp_path / "embedded", messages)


def test_what_a_producer_took_back_is_in_no_ledger(scene: Scene, tmp_path: Path) -> None:
    """A job that writes in transactions and fails sends all of it again, under numbers of its own."""
    from kafka import KafkaProducer

    producer = KafkaProducer(**connection.options(scene.kafka), transactional_id="job", acks="all")
    producer.init_transactions()
    for number, commits in enumerate([True, False, True]):
        message = sent(rows(10**number), number)
        headers = [(name, text.encode()) for name, text in message.headers.items()]
        producer.begin_transaction()
        producer.send(message.topic, message.value, message.key, headers=headers).get(20)
        producer.commit_transaction() if commits else producer.abort_transaction()
    producer.close()
    with scene.worker() as worker:
        worker.until_taken(2)
        numbers = worker.metrics()
        assert worker.stop() == 0
    assert numbers["driftledger_unexplained_offsets"] == 0 and scene.rows("gaps") == []
    assert predictions(scene.lake) == 1 + 100
    assert run(scene.kafka, "replay-topic", TOPIC, "--into", str(tmp_path / "new")) == 0
    assert ledger(tmp_path / "new") == ledger(scene.lake)


def test_what_expired_unread_is_told_and_moved_over_once(
    scene: Scene, capsys: pytest.CaptureFixture[str]
) -> None:
    """Nothing is left of one topic, and the other's log lost its end: both would be passed in silence."""
    kafka, folder = scene.kafka, scene.lake
    scene.send([sent(rows(1), n) for n in range(5)])
    [gpu] = [json_message("gpu", "s", 0)]
    scene.send([gpu])
    taken = Advance(scene.topic_ids[gpu.topic], 0, -1, 7, {}, newest=NOW)
    with Store.open(folder) as store:
        store.append(Batch({}, (taken,)))
    with connection.admin(kafka) as admin:
        from kafka import TopicPartition

        admin.delete_records({TopicPartition(TOPIC, 0): 5})
    for code in (7, 0):
        assert run(kafka, "replay-topic", TOPIC, gpu.topic, "--store", str(folder)) == code
    assert "known to be lost: log_truncated 1, offsets_lost 1" in capsys.readouterr().out
    with Store.open(folder, read_only=True) as store:
        assert sorted((r["kind"], r["lost"]) for r in store.rows("gaps").to_pylist()) == [
            ("log_truncated", None),
            ("offsets_lost", 5),
        ]
    assert scene.samples() == 1, "what came after the cut is read"


def test_lost_offsets_are_told_and_the_exit_code_says_so(
    scene: Scene, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    """A new ledger from a log that has lost its beginning is not the whole story."""
    kafka = scene.kafka
    scene.send([sent(rows(1), n) for n in range(5)])
    with connection.admin(kafka) as admin:
        from kafka import TopicPartition

        admin.delete_records({TopicPartition(TOPIC, 0): 2})
    assert run(kafka, "replay-topic", TOPIC, "--into", str(tmp_path / "new")) == 7
    assert "offsets_lost 1" in capsys.readouterr().out
    assert predictions(tmp_path / "new") == 3
