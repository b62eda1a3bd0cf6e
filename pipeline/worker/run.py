"""A worker from start to end: connect, take until told to stop, leave in good order."""

from __future__ import annotations

import asyncio
import logging
import signal
import threading
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from contextlib import ExitStack
from typing import Any

from pipeline.broker import connection, topics
from pipeline.broker.failures import BrokerUnavailable
from pipeline.errors import DriftledgerError
from pipeline.settings.groups import Settings
from pipeline.store import Store
from pipeline.worker.application import Application
from pipeline.worker.broker_view import BrokerView
from pipeline.worker.dead_letters import DeadLetters
from pipeline.worker.health import HealthServer
from pipeline.worker.intake import Intake, Stopped
from pipeline.worker.report import Report
from pipeline.worker.taking import Taking
from pipeline.worker.watch import Watch

log = logging.getLogger("driftledger.worker")

_RETRY_SECONDS = 2.0


async def run(settings: Settings, open_store: Callable[[], Store]) -> None:
    """Work until SIGTERM or SIGINT; raises what ended it otherwise."""
    stopping = threading.Event()
    told = asyncio.Event()
    loop = asyncio.get_running_loop()

    def stop() -> None:
        stopping.set()
        told.set()

    for number in (signal.SIGTERM, signal.SIGINT):
        loop.add_signal_handler(number, stop)
    report = Report()
    health = HealthServer(report, settings.worker.health_host, settings.worker.health_port)
    health.start()
    log.info("health on http://%s:%d", settings.worker.health_host, health.port)
    with ExitStack() as cleanup, ThreadPoolExecutor(1, "ledger") as thread:
        cleanup.callback(health.stop)
        try:
            store = cleanup.enter_context(await loop.run_in_executor(thread, open_store))
            view, ids = await loop.run_in_executor(None, _connect, settings, report, stopping, cleanup)
            await _work(settings, store, view, ids, report, thread, stopping, told)
        except Stopped:
            return


def _connect(
    settings: Settings, report: Report, stopping: threading.Event, cleanup: ExitStack
) -> tuple[BrokerView, dict[str, str]]:
    """Wait for a broker, and create or check the topics; raises what waiting cannot heal."""
    while True:
        try:
            admin = cleanup.enter_context(connection.admin(settings.kafka))
            found = topics.ensure(admin, settings.kafka)
        except BrokerUnavailable as error:
            report.waits("broker", str(error))
            if stopping.wait(_RETRY_SECONDS):
                raise Stopped("stopped before a broker was there") from None
        else:
            report.goes_on("broker")
            return BrokerView(admin, connection.options(settings.kafka)), {t.name: t.id for t in found.values()}


async def _work(
    settings: Settings,
    store: Store,
    view: BrokerView,
    topic_ids: dict[str, str],
    report: Report,
    thread: ThreadPoolExecutor,
    stopping: threading.Event,
    told: asyncio.Event,
) -> None:
    loop = asyncio.get_running_loop()
    letters = DeadLetters(lambda *message: app.producer.send_and_wait(*message), loop)
    intake = Intake(store, view, topic_ids, report, letters.keep, stopping)

    async def start_positions(partitions: Any) -> Any:
        return await loop.run_in_executor(thread, intake.start_positions, partitions)

    app = Application(
        settings.worker, settings.kafka, start_positions=start_positions, forget=intake.forget
    )
    taking = Taking(
        settings.worker,
        topic_ids,
        intake,
        thread=thread,
        owned=lambda topic, partition: (topic, partition) in app.consumer.assignment(),
        generation=lambda: app.consumer_generation_id,
        stopping=stopping,
    )
    app.read(topic_ids, taking)
    watch = Watch(settings, app, view, topic_ids, report)
    await app.start()
    try:
        ended = [asyncio.create_task(c) for c in (told.wait(), app._crashed.wait(), watch.run())]
        await asyncio.wait(ended, return_when=asyncio.FIRST_COMPLETED)
    finally:
        stopping.set()
        await _leave(settings, app, taking)
    reason = app.crash_reason or next((t.exception() for t in ended if t.done() and t.exception()), None)
    for task in ended:
        task.cancel()
    if reason is not None:
        report.breaks(str(reason))
        raise reason if isinstance(reason, DriftledgerError) else DriftledgerError(_sentence(reason)) from reason
    log.info("stopped; every message that was acknowledged is in the ledger")


async def _leave(settings: Settings, app: Application, taking: Taking) -> None:
    """Finish the transaction in hand, tell the broker how far it went, leave the group."""
    try:
        async with asyncio.timeout(settings.worker.stop_seconds):
            await taking.idle()
            await app.stop()
    except TimeoutError:
        log.error("it did not end within %g seconds; what it had in hand is read again", settings.worker.stop_seconds)


def _sentence(reason: BaseException) -> str:
    return f"{type(reason).__name__}: {(str(reason).splitlines() or ['no message'])[0]}"
