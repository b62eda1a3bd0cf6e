"""A command of driftledger as a process of its own that has nothing to import: that would take longer than
what most tests wait for.

It is forked from a process that has only imported.  What a user starts, interpreter and all, is in
`tests/command.py`.
"""

from __future__ import annotations

import multiprocessing
import os
import signal
import subprocess
import sys
from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager
from pathlib import Path
from types import ModuleType

IMPORTED = (
    "pipeline.cli.app",
    "pipeline.cli.worker",
    "pipeline.worker.run",
    "pipeline.maintenance.run",
    "pipeline.health.logs",
    "pipeline.store",
    "kafka.admin",
    "pandas",  # by which Arrow knows the first list that it is given
    "pydantic",  # typer's
    "tests.warm",
)
_FORKS = multiprocessing.get_context("forkserver")
_FORKS.set_forkserver_preload(list(IMPORTED))


class Warm:
    """`driftledger WORDS`, started; its output goes to the end of `log`.  Used as a subprocess.Popen."""

    def __init__(self, words: Sequence[str], environment: Mapping[str, str], log: Path) -> None:
        log.touch()  # as the caller may read it before the process has begun
        self._process = _FORKS.Process(target=_command, args=(list(words), dict(environment), str(log)))
        with _no_program():
            self._process.start()

    @property
    def returncode(self) -> int | None:
        return self._process.exitcode

    def poll(self) -> int | None:
        return self._process.exitcode

    def wait(self, seconds: float | None = None) -> int:
        self._process.join(seconds)
        if (code := self._process.exitcode) is None:
            raise subprocess.TimeoutExpired("driftledger", seconds or 0.0)
        return code

    def send_signal(self, number: signal.Signals) -> None:
        if self.poll() is None and self._process.pid is not None:
            os.kill(self._process.pid, number)

    def kill(self) -> None:
        self.send_signal(signal.SIGKILL)


@contextmanager
def _no_program() -> Iterator[None]:
    """The new process would run this one's program first, and a page's test leaves the page's as that."""
    program = sys.modules["__main__"]
    sys.modules["__main__"] = ModuleType("__main__")
    try:
        yield
    finally:
        sys.modules["__main__"] = program


def _command(words: list[str], environment: dict[str, str], log: str) -> None:
    """In the new process."""
    os.environ.clear()
    os.environ.update(environment)
    with open(log, "ab") as output:
        os.dup2(output.fileno(), 1)
        os.dup2(output.fileno(), 2)
    sys.argv = ["driftledger", *words]
    from pipeline.cli.app import main

    main(words)
