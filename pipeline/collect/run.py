"""The collectors of one process, each on a thread of its own, until one fails or a signal comes."""

from __future__ import annotations

import logging
import signal
import threading
import time
from collections.abc import Callable, Mapping, Sequence
from functools import partial
from pathlib import Path
from types import MappingProxyType

from prometheus_client.registry import Collector as Numbers

from collectors.live.catalogue import collector
from collectors.live.contract import Collector, Job
from pipeline.collect import turns
from pipeline.collect.doors import Door
from pipeline.collect.report import Report
from pipeline.collect.state import State
from pipeline.health.readiness import START
from pipeline.health.server import HealthServer
from pipeline.settings.groups import Settings, group

log = logging.getLogger("driftledger.collect")

_STOP_SECONDS = 10.0


def collect(
    kinds: Sequence[str],
    settings: Settings,
    open_door: Callable[[Path], Door],
    beside: Mapping[str, Job] = MappingProxyType({}),
    numbers: Sequence[Numbers] = (),
) -> None:
    """Collect until SIGTERM or SIGINT, with jobs and numbers beside; raises what one of them failed with.

    Each collector opens a door of its own, since a sequence of messages has one writer; it is told where
    under a folder that others use too the collector may keep something.
    """
    report = Report(numbers)
    for number in (signal.SIGTERM, signal.SIGINT):
        signal.signal(number, lambda *_: report.stop())
    chosen = settings.collect
    health = HealthServer(report, chosen.health_host, chosen.health_port, "collect.health_port")
    health.start()
    log.info("health on http://%s:%d", chosen.health_host, health.port)
    try:
        # By name: allocation makes the file of nodes that hubble may read.
        made = [(kind, collector(kind, group(settings, kind), chosen.cluster)) for kind in sorted(kinds)]
        sources = {kind: partial(_turns, kind, source, settings, open_door) for kind, source in made}
        if not made:
            report.goes_on(START)  # else the first turn of a collector says it
        _run({**sources, **beside}, report)
    finally:
        health.stop()


def _turns(
    kind: str, source: Collector, settings: Settings, open_door: Callable[[Path], Door], report: Report
) -> None:
    own = Path(kind) / source.name
    with State.open(settings.collect.state_folder / own) as state:
        turns.run(kind, source, state, open_door(own), report, partial(report.turn, kind))


def _run(jobs: Mapping[str, Callable[[Report], None]], report: Report) -> None:
    """All at once; the first that fails ends the others."""
    failures: list[BaseException] = []

    def one(name: str, job: Callable[[Report], None]) -> None:
        try:
            job(report)
        except BaseException as error:
            failures.append(error)
            report.breaks(f"{name}: {error}")
            report.stop()

    threads = [threading.Thread(target=one, args=pair, name=pair[0], daemon=True) for pair in jobs.items()]
    for thread in threads:
        thread.start()
    while not report.wait(0.5) and any(thread.is_alive() for thread in threads):
        pass
    report.stop()
    until = time.monotonic() + _STOP_SECONDS
    for thread in threads:
        thread.join(max(0.0, until - time.monotonic()))
    if failures:
        raise failures[0]
    log.info("stopped; what was read is safe, or is read again")
