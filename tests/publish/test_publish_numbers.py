"""The process that owns a spool shows how it is."""

from __future__ import annotations

from contextlib import ExitStack, nullcontext
from dataclasses import replace
from pathlib import Path
from types import SimpleNamespace
from typing import Any

import pytest
from prometheus_client import generate_latest

from collectors.publish.publisher import Publisher
from pipeline.cli import collect
from pipeline.collect.publishing import Numbers
from pipeline.collect.report import Report
from pipeline.settings.groups import Settings
from tests.worker.test_docs_operations import STATS


def test_a_collector_that_publishes_shows_its_spool(monkeypatch: pytest.MonkeyPatch) -> None:
    """A spool that fills, and a source that waits, are seen on no other machine."""
    stats = replace(STATS, messages=7, torn_bytes=5, spooled_bytes=900, blocked_seconds=61.5)
    publisher: Any = SimpleNamespace(stats=lambda: stats)
    monkeypatch.setattr(collect, "settings", lambda _: Settings())
    monkeypatch.setattr(Publisher, "open", lambda *_: nullcontext(publisher))
    numbers = Numbers()
    report = Report([numbers])
    assert b"driftledger_publish" not in generate_latest(report.registry())
    with ExitStack() as opened:
        collect._door(None, None, opened, numbers, Path("dcgm"))
        page = generate_latest(report.registry()).decode()
    for name, value in {"messages_total": 7, "torn_bytes_total": 5, "spooled_bytes": 900}.items():
        assert f"driftledger_publish_{name} {value:.1f}\n" in page
    assert "driftledger_publish_blocked_seconds 61.5\n" in page and "driftledger_collect_ready" in page
