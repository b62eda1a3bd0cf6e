"""Costs over time as stacked bars, in which every line is a part of its own however small."""

from __future__ import annotations

from datetime import datetime, timedelta
from decimal import Decimal
from typing import Any

import altair as alt
import pandas as pd

from pipeline.answers.answer import Answer
from pipeline.answers.cells import safe_text
from pipeline.answers.window import Window

COLOURS = ("#1f77b4", "#d95f02", "#1b9e77", "#7570b3", "#e7298a", "#66a61e", "#e6ab02", "#a6761d", "#17becf",
           "#8c564b", "#bcbd22", "#9467bd")  # fmt: skip
_GREY = "#b0b0b0"
_STEPS = {"hour": timedelta(hours=1), "day": timedelta(days=1)}
_AXES: dict[str, dict[str, Any]] = {
    "hour": {"format": "%d %b %H:%M", "labelOverlap": True},
    "day": {"format": "%d %b", "labelOverlap": True, "tickCount": {"interval": "day", "step": 1}},
}
"""A tick has its day: within a week the hours alone do not say which one it is."""
_LABEL = 60
"""Characters of a name in the legend."""


def bars(answer: Answer, step: str, currency: str, window: Window) -> Any:
    """`answer` has the step as its first dimension; the dearest lines have a colour and a legend."""
    data = _data(answer, step, window)
    order = data.groupby("line")["cost"].sum().sort_values(ascending=False).index.tolist()
    named, rest = order[: len(COLOURS)], order[len(COLOURS) :]
    words = f"{len(rest)} smaller lines, each a part of its own"
    data["colour"] = data["line"].where(data["line"].isin(named), words)
    data["place"] = data["line"].map(order.index)
    data = data.sort_values(["time", "place"])
    data["top"] = data.groupby("time")["cost"].cumsum()
    data["foot"] = data["top"] - data["cost"]
    domain = [*named, *([words] if rest else [])]
    colours = alt.Scale(domain=domain, range=[*COLOURS[: len(named)], _GREY])
    legend = alt.Legend(orient="right", labelLimit=260)
    return (
        alt.Chart(data, height=260)
        .mark_bar(stroke="white", strokeWidth=0.5)
        .encode(
            alt.X("time:T", title="UTC", scale=alt.Scale(type="utc"), axis=alt.Axis(**_AXES[step])),
            alt.X2("end:T"),
            alt.Y("foot:Q", title=f"{currency} a {step}", scale=alt.Scale(zero=True)),
            alt.Y2("top:Q"),
            alt.Color("colour:N", title=None, scale=colours, sort=domain, legend=legend),
            tooltip=[
                "line:N",
                alt.Tooltip("cost:Q", format=",.2f"),
                # without a unit of UTC the browser's own zone is shown
                alt.Tooltip(
                    "time:T", title="time, UTC", timeUnit="utcyearmonthdatehoursminutes", format="%d %b %H:%M"
                ),
            ],
        )
    )


def _data(answer: Answer, step: str, window: Window) -> pd.DataFrame:
    """A row a line and step; a step that the window cuts is as wide as what is left of it."""
    names = [c.name for c in answer.columns]
    at, cost = names.index(step), names.index("total_cost")
    same = ("currency", "rule")
    dims = [i for i, c in enumerate(answer.columns) if c.kind == "text" and c.name not in same]
    rows = []
    for row in answer.rows:
        time, money = row[at], row[cost]
        if isinstance(time, datetime) and isinstance(money, Decimal):
            ends = max(time, window.start), min(time + _STEPS[step], window.end)
            line = " / ".join(safe_text(str(row[i]))[:_LABEL] for i in dims) or "all"
            rows.append((*(pd.Timestamp(end, tz="UTC") for end in ends), line, float(money)))
    return pd.DataFrame(rows, columns=["time", "end", "line", "cost"])
