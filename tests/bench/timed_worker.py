"""Worker processes as a user runs them, timed from their first position to the last commit."""

from __future__ import annotations

import os
import re
import signal
import subprocess
import sys
import time
from collections.abc import Mapping
from dataclasses import dataclass
from datetime import datetime
from pathlib import Path

import requests
from prometheus_client.parser import text_string_to_metric_families

from pipeline.events import TYPES
from pipeline.lake.location import Location

_POLL_SECONDS = 0.2
_STOP_SECONDS = 30.0
_TICKS = os.sysconf("SC_CLK_TCK")
_TAKES = re.compile(r"(?m)^(\S+) .*takes (\d+) partitions of \d+ topics, (\d+) messages behind$")
_HEALTH = re.compile(r"health on (http://[\d.]+:\d+)")


@dataclass(frozen=True, slots=True)
class Run:
    """What the workers did between their last assignment and the last commit."""

    messages: int
    seconds: float
    """From the moment at which all workers had their partitions; `messages` were unread then."""
    startup_seconds: float
    """From their start to that moment."""
    cpu_seconds: tuple[float, ...]
    """Of each worker, in those seconds."""
    peak_rss_bytes: tuple[int, ...]
    """Of each worker, over its whole life."""


class Worker:
    """One `driftledger worker` with its default settings."""

    def __init__(self, name: str, environment: Mapping[str, str], log: Path) -> None:
        self._log = log
        with log.open("wb") as out:
            self.child = subprocess.Popen(
                [sys.executable, "-m", "pipeline.cli", "worker"],
                env={**os.environ, **environment, "DRIFTLEDGER__WORKER__NAME": name},
                stdin=subprocess.DEVNULL, stdout=out, stderr=out,
            )  # fmt: skip

    @property
    def said(self) -> str:
        return self._log.read_text(errors="replace")

    def assignment(self) -> tuple[float, int, int] | None:
        """When it last got partitions (seconds since 1970), how many, and how many messages were unread."""
        assert self.child.poll() is None, self.said[-2_000:]
        found = _TAKES.findall(self.said)
        if not found:
            return None
        moment, partitions, behind = found[-1]
        return datetime.fromisoformat(moment).timestamp(), int(partitions), int(behind)

    def metrics(self) -> dict[str, float]:
        """Samples by name, those of one name summed."""
        assert self.child.poll() is None, self.said[-2_000:]
        server = _HEALTH.search(self.said)
        assert server is not None, self.said[-2_000:]
        text = requests.get(f"{server[1]}/metrics", timeout=10).text
        found: dict[str, float] = {}
        for family in text_string_to_metric_families(text):
            for sample in family.samples:
                found[sample.name] = found.get(sample.name, 0.0) + sample.value
        return found

    def cpu_seconds(self) -> float:
        fields = Path(f"/proc/{self.child.pid}/stat").read_text().rpartition(")")[2].split()
        return (int(fields[11]) + int(fields[12])) / _TICKS

    def peak_rss_bytes(self) -> int:
        status = Path(f"/proc/{self.child.pid}/status").read_text()
        found = re.search(r"VmHWM:\s+(\d+) kB", status)
        assert found is not None
        return int(found[1]) * 1024

    def stop(self) -> None:
        self.child.send_signal(signal.SIGTERM)
        assert self.child.wait(_STOP_SECONDS) == 0, self.said[-2_000:]


def environment(bootstrap: str, location: Location) -> dict[str, str]:
    """The settings of a process on that broker and ledger."""
    return {
        "DRIFTLEDGER__KAFKA__BOOTSTRAP_SERVERS": bootstrap,
        "DRIFTLEDGER__STORE__FOLDER": str(location.folder),
        "DRIFTLEDGER__STORE__CATALOG": location.catalog,
        "DRIFTLEDGER__STORE__DATA": location.data,
        "DRIFTLEDGER__WORKER__HEALTH_PORT": "0",
    }


def replay(
    bootstrap: str, location: Location, messages: int, folder: Path, *, workers: int = 1, partitions: int = 8
) -> Run:
    """Let the workers bring a whole log of so many messages into the ledger."""
    began, settings = time.time(), environment(bootstrap, location)
    running = [Worker(f"w{n}", settings, folder / f"worker-{n}.log") for n in range(workers)]
    try:
        shares = _shared(running, partitions)
        cpu = [worker.cpu_seconds() for worker in running]
        start = max(moment for moment, _ in shares)
        end = finished(running, messages)
        spent = tuple(w.cpu_seconds() - before for w, before in zip(running, cpu, strict=True))
        peaks = tuple(worker.peak_rss_bytes() for worker in running)
        for worker in running:
            worker.stop()
    finally:
        for worker in running:
            worker.child.kill()
            worker.child.wait()
    return Run(sum(unread for _, unread in shares), end - start, start - began, spent, peaks)


def _shared(workers: list[Worker], partitions: int) -> list[tuple[float, int]]:
    """Wait until every worker has its part of all partitions; when it got them, and what was unread."""
    topics = len(TYPES)
    while True:
        found = [worker.assignment() for worker in workers]
        if all(found) and sum(f[1] for f in found if f) == topics * partitions:
            return [(f[0], f[2]) for f in found if f]
        time.sleep(0.01)


def finished(workers: list[Worker], messages: int) -> float:
    """Wait until all messages are in the ledger; when the last of them was committed."""
    while True:
        time.sleep(_POLL_SECONDS)
        numbers = [worker.metrics() for worker in workers]
        if sum(n.get("driftledger_messages_total", 0) for n in numbers) >= messages:
            return max(n["driftledger_last_commit_timestamp_seconds"] for n in numbers)
        for worker in workers:
            assert worker.child.poll() is None, worker.said[-2_000:]
