"""A worker as its user runs it: a process of its own, watched through its log and its health server."""

from __future__ import annotations

import os
import re
import signal
from pathlib import Path

import requests
from prometheus_client.parser import text_string_to_metric_families

from tests.waiting import SECONDS, until
from tests.warm import Warm


class WorkerProcess:
    """`driftledger worker` on the ledger in `folder`; `worker` are settings of that group, `sets` of others.

    `log` is what it wrote to stderr, also after its end.
    """

    def __init__(
        self,
        folder: Path,
        bootstrap: str,
        *,
        name: str = "w0",
        group: str = "driftledger",
        partitions: int = 8,
        options: tuple[str, ...] = (),
        sets: tuple[str, ...] = (),
        **worker: object,
    ) -> None:
        self.folder = folder
        given = {"name": name, "group": group, "health_port": 0, "check_seconds": 0.5, "take_seconds": 0.1}
        pairs = [f"worker.{key}={value}" for key, value in (given | worker).items()]
        pairs += [f"kafka.bootstrap_servers={bootstrap}", f"kafka.partitions={partitions}", *sets]
        elsewhere = any(pair.startswith("store.catalog=") for pair in pairs)
        options = options if elsewhere else ("--store", str(folder), *options)
        sets = [word for pair in pairs for word in ("--set", pair)]
        self._words = [*sets, "worker", *options]
        self._log = folder.parent / f"{folder.name}-{name}.log"
        self._log.unlink(missing_ok=True)
        self._process: Warm | None = None
        self._url: str | None = None
        self._from = 0

    def start(self) -> WorkerProcess:
        self._from = self._log.stat().st_size if self._log.exists() else 0
        self._url = None
        self._process = Warm(self._words, os.environ, self._log)
        return self

    def __enter__(self) -> WorkerProcess:
        return self.start()

    def __exit__(self, *_: object) -> None:
        if self._process is not None and self._process.poll() is None:
            self._process.kill()
            self._process.wait()

    @property
    def log(self) -> str:
        """What this start of it wrote."""
        with self._log.open("rb") as log:
            log.seek(self._from)
            return log.read().decode()

    def signal(self, number: signal.Signals) -> None:
        assert self._process is not None
        self._process.send_signal(number)

    def kill(self) -> None:
        self.signal(signal.SIGKILL)
        self.ended()

    def stop(self) -> int:
        """Ask it to end; its exit code."""
        self.signal(signal.SIGTERM)
        return self.ended()

    def ended(self, seconds: float = SECONDS) -> int:
        """Wait for its end; its exit code."""
        assert self._process is not None
        return self._process.wait(seconds)

    def alive(self) -> None:
        assert self._process is not None
        assert self._process.poll() is None, f"it ended with {self._process.returncode}:\n{self.log}"

    def get(self, path: str) -> requests.Response | None:
        """An answer of its health server, None while there is no server."""
        if self._url is None:
            found = re.search(r"health on (http://[\d.]+:\d+)", self.log)
            if found is None:
                return None
            self._url = found[1]
        try:
            return requests.get(f"{self._url}{path}", timeout=5)
        except requests.ConnectionError:
            return None

    def ready(self) -> bool:
        self.alive()
        answer = self.get("/readyz")
        return answer is not None and answer.status_code == 200

    def until_ready(self) -> WorkerProcess:
        until(self.ready, "the worker is ready", log=lambda: self.log)
        return self

    def metrics(self) -> dict[str, float]:
        """Each sample as name{label=value}, and each name alone as the sum of its samples."""
        answer = self.get("/metrics")
        found: dict[str, float] = {}
        for family in text_string_to_metric_families(answer.text if answer is not None else ""):
            for sample in family.samples:
                labels = ",".join(f"{k}={v}" for k, v in sorted(sample.labels.items()))
                if labels:
                    found[f"{sample.name}{{{labels}}}"] = sample.value
                found[sample.name] = found.get(sample.name, 0.0) + sample.value
        return found

    def taken(self) -> float:
        """Messages that this start of it has brought into the ledger, or found there."""
        numbers = self.metrics()
        again = numbers.get("driftledger_messages_total{outcome=redelivered}", 0.0)
        return numbers.get("driftledger_messages_total", 0.0) - again

    def until_taken(self, count: int) -> None:
        def done() -> bool:
            self.alive()
            return self.taken() >= count

        until(done, f"{count} messages are taken", log=lambda: f"{self.metrics()}\n{self.log}")
