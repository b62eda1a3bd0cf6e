"""What ends a worker is said, and its exit tells it, whatever comes of leaving the group."""

from __future__ import annotations

import asyncio
import logging
from collections.abc import AsyncIterator, Callable
from concurrent.futures import ThreadPoolExecutor
from types import SimpleNamespace
from typing import Any

import pytest

from pipeline.errors import DriftledgerError
from pipeline.worker import run
from pipeline.worker.report import Report
from pipeline.worker.stopping import Stopping
from pipeline.worker.taking import Taking


class Stream:
    """One message, and then nothing more."""

    async def noack_take(self, _messages: int, _seconds: float) -> AsyncIterator[list[Any]]:
        found = SimpleNamespace(
            topic="t", partition=0, offset=0, timestamp=1.0, headers=[], value=b"x", key=b"", generation_id=1
        )
        yield [SimpleNamespace(message=found, ack=lambda: None)]
        await asyncio.Event().wait()


class App:
    """Runs the loop as Faust does: what it raises crashes the application."""

    def __init__(self, take: Callable[[Any], Any] | None, stop: Callable[[], Any]) -> None:
        self._take, self.stop = take, stop
        self._crashed, self.crash_reason = asyncio.Event(), None

    async def start(self) -> None:
        if self._take is None:
            burns()
        self._task = asyncio.ensure_future(self._run())

    async def _run(self) -> None:
        assert self._take is not None
        try:
            await self._take(Stream())
        except Exception as error:
            self.crash_reason = error
            self._crashed.set()


def burns(*_: Any) -> Any:
    raise RuntimeError("the disk burns")


async def nothing() -> None:
    """It left."""


async def hangs() -> None:
    await asyncio.Event().wait()


async def fails() -> None:
    raise ConnectionError("the broker is away")


@pytest.mark.parametrize("part", ["ahead", "step", ""], ids=["fold", "commit", "start"])
@pytest.mark.parametrize("stop", [nothing, fails, hangs])
def test_the_first_failure_is_what_it_ends_with(
    part: str, stop: Callable[[], Any], caplog: pytest.LogCaptureFixture
) -> None:
    """Who reads `it did not end in time` looks for a slow broker, while a disk burns."""

    async def worked() -> None:
        made = object.__new__(run._Work)
        settings = SimpleNamespace(take_messages=9, take_seconds=1, take_bytes=9, stop_seconds=0.1)
        intake = SimpleNamespace(ahead=lambda m: SimpleNamespace(messages=m), step=lambda *_: None)
        if part:
            setattr(intake, part, burns)
        threads = ThreadPoolExecutor(1)
        made._stopping, made._report, made._beside = Stopping(), Report(), []
        made._settings = SimpleNamespace(worker=settings)
        made._taking = Taking(
            settings, {"t": "id"}, intake, ledger=threads, folds=threads,
            owned=lambda *_: True, generation=lambda: 1, stopping=made._stopping,
        )  # fmt: skip
        made._app = App(made._taking if part else None, stop)
        made._watch = SimpleNamespace(run=hangs)
        try:
            await made.run({})
        finally:
            assert made._report.broken == "RuntimeError: the disk burns"

    with caplog.at_level(logging.INFO), pytest.raises(DriftledgerError) as ended:
        asyncio.run(worked())
    assert "it ends: RuntimeError: the disk burns" in caplog.text
    assert str(ended.value).startswith("RuntimeError: the disk burns")
    assert isinstance(ended.value, run.Overdue) == (stop is hangs)
