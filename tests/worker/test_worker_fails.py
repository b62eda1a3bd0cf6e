"""What ends a worker is said, and its exit tells it, whatever comes of leaving the group."""

from __future__ import annotations

import asyncio
import logging
from collections.abc import AsyncIterator, Callable
from concurrent.futures import ThreadPoolExecutor
from types import SimpleNamespace
from typing import Any

import pytest

from pipeline.errors import DriftledgerError, PreflightFailed
from pipeline.worker import run
from pipeline.worker.patience import Stopped
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

    def __init__(self, start: Callable[[], Any], take: Callable[[Any], Any], stop: Callable[[], Any]) -> None:
        self._start, self._take, self.stop = start, take, stop
        self._crashed, self.crash_reason = asyncio.Event(), None

    async def start(self) -> None:
        self._start()
        self._task = asyncio.ensure_future(self._run())

    async def _run(self) -> None:
        try:
            await self._take(Stream())
        except Exception as error:
            self.crash_reason = error
            self._crashed.set()


async def nothing() -> None:
    """It left."""


async def hangs() -> None:
    await asyncio.Event().wait()


async def fails() -> None:
    raise ConnectionError("the broker is away")


def worked(part: str, error: Exception, stop: Callable[[], Any]) -> Report:
    """A worker of which one part raises the error, from start to end; what it told of itself."""

    def burns(*_: Any) -> Any:
        raise error

    async def run_it() -> None:
        settings = SimpleNamespace(take_messages=9, take_seconds=1, take_bytes=9, stop_seconds=0.1)
        intake = SimpleNamespace(ahead=lambda m: SimpleNamespace(messages=m), step=lambda *_: None)
        setattr(intake, part, burns)
        threads = ThreadPoolExecutor(1)
        made = object.__new__(run._Work)
        made._stopping, made._report, made._beside = Stopping(), report, []
        made._settings = SimpleNamespace(worker=settings)
        made._taking = Taking(
            settings, {"t": "id"}, intake, ledger=threads, folds=threads,
            owned=lambda *_: True, generation=lambda: 1, stopping=made._stopping,
        )  # fmt: skip
        made._app = App(burns if part == "start" else lambda: None, made._taking, stop)
        made._watch = SimpleNamespace(run=hangs)
        await made.run({})

    report = Report()
    try:
        asyncio.run(run_it())
    except DriftledgerError as ended:
        assert report.broken and str(ended).startswith(report.broken), "health says something else"
        raise
    return report


@pytest.mark.parametrize("part", ["ahead", "step", "start"], ids=["fold", "commit", "start"])
@pytest.mark.parametrize("stop", [nothing, fails, hangs])
def test_the_first_failure_is_what_it_ends_with(
    part: str, stop: Callable[[], Any], caplog: pytest.LogCaptureFixture
) -> None:
    """Who reads `it did not end in time` looks for a slow broker, while a disk burns."""
    with caplog.at_level(logging.INFO), pytest.raises(DriftledgerError) as ended:
        worked(part, RuntimeError("the disk burns"), stop)
    assert "it ends: RuntimeError: the disk burns" in caplog.text
    assert str(ended.value).startswith("RuntimeError: the disk burns")
    assert isinstance(ended.value, run.Overdue) == (stop is hangs)


@pytest.mark.parametrize("part", ["step", "start"])
@pytest.mark.parametrize("stop", [nothing, hangs])
def test_an_error_of_ours_keeps_its_words_and_its_exit_code(part: str, stop: Callable[[], Any]) -> None:
    """Who starts it anew by the exit code must not try for ever what only a person can mend."""
    with pytest.raises(DriftledgerError) as ended:
        worked(part, PreflightFailed("no right to read the topic"), stop)
    assert str(ended.value).startswith("no right") and ended.value.exit_code == 5


@pytest.mark.parametrize("part", ["ahead", "start"])
def test_who_is_told_to_stop_while_it_waits_has_not_failed(
    part: str, caplog: pytest.LogCaptureFixture
) -> None:
    """Else every stop of a worker whose broker is away alarms whoever watches the log for errors."""
    with caplog.at_level(logging.INFO):
        report = worked(part, Stopped("stopped while it waited"), nothing)
    assert not report.broken and "it ends" not in caplog.text and "; every message" in caplog.text
