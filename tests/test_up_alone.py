"""`driftledger up` as it is installed: a wheel and its requirements, one file, an empty folder, and pages."""

from __future__ import annotations

import json
import os
import re
import signal
import subprocess
from collections.abc import Iterator
from contextlib import ExitStack
from datetime import UTC, datetime
from pathlib import Path
from typing import Any, NamedTuple
from zipfile import ZipFile

import pytest
import requests
from playwright.sync_api import expect, sync_playwright

from pipeline.cli.up import _pages
from pipeline.errors import NotFound, PreflightFailed
from pipeline.settings.dashboard import DashboardSettings
from pipeline.settings.groups import Settings
from pipeline.settings.store import StoreSettings
from tests.command import WAIT_SECONDS, Command
from tests.conftest import CHROMIUM_FLAGS
from tests.dcgm.exporter import Exporter, gpu
from tests.test_repository import tracked
from tests.waiting import until
from tests.wheel import PACKAGES, ROOT, installed

THREE_LINES = """
from collectors.client import PredictionLog
log = PredictionLog({door!r}, model="fraud", version="7")
id = log.predicted("fraud", features={{"amount": 812.5}}, score=0.93, latency_seconds=0.25)
log.labelled(id, "fraud")
"""


NOT_PACKED = {"pipeline/rig/mlserver.in"}
"""From which a lock is made that is packed."""


class Alone(NamedTuple):
    """`up` while it runs with its file, and the installed command."""

    up: Command
    program: Path

    def asked(self, *words: str) -> dict[str, Any]:
        command = [str(self.program), "--config", str(self.up.config), *words, "-o", "json"]
        done = subprocess.run(command, capture_output=True, text=True, cwd=self.up.config.parent)
        return json.loads(done.stdout) if done.stdout else {}

    def health(self, path: str) -> requests.Response:
        return requests.get(self.up.said(r"health on (http://\S+)") + path, timeout=10)

    def pages(self) -> list[int]:
        """Ids of the processes that `up` started."""
        threads = Path(f"/proc/{self.up.pid}/task").iterdir()
        return [int(pid) for thread in threads for pid in (thread / "children").read_text().split()]


@pytest.fixture(scope="module")
def alone(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Alone]:
    """The README's file, with its exporter's address and ports of this test."""
    program = installed(tmp_path_factory.mktemp("wheel"))
    (written,) = re.findall(r"```yaml\n# up\.yaml\n(.*?)```", (ROOT / "README.md").read_text(), re.DOTALL)
    config = tmp_path_factory.mktemp("empty") / "up.yaml"
    with Exporter().running() as exporter:
        exporter.text = gpu("GPU-1", 1_000.0)
        here = {"http://gpu-node-1:9400/metrics": exporter.url, "port: 9466": "port: 0"}
        for there, ours in here.items():
            assert there in written
            written = written.replace(there, ours)
        ports = "dashboard: {port: 0}\n"
        for name in ("pipeline", "dashboards"):  # a folder may have anything in it
            config.with_name(f"{name}.py").write_text("raise SystemExit('another program')")
        config.write_text(written.replace("cluster: eu-1", "cluster: eu-1, health_port: 0") + ports)
        with Command(config, "up", "--set", "dcgm.interval_seconds=1", program=program) as up:
            yield Alone(up, program)


def test_the_readmes_file_is_enough(alone: Alone, tmp_path: Path) -> None:
    """A package that only the tests have, or a file that the wheel lacks, ends the trial of a newcomer."""
    door = alone.up.said(r"inference events are taken on (http://\S+)")
    told = {"model": "iris", "model_version": "1", "time": datetime.now(UTC).isoformat()}
    # The first request loads what later ones use, on a busy machine longer than a service waits at its end.
    assert requests.post(f"{door}/v1/inference", json=told, timeout=60).json()["taken"] == 1
    script = tmp_path / "server.py"
    script.write_text(THREE_LINES.format(door=door))
    python = alone.program.with_name("python")
    lacking = subprocess.run([str(python), "-c", "import pytest"], capture_output=True, text=True)
    assert "No module named 'pytest'" in lacking.stderr, "it has more than its requirements"
    done = subprocess.run([str(python), str(script)], capture_output=True, text=True, cwd=tmp_path)
    assert (done.returncode, done.stdout, done.stderr) == (0, "", "")
    (model,) = (row for row in alone.asked("models", "-w", "1h")["rows"] if row["model"] == "fraud")
    assert (model["model_version"], model["requests"]) == ("7", 1)
    assert (model["labelled"], model["accuracy"]) == (1, 1.0)
    assert float(model["latency_p50"]) == pytest.approx(0.25, rel=0.05)
    priced = ("cost", "--by", "device", "--gpu-hour-price", "3.60")
    rows = until(lambda: alone.asked(*priced).get("rows"), "the GPU", WAIT_SECONDS, lambda: alone.up.log)
    assert {row["device"] for row in rows} == {"GPU-1"}
    until(lambda: alone.health("/readyz").ok, "readiness", WAIT_SECONDS, lambda: alone.up.log)
    assert alone.health("/healthz").text == "ok\n"


def test_the_wheel_has_every_file_of_the_packages(alone: Alone) -> None:
    """SQL, a font or a template that is left out is missed only where it is used."""
    (wheel,) = alone.program.parents[2].glob("dist/*.whl")
    ours = {str(path.relative_to(ROOT)) for path in tracked() if path.relative_to(ROOT).parts[0] in PACKAGES}
    assert ours - set(ZipFile(wheel).namelist()) == NOT_PACKED


@pytest.mark.browser
def test_the_pages_show_what_the_ledger_holds(alone: Alone, chromium: str) -> None:
    """They are served by default, on their own: nothing else is started or set."""
    door = alone.up.said(r"inference events are taken on (http://\S+)")
    told = {"model": "iris", "model_version": "3", "latency_seconds": 0.5, "prediction": "1"}
    told["time"] = datetime.now(UTC).isoformat()
    assert requests.post(f"{door}/v1/inference", json=told, timeout=30).json()["taken"] == 1
    address = alone.up.said(r"pages on (http://\S+)")
    patience = 180_000.0  # milliseconds, as tests/pages/test_dashboard_browser.py has
    with sync_playwright() as playwright:
        browser = playwright.chromium.launch(executable_path=chromium, args=CHROMIUM_FLAGS)
        page = browser.new_page(viewport={"width": 1400, "height": 2400})
        page.goto(f"{address}/?window=1h", timeout=patience)
        for text in ("iris", "3", r"0\.(49|50)\d*"):
            cell = page.locator("td[role=gridcell]").filter(has_text=re.compile(f"^{text}$"))
            expect(cell.first).to_be_attached(timeout=patience)
        browser.close()


def test_pages_that_die_are_told_and_come_back_and_end_with_the_command(alone: Alone) -> None:
    """A fault of a page must neither stop the sources nor stay unseen, nor leave who holds the port."""
    address = alone.up.said(r"pages on (http://\S+)")
    serving = f"{address}/_stcore/health"
    assert requests.get(serving, timeout=WAIT_SECONDS).text == "ok"
    (first,) = alone.pages()
    os.kill(first, signal.SIGKILL)
    noted = "without the pages: their process was killed by signal 9; they are started again"
    until(lambda: noted in alone.health("/readyz").text, "the note", WAIT_SECONDS)
    assert alone.health("/readyz").ok, "who posts predictions must not be turned away for a page"
    assert requests.get(serving, timeout=WAIT_SECONDS).text == "ok", "who asks meanwhile waits"
    until(lambda: noted not in alone.health("/readyz").text, "the note's end", WAIT_SECONDS)
    (second,) = alone.pages()
    assert alone.up.stop() == 0, alone.up.log
    assert not any(Path(f"/proc/{pid}").exists() for pid in (first, second))
    with pytest.raises(requests.ConnectionError):
        requests.get(serving, timeout=5)


def test_pages_end_with_a_command_that_is_killed(alone: Alone) -> None:
    """Else the next start finds its port taken, by pages of a ledger that nobody fills."""
    with alone.up:
        alone.up.said(r"pages on (http://\S+)")
        (pages,) = until(alone.pages, "their process", WAIT_SECONDS)
    until(lambda: not Path(f"/proc/{pages}").exists(), "their end", WAIT_SECONDS)


def test_a_port_that_is_taken_and_a_wrong_file_are_named_at_the_start(tmp_path: Path) -> None:
    """Pages that never came up would be noticed by whoever needs them."""
    ledger = StoreSettings(tmp_path)
    with ExitStack() as opened:
        free = Settings(dashboard=DashboardSettings(port=0))
        _pages(opened, free, ledger)
        with Exporter().running() as other:
            port = int(other.target.rpartition(":")[2])
            taken = Settings(dashboard=DashboardSettings(port=port))
            with pytest.raises(PreflightFailed, match=rf":{port}: Address already in use; .*dashboard\.port"):
                _pages(opened, taken, ledger)
        wrong = Settings(dashboard=DashboardSettings(port=0, prices=str(tmp_path / "none.yaml")))
        with pytest.raises(NotFound, match="none.yaml"):
            _pages(opened, wrong, ledger)
