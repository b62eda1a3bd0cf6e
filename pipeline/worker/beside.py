"""What a worker does beside taking events: jobs on threads of their own, until it is told to stop."""

from __future__ import annotations

import threading
import time
from collections.abc import Mapping

from collectors.live.contract import Job
from pipeline.worker.report import Report
from pipeline.worker.stopping import Stopping


class Beside:
    """A job's `Watch`: what it waits for and lacks is the worker's to tell."""

    def __init__(self, stopping: Stopping, report: Report) -> None:
        self.wait = stopping.wait
        self.waits = report.waits
        self.goes_on = report.goes_on
        self.notes = report.notes

    def now(self) -> int:
        return time.time_ns() // 1_000


def start(jobs: Mapping[str, Job], stopping: Stopping, report: Report) -> list[threading.Thread]:
    """The threads, to be joined for as long as the worker may take to end."""
    watch = Beside(stopping, report)
    threads = [
        threading.Thread(target=job, args=(watch,), name=name, daemon=True) for name, job in jobs.items()
    ]
    for thread in threads:
        thread.start()
    return threads
