"""Spend and GPU waste of the window: the headline numbers, what the hours did, and who pays for idle ones."""

from __future__ import annotations

from decimal import Decimal

import altair as alt
import pandas as pd
import streamlit as st

from dashboards import shown, spending
from dashboards.questions import Asked
from dashboards.view import View
from pipeline.answers.answer import Answer
from pipeline.answers.cells import amount, percent

_TEAM_COLUMNS = {
    "team": "Team",
    "total_cost": "Cost",
    "workload_idle_cost": "of it idle",
    "allocated_gpu_hours": "GPU-hours held",
    "active_gpu_hours": "active",
    "idle_held_gpu_hours": "idle, memory held",
    "unallocated_gpu_hours": "held by nobody",
    "unpriced_gpu_hours": "without a price",
}
_COLOURS = {
    "active": "#1b9e77",
    "idle, memory held": "#d95f02",
    "held, not measured": "#999999",
    "held by nobody": "#c1121f",
}


def headline(view: View, spend: Answer, before: Decimal | None) -> None:
    """Five numbers; the cost is the answer's own total, as every other reader prints it.

    `before` is the cost of the window that is compared with.
    """
    currency = view.currency
    hours = spending.waste(spend)
    rates = spending.rates(spend)
    unpriced = spending.total(spend, "unpriced_gpu_hours") or Decimal(0)
    cost, now, unused, held, whole = st.columns(5)
    spent = spending.total(spend, "total_cost")
    change = f"{(spent - before) / before:+.1%}" if spent is not None and before else None
    said = f"Against {view.before}" if view.before else None
    cost.metric(
        f"Spend, {currency}", _money(spent), change, "off" if spent == before else "inverse", help=said
    )
    now.metric(f"{currency} an hour, latest", _money(Decimal(str(rates[-1].per_hour))) if rates else "-")
    paid = amount(spending.unused(spend))
    unused.metric(f"Paid and not used, {currency}", paid, help="Held without work, or held by nobody.")
    held.metric("GPU-hours idle, memory held", amount(hours.idle_held))
    whole.metric("Complete", percent(spend.completeness) if spend.completeness is not None else "unknown")
    if unpriced:
        said = f"{amount(unpriced)} GPU-hours have no price and are in no sum of money"
        st.warning(f"{said}; the notes below say why.")


def section(view: View, spend: Asked) -> None:
    """What the hours did, as a bar, and the same by team."""
    bar(spend.answer)
    teams = Asked(spending.grouped(spend.answer, "team"), spend.queries)
    shown.table(view, teams, _TEAM_COLUMNS, file="teams", command=shown.cost_command(view, ("team",)))


def bar(spend: Answer) -> None:
    """All hours of the window in one bar."""
    hours = spending.waste(spend)
    data = pd.DataFrame(
        {"kind": list(_COLOURS), "hours": [float(h) for h in hours], "place": range(4), "row": ""}
    )
    picture = (
        alt.Chart(data, height=190)
        .mark_bar()
        .encode(
            alt.X("hours:Q", title="GPU-hours", stack="zero"),
            alt.Y("row:N", axis=None),
            alt.Color(
                "kind:N",
                title=None,
                sort=list(_COLOURS),
                scale=alt.Scale(domain=list(_COLOURS), range=list(_COLOURS.values())),
                legend=alt.Legend(orient="top"),
            ),
            order="place:Q",
            tooltip=["kind:N", alt.Tooltip("hours:Q", format=",.1f")],
        )
    )
    st.altair_chart(picture, width="stretch", alt="GPU-hours by what they did")


def _money(value: Decimal | None) -> str:
    return "unpriced" if value is None else amount(value)
