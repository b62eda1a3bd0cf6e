"""Month end by itself: due months are closed and handed over, and what was missed is caught up with."""

from __future__ import annotations

import logging
from collections.abc import Iterator
from contextlib import suppress
from datetime import UTC, datetime
from functools import partial
from importlib.metadata import version

from collectors.live.contract import Job, Watch
from pipeline.errors import DriftledgerError, NotFound, StaleWatermark, StoreUnavailable
from pipeline.lake.lease import MONTH_END, LeaseHeld
from pipeline.lake.location import Place
from pipeline.months.close import close
from pipeline.months.closings import charged
from pipeline.months.expected import silent
from pipeline.months.inputs import of_settings
from pipeline.months.states import due
from pipeline.months.verify import Snapshots
from pipeline.settings.groups import Settings
from pipeline.store import Store
from pipeline.turn import IDENTITY, Turn
from reports.delivery import deliver, is_all_there, waiting
from reports.ledger_lines import mapping
from reports.posting import posting
from reports.statement import teams_of
from reports.targets import load

log = logging.getLogger("driftledger.months")
ACTOR = "schedule"
PART = "month end"


def tick(
    store: Store, at: Snapshots, settings: Settings, now: datetime, holder: str = IDENTITY
) -> tuple[str, ...]:
    """Close every month that is due, in order, then hand over what targets have not got.

    Returns what stands in the way, each a sentence: a month that is refused stays due, what a target did not
    take is tried again.  Of many processes the one that holds the lease does it, and keeps the lease until it
    says nothing for longer than a step may take.
    """
    if not _is_to_do(store, settings, now):
        return ()
    turn = _turn(store, settings, now, holder)
    try:
        turn.begin()
        return (*_close(turn, settings), *_deliver(turn, at, settings))
    except (LeaseHeld, StaleWatermark) as error:  # somebody else is at it, or was quicker
        log.debug("%s", error)
        return ()


def _turn(store: Store, settings: Settings, now: datetime, holder: str) -> Turn:
    limits = settings.closing
    return Turn(store, MONTH_END, now, limits.schedule_seconds + limits.lease_seconds, holder)


def _is_to_do(store: Store, settings: Settings, now: datetime) -> bool:
    limits = settings.closing
    with store.steady():
        return due(store, limits, now) is not None or bool(waiting(store, load(limits.delivery), now))


def _close(turn: Turn, settings: Settings) -> Iterator[str]:
    program = f"driftledger {version('driftledger')}"
    while (span := due(turn.store, settings.closing, turn.started)) is not None:
        try:
            done = close(
                turn.store, span, of_settings(settings), settings.closing, turn.started,
                program=program, actor=ACTOR,
            )  # fmt: skip
        except (LeaseHeld, StaleWatermark, StoreUnavailable):
            raise
        except (
            DriftledgerError
        ) as error:  # refused, or a price book is amiss: what is closed can still go out
            yield str(error)
            return
        log.info("%s closed as %s", f"{done.month:%Y-%m}", done.hash)
        teams = teams_of(charged(turn.store, done.month), done.currency, done.thawed().terms)
        for said in posting(teams, done.currency):
            log.warning("%s: %s", f"{done.month:%Y-%m}", said)
        turn.goes_on()


def _deliver(turn: Turn, at: Snapshots, settings: Settings) -> Iterator[str]:
    targets, columns = load(settings.closing.delivery), mapping(settings.closing.ledger_columns)
    for row in deliver(turn.store, at, targets, lambda: turn.now, columns=columns, before_each=turn.goes_on):
        said = f"{row['month']:%Y-%m} to {row['target']}: {row['state']}, {row['detail']}"
        log.info("%s", said)
        if not is_all_there(row):
            yield said


def month_end(settings: Settings, place: Place, holder: str = IDENTITY) -> Job:
    """A job that does so now and then, until told to stop; its files are read before it starts.

    It opens the ledger for itself: what computes a month for a minute must not hold up who writes meanwhile.
    """
    of_settings(settings)
    silent(settings.closing)
    load(settings.closing.delivery)
    mapping(settings.closing.ledger_columns)

    def job(watch: Watch) -> None:
        held: datetime | None = None
        while not watch.wait(settings.closing.schedule_seconds):
            now = datetime.fromtimestamp(watch.now() / 1e6, UTC).replace(tzinfo=None)
            try:
                if not _is_waiting(settings, place, now):
                    watch.goes_on(PART)
                    continue
                held = now
                with Store.open(place) as store:
                    said = tick(store, partial(_at, place), settings, now, holder)
            except DriftledgerError as error:
                said = (str(error),)
            except Exception as error:  # a statement that cannot be drawn must not end who takes events
                log.error("month end: %s", error, exc_info=error)
                said = (f"{type(error).__name__}: {error}",)
            if said:
                watch.notes(PART, "; ".join(said))
            else:
                watch.goes_on(PART)
        if held is not None:
            _leave(place, settings, held, holder)

    return job


def _is_waiting(settings: Settings, place: Place, now: datetime) -> bool:
    try:
        store = Store.open(place, read_only=True)
    except NotFound:  # nothing was written yet
        return False
    with store:
        return _is_to_do(store, settings, now)


def _at(place: Place, snapshot: int) -> Store:
    return Store.open(place, snapshot=snapshot)


def _leave(place: Place, settings: Settings, now: datetime, holder: str) -> None:
    """Who comes after need not wait for the lease to run out."""
    with suppress(DriftledgerError), Store.open(place) as store:
        _turn(store, settings, now, holder).end()
