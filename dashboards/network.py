"""The network: what workloads send out of their zone, what it costs, and how far that is known."""

from __future__ import annotations

from decimal import Decimal
from typing import Any

import altair as alt
import pandas as pd
import streamlit as st

from dashboards import beside, shown, spending
from dashboards.questions import ask
from dashboards.view import View
from pipeline.answers.answer import Answer
from pipeline.answers.cells import amount, safe_text

_COLUMNS = {
    "team": "Team",
    "namespace": "Namespace",
    "workload": "Workload",
    "class": "Class",
    "basis": "Bytes are",
    "method": "told by",
    "gib": "GiB",
    "cost": "Cost",
    "cost_low": "at least",
    "cost_high": "at most",
    "unpriced_gib": "GiB without a price",
    "connections": "Connections",
    "flows": "Flows",
    "dropped": "Dropped",
}
_OUTCOMES = {
    "namespace": "Namespace",
    "workload": "Workload",
    "protocol": "Protocol",
    "outcome": "Code, or why dropped",
    "events": "Events",
    "share": "Share",
    "latency_seconds": "Latency, mean s",
}
_OUTCOMES_BY = ("namespace", "workload", "protocol", "outcome")
_BY = ("team", "namespace", "workload", "class", "basis", "method")
_CLASSES = {"same_zone": "#1b9e77", "cross_zone": "#e6ab02", "cross_region": "#d95f02", "internet": "#c1121f",
            "unknown": "#999999"}  # fmt: skip
_MOST = 20
"""Workloads in the picture; the table has all."""


def page(view: View) -> None:
    asked = ask(view, "network", view.window, by=_BY)
    if asked is None or not asked.answer.rows:
        st.info("No flow was seen in this window. Collect hubble events: see docs/collectors/hubble.md.")
        return
    answer = asked.answer
    cost = spending.total(answer, "cost")
    before = ask(view, "network", view.before, by=_BY) if view.before else None
    was = spending.total(before.answer, "cost") if before else None
    one, two, three, four, five = st.columns(5)
    partly = beside.partly_flows(view)
    change = f"{(cost - was) / was:+.1%}" if cost is not None and was and not partly else None
    one.metric(f"Cost, {view.currency}", "unknown" if cost is None else amount(cost), change, "inverse")
    low, high = (spending.total(answer, f"cost_{end}") for end in ("low", "high"))
    two.metric("at least", "unknown" if low is None else amount(low))
    three.metric("at most", "unknown" if high is None else amount(high))
    four.metric("GiB sent", amount(spending.total(answer, "gib") or Decimal(0)))
    five.metric("GiB without a price", amount(spending.total(answer, "unpriced_gib") or Decimal(0)))
    if partly:
        st.text(partly)
    elif view.before is not None and was is None:
        st.text(f"The ledger knows no cost of flows in {view.before}: there is nothing to compare with.")
    st.altair_chart(_bars(answer), width="stretch", alt="What each workload sent, by network class")
    command = f"driftledger network --window {shown.words(view)} --by {','.join(_BY)} -o wide"
    shown.table(view, asked, _COLUMNS, file="network", command=command)
    _outcomes(view)


def _outcomes(view: View) -> None:
    asked = ask(view, "network_outcomes", view.window, by=_OUTCOMES_BY)
    if asked is None or not asked.answer.rows:
        return
    st.subheader("Responses and drops")
    command = (
        f"driftledger network --outcomes --window {shown.words(view)} --by {','.join(_OUTCOMES_BY)} -o wide"
    )
    shown.table(view, asked, _OUTCOMES, file="network-outcomes", command=command)


def _bars(answer: Answer) -> Any:
    """By bytes where any are known, else by connections; the workloads that send most."""
    names = [c.name for c in answer.columns]
    rows = pd.DataFrame([dict(zip(names, row, strict=True)) for row in answer.rows])
    measure = "gib" if rows["gib"].notna().any() else "connections"
    rows["amount"] = rows[measure].fillna(0).astype(float)
    rows["workload"] = [safe_text(str(name)) for name in rows["workload"]]
    order = rows.groupby("workload")["amount"].sum().sort_values(ascending=False).index.tolist()[:_MOST]
    data = rows[rows["workload"].isin(order)][["workload", "class", "basis", "amount"]]
    colours = alt.Scale(domain=list(_CLASSES), range=list(_CLASSES.values()))
    return (
        alt.Chart(data, height=120 + 28 * len(order))
        .mark_bar()
        .encode(
            alt.Y("workload:N", sort=order, title=None, axis=alt.Axis(labelLimit=300)),
            alt.X("amount:Q", title="GiB sent" if measure == "gib" else "connections"),
            alt.Color("class:N", title=None, scale=colours, legend=alt.Legend(orient="top")),
            tooltip=["workload:N", "class:N", "basis:N", alt.Tooltip("amount:Q", format=",.3f")],
        )
    )
