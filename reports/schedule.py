"""Month end by itself: due months are closed and handed over, and what was missed is caught up with."""

from __future__ import annotations

import logging
from datetime import UTC, datetime
from importlib.metadata import version

from collectors.live.contract import Watch
from pipeline.errors import DriftledgerError, StaleWatermark
from pipeline.lake.location import Place
from pipeline.months.close import Refused, close
from pipeline.months.inputs import of_settings
from pipeline.months.states import due
from pipeline.months.verify import Snapshots
from pipeline.settings.groups import Settings
from pipeline.store import Store
from pipeline.up.jobs import Job
from reports.delivery import deliver
from reports.ledger_lines import mapping
from reports.targets import load

log = logging.getLogger("driftledger.months")
ACTOR = "schedule"


def tick(store: Store, at: Snapshots, settings: Settings, now: datetime) -> None:
    """Close every month that is due, in order, then hand over what targets have not got.

    A month that is refused stays due, and is said; any number of processes may do this at once.
    """
    limits = settings.closing
    try:
        while (span := due(store, limits, now)) is not None:
            program = f"driftledger {version('driftledger')}"
            done = close(store, span, of_settings(settings), limits, now, program=program, actor=ACTOR)
            log.info("%s closed as %s", f"{done.month:%Y-%m}", done.hash)
    except (Refused, StaleWatermark) as error:
        log.warning("%s", error)
    for row in deliver(store, at, load(limits.delivery), now, columns=mapping(limits.ledger_columns)):
        log.info("%s to %s: %s %s", f"{row['month']:%Y-%m}", row["target"], row["state"], row["detail"])


def month_end(store: Store, settings: Settings, place: Place) -> Job:
    """Does so now and then, until told to stop; its files are read before it starts."""
    of_settings(settings)
    load(settings.closing.delivery)

    def job(watch: Watch) -> None:
        while not watch.wait(settings.closing.schedule_seconds):
            now = datetime.fromtimestamp(watch.now() / 1e6, UTC).replace(tzinfo=None)
            try:
                tick(store, lambda snapshot: Store.open(place, snapshot=snapshot), settings, now)
            except DriftledgerError as error:  # a price book that is being edited must not end the collectors
                watch.waits("month end", str(error))
            else:
                watch.goes_on("month end")

    return job
