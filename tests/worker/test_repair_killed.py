"""`replay-topic` and `rejected retry` killed amid a commit: run again, they leave what one run leaves."""

from __future__ import annotations

import signal
import subprocess
import sys
from pathlib import Path

import pytest

from pipeline.cli import app
from pipeline.rig.kafka import Kafka
from tests.worker.test_repair_broker import MESSAGES, TOPIC, predictions, rows, sent
from tests.worker.worker_scene import Scene, ledger

ROOT = Path(__file__).parents[2]

_KILLED = """
import os, signal, sys
from pipeline.cli import app
from pipeline.repair import batches
from pipeline.store import Store
commit, point, *words = sys.argv[1:]
batches._TAKE_MESSAGES = 1
left = [int(commit)]
whole = Store.append
def append(store, batch, trace=None):
    left[0] -= 1
    def kill(reached):
        if left[0] == 0 and reached == point:
            os.kill(os.getpid(), signal.SIGKILL)
    whole(store, batch, kill)
Store.append = append
app.main(words)
"""
"""Kills itself at a named point of the n-th commit of a command that commits each message by itself."""


@pytest.fixture
def scene(broker: Kafka, tmp_path: Path) -> Scene:
    return Scene(broker, tmp_path, partitions=1)


def killed(scene: Scene, commit: int, point: str, *words: str) -> None:
    words = ("--set", f"kafka.bootstrap_servers={scene.kafka.bootstrap_servers}", *words)
    command = [sys.executable, "-c", _KILLED, str(commit), point, *words]
    done = subprocess.run(command, cwd=ROOT, check=False, capture_output=True, text=True)
    assert done.returncode == -signal.SIGKILL, done.stderr


def run(scene: Scene, *words: str) -> int:
    with pytest.raises(SystemExit) as ended:
        app.main(["--set", f"kafka.bootstrap_servers={scene.kafka.bootstrap_servers}", *words])
    return int(ended.value.code or 0)


def test_a_replay_killed_before_and_after_a_commit_ends_in_the_same_ledger(
    scene: Scene, tmp_path: Path
) -> None:
    """Who reads 50 million events again and loses the machine half-way must be able to begin again."""
    scene.send(MESSAGES)
    assert run(scene, "replay-topic", TOPIC, "--into", str(tmp_path / "whole")) == 7
    again = ("replay-topic", TOPIC, "--into", str(tmp_path / "killed"))
    killed(scene, 1, "watermark_written", *again)
    killed(scene, 2, "committed", *again)
    assert run(scene, *again) in (0, 7)
    assert ledger(tmp_path / "killed") == ledger(tmp_path / "whole")


@pytest.mark.parametrize("point", ["watermark_written", "committed"])
def test_a_retry_killed_before_or_after_its_commit_counts_each_row_once(
    scene: Scene, tmp_path: Path, point: str
) -> None:
    """A repair whose end nobody saw is repeated; the rows and the note of it are one transaction."""
    scene.send([sent(rows(100, bad=57), 0)])
    lake = ("--store", str(scene.lake))
    assert run(scene, "replay-topic", TOPIC, *lake) == 7
    body = tmp_path / "body.json"
    body.write_bytes(rows(100))
    retry = ("rejected", "retry", TOPIC, "0", "0", "--body", str(body), *lake)
    killed(scene, 1, point, *retry)
    done = point == "committed"
    assert predictions(scene.lake) == 99 + done
    assert run(scene, *retry) == (3 if done else 0)
    assert predictions(scene.lake) == 100
