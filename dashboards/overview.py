"""The overview page: spend, GPU waste, models and actions on one timeline, and how far to trust them."""

from __future__ import annotations

from decimal import Decimal

import streamlit as st

from dashboards import budgets, health, quality, reading, spending, waste
from dashboards.questions import ask
from dashboards.view import View
from pipeline.answers.window import Window


def page(view: View) -> None:
    read = _overview(view, view.key, view.window)
    if read.spend and read.spend.answer.rows:
        waste.headline(view, read.spend.answer, _before(view))
        _forecast(view)
    st.subheader("What happened")
    quality.timeline(read, view.currency)
    quality.actions(view, read)
    st.subheader("Models")
    quality.models(view, read)
    quality.units(view, read)
    st.subheader("GPU time and who pays for it")
    if read.spend and read.spend.answer.rows:
        waste.section(view, read.spend)
    else:
        st.info("No GPU fact in this window. Collect dcgm and dra events, or choose a longer window.")
    st.subheader("Ledger")
    health.section(view, read)


def _before(view: View) -> Decimal | None:
    """What the window that is compared with cost; None where that is not known."""
    asked = ask(view, "cost", view.before, by=("team",)) if view.before else None
    return spending.total(asked.answer, "total_cost") if asked and asked.answer.rows else None


def _forecast(view: View) -> None:
    month = ask(view, "month", view.window, now=budgets.now(view))
    if month is not None:
        st.subheader("This month, everything")
        budgets.month(view, month.answer)


@st.cache_data(max_entries=16, ttl=600, show_spinner="Reading the ledger")
def _overview(_view: View, key: tuple[object, ...], window: Window) -> reading.Overview:
    return reading.overview(_view)
