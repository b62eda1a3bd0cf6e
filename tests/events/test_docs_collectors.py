"""The page about collectors: its example is run as it stands."""

from __future__ import annotations

import re
import subprocess
import sys
import threading
from http.server import BaseHTTPRequestHandler, HTTPServer
from pathlib import Path
from typing import Any

from pipeline.collect.report import Report
from pipeline.store import Store
from tests.waiting import until

PAGE = Path(__file__).parents[2] / "docs" / "collectors.md"


RUN = """
import re, sys
from pathlib import Path
from types import ModuleType
from collectors.live import catalogue
from collectors.live.catalogue import Live

page = Path(sys.argv[1]).read_text()
module = sys.modules["collectors.live.meter"] = ModuleType("collectors.live.meter")
exec(re.search(r"```python\\n(.*?)```", page, re.DOTALL)[1], module.__dict__)
exec("catalogue.LIVE.update({" + re.search(r"The line: `(.*?)`", page)[1] + "})")

from pipeline.bounds import Bound
from pipeline.cli.app import main
from pipeline.settings import groups
groups.USUAL = Bound(0.01, 1)
main(sys.argv[2:])
"""
"""The file and the line that the page shows, and then the command; the test has no second to wait."""


def _shown() -> str:
    code = re.search(r"```python\n(.*?)```", PAGE.read_text(), re.DOTALL)
    assert code is not None
    return code[1]


class Answers(BaseHTTPRequestHandler):
    bodies: list[bytes]
    asked_more = threading.Event()

    def do_GET(self) -> None:
        if not self.bodies:
            self.asked_more.set()
        body = self.bodies.pop(0) if self.bodies else b""
        self.send_response(200 if body else 500)
        self.end_headers()
        self.wfile.write(body)

    def log_message(self, format: str, *arguments: Any) -> None:
        """Quiet."""


def test_the_example_of_the_page_collects_by_its_one_line(tmp_path: Path) -> None:
    """Who copies the page gets a collector with settings of its own, that takes a bad answer for a row."""
    assert len(_shown().splitlines()) <= 40 and max(map(len, _shown().splitlines())) <= 110
    bodies = [
        b'[{"gpu": "GPU-1", "busy": 0.5, "watts": 300}]',
        b"",
        b"<html>",
        b'[{"gpu": "GPU-1", "busy": 1, "watts": 1}]',
    ]
    answers = type("Bodies", (Answers,), {"bodies": bodies})
    server = HTTPServer(("127.0.0.1", 0), answers)
    threading.Thread(target=server.serve_forever, args=(0.05,), daemon=True).start()
    url, state = f"http://127.0.0.1:{server.server_port}", tmp_path / "state"
    chosen = {"meter.url": url, "meter.every_seconds": 0.05, "collect.state_folder": state,
              "collect.health_port": 0}  # fmt: skip
    given = [word for name, value in chosen.items() for word in ("--set", f"{name}={value}")]
    words = ["collect", "meter", "--store", str(tmp_path / "ledger"), *given]
    process = subprocess.Popen([sys.executable, "-c", RUN, str(PAGE), *words], stderr=subprocess.PIPE)
    try:
        # Asked for a fifth, it has made the fourth answer safe.
        until(lambda: Answers.asked_more.is_set() or process.poll() is not None, "five questions")
        process.terminate()
        assert process.wait(20) == 0, process.stderr and process.stderr.read().decode()
    finally:
        process.kill()
        process.communicate()
        server.shutdown()
        server.server_close()
    with Store.open(tmp_path / "ledger", read_only=True) as store:
        assert sum(store.rows("gpu_usage").column("samples").to_pylist()) == 2
        assert store.rows("rejected").column("reason").to_pylist() == ["malformed"]


def test_the_page_lists_every_metric() -> None:
    """An operator alerts on what the page promises."""
    said = set(re.findall(r"`(driftledger_collect_\w+?)(?:_total)?[`{]", PAGE.read_text()))
    there = {family.name for family in Report().registry().collect()}
    assert said == there
