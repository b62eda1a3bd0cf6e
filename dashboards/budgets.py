"""Budgets and forecast: how far each is spent, where it will end, and which days cost unlike those before."""

from __future__ import annotations

from datetime import datetime, timedelta
from typing import Any

import altair as alt
import pandas as pd
import streamlit as st

from dashboards import pivot, shown
from dashboards.questions import Asked, ask
from dashboards.view import View
from pipeline.answers.answer import Answer, Value
from pipeline.answers.cells import amount
from pipeline.answers.forecast import COVERAGE
from pipeline.answers.window import MINUTE

_BUDGETS = {
    "budget": "Budget",
    "state": "State",
    "spent": "Spent",
    "amount": "Amount",
    "share": "Spent, %",
    "forecast": "Forecast",
    "forecast_low": "at least",
    "forecast_high": "at most",
    "end": "Period ends",
    "exhausted": "Used up on",
    "currency": "Currency",
    "history_days": "Days it rests on",
}
_ANOMALIES = {
    "time": "Day",
    "team": "Team",
    "cost": "Cost",
    "baseline": "Usually",
    "difference": "Difference",
    "score": "Score",
    "driver": "Driver",
    "where": "Where",
    "price": "by price",
    "volume": "by volume",
    "mix": "by mix",
    "idle": "by idle time",
}
_STATES = {"ok": "#1b9e77", "at_risk": "#d95f02", "exceeded": "#c1121f", "no_data": "#999999"}
EXAMPLE = """budgets:
- {name: research, match: {team: research}, amount: 12000.00, currency: USD, period: month}"""


def page(view: View) -> None:
    at = now(view)
    whole = ask(view, "month", view.window, now=at)
    if whole is None:
        st.info("There is no GPU fact yet. Collect dcgm and dra events: docs/collectors.md says how.")
        return
    st.subheader("This month, everything")
    month(view, whole.answer)
    st.subheader("Budgets")
    plans = ask(view, "budgets", view.window, now=at) if view.settings.budgets.file else None
    if plans is None:
        st.info("No budget is written down. Name a file in the setting budgets.file; in it, for example:")
        st.code(EXAMPLE, language="yaml")
    elif not plans.answer.rows:
        st.info("No budget of the file holds today: see valid_from and valid_to in it.")
    else:
        _budgets(view, plans)
    st.subheader("Days unlike those before, in the window")
    unlike = ask(view, "anomalies", view.window)
    if unlike is not None and unlike.answer.rows:
        shown.table(view, unlike, _ANOMALIES, file="anomalies", command="driftledger anomalies --by team")
    elif unlike is not None:
        st.text("None was found.")
        shown.notes(unlike.answer)


def now(view: View) -> datetime:
    """The end of the minute under way, so that all questions of it are one."""
    return view.now.replace(second=0, microsecond=0) + MINUTE


def month(view: View, answer: Answer) -> None:
    """Spent and forecast."""
    row = answer.named()[0]
    one, two, three, four, five = st.columns(5)
    one.metric(f"Spent, {view.currency}", "unknown" if row["spent"] is None else amount(row["spent"]))
    if row["forecast"] is None:
        two.metric("Forecast", "unknown")
    else:
        two.metric(f"Forecast to {row['end'] - timedelta(days=1):%d %B}", amount(row["forecast"]))
        three.metric("at least", amount(row["forecast_low"]), help=f"An interval of {COVERAGE:.0%}.")
        four.metric("at most", amount(row["forecast_high"]))
    five.metric("Days it rests on", f"{row['history_days']}")
    shown.trust(view, answer)
    shown.notes(answer)


def _budgets(view: View, asked: Asked) -> None:
    st.altair_chart(
        _picture(asked.answer), width="stretch", alt="Each budget: spent and forecast of its amount"
    )
    shown.table(view, asked, _BUDGETS, file="budgets", command="driftledger budgets -o wide")


def _picture(answer: Answer) -> Any:
    """Spent as a bar, the forecast as a tick with its interval, the amount as a line at 100 %."""
    rows = answer.named()
    parts = ("spent", "forecast", "forecast_low", "forecast_high")
    data = pd.DataFrame(
        [
            {
                "budget": r["budget"],
                "state": r["state"],
                **{n: _share(r[n], r["amount"]) for n in parts},
            }
            for r in rows
        ]
    )
    y = alt.Y("budget:N", title=None, sort=None, axis=alt.Axis(labelLimit=240))
    form = alt.Axis(format="%", title="of the amount")
    colours = alt.Scale(domain=list(_STATES), range=list(_STATES.values()))
    base = alt.Chart(data, height=60 + 34 * len(rows))
    tips = ["budget:N", "state:N", *(alt.Tooltip(f"{n}:Q", format=".1%") for n in parts)]
    spent = base.mark_bar(height=16).encode(
        alt.X("spent:Q", axis=form), y, alt.Color("state:N", scale=colours, title=None), tooltip=tips
    )
    interval = base.mark_rule(size=2).encode(alt.X("forecast_low:Q"), alt.X2("forecast_high:Q"), y)
    expected = base.mark_tick(thickness=3, height=22, color="black").encode(
        alt.X("forecast:Q"), y, tooltip=tips
    )
    whole = alt.Chart(pd.DataFrame({"x": [1.0]})).mark_rule(strokeDash=[4, 3]).encode(alt.X("x:Q"))
    return alt.layer(spent, interval, expected, whole)


def _share(of: Value, amount: Value) -> float | None:
    found = pivot.share(of, amount)
    return None if found is None else float(found)
