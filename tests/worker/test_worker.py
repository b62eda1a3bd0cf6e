"""A worker on a real broker: what it takes is in the ledger once, what it cannot take is kept and told."""

from __future__ import annotations

from contextlib import ExitStack
from pathlib import Path

import pytest

from collectors.publish.spool import held_bytes
from pipeline.broker.topics import MAX_RECORD_BYTES
from pipeline.cli import app
from pipeline.events import TYPES, Message
from pipeline.rig.kafka import Kafka
from pipeline.wire import dead_letter
from pipeline.worker import dead_letters
from tests.generated import NOW
from tests.publish.test_spool import filled
from tests.waiting import until
from tests.worker.kafka_messages import NoText, every_type, json_message, send
from tests.worker.worker_scene import Scene, embedded, ledger


@pytest.fixture
def scene(broker: Kafka, tmp_path: Path) -> Scene:
    return Scene(broker, tmp_path)


def test_every_type_in_both_forms_gives_the_ledger_of_the_embedded_run(broker: Kafka, tmp_path: Path) -> None:
    """A broker and four workers between source and ledger change nothing: no row more, less or other."""
    scene = Scene(broker, tmp_path, partitions=8)
    messages = every_type(rounds=3)
    scene.send(messages[:40])
    with ExitStack() as running:
        workers = [running.enter_context(scene.worker(f"w{n}")) for n in range(4)]
        for worker in workers:
            worker.until_ready()
        scene.send(messages[40:])
        scene.until_taken(len(messages), *workers)
        numbers = [worker.metrics() for worker in workers]
        assert [worker.stop() for worker in workers] == [0] * 4
    assert all(n["driftledger_messages_total{outcome=stored}"] for n in numbers), "each had a share"
    assert ledger(scene.lake) == embedded(tmp_path / "embedded", messages)
    assert all(n["driftledger_unexplained_offsets"] == 0 for n in numbers)
    assert all("driftledger_gaps_total" not in n for n in numbers)
    for name in TYPES:
        assert sum(n.get(f"driftledger_events_total{{type={name}}}", 0) for n in numbers) >= 6, name


def test_a_refused_message_that_no_topic_takes_uncompressed_stops_nobody(
    scene: Scene, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    """A producer that compresses may write many times a topic's limit: all partitions waited for its letter.

    One that is as large as a letter may be is kept, by a worker and by a replay.
    """
    good, last = json_message("gpu", "s", 0), json_message("gpu", "s", 3)
    large = [last._replace(value=b" " * size) for size in (6_000_000, MAX_RECORD_BYTES - 600)]
    topic_id = scene.topic_ids[good.topic]
    origin = {
        dead_letter.ORIGIN_TOPIC: good.topic, dead_letter.ORIGIN_TOPIC_ID: topic_id,
        dead_letter.ORIGIN_PARTITION: "1", dead_letter.ORIGIN_OFFSET: "2",
        dead_letter.ORIGIN_TIMESTAMP: "1" * 16, dead_letter.REASON: "too_large", dead_letter.REFUSED: "all",
    }  # fmt: skip
    large = [m._replace(headers=m.headers | {"ce_sequence": str(n + 1)}) for n, m in enumerate(large)]
    marked = [(name, text.encode()) for name, text in (large[1].headers | origin).items()]
    room = MAX_RECORD_BYTES - dead_letters._bytes(large[1], marked)
    large[1] = large[1]._replace(value=large[1].value + b" " * room)
    send(
        scene.kafka.bootstrap_servers, [good, *large, last], 1, compression_type="lz4", max_request_size=2**23
    )
    server = ("--set", f"kafka.bootstrap_servers={scene.kafka.bootstrap_servers}")
    with pytest.raises(SystemExit):
        app.main([*server, "replay-topic", "--store", str(tmp_path / "other")])
    assert "stored 2 + refused 2" in capsys.readouterr().out
    with scene.worker() as worker:
        worker.until_taken(4 + 2)  # the letters of both are read too
        assert "offset 1 is refused (too_large), and too large to be kept" in worker.log
        assert worker.stop() == 0
    assert scene.samples() == 2
    assert sorted((r["reason"], r["offset"]) for r in scene.rows("rejected")) == [
        ("too_large", 1),
        ("too_large", 2),
    ]
    letters = scene.read(dead_letter.TOPIC)
    assert [m.value == large[1].value for m in letters] == [True, True]


@pytest.mark.parametrize("compression", [None, "lz4"])
def test_a_header_whose_name_is_no_text_ends_no_worker(
    scene: Scene, tmp_path: Path, capsys: pytest.CaptureFixture[str], compression: str | None
) -> None:
    """One such record ended every start of every worker, and nothing behind it was ever read."""
    messages = [json_message("gpu", "s", n) for n in range(5)]
    odd = NoText("odd")
    messages[2] = messages[2]._replace(headers={**messages[2].headers, odd: "x"})
    send(scene.kafka.bootstrap_servers, messages, 1, compression_type=compression)
    with scene.worker() as worker:
        worker.until_taken(5)
        numbers = worker.metrics()
        assert worker.stop() == 0
    server = ("--set", f"kafka.bootstrap_servers={scene.kafka.bootstrap_servers}")
    with pytest.raises(SystemExit):
        app.main([*server, "replay-topic", "--into", str(tmp_path / "other")])
    assert "read 5 messages = stored 5" in capsys.readouterr().out
    assert numbers["driftledger_messages_total{outcome=stored}"] == scene.samples() == 5
    assert numbers["driftledger_unexplained_offsets"] == 0


def test_what_is_refused_is_in_the_ledger_and_kept_whole(scene: Scene, tmp_path: Path) -> None:
    """A message that cannot be read must stop nothing, and must be there to be repaired and sent again."""
    poison = b"{" + b"x" * 5_000
    good = json_message("gpu", "s", 0)
    half = json_message("gpu", "s", 2)
    half = half._replace(value=half.value[:-1] + b", {}]")
    bad = Message(
        TYPES["gpu"].topic, "", 0, 0, NOW, {"ce_source": "s", "ce_sequence": "1", "by": "café"}, poison, b"k"
    )
    scene.send([good, bad, half], partition=1)
    scene.send([json_message("rejected", "files", 0)])
    spool = tmp_path / "spool"
    filled(spool, 3).close()
    with scene.worker(sets=(f"publish.spool_folder={spool}",)) as worker:
        worker.until_taken(6)  # the dead letters are read too
        until(
            lambda: worker.metrics()["driftledger_spool_bytes"] == held_bytes(spool) > 0, "the spool is seen"
        )
        numbers = worker.metrics()
        assert worker.stop() == 0
    assert scene.samples() == 2
    reasons = sorted((r["reason"], r["offset"]) for r in scene.rows("rejected"))
    assert reasons == [("malformed", 1), ("malformed", 7), ("missing_field", 2)]
    letters = scene.read(dead_letter.TOPIC)
    whole, part = sorted(
        (m for m in letters if dead_letter.ORIGIN_OFFSET in m.headers),
        key=lambda m: m.headers[dead_letter.ORIGIN_OFFSET],
    )
    assert (whole.value, whole.key, part.value) == (poison, b"k", half.value)
    assert whole.headers == bad.headers | {
        dead_letter.ORIGIN_TOPIC: "driftledger.gpu",
        dead_letter.ORIGIN_TOPIC_ID: scene.topic_ids["driftledger.gpu"],
        dead_letter.ORIGIN_PARTITION: "1",
        dead_letter.ORIGIN_OFFSET: "1",
        dead_letter.ORIGIN_TIMESTAMP: whole.headers[dead_letter.ORIGIN_TIMESTAMP],
        dead_letter.REASON: "malformed",
        dead_letter.REFUSED: "all",
    }
    assert part.headers[dead_letter.REFUSED] == "1"
    assert numbers["driftledger_messages_total{outcome=dead_letter}"] == 2
    assert numbers["driftledger_messages_total{outcome=refused}"] == 1
    # Two of the three are refused here, the third where its collector read it.
    assert numbers["driftledger_rejected_total{reason=malformed}"] == 1
    assert numbers["driftledger_rejected_total{reason=missing_field}"] == 1
    assert numbers["driftledger_commit_seconds_count"] >= 1
    assert 0 < numbers["driftledger_commit_seconds_sum"] < 60
    assert (numbers["driftledger_buffer_messages"], numbers["driftledger_buffer_bytes"]) == (0, 0)
    assert numbers["driftledger_unexplained_offsets"] == 0
