"""The frame around every page: navigation, the bar of choices, and what to do where nothing is to be seen."""

from __future__ import annotations

from collections.abc import Callable
from datetime import UTC, datetime
from zoneinfo import ZoneInfo

import streamlit as st

from dashboards import controls, health
from dashboards.controls import Choice
from dashboards.pages import PAGES, Page
from dashboards.view import View
from pipeline.answers.timeline import newest
from pipeline.errors import DriftledgerError, NotFound, StoreUnavailable
from pipeline.lake.location import Location
from pipeline.ownership.file import load as load_owners
from pipeline.prices.book import PriceBook
from pipeline.settings.groups import Settings
from pipeline.store import Store

REFRESH = "15s"


def main(settings: Settings) -> None:
    st.set_page_config(page_title="Driftledger", page_icon="⚖️", layout="wide")
    pages = [st.Page(_runner(settings, p), title=p.title, url_path=p.path, default=not p.path) for p in PAGES]
    st.navigation(pages, position="top").run()


def _runner(settings: Settings, page: Page) -> Callable[[], None]:
    return lambda: show(settings, page)


def show(settings: Settings, page: Page) -> None:
    """One page under the bar of choices."""
    st.title(page.title if page.path else "Driftledger")
    try:
        book = _book(settings.dashboard.prices)
    except DriftledgerError as error:
        health.wrong(error)
        return
    _refreshed(settings, page, controls.ask(book.currencies, compares=page.compares), book)


@st.cache_resource(max_entries=4, ttl=60)
def _book(path: str) -> PriceBook:
    return PriceBook.load(path) if path else PriceBook.bundled()


@st.fragment(run_every=REFRESH)
def _refreshed(settings: Settings, page: Page, choice: Choice, book: PriceBook) -> None:
    if st.session_state.pop(controls.MOVED, False):
        st.rerun()
    view = _view(settings, choice, book)
    if view is not None:
        try:
            page.load()(view)
        except DriftledgerError as error:
            health.wrong(error)
        finally:
            view.close()


def _view(settings: Settings, choice: Choice, book: PriceBook) -> View | None:
    """None where there is nothing to see; then the page says why and what to do."""
    ledger, now = Location.of(settings.store), datetime.now(UTC).replace(tzinfo=None)
    try:
        with Store.open(ledger, read_only=True) as store:
            snapshot, last = store.snapshot(), newest(store)
        owners = load_owners(settings.cost.ownership)
    except StoreUnavailable as error:
        health.unavailable(error)
        return None
    except NotFound:
        health.no_ledger(str(ledger))
        return None
    except DriftledgerError as error:
        health.wrong(error)
        return None
    if last is None:
        health.empty(str(ledger))
        return None
    window, before, problem = controls.spans(choice, last, hours=settings.cost.spreads)
    zone = controls.zone(choice.zone)
    for one in (*choice.wrong, *([problem] if problem else [])):
        health.wrong(one)
    if zone is None:
        st.warning("There is no such time zone; times are UTC.")
    view = View(
        settings,
        ledger,
        snapshot,
        last,
        now,
        window,
        before,
        choice.currency,
        zone or ZoneInfo("UTC"),
        book,
        owners,
    )
    health.as_of(view)
    return view
