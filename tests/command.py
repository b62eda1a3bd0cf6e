"""A long-running command of driftledger as its user starts it: a process, its log, and its end."""

from __future__ import annotations

import re
import signal
import subprocess
import sys
from pathlib import Path
from typing import Any

from tests.waiting import SECONDS, until

WAIT_SECONDS = SECONDS


class Command:
    """`driftledger WORDS` with a configuration file, while it is entered; it can be entered again.

    It runs in the file's folder where `program` is not this tree's but an installed command.
    """

    def __init__(self, config: Path, *words: str, program: Path | None = None) -> None:
        self.config, self.words = config, words
        self._folder = config.parent if program else None
        self._program = [str(program)] if program else [sys.executable, "-m", "pipeline.cli"]
        self._log = config.with_name(f"{'-'.join(w for w in words if w.isalpha())}.log")

    def __enter__(self) -> Command:
        with self._log.open("wb") as log:
            command = [*self._program, "--config", str(self.config), *self.words]
            self._child = subprocess.Popen(command, stdout=log, stderr=log, cwd=self._folder)
        return self

    def __exit__(self, *failed: Any) -> None:
        self._child.kill()
        self._child.wait()

    @property
    def pid(self) -> int:
        return self._child.pid

    @property
    def log(self) -> str:
        return self._log.read_text()

    def said(self, pattern: str) -> str:
        """The first group of the pattern, once it is in the log."""

        def found() -> str:
            assert self._child.poll() is None, self.log
            match = re.search(pattern, self.log)
            return match[1] if match else ""

        return until(found, pattern, WAIT_SECONDS, lambda: self.log)

    def stop(self) -> int:
        """Ask it to end; its exit code."""
        self._child.send_signal(signal.SIGTERM)
        return self._child.wait(30)
