"""The collectors of one process, each on a thread of its own, until one fails or a signal comes."""

from __future__ import annotations

import logging
import signal
import threading
from collections.abc import Callable, Sequence
from functools import partial
from typing import Any

from collectors.live.catalogue import collector
from collectors.live.contract import Collector
from pipeline.collect import turns
from pipeline.collect.doors import Door
from pipeline.collect.report import Report
from pipeline.collect.state import State
from pipeline.health.server import HealthServer
from pipeline.settings.groups import Settings

log = logging.getLogger("driftledger.collect")

_STOP_SECONDS = 10.0


def collect(kinds: Sequence[str], settings: Settings, open_door: Callable[[], Door]) -> None:
    """Collect until SIGTERM or SIGINT; raises what a collector failed with.

    Each thread opens a door of its own, since a sequence of messages has one writer.
    """
    report = Report()
    for number in (signal.SIGTERM, signal.SIGINT):
        signal.signal(number, lambda *_: report.stop())
    chosen = settings.collect
    health = HealthServer(report, chosen.health_host, chosen.health_port, "collect.health_port")
    health.start()
    log.info("health on http://%s:%d", chosen.health_host, health.port)
    try:
        made = [(kind, collector(kind, _group(settings, kind), chosen.cluster)) for kind in kinds]
        _run(made, settings, open_door, report)
    finally:
        health.stop()


def _group(settings: Settings, kind: str) -> Any:
    return getattr(settings, kind)


def _run(
    made: Sequence[tuple[str, Collector]], settings: Settings, open_door: Callable[[], Door], report: Report
) -> None:
    failures: list[BaseException] = []

    def one(kind: str, source: Collector) -> None:
        try:
            with State.open(settings.collect.state_folder / kind / source.name) as state:
                turns.run(kind, source, state, open_door(), report, partial(report.turn, kind))
        except BaseException as error:
            failures.append(error)
            report.breaks(f"{kind}: {error}")
            report.stop()

    threads = [threading.Thread(target=one, args=pair, name=pair[0], daemon=True) for pair in made]
    for thread in threads:
        thread.start()
    for thread in threads:
        while thread.is_alive():
            thread.join(0.5)
            if report.wait(0):
                thread.join(_STOP_SECONDS)
                break
    if failures:
        raise failures[0]
    log.info("stopped; what was read is safe, or is read again")
