"""What the settled days cost, computed before somebody asks: a page's first question is then a short one."""

from __future__ import annotations

from datetime import UTC, datetime
from pathlib import Path

from collectors.live.contract import Job, Watch
from pipeline.answers.cost import cost
from pipeline.answers.instants import day_of
from pipeline.answers.window import DAY, Window
from pipeline.errors import DriftledgerError, NotFound
from pipeline.lake.location import Place
from pipeline.ownership.file import load
from pipeline.ownership.rules import Ownership
from pipeline.prices.book import PriceBook
from pipeline.settings.cost import CostRule
from pipeline.settings.groups import Settings
from pipeline.store import Store

PART = "days kept"
FIRST_SECONDS, EVERY_SECONDS = 5.0, 3_600.0
"""Pause before the first look, and between two: a day settles once, and facts come late."""
DAYS = 31
"""How far back a page's month reaches."""


def keep(store: Store, now: datetime, book: PriceBook, rule: CostRule, owners: Ownership) -> None:
    """Ask what the whole days before `now` cost, as a page asks; their costs are kept beside the ledger."""
    today, currency = day_of(now), (*book.currencies, "USD")[0]
    cost(store, Window(today - DAYS * DAY, today), ("team",), book, currency, rule, owners)


def keeping(settings: Settings, place: Place) -> Job:
    """A job that does so now and then, with a ledger opened for itself: it holds up nobody who writes."""

    def once(now: datetime) -> None:
        path = settings.dashboard.prices
        book = PriceBook.load(Path(path)) if path else PriceBook.bundled()
        with Store.open(place, read_only=True) as store:
            keep(store, now, book, settings.cost, load(settings.cost.ownership))

    def job(watch: Watch) -> None:
        pause = FIRST_SECONDS
        while not watch.wait(pause):
            pause = EVERY_SECONDS
            try:
                once(datetime.fromtimestamp(watch.now() / 1e6, UTC).replace(tzinfo=None))
            except NotFound:  # nothing is collected yet
                watch.goes_on(PART)
            except (DriftledgerError, OSError) as error:
                watch.notes(PART, str(error))
            else:
                watch.goes_on(PART)

    return job
