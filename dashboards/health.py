"""How far the numbers can be trusted: freshness, completeness, what was refused, and what to do about it."""

from __future__ import annotations

import streamlit as st

from dashboards import moments, shown
from dashboards.questions import Asked, ask
from dashboards.view import View
from pipeline.answers.status import is_incomplete

_COLUMNS = {
    "kind": "Kind",
    "name": "Name",
    "cluster": "Cluster",
    "rows": "Rows",
    "newest": "Newest, UTC",
    "age": "Minutes ago",
    "detail": "Detail",
}


def as_of(view: View) -> None:
    """One line that every reader sees first, and a warning when the ledger has stopped."""
    fresh = f"As of {moments.minute(view.last, view.zone)} ({moments.age(view.last, view.now)} ago)"
    st.text(f"{fresh} | window {view.window} | lake snapshot {view.snapshot}")
    if (view.now - view.last).total_seconds() > view.settings.dashboard.stale_minutes * 60:
        st.warning(
            f"Stale: nothing new since {moments.minute(view.last)}. Check that collectors run, "
            "then see what arrived last with driftledger status."
        )


def section(view: View, spend: Asked | None) -> None:
    asked = ask(view, "status", view.window)
    if asked is not None:
        if is_incomplete(asked.answer):
            st.warning("Something was refused, is missing or has no price; the rows below say what.")
        shown.table(view, asked, _COLUMNS, file="status", command="driftledger status")
    for note in spend.answer.notes if spend else ():
        st.text(f"- {note}")


def no_ledger(place: str) -> None:
    st.info("There is no ledger here yet.")
    st.text(f"Ledger: {place}")
    st.text("Fill one from files:      driftledger replay KIND FILE... --store DIR")
    st.text("Or see one at work:       driftledger demo")


def wrong(error: Exception) -> None:
    st.error("Something that was asked for is not right:")
    st.text(str(error))


def unavailable(error: Exception) -> None:
    st.error("The ledger does not answer. This page asks again by itself.")
    st.text(str(error))


def empty(place: str) -> None:
    st.info("The ledger is empty: no event has been taken yet.")
    st.text(f"Ledger: {place}")
    st.text("Take recorded files:      driftledger replay KIND FILE... --store DIR")
