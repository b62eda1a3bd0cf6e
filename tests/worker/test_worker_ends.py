"""How a worker ends and comes back: in good order, by kill -9, and as a zombie that must not write."""

from __future__ import annotations

import signal
import time
from contextlib import suppress
from pathlib import Path

import pytest

from pipeline.rig.kafka import Kafka
from tests.small_disk import mounted
from tests.waiting import until
from tests.worker.kafka_messages import json_message
from tests.worker.worker_scene import Scene, embedded, ledger


@pytest.fixture
def scene(broker: Kafka, tmp_path: Path) -> Scene:
    return Scene(broker, tmp_path)


def labels(first: int, count: int) -> list:
    return [json_message("label", f"s{n % 4}", n, prediction_id=str(n)) for n in range(first, first + count)]


def test_it_stops_in_good_order_and_comes_back_at_once_after_a_kill(scene: Scene, tmp_path: Path) -> None:
    """A deployment that rolls must not wait for it, and a crash must not leave its partitions idle."""
    scene.send(labels(0, 400))
    with scene.worker(session_seconds=90) as worker:
        worker.until_ready()
        worker.kill()
        scene.send(labels(400, 400))
        killed = time.monotonic()
        worker.start().until_ready()
        back = time.monotonic() - killed
        worker.until_taken(1)
        asked = time.monotonic()
        assert worker.stop() == 0
        stopped = time.monotonic() - asked
        assert "stopped; every message that was acknowledged is in the ledger" in worker.log
        worker.start()
        until(lambda: worker.ready() and len(scene.rows("labels")) == 800, "all labels are in the ledger")
        assert worker.stop() == 0
    assert stopped < 10
    assert back < 10, "3 s on a machine of its own; with the dead member its partitions stay for 90"
    assert ledger(scene.lake) == embedded(tmp_path / "embedded", labels(0, 800))


def test_a_worker_that_slept_too_long_writes_nothing_that_is_not_its_own(
    scene: Scene, tmp_path: Path
) -> None:
    """It wakes with messages in hand that another has taken meanwhile: each must count once."""
    with (
        scene.worker("w0", session_seconds=6) as sleeper,
        scene.worker("w1", session_seconds=6) as heir,
    ):
        sleeper.until_ready()
        heir.until_ready()
        scene.send(labels(0, 200))
        scene.until_taken(200, sleeper, heir)
        sleeper.signal(signal.SIGSTOP)
        # The broker answers the fetches that wait: these messages lie in the sleeper's sockets.
        scene.send(labels(200, 200))
        until(lambda: len(scene.rows("labels")) == 400, "the heir has taken what the sleeper got")
        sleeper.signal(signal.SIGCONT)
        scene.send(labels(400, 200))
        until(lambda: len(scene.rows("labels")) == 600, "all labels are in the ledger")
        until(sleeper.ready, "the sleeper is back")
        assert (sleeper.stop(), heir.stop()) == (0, 0)
    assert ledger(scene.lake) == embedded(tmp_path / "embedded", labels(0, 600))
    assert scene.rows("gaps") == []


def test_a_broker_that_is_away_at_the_start_is_waited_for(tmp_path: Path, private_kafka: Kafka) -> None:
    """Started together with its broker, a worker must not end; it says what it waits for."""
    scene = Scene(private_kafka, tmp_path)
    scene.send(labels(0, 10))
    private_kafka.stop()
    with scene.worker() as worker:
        until(
            lambda: worker.get("/readyz") is not None and "nothing listens" in worker.get("/readyz").text,
            "it waits",
        )
        assert worker.get("/readyz").status_code == 503 and worker.get("/healthz").status_code == 200
        private_kafka.start()
        worker.until_taken(10)
        private_kafka.kill()
        until(lambda: not worker.ready(), "it is not ready without its broker")
        private_kafka.start()
        until(worker.ready, "it is ready again")
        scene.send(labels(10, 10))
        worker.until_taken(20)
        lines = worker.log.count("\n")
        assert worker.stop() == 0
    assert lines < 100, "a broker that is away filled the log"
    assert len(scene.rows("labels")) == 20


@pytest.mark.parametrize("free", [30_000_000, 0], ids=["below the limit", "to the last byte"])
def test_a_disk_that_fills_up_stops_the_taking_until_there_is_space(
    scene: Scene, tmp_path: Path, free: int
) -> None:
    """A full disk must cost time, not events: nothing is acknowledged that could not be written."""
    with mounted(tmp_path / "lake", "64m") as lake:
        with scene.worker(sets=(f"store.min_free_bytes={free}",)) as worker:
            scene.send(labels(0, 10))
            worker.until_taken(10)
            filler = lake / "filler"
            fill(filler, 40_000_000 if free else None)
            scene.send(labels(10, 10))
            until(lambda: not worker.ready(), "it is not ready without space", log=lambda: worker.log)
            answer = worker.get("/readyz")
            assert answer is not None and ("nothing is written" if free else "ledger") in answer.text
            if free:  # without a byte the ledger of SQLite cannot even be opened to read
                assert len(scene.rows("labels")) == 10
            filler.unlink()
            worker.until_taken(20)
            until(worker.ready, "it is ready again")
            assert worker.stop() == 0
        assert sorted(int(row["prediction_id"]) for row in scene.rows("labels")) == list(range(20))


def fill(file: Path, size: int | None) -> None:
    """With so many bytes, or with as many as the disk has."""
    with file.open("wb", buffering=0) as out, suppress(OSError):
        while size is None or file.stat().st_size < size:
            out.write(bytes(4_096))
