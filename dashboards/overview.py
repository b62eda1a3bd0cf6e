"""The overview page: spend, GPU waste, models and actions on one timeline, and how far to trust them."""

from __future__ import annotations

from decimal import Decimal

import streamlit as st

from dashboards import beside, budgets, health, quality, spending, waste
from dashboards.questions import ask
from dashboards.view import View


def page(view: View) -> None:
    spend = ask(view, "cost", view.window, by=("hour", "team"))
    if spend and spend.answer.rows:
        partly = beside.partly(view)
        waste.headline(view, spend.answer, None if partly else _before(view))
        if partly:
            st.text(partly)
        _forecast(view)
    st.subheader("What happened")
    quality.timeline(view, spend)
    quality.actions(view)
    st.subheader("Models")
    quality.models(view)
    quality.units(view)
    st.subheader("GPU time and who pays for it")
    if spend and spend.answer.rows:
        waste.section(view, spend)
    else:
        st.info("No GPU fact in this window. Collect dcgm and dra events, or choose a longer window.")
    st.subheader("Ledger")
    health.section(view, spend)


def _before(view: View) -> Decimal | None:
    """What the window that is compared with cost; None where that is not known."""
    asked = ask(view, "cost", view.before, by=("team",)) if view.before else None
    return spending.total(asked.answer, "total_cost") if asked and asked.answer.rows else None


def _forecast(view: View) -> None:
    month = ask(view, "month", view.window, now=budgets.now(view))
    if month is not None:
        st.subheader("This month, everything")
        budgets.month(view, month.answer)
