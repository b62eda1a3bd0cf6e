"""The publisher's thread goes on connecting whatever the disk under its spool does."""

from __future__ import annotations

import errno
import logging
from dataclasses import replace
from pathlib import Path
from threading import Event

import pytest

from collectors.publish.flow import Link
from collectors.publish.outbox import Outbox
from collectors.publish.parameters import PublishSettings
from collectors.publish.spool import Spool
from pipeline.errors import DriftledgerError


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
