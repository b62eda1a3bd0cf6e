"""The overview page: spend, GPU waste, models and actions on one timeline, and how far to trust them."""

from __future__ import annotations

import os
from datetime import UTC, datetime

import streamlit as st

from dashboards import health, quality, reading, waste
from pipeline.answers.window import Window
from pipeline.errors import NotFound, StoreUnavailable
from pipeline.lake.location import Location
from pipeline.ownership.file import load as load_owners
from pipeline.ownership.rules import Ownership
from pipeline.settings.cost import CostRule
from pipeline.settings.groups import Settings
from pipeline.settings.load import load

CURRENCY = "USD"
REFRESH = "15s"


@st.cache_data(max_entries=16, ttl=600, show_spinner="Reading the ledger")
def _overview(
    _ledger: Location,
    name: str,
    snapshot: int,
    start: datetime,
    end: datetime,
    points: int,
    rule: CostRule,
    owners: str,
    _owners: Ownership,
    _now: datetime,
) -> reading.Overview:
    return reading.overview(_ledger, snapshot, Window(start, end), points, _now, rule, _owners)


def main(settings: Settings) -> None:
    st.set_page_config(page_title="Driftledger", page_icon="⚖️", layout="wide")
    st.title("Driftledger")
    span = st.segmented_control(
        "Window", list(reading.SPANS), default="24h", key="window", bind="query-params", required=True
    )
    _page(settings, str(span or "24h"))


@st.fragment(run_every=REFRESH)
def _page(settings: Settings, span: str) -> None:
    ledger, now = Location.of(settings.store), datetime.now(UTC).replace(tzinfo=None)
    try:
        snapshot, last = reading.latest(ledger)
    except NotFound:
        health.no_ledger(str(ledger))
        return
    except StoreUnavailable as error:
        health.unavailable(error)
        return
    if last is None:
        health.empty(str(ledger))
        return
    window = reading.window(last, span)
    points, rule, owners = settings.dashboard.points, settings.cost, load_owners(settings.cost.ownership)
    view = _overview(
        ledger, str(ledger), snapshot, window.start, window.end, points, rule, owners.version, owners, now
    )
    health.as_of(view, last, now, settings.dashboard.stale_minutes)
    _sections(view)


def _sections(view: reading.Overview) -> None:
    if view.spend and view.spend.rows:
        waste.headline(view.spend, CURRENCY)
    st.subheader("What happened")
    quality.timeline(view, CURRENCY)
    quality.actions(view)
    st.subheader("Models")
    quality.models(view)
    quality.units(view, CURRENCY)
    st.subheader("GPU time and who pays for it")
    if view.spend and view.spend.rows:
        waste.section(view.spend)
    else:
        st.info("No GPU fact in this window. Collect dcgm and dra events, or choose a longer window.")
    st.subheader("Ledger")
    health.section(view)


main(load(environ=os.environ))
