"""All features of a model together, when a reader asks: a forest is grown for each version of it."""

from __future__ import annotations

import shlex

import streamlit as st

from dashboards import shown
from dashboards.questions import ask
from dashboards.view import View

TOGETHER = "together"
"""Key of the switch."""
_COLUMNS = {
    "model_version": "Version",
    "reconstruction_level": "By reconstruction",
    "classifier_level": "By classifier",
    "reconstruction_error": "Reconstruction error",
    "expected_error_low": "expected, at least",
    "expected_error_high": "expected, at most",
    "domain_classifier_auc": "Classifier's area",
    "auc_low": "at least",
    "auc_high": "at most",
    "events": "Events",
    "rows": "Rows",
    "reference_rows": "Reference, rows",
    "reference": "Reference",
}


def together(view: View, model: str) -> None:
    st.subheader("All features together")
    if not st.toggle("Compare whole rows with the reference's", key=TOGETHER):
        st.text("Each feature can stay as it was while they no longer go together as they did.")
        return
    asked = ask(view, "joint_drift", view.window, model=model)
    if asked is None or not asked.answer.rows:
        st.info("The model had no traffic in this window.")
        return
    command = f"driftledger drift --joint --model {shlex.quote(model)} --window {shown.words(view)} -o wide"
    shown.table(view, asked, _COLUMNS, file="joint-drift", command=command)
