"""The receiver's process is killed while senders post: nothing answered is lost, nothing is counted twice."""

from __future__ import annotations

import json
import signal
import subprocess
import sys
import threading
import time
import urllib.error
from collections.abc import Sequence
from pathlib import Path

import pytest

from collectors.live.contract import Watch
from collectors.live.inference import receiver
from collectors.live.inference.kserve import REQUEST, RESPONSE
from pipeline.collect.doors import Ledger
from pipeline.embedded import Embedded
from pipeline.events import Message
from pipeline.rig.processes import free_port
from pipeline.store import Store
from tests.events.cut_door import Cut, CutDoor
from tests.inference.inference_scene import NOW, post, receiving
from tests.waiting import until

TIME = NOW.isoformat()


def _exchange(i: int) -> list[tuple[bytes, dict[str, str]]]:
    said = {"ce-source": "s", "ce-id": f"r{i}", "ce-inferenceservicename": "m", "ce-time": TIME}
    return [
        (b'{"instances":[[1]]}', said | {"ce-type": REQUEST}),
        (b'{"predictions":[1]}', said | {"ce-type": RESPONSE}),
    ]


def _sums(store: Store) -> int:
    return sum(row["count"] for row in store.rows("prediction_sums").to_pylist())


@pytest.mark.parametrize("after", [False, True])
def test_a_crash_between_ledger_and_answer_counts_once(tmp_path: Path, after: bool) -> None:
    """The sender was not answered and sends again: that must be a repeat if, and only if, it was kept."""
    with Store.open(tmp_path / "ledger") as store:
        door = CutDoor(Ledger(Embedded(store)), at=2, after=after)
        with pytest.raises(Cut), receiving(tmp_path, door=door, store=store) as scene:
            for body, headers in _exchange(0):
                assert scene.post("/", body, **headers)[0] == 200
            request, response = _exchange(1)
            assert scene.post("/", request[0], **request[1])[0] == 200
            assert scene.post("/", response[0], **response[1])[0] == 503
        assert _sums(store) == 1 + after
        with receiving(tmp_path, store=store) as scene:
            status, said = scene.post("/", response[0], **response[1])
            # It was written down before it was handed over, so the next start finds it either way.
            assert (status, said["excluded"]) == (200, {"repeat": 1})
            assert _sums(store) == 2


class Sender(threading.Thread):
    """Posts exchanges until each is answered, however often the receiver goes away."""

    def __init__(self, url: str, first: int, last: int) -> None:
        super().__init__(daemon=True)
        self.url, self.first, self.last = url, first, last
        self.answered = self.tries = 0

    def run(self) -> None:
        for i in range(self.first, self.last):
            for body, headers in _exchange(i):
                while not self._posted(body, headers):
                    time.sleep(0.05)  # as a sender does that was refused
            self.answered += 1

    def _posted(self, body: bytes, headers: dict[str, str]) -> bool:
        self.tries += 1
        try:
            return post(self.url, body, headers)[0] == 200
        except (urllib.error.URLError, OSError, ValueError):
            return False


def test_a_killed_process_loses_and_doubles_nothing(tmp_path: Path) -> None:
    """kill -9 at any moment is what a node failure is; the bill and the accuracy must not notice."""
    port, senders, each = free_port(), 4, 25
    command = [
        sys.executable, "-m", "pipeline.cli",
        "--set", f"inference.port={port}", "--set", "collect.health_port=0",
        "--set", f"collect.state_folder={tmp_path / 'state'}", "--set", "inference.gather_seconds=0.02",
        "collect", "inference", "--store", str(tmp_path / "ledger"),
    ]  # fmt: skip
    threads = [Sender(f"http://127.0.0.1:{port}/", n * each, (n + 1) * each) for n in range(senders)]
    child = _started(command, tmp_path, threads)
    try:
        for answered in (20, 45, 70):
            until(lambda answered=answered: sum(t.answered for t in threads) >= answered, "more answers")
            child.kill()
            child.wait()
            child = subprocess.Popen(command, stderr=subprocess.DEVNULL)
        for thread in threads:
            thread.join(120)
            assert not thread.is_alive()
        child.send_signal(signal.SIGTERM)
        assert child.wait(30) == 0
    finally:
        child.kill()
        child.wait()
    assert sum(t.tries for t in threads) > 2 * senders * each
    with Store.open(tmp_path / "ledger") as store:
        assert _sums(store) == senders * each
        ids = sorted(store.rows("predictions").column("prediction_id").to_pylist())
        assert ids == sorted(f"r{i}" for i in range(senders * each))


def _started(command: list[str], tmp_path: Path, threads: Sequence[Sender]) -> subprocess.Popen[bytes]:
    child = subprocess.Popen(command, stderr=subprocess.DEVNULL)
    for thread in threads:
        thread.start()
    return child


def test_bodies_of_senders_that_gave_up_are_not_held(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """A ledger that is away for an hour must not fill memory with every try of every sender."""
    monkeypatch.setattr(receiver, "_ANSWER_SECONDS", 0.2)
    away = threading.Event()

    class Away:
        def keep(self, messages: Sequence[Message], watch: Watch) -> bool:
            return away.wait(60)

    row = {"model": "m", "model_version": "1", "time": TIME}
    body = json.dumps(row).encode() + b" " * 400_000
    said = {"ce-type": "driftledger.inference.v1", "ce-source": "s"}
    with receiving(tmp_path, door=Away(), max_waiting_bytes=1_048_576, max_body_bytes=600_000) as scene:
        tries = [scene.post("/", body, **said, **{"ce-id": str(i)})[0] for i in range(8)]
        assert tries == [503] * 8
        held = [scene.source.receiver._posts.get() for _ in range(7)]
        assert [post.body() for post in held] == [None] * 7
        assert scene.source.receiver._in_hand == 0
        away.set()


def test_a_full_receiver_says_come_again(tmp_path: Path) -> None:
    """While the ledger is away a sender must hear 503 at once, and memory must not grow."""

    class Slow:
        def __init__(self) -> None:
            self.open = threading.Event()

        def keep(self, messages: Sequence[Message], watch: Watch) -> bool:
            return self.open.wait(30)

    slow = Slow()
    body = json.dumps({"model": "m", "model_version": "1", "time": TIME, "prediction": "x" * 1_000}).encode()
    with receiving(tmp_path, door=slow, max_waiting_bytes=1_048_576, max_body_bytes=600_000) as scene:
        large = b" " * 500_000 + body
        answers: list[int] = []

        def send() -> None:
            answers.append(scene.post("/v1/inference", large)[0])

        threads = [threading.Thread(target=send) for _ in range(2)]
        for thread in threads:
            thread.start()
        until(lambda: scene.source.receiver._in_hand > 1_000_000, "bodies in hand")
        assert scene.post("/v1/inference", large)[0] == 503
        slow.open.set()
        for thread in threads:
            thread.join(30)
        assert answers == [200, 200]
        assert scene.post("/v1/inference", large)[0] == 200
        assert scene.source.receiver._in_hand == 0
