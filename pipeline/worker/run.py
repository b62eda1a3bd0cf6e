"""A worker from start to end: connect, take until told to stop, leave in good order."""

from __future__ import annotations

import asyncio
import logging
import signal
import threading
from collections.abc import Callable, Collection, Mapping
from concurrent.futures import Executor, ThreadPoolExecutor
from contextlib import ExitStack
from functools import partial
from types import MappingProxyType
from typing import Any, NoReturn

from collectors.live.contract import Job
from pipeline.broker import connection, topics
from pipeline.errors import DriftledgerError
from pipeline.health.server import HealthServer
from pipeline.settings.groups import Settings
from pipeline.store import Store
from pipeline.worker import beside
from pipeline.worker.application import Application
from pipeline.worker.broker_view import BrokerView, Partition
from pipeline.worker.dead_letters import DeadLetters
from pipeline.worker.intake import Intake
from pipeline.worker.patience import Patience, Stopped
from pipeline.worker.report import Report
from pipeline.worker.stopping import Stopping
from pipeline.worker.taking import Taking
from pipeline.worker.watch import Watch

log = logging.getLogger("driftledger.worker")


class Overdue(DriftledgerError):
    """It should have ended by now."""


def work(
    settings: Settings, open_store: Callable[[], Store], jobs: Mapping[str, Job] = MappingProxyType({})
) -> None:
    """Work until SIGTERM or SIGINT, with jobs beside; raises what ended it otherwise.

    Threads may be left behind that hang in a dead connection: end the process without waiting for them.
    """
    asyncio.new_event_loop().run_until_complete(_run(settings, open_store, jobs))


async def _run(settings: Settings, open_store: Callable[[], Store], jobs: Mapping[str, Job]) -> None:
    loop = asyncio.get_running_loop()
    stopping = Stopping()
    for number in (signal.SIGTERM, signal.SIGINT):
        loop.add_signal_handler(number, stopping.set)
    report = Report()
    health = HealthServer(
        report, settings.worker.health_host, settings.worker.health_port, "worker.health_port"
    )
    health.start()
    log.info("health on http://%s:%d", settings.worker.health_host, health.port)
    thread = ThreadPoolExecutor(1, "ledger")
    with ExitStack() as cleanup:
        cleanup.callback(health.stop)
        try:
            patience = Patience(report, stopping)
            opened = loop.run_in_executor(thread, patience.until_there, open_store)
            connect = partial(_connect, settings, cleanup)
            view, ids = await asyncio.to_thread(patience.until_there, connect)
            store = cleanup.enter_context(await opened)
            work = _Work(settings, store, view, ids, report, thread, stopping, patience)
            await work.run(jobs)
        except Stopped:
            return
        except Overdue:
            cleanup.pop_all()  # what is still in hand holds the ledger: closing it would wait
            raise


def _connect(settings: Settings, cleanup: ExitStack) -> tuple[BrokerView, dict[str, str]]:
    """A broker's view and the topics' ids, created or checked; raises as these do."""
    with ExitStack() as attempt:
        admin = attempt.enter_context(connection.admin(settings.kafka))
        found = topics.ensure(admin, settings.kafka)
        cleanup.push(attempt.pop_all())
    return BrokerView(admin, connection.options(settings.kafka)), {t.name: t.id for t in found.values()}


class _Work:
    """The parts of a connected worker, and the order in which they start and end."""

    def __init__(
        self,
        settings: Settings,
        store: Store,
        view: BrokerView,
        topic_ids: dict[str, str],
        report: Report,
        thread: Executor,
        stopping: Stopping,
        patience: Patience,
    ) -> None:
        self._settings = settings
        self._thread = thread
        self._stopping = stopping
        self._report = report
        self._beside: list[threading.Thread] = []
        letters = DeadLetters(self._send, asyncio.get_running_loop())
        self._intake = Intake(store, view, topic_ids, report, letters.keep, patience)
        self._app = Application(
            settings.worker,
            settings.kafka,
            start_positions=self._start_positions,
            forget=self._intake.forget,
        )
        self._taking = Taking(
            settings.worker,
            topic_ids,
            self._intake,
            ledger=thread,
            folds=ThreadPoolExecutor(1, "folds"),
            owned=lambda topic, partition: (topic, partition) in self._app.consumer.assignment(),
            generation=lambda: self._app.consumer_generation_id,
            stopping=stopping,
        )
        self._app.read(topic_ids, self._taking)
        self._watch = Watch(
            settings, self._app, view, topic_ids, self._check_topics, report, self._taking.at_rest
        )

    async def _start_positions(self, partitions: Collection[Partition]) -> Mapping[Partition, int]:
        loop = asyncio.get_running_loop()
        return await loop.run_in_executor(self._thread, self._intake.start_positions, partitions)

    async def _check_topics(self, topics: Collection[str]) -> None:
        loop = asyncio.get_running_loop()
        await loop.run_in_executor(self._thread, self._intake.check_topics, topics)

    async def _send(self, *message: Any) -> None:
        await self._app.producer.send_and_wait(*message)

    async def run(self, jobs: Mapping[str, Job]) -> None:
        try:
            await self._app.start()
        except Exception as error:  # the broker went away since we asked it
            reason: BaseException | None = error
        else:
            reason = await self._end(jobs)
        self._stopping.set()
        if reason is not None and not isinstance(reason, Stopped):
            await self._fail(_named(reason))
        await self._leave()
        log.info("stopped; every message that was acknowledged is in the ledger")

    async def _end(self, jobs: Mapping[str, Job]) -> BaseException | None:
        """Work until something ends it; what failed, or None where it was told to stop."""
        self._beside = beside.start(jobs, self._stopping, self._report)
        waits = (self._stopping.told(), self._app._crashed.wait(), self._taking.broken(), self._watch.run())
        ends = [asyncio.ensure_future(wait) for wait in waits]
        await asyncio.wait(ends, return_when=asyncio.FIRST_COMPLETED)
        failed = [end.exception() for end in ends if end.done()]
        for end in ends:
            end.cancel()
        return self._app.crash_reason or next(filter(None, failed), None)

    async def _fail(self, reason: DriftledgerError) -> NoReturn:
        """Say it at once, and end with it whatever leaving comes to, which may hang or fail too."""
        self._report.breaks(str(reason))
        log.error("it ends: %s", reason)
        try:
            await self._leave()
        except Overdue as overdue:
            late = Overdue(f"{reason}; {overdue}")
            late.exit_code = reason.exit_code
            raise late from reason
        except Exception as error:
            log.warning("leaving the group failed: %s: %s", type(error).__name__, error)
        raise reason

    async def _leave(self) -> None:
        """Finish the transaction in hand, tell the broker how far it went, leave the group."""
        seconds = self._settings.worker.stop_seconds
        until = asyncio.get_running_loop().time() + seconds
        # Not a timeout that cancels: parts of Faust take a cancellation for an answer and wait on.
        leaving = asyncio.ensure_future(self._finish())
        done, _ = await asyncio.wait([leaving], timeout=seconds)
        if not done:
            raise Overdue(f"it did not end within {seconds:g} seconds; what it had in hand is read again")
        leaving.result()
        for thread in self._beside:
            left = until - asyncio.get_running_loop().time()
            await asyncio.to_thread(thread.join, max(0.0, left))
            if thread.is_alive():
                log.warning("the %s is left amid its work, and done again by who comes next", thread.name)

    async def _finish(self) -> None:
        await self._taking.idle()
        await self._app.stop()


def _named(reason: BaseException) -> DriftledgerError:
    """One of ours as it is: the process ends with its exit code."""
    if isinstance(reason, DriftledgerError):
        return reason
    sentence = (str(reason).splitlines() or ["no message"])[0]
    error = DriftledgerError(f"{type(reason).__name__}: {sentence}")
    error.__cause__ = reason
    return error
