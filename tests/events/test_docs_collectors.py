"""The page about collectors: its example is run as it stands."""

from __future__ import annotations

import re
import sys
import threading
from http.server import BaseHTTPRequestHandler, HTTPServer
from pathlib import Path
from types import ModuleType
from typing import Any

import pytest

from collectors.live import catalogue
from pipeline.collect import turns
from pipeline.collect.doors import Ledger
from pipeline.collect.report import Report
from pipeline.collect.state import State
from pipeline.embedded import Embedded
from pipeline.store import Store

PAGE = Path(__file__).parents[2] / "docs" / "collectors.md"


@pytest.fixture
def meter(monkeypatch: pytest.MonkeyPatch) -> ModuleType:
    """The module that the page shows, with its line in the table."""
    code = re.search(r"```python\n(.*?)```", PAGE.read_text(), re.DOTALL)
    assert code is not None
    module = ModuleType("collectors.live.meter")
    monkeypatch.setitem(sys.modules, module.__name__, module)
    exec(compile(code[1], str(PAGE), "exec"), module.__dict__)
    monkeypatch.setitem(catalogue.LIVE, "meter", "collectors.live.meter:Meter")
    return module


class Answers(BaseHTTPRequestHandler):
    bodies: list[bytes]

    def do_GET(self) -> None:
        body = self.bodies.pop(0)
        self.send_response(200 if body else 500)
        self.end_headers()
        self.wfile.write(body)

    def log_message(self, format: str, *arguments: Any) -> None:
        """Quiet."""


def test_the_example_of_the_page_collects(meter: ModuleType, tmp_path: Path) -> None:
    """Who copies the page gets a collector that works, and that takes a bad answer for a row."""
    bodies = [
        b'[{"gpu": "GPU-1", "busy": 0.5, "watts": 300}]',
        b"",
        b"<html>",
        b'[{"gpu": "GPU-1", "busy": 1, "watts": 1}]',
    ]
    answers = type("Bodies", (Answers,), {"bodies": bodies})
    server = HTTPServer(("127.0.0.1", 0), answers)
    threading.Thread(target=server.serve_forever, daemon=True).start()
    report = Report()
    settings = meter.MeterSettings(f"http://127.0.0.1:{server.server_port}", every_seconds=0.05)
    source = catalogue.collector("meter", settings, "c")

    def account(turn: Any) -> None:
        report.turn("meter", turn)
        if not bodies:
            report.stop()

    with Store.open(tmp_path / "ledger") as store, State.open(tmp_path / "state") as state:
        turns.run("meter", source, state, Ledger(Embedded(store)), report, account)
        assert sum(store.rows("gpu_usage").column("samples").to_pylist()) == 2
        assert store.rows("rejected").column("reason").to_pylist() == ["malformed"]
    server.shutdown()
    server.server_close()


def test_the_page_lists_every_metric() -> None:
    """An operator alerts on what the page promises."""
    said = set(re.findall(r"`(driftledger_collect_\w+?)(?:_total)?[`{]", PAGE.read_text()))
    there = {family.name for family in Report().registry().collect()}
    assert said == there
