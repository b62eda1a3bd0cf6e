"""What may pass by itself is waited for: the worker stays up, says what it waits for, and goes on."""

from __future__ import annotations

from collections.abc import Callable
from typing import TypeVar

from pipeline.broker.failures import BrokerUnavailable
from pipeline.errors import DriftledgerError, StoreUnavailable
from pipeline.worker.report import Report
from pipeline.worker.stopping import Stopping

_AGAIN_SECONDS = 1.0

Done = TypeVar("Done")


class Stopped(DriftledgerError):
    """The worker is to end while it waits for something."""


class Patience:
    """For threads that may wait: never for the event loop's."""

    def __init__(self, report: Report, stopping: Stopping) -> None:
        self._report = report
        self._stopping = stopping

    def until_there(self, act: Callable[[], Done]) -> Done:
        """The result of `act`, tried again while a broker or the ledger is away; raises Stopped meanwhile."""
        waited: set[str] = set()
        while True:
            try:
                done = act()
            except (BrokerUnavailable, StoreUnavailable) as error:
                part = "broker" if isinstance(error, BrokerUnavailable) else "ledger"
                waited.add(part)
                self._report.waits(part, str(error))
                self.pause(_AGAIN_SECONDS)
            except BaseException:
                self._report.goes_on(*waited)
                raise
            else:
                # Only what was waited for here: another thread may wait for the other part just now.
                self._report.goes_on(*waited)
                return done

    def pause(self, seconds: float) -> None:
        if self._stopping.wait(seconds):
            raise Stopped("stopped while it waited")
