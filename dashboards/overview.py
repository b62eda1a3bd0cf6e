"""The overview page: spend, GPU waste, models and actions on one timeline, and how far to trust them."""

from __future__ import annotations

import streamlit as st

from dashboards import health, quality, reading, waste
from dashboards.view import View
from pipeline.answers.window import Window


def page(view: View) -> None:
    read = _overview(view, view.key, view.window)
    if read.spend and read.spend.rows:
        waste.headline(read.spend, view.currency)
    st.subheader("What happened")
    quality.timeline(read, view.currency)
    quality.actions(read)
    st.subheader("Models")
    quality.models(read)
    quality.units(read, view.currency)
    st.subheader("GPU time and who pays for it")
    if read.spend and read.spend.rows:
        waste.section(read.spend)
    else:
        st.info("No GPU fact in this window. Collect dcgm and dra events, or choose a longer window.")
    st.subheader("Ledger")
    health.section(read)


@st.cache_data(max_entries=16, ttl=600, show_spinner="Reading the ledger")
def _overview(_view: View, key: tuple[object, ...], window: Window) -> reading.Overview:
    return reading.overview(_view)
