"""Feature drift: every feature of a model by how far it is from its reference, and both histograms of one."""

from __future__ import annotations

from dataclasses import replace
from functools import partial
from typing import Any

import altair as alt
import pandas as pd
import streamlit as st

from dashboards import joint_drift, models, shown
from dashboards.questions import Asked, ask
from dashboards.view import View
from pipeline.answers.answer import Answer, Value
from pipeline.answers.cells import safe_text
from pipeline.answers.evaluations import EVALUATION

FEATURE = "feature"
"""Key of the chosen feature: version and name."""
_TABLE = "features"
_COLUMNS = {
    "model_version": "Version",
    "feature": "Feature",
    "psi_level": "PSI level",
    "culprit": "Named",
    "psi": "PSI",
    "jensen_shannon_distance": "Jensen-Shannon",
    "kolmogorov_smirnov": "KS",
    "kolmogorov_smirnov_bound": "KS, at most more",
    "wasserstein": "Wasserstein",
    "normed_wasserstein": "Wasserstein, sd",
    "hellinger": "Hellinger",
    "l_infinity": "L-infinity",
    "chi2": "χ²",
    "chi2_p_value": "χ², p",
    "count": "Events",
    "missing_rate": "Missing",
    "unseen_rate": "Unseen",
    "reference": "Reference",
}
_BINS = {
    "bin": "Bin",
    "reference_share": "Reference",
    "share": "Window",
    "reference_count": "Reference, events",
    "count": "Window, events",
}
_LABEL = 40
"""Characters of a bin's name beside its bar."""


def page(view: View) -> None:
    asked = ask(view, "drift", view.window)
    if asked is None or not asked.answer.rows:
        st.info("No feature was counted in this window.")
        if asked is not None:
            shown.notes(asked.answer)
        return
    model = models.choice(sorted({str(row[0]) for row in asked.answer.rows}))
    own = replace(asked.answer, rows=tuple(row for row in asked.answer.rows if row[0] == model))
    _state(own)
    st.text(
        "Select a row to see the histogram. The verdict is on all features together, with a stated rate of "
        "false alarms, and names those that moved; PSI level is the usual rule of 0.1, without such a rate. "
        "Drift explains why a model may be wrong; it never acts by itself."
    )
    shown.table(
        view,
        Asked(own, asked.queries),
        _COLUMNS,
        file="drift",
        command=f"driftledger drift --window {shown.words(view)} -o wide",
        key=_TABLE,
        chosen=partial(_choose, own.rows),
    )
    _histogram(view, own)
    joint_drift.together(view, model)


def _state(own: Answer) -> None:
    levels = [str(row[3]) for row in own.rows]
    drifted, few = levels.count("warn"), levels.count("not_enough_data")
    verdict, one, two, three = st.columns((2, 1, 1, 1))  # or "not_enough_data" is cut short
    about = [row for row in own.rows if row[4] is not None and not str(row[2]).startswith(EVALUATION)]
    said = {str(row[1]): str(row[4]) for row in about}
    told = ", ".join(f"{version}: {level}" for version, level in sorted(said.items()))
    verdict.metric("Verdict by version", safe_text(told) if told else "none yet")
    one.metric("Features", f"{len(levels)}")
    two.metric("Far by PSI from their reference", f"{drifted}")
    three.metric("Not enough data", f"{few}", help="Too few events in the window: choose a longer one.")


def _choose(rows: tuple[tuple[Value, ...], ...]) -> None:
    selected = st.session_state[_TABLE].selection.rows
    if selected and selected[0] < len(rows):
        st.session_state[FEATURE] = [str(rows[selected[0]][i]) for i in (1, 2)]


def _histogram(view: View, own: Answer) -> None:
    """Of the feature that was selected, else of the one that is farthest away."""
    names = [c.name for c in own.columns]
    rows = [dict(zip(names, row, strict=True)) for row in own.rows]
    wanted = st.session_state.get(FEATURE)
    row = next((r for r in rows if [r["model_version"], r["feature"]] == wanted), rows[0])
    st.subheader("Reference against window")
    st.text(f"{safe_text(str(row['feature']))}, version {safe_text(str(row['model_version']))}")
    asked = ask(
        view, "histogram", view.window, model=row["model"], version=row["model_version"],
        feature=row["feature"], reference=row["reference"],
    )  # fmt: skip
    if asked is None or not asked.answer.rows:
        st.info("The reference of this feature is not in the ledger: driftledger reference list shows them.")
        return
    if row["psi_level"] == "not_enough_data":
        st.warning(f"Only {row['count']} events: what differs here may be chance.")
    st.altair_chart(_bars(asked.answer), width="stretch", alt="Share of events by bin, reference and window")
    shown.table(view, asked, _BINS, file="histogram")


def _bars(answer: Answer) -> Any:
    rows = [
        (f"{safe_text(str(row[0]))[:_LABEL]}", row[5], which, row[at])
        for row in answer.rows
        for which, at in (("reference", 1), ("window", 2))
    ]
    data = pd.DataFrame(rows, columns=["bin", "place", "which", "share"])
    colours = alt.Scale(domain=["reference", "window"], range=["#b0b0b0", "#1f77b4"])
    order = data["bin"].drop_duplicates().tolist()
    return (
        alt.Chart(data, height=120 + 28 * len(order))
        .mark_bar()
        .encode(
            alt.Y("bin:N", sort=order, title=None, axis=alt.Axis(labelLimit=260)),
            alt.X("share:Q", title="share of events", axis=alt.Axis(format="%")),
            alt.YOffset("which:N"),
            alt.Color("which:N", title=None, scale=colours, legend=alt.Legend(orient="top")),
            tooltip=["bin:N", "which:N", alt.Tooltip("share:Q", format=".2%")],
        )
    )
