"""Where a worker reads from: the ledger says it; what a broker no longer has is a gap, not a silent skip."""

from __future__ import annotations

import signal
import time
from pathlib import Path

import pytest

from pipeline.lake.watermarks import Advance
from pipeline.offset_gaps import LOST, RECREATED, TRUNCATED
from pipeline.rig.kafka import Kafka
from pipeline.store import Batch, Store
from tests.waiting import until
from tests.worker.kafka_messages import json_message
from tests.worker.worker_scene import Scene

GPU = "driftledger.gpu"
LONG_POLL_SECONDS = 2.0
"""After so long the broker has answered every fetch of a worker that was stopped."""


@pytest.fixture
def scene(broker: Kafka, tmp_path: Path) -> Scene:
    return Scene(broker, tmp_path)


def gpu(source: str, first: int, count: int) -> list:
    return [json_message("gpu", source, n) for n in range(first, first + count)]


def gaps(scene: Scene) -> list[tuple[str, str, int | None]]:
    return sorted(((r["source"], r["kind"], r["lost"]) for r in scene.rows("gaps")), key=repr)


def delete_records(scene: Scene, partition: int, before: int) -> None:
    from kafka import TopicPartition

    with scene.admin() as admin:
        admin.delete_records({TopicPartition(GPU, partition): before})


def commit(scene: Scene, partition: int, offset: int) -> None:
    """What the broker remembers of the group, as somebody with a tool may set it."""
    from kafka import TopicPartition
    from kafka.structs import OffsetAndMetadata

    with scene.admin() as admin:
        admin.alter_group_offsets(
            scene.group, {TopicPartition(GPU, partition): OffsetAndMetadata(offset, "", -1)}
        )


def test_the_ledger_and_not_the_broker_says_where_to_go_on(scene: Scene) -> None:
    """A committed offset that is ahead must skip nothing; deleted records are told, asleep or awake."""
    scene.send(gpu("a", 0, 5), partition=0)
    scene.send(gpu("b", 0, 5), partition=1)
    with scene.worker(session_seconds=3) as worker:
        worker.until_taken(10)
        assert worker.stop() == 0
        scene.send(gpu("a", 5, 5), partition=0)
        scene.send(gpu("b", 5, 5), partition=1)
        delete_records(scene, 0, before=8)
        until_empty_group(scene)
        commit(scene, 1, 10)
        worker.start().until_taken(2 + 5)
        assert gaps(scene) == [(f"{GPU}/0", LOST, 3)]
        assert "gap in driftledger.gpu/0: offsets_lost" in worker.log

        worker.signal(signal.SIGSTOP)
        time.sleep(LONG_POLL_SECONDS)
        scene.send(gpu("a", 10, 3), partition=0)
        delete_records(scene, 0, before=12)
        worker.signal(signal.SIGCONT)
        worker.until_taken(2 + 5 + 1)
        numbers = worker.metrics()
        assert worker.stop() == 0
    assert gaps(scene) == [(f"{GPU}/0", LOST, 2), (f"{GPU}/0", LOST, 3)]
    assert scene.samples() == 7 + 10 + 1
    assert numbers["driftledger_offsets_lost_total"] == 5
    assert numbers["driftledger_unexplained_offsets"] == 0


def until_empty_group(scene: Scene) -> None:
    def empty() -> bool:
        with scene.admin() as admin:
            return not admin.describe_groups([scene.group])[scene.group]["members"]

    until(empty, "the group has no member")


def test_a_log_that_lost_its_end_is_read_on_from_its_new_end(scene: Scene) -> None:
    """A broker that forgot what was taken would give the offsets out again, and they would count as known."""
    scene.send(gpu("a", 0, 3), partition=0)
    topic_id = scene.topic_ids[GPU]
    with Store.open(scene.lake) as store:
        store.append(Batch({}, (Advance(topic_id, 0, -1, 9, {"a": 9}),)))
    with scene.worker() as worker:
        worker.until_ready()
        assert gaps(scene) == [(f"{GPU}/0", TRUNCATED, None)]
        scene.send(gpu("a", 10, 2), partition=0)
        worker.until_taken(2)
        assert worker.stop() == 0
    assert scene.samples() == 2


def test_a_broker_that_forgets_what_was_taken_is_told_while_a_worker_runs(
    scene: Scene, broker: Kafka
) -> None:
    """A disk that came back older: new messages get offsets that the ledger has, and would never be read."""
    scene.send(gpu("a", 0, 5), partition=0)
    with scene.worker(session_seconds=90) as worker:
        worker.until_taken(5)
        empty_log(broker)
        cut = [(f"{GPU}/0", TRUNCATED, None)]
        until(lambda: gaps(scene) == cut, "an idle log is looked at", log=lambda: worker.log)
        scene.send(gpu("a", 5, 3), partition=0)
        worker.until_taken(5 + 3)
        worker.signal(signal.SIGSTOP)
        empty_log(broker)
        scene.send(gpu("a", 8, 6), partition=0)  # more than were taken
        worker.signal(signal.SIGCONT)
        assert worker.ended() == 1
        assert "the broker lost the end of its log" in worker.log and "Traceback" not in worker.log
        worker.start().until_taken(6)
        assert worker.stop() == 0
    assert scene.samples() == 5 + 3 + 6
    assert gaps(scene) == cut * 2


def empty_log(broker: Kafka) -> None:
    """The broker dies, and all that partition 0 had is gone from its disk."""
    broker.kill()
    for file in (broker.folder / "data" / f"{GPU}-0").iterdir():
        if file.name != "partition.metadata":
            file.unlink()
    broker.start()


def test_a_topic_made_again_ends_the_worker_and_is_then_read_from_its_start(scene: Scene) -> None:
    """Its offsets start again: taken for the old ones, as many messages as were read would be dropped."""
    scene.send(gpu("a", 0, 4), partition=0)
    with scene.worker() as worker:
        worker.until_taken(4)
        recreate(scene)
        scene.send(gpu("b", 0, 6), partition=0)
        assert worker.ended() == 1, worker.log
        assert "somebody deleted it" in worker.log and "Traceback" not in worker.log
        worker.start().until_taken(6)
        assert worker.stop() == 0
        assert gaps(scene) == [(f"{GPU}/0", RECREATED, 0)]
        recreate(scene)
        scene.send(gpu("c", 0, 1), partition=0)
        worker.start().until_taken(1)
        assert worker.stop() == 0
    assert gaps(scene) == [(f"{GPU}/0", RECREATED, 0), (f"{GPU}/0", RECREATED, None)]
    assert scene.samples() == 4 + 6 + 1


def recreate(scene: Scene) -> None:
    from pipeline.broker import topics

    with scene.admin() as admin:
        admin.delete_topics([GPU])
        until(lambda: GPU not in admin.list_topics(), "the topic is gone")
        topics.ensure(admin, scene.kafka)
