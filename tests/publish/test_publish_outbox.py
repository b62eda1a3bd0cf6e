"""The publisher's thread goes on connecting whatever the disk under its spool does."""

from __future__ import annotations

import errno
import logging
import os
import time
from collections.abc import Callable
from dataclasses import replace
from pathlib import Path
from threading import Event

import pytest

from collectors.publish.flow import Link
from collectors.publish.losses import TORN
from collectors.publish.outbox import Outbox
from collectors.publish.parameters import PublishSettings
from collectors.publish.spool import Spool
from pipeline.errors import DriftledgerError
from pipeline.events import Message, decode
from tests.publish.test_spool import LIMIT, filled, message
from tests.waiting import until


def test_a_disk_that_cannot_sync_does_not_keep_the_publisher_from_the_broker(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, caplog: pytest.LogCaptureFixture
) -> None:
    """One bad disk would stop delivery to a healthy broker for good, and fill the log with stack traces."""
    tried = Event()

    def connect() -> Link:
        tried.set()
        raise DriftledgerError("no broker")

    def broken(_spool: Spool) -> None:
        raise OSError(errno.EIO, "Input/output error")

    outbox = Outbox(connect, replace(PublishSettings(), spool_folder=tmp_path / "spool"))
    with monkeypatch.context() as patched, caplog.at_level(logging.WARNING, "driftledger.publish"):
        patched.setattr(Spool, "sync", broken)
        outbox.start()
        connected = tried.wait(2)
    outbox.close()
    assert connected, "it never asked the broker"
    assert "Input/output error" in caplog.text and "Traceback" not in caplog.text


class Taking:
    """A broker that acknowledges all it is given, at once."""

    def __init__(self) -> None:
        self.got: list[Message] = []

    def send(self, message: Message, done: Callable[[Exception | None], None]) -> None:
        self.got.append(message)
        done(None)

    def abandon(self) -> None:
        """Nothing is on its way."""

    def close(self, timeout: float) -> None:
        """It has no threads."""


def test_a_disk_that_does_not_answer_is_said_and_asked_again(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, caplog: pytest.LogCaptureFixture
) -> None:
    """What the spool holds waits for its disk, what comes meanwhile behind it, and an operator reads why."""
    filled(tmp_path, 5).close()
    link = Taking()
    outbox = Outbox(lambda: link, replace(PublishSettings(), spool_folder=tmp_path))
    with monkeypatch.context() as patched, caplog.at_level(logging.WARNING, "driftledger.publish"):
        patched.setattr(os, "pread", _no_answer)
        outbox.start()
        until(lambda: "cannot be read (Input/output error)" in caplog.text, "it is said")
        outbox.send(message(5), timeout=1)
        assert link.got == []
    assert outbox.wait(lambda flow: flow.empty, 5)
    outbox.close()
    assert [m.timestamp for m in link.got] == [0, 1, 2, 3, 4, 5]


def _no_answer(*_: object) -> bytes:
    raise OSError(errno.EIO, "Input/output error")


@pytest.mark.parametrize("runs", [False, True], ids=["at the start", "while it runs"])
def test_what_a_disk_tore_is_a_gap_in_the_ledger(
    tmp_path: Path, caplog: pytest.LogCaptureFixture, runs: bool
) -> None:
    """Its source has gone on and will not send it again: nobody else can tell that it is missing."""
    before = time.time()
    spool = Spool.open(tmp_path, 4_000_000)
    for number in range(5):
        spool.append(message(number), at=before)
    spool.close()
    (file,) = tmp_path.glob("*.spool")
    link = Taking()
    settings = replace(PublishSettings(), spool_folder=tmp_path)
    if not runs:
        _flip(file)
    outbox = Outbox(lambda: link, settings)
    if runs:
        _flip(file)
    outbox.start()
    until(lambda: len(link.got) == 3, "what is whole and a gap are sent")
    outbox.close()
    assert [m.timestamp for m in link.got[:2]] == [0, 1]
    [row] = decode(link.got[2]).events.to_pylist()
    assert row["kind"] == TORN and str(tmp_path) in row["source"]
    assert before - 1 < row["start"].timestamp() <= before + 1e-6, "all that is lost came after the start"
    assert before < row["end"].timestamp() < before + 60
    assert "bytes are torn and lost" in caplog.text


class Silent(Taking):
    """A broker that takes what it is given and acknowledges nothing."""

    def send(self, message: Message, done: Callable[[Exception | None], None]) -> None:
        self.got.append(message)


def test_what_a_disk_tore_is_told_also_by_one_who_stops_before_the_broker_answers(
    tmp_path: Path, caplog: pytest.LogCaptureFixture
) -> None:
    """The torn bytes are cut off by then: the next process would find nothing missing."""
    filled(tmp_path, 5).close()
    (file,) = tmp_path.glob("*.spool")
    outbox = Outbox(Silent, replace(PublishSettings(), spool_folder=tmp_path))
    _flip(file)
    outbox.start()
    until(lambda: "bytes are torn and lost" in caplog.text, "it is found")
    outbox.close()
    assert [decode(one).type.name for one in _spooled(tmp_path)][-1:] == ["gap"]


def test_each_of_many_torn_files_is_a_gap_of_its_own(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """The ledger knows messages of a source by their sequence: of two that are the same it drops one."""
    filled(tmp_path, 12, size=LIMIT // 16).close()
    for file in tmp_path.glob("*.spool"):
        file.write_bytes(file.read_bytes()[:-1])
    monkeypatch.setattr(time, "time", lambda: 1_790_000_000.123457)
    monkeypatch.setattr(time, "time_ns", lambda: 1_790_000_000_123_457_000)
    Outbox(Taking, replace(PublishSettings(), spool_folder=tmp_path, spool_bytes=LIMIT)).close()
    told = [one.headers["ce_sequence"] for one in _spooled(tmp_path) if "gap" in one.topic]
    assert len(set(told)) == 12


def _spooled(folder: Path) -> list[Message]:
    spool = Spool.open(folder, 4_000_000)
    found = [given[1] for given in iter(spool.next, None)]
    spool.close()
    return found


def _flip(file: Path) -> None:
    with file.open("r+b") as raw:
        raw.seek(file.stat().st_size // 2)
        raw.write(b"\xff\xff")
