"""A worker that is told to stop ends in time, whatever the broker does."""

from __future__ import annotations

import time
from pathlib import Path

from pipeline.rig.kafka import Kafka
from tests.worker.test_repair_broker import MESSAGES
from tests.worker.worker_scene import Scene


def test_it_ends_in_time_when_the_broker_hangs(private_kafka: Kafka, tmp_path: Path) -> None:
    """Who restarts it kills it after a while; until then its partitions stand still."""
    scene = Scene(private_kafka, tmp_path, partitions=1)
    with scene.worker(stop_seconds=3) as process:
        process.until_ready()
        scene.send(MESSAGES)
        process.until_taken(len(MESSAGES))
        private_kafka.process.freeze()
        asked = time.monotonic()
        assert process.stop() == 1
        assert time.monotonic() - asked < 3 + 10
        assert "it did not end within 3 seconds" in process.log
