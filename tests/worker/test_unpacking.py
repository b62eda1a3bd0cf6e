"""A small batch may be gigabytes once it is unpacked: clients stop at a bound, and read what is behind."""

from __future__ import annotations

import asyncio
from collections.abc import Iterable, Iterator, Sequence
from pathlib import Path
from types import SimpleNamespace
from typing import Any

import aiokafka
import pytest
from aiokafka.record.default_records import DefaultRecordBatchBuilder
from kafka.errors import UnknownError
from kafka.record.memory_records import MemoryRecords

from pipeline.broker import any_record, unpacking
from pipeline.cli import app
from pipeline.events import Message, decode
from pipeline.lake.watermarks import Watermark
from pipeline.rig.kafka import Kafka
from pipeline.worker import handed, records
from pipeline.worker.broker_view import BrokerView
from tests.worker.kafka_messages import json_message
from tests.worker.worker_scene import Scene

CODECS = {"gzip": 1, "snappy": 2, "lz4": 3, "zstd": 4}
LIMIT = 6_000_000


def log(*batches: Sequence[bytes], codec: int) -> bytes:
    """The batches as a broker holds them, one offset after the other."""
    held, offset = b"", 0
    for values in batches:
        builder = DefaultRecordBatchBuilder(
            magic=2, compression_type=codec, is_transactional=0, producer_id=-1, producer_epoch=-1,
            base_sequence=-1, batch_size=10**9,
        )  # fmt: skip
        for number, value in enumerate(values):
            builder.append(number, 1_000, b"k", value, [])
        held += offset.to_bytes(8) + bytes(builder.build())[8:]
        offset += len(values)
    return held


def by_aiokafka(held: bytes) -> Iterable[Any]:
    records.take_any()
    found = records.Records(held)
    while found.has_next():
        yield from found.next_batch()


def by_kafka_python(held: bytes) -> Iterator[Any]:
    any_record.take_any()
    found = MemoryRecords(held)
    while batch := found.next_batch():
        yield from batch


@pytest.mark.parametrize("codec", CODECS.values(), ids=CODECS)
@pytest.mark.parametrize("read", [by_aiokafka, by_kafka_python])
def test_what_unpacks_to_too_much_is_one_refusal_and_its_neighbours_are_read(
    monkeypatch: pytest.MonkeyPatch, read: Any, codec: int
) -> None:
    """It would take the memory of every worker after every start."""
    monkeypatch.setattr(unpacking, "MAX_UNPACKED_BYTES", LIMIT)
    large = bytes(LIMIT - 1_000)
    found = list(read(log([b"a"], [b"b", large], [b"c", large, bytes(2_000)], [b"d"], codec=codec)))
    assert [(r.offset, r.value) for r in found[:2]] == [(0, b"a"), (1, b"b")]
    assert found[2].value == large, "as large as it may be"
    assert [r.offset for r in found[3:]] == [5, 6] and found[4].value == b"d"
    message = Message("driftledger.gpu", "", 0, 5, 0, {}, found[3].value)
    (refused,) = decode(message).rejected
    assert refused.reason == "too_large" and "offsets 3 to 5" in refused.detail


def test_a_batch_that_was_changed_on_its_way_is_told_from_a_whole_one() -> None:
    """What is summed up by another way than aiokafka's own must find the same batches broken."""
    held = log([b"a" * 100], [b"b" * 100], codec=0)
    records.take_any()
    for at in (None, 17, 25, len(held) // 2 - 1):
        changed = bytearray(held)
        if at is not None:
            changed[at] ^= 1
        batches = records.Records(bytes(changed))
        assert [batches.next_batch().validate_crc() for _ in range(2)] == [at is None, True]


def test_what_is_not_packed_as_it_says_is_refused_too() -> None:
    """An error here ends every start of every worker."""
    held = bytearray(log([b"a" * 100], codec=CODECS["zstd"]))
    held[70:] = bytes(len(held) - 70)
    (record,) = by_aiokafka(bytes(held))
    assert b"offsets 0 to 0" in record.value


def test_of_an_answer_only_so_much_is_unpacked_at_once() -> None:
    """Of 50 MB that a broker gives, gigabytes were handed over before the buffer could be full."""
    record = SimpleNamespace(value=b"x" * 9_000, key=None, headers=(("n", b""),))
    state = SimpleNamespace(position=0, paused=False, has_valid_position=True, consumed_to=lambda _: None)
    assignment = SimpleNamespace(state_value=lambda _: state, active=True)

    class Part(Iterator[Any]):
        next_fetch_offset = 0

        def __init__(self) -> None:
            self.left = 5

        def __next__(self) -> Any:
            if not self.left:
                raise StopIteration
            self.left -= 1
            return record

    parts = [handed.Handed(n, assignment=assignment, partition_records=Part(), backoff=0.1) for n in range(3)]
    taken = []
    for _ in range(5):
        handed.Handed.left = 40_000
        taken.append([len(part.getall()) for part in parts])
    assert taken == [[4, 0, 0], [1, 3, 0], [0, 2, 2], [0, 0, 3], [0, 0, 0]]
    assert not any(part.has_more() for part in parts)


def test_a_broker_that_cannot_find_a_time_in_one_log_is_asked_for_the_others() -> None:
    """It unpacks a batch to look into it; where it had no memory for that, a worker ended at every start."""

    class Admin:
        def list_partition_offsets(self, asked: dict[Any, int]) -> dict[Any, Any]:
            if any(p.partition == 1 for p in asked):
                raise UnknownError("ListOffsetsRequest failed")
            return {p: SimpleNamespace(offset=7, timestamp=2) for p in asked}

    view = BrokerView(Admin(), {})
    found = view.first_after({("t", n): Watermark(3, newest=1) for n in range(3)})
    assert sorted(found) == [("t", 0), ("t", 2)]


def send_packed(bootstrap: str, batches: Sequence[Sequence[Message]], codec: str) -> None:
    """As a producer that packs before it looks at the size."""

    async def sending() -> None:
        producer = aiokafka.AIOKafkaProducer(
            bootstrap_servers=bootstrap, compression_type=codec, max_batch_size=2**30, max_request_size=2**30
        )
        await producer.start()
        try:
            for messages in batches:
                batch = producer.create_batch()
                for m in messages:
                    headers = [(name, text.encode()) for name, text in m.headers.items()]
                    batch.append(key=None, value=m.value, timestamp=None, headers=headers)
                await (await producer.send_batch(batch, messages[0].topic, partition=1))
        finally:
            await producer.stop()

    asyncio.run(sending())


def test_a_worker_and_a_replay_pass_over_what_no_memory_holds(
    broker: Kafka, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    """2.5 KB in the broker's log; and zstd, which kafka-python alone cannot read, is read by both."""
    scene = Scene(broker, tmp_path)
    messages = [json_message("gpu", "s", n) for n in range(5)]
    servers = scene.kafka.bootstrap_servers
    large = [m._replace(value=bytes(40_000_000)) for m in messages[2:4]]
    send_packed(servers, [messages[:2], large, messages[4:]], "zstd")
    with scene.worker() as worker:
        worker.until_taken(4)
        numbers = worker.metrics()
        assert worker.stop() == 0
        assert "does not unpack" in worker.log and "Traceback" not in worker.log
    with pytest.raises(SystemExit):
        app.main([
            "--set", f"kafka.bootstrap_servers={servers}", "replay-topic", "--into", str(tmp_path / "other")
        ])  # fmt: skip
    assert "read 4 messages = stored 3 + refused 1" in capsys.readouterr().out
    (refused,) = scene.rows("rejected")
    assert (refused["reason"], refused["offset"]) == ("too_large", 3)
    assert "offsets 2 to 3" in refused["detail"]
    assert scene.samples() == 3 and numbers["driftledger_unexplained_offsets"] == 0
    assert "driftledger_gaps_total" not in numbers
