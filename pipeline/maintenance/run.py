"""One round of maintenance: what makes a ledger slow and large is put right, and no answer changes."""

from __future__ import annotations

import time
from collections.abc import Callable, Iterator
from datetime import datetime

from pipeline.errors import StaleWatermark
from pipeline.lake.lease import LeaseHeld
from pipeline.maintenance import compact, expire, rollup, samples
from pipeline.maintenance.report import Report, Step
from pipeline.maintenance.shift import Shift
from pipeline.settings.maintenance import MaintenanceSettings
from pipeline.store import Store
from pipeline.turn import IDENTITY


def run(store: Store, now: datetime, settings: MaintenanceSettings, *, holder: str = IDENTITY) -> Report:
    """One round at `now` (UTC without a zone), or none where another maintainer is at it.

    May be stopped at any point and run at any time beside writers: each step is whole or absent, and a table
    that is too busy waits for the next round.  Raises StoreUnavailable where the world fails.
    """
    shift = Shift(store, now, settings, holder)
    try:
        shift.turn.begin()
        steps = tuple(_steps(shift))
        shift.turn.end()
    except LeaseHeld as held:
        return Report(now, held_by=held.holder)
    except StaleWatermark:  # only a maintainer moves the lease's row
        return Report(now, held_by="another maintainer, which came first")
    return Report(now, steps)


def _steps(shift: Shift) -> Iterator[Step]:
    yield _step("roll up", "rows", lambda: rollup.roll(shift))
    yield _step("thin", "rows", lambda: samples.thin(shift))
    yield _step("flush", "rows", lambda: compact.flush(shift))
    yield _step("trim", "rows", lambda: compact.trim(shift))
    yield _step("merge", "files", lambda: compact.merge(shift))
    yield _step("rewrite", "files", lambda: compact.rewrite(shift))
    yield _step("expire", "snapshots", lambda: (expire.expire(shift), ""))
    yield _step("clean", "files", lambda: (expire.clean(shift), ""))
    yield _step("sweep", "files", lambda: (expire.sweep(shift), ""))
    yield _step("forget", "files", lambda: (expire.forget(shift), ""))


def _step(name: str, unit: str, work: Callable[[], tuple[int, str]]) -> Step:
    start = time.monotonic()
    try:
        count, detail = work()
    except StaleWatermark as error:
        count, detail = 0, f"left for the next round: {error}"
    return Step(name, count, unit, time.monotonic() - start, detail)
