"""Cost, traffic, quality and latency on one time axis, with a line at each deploy, alert and action."""

from __future__ import annotations

from typing import Any, NamedTuple

import altair as alt
import pandas as pd

from dashboards.spending import Rate
from pipeline.answers.window import Window

HEIGHT = 110
MIN_LABELLED = 10
"""Fewest labels of a step whose accuracy is drawn: of two labels one wrong is 50 %, and says nothing."""


class Panel(NamedTuple):
    """One measure; `top` is the least upper end of its axis, None where the axis follows the values."""

    name: str
    title: str
    form: str
    top: float | None


PANELS = (
    Panel("requests", "Requests", ",.0f", 0.0),
    Panel("accuracy", "Accuracy", ".0%", None),
    Panel("error_rate", "Failed", ".1%", 0.02),
    Panel("latency_p95", "p95, s", ".3~f", 0.0),
)
_COLOURS = ["#1f77b4", "#d95f02", "#1b9e77", "#7570b3", "#e7298a", "#66a61e"]
_GREY = "#9a9a9a"
INVALID = "invalid"
"""Level of an estimate that labels contradict."""
MARKS = {"action": "#c1121f", "alert": "#e08e0b", "deploy": "#1f77b4"}
SPAN = "span"
"""How the names begin of the selections that a reader drags over a panel."""
_HOVER = ("time:T", "model_version:N", "requests:Q", "labelled:Q")


def timeline(
    rates: list[Rate],
    currency: str,
    steps: pd.DataFrame,
    marks: pd.DataFrame,
    window: Window,
    *,
    selectable: bool = False,
) -> Any:
    """`steps` are rows of the answer `timeline`; `marks` has time, kind and what."""
    steps = steps.assign(accuracy=steps["accuracy"].where(steps["labelled"] >= MIN_LABELLED))
    scale = alt.Scale(domain=[_utc(window.start), _utc(window.end)], type="utc")
    top = _cost(rates, currency, scale)
    panels = [_line(steps, panel, scale) for panel in PANELS]
    if selectable:
        top, *panels = (_selectable(panel, i) for i, panel in enumerate((top, *panels)))
    more = {"accuracy": _estimates(steps, scale)}
    marked = [
        alt.layer(line, *more.get(panel.name, ()), *_rules(marks, scale))
        for panel, line in zip(PANELS, panels, strict=True)
    ]
    first = alt.layer(top, *_rules(marks, scale), _words(marks, scale))
    whole = alt.vconcat(
        first, *marked, spacing=6, autosize=alt.AutoSizeParams(type="fit-x", contains="padding")
    )
    return whole.resolve_scale(x="shared").configure_view(stroke=None)


def _selectable(panel: Any, place: int) -> Any:
    return panel.add_params(alt.selection_interval(name=f"{SPAN}{place}", encodings=["x"]))


def _utc(time: Any) -> Any:
    return pd.Timestamp(time, tz="UTC")


def _x(scale: alt.Scale, *, labels: bool = False) -> alt.X:
    start, end = scale["domain"]
    form = "%H:%M" if end - start <= pd.Timedelta(hours=24) else "%d %b"
    axis = alt.Axis(labels=labels, ticks=labels, title=None, grid=True, format=form, tickCount=8)
    return alt.X("time:T", scale=scale, axis=axis)


def _cost(rates: list[Rate], currency: str, scale: alt.Scale) -> Any:
    ends = [*rates, rates[-1]._replace(time=rates[-1].end)] if rates else []
    data = pd.DataFrame([(_utc(r.time), r.per_hour) for r in ends], columns=["time", "rate"])
    return (
        alt.Chart(data, height=HEIGHT)
        .mark_area(interpolate="step-after", line=True, opacity=0.3, color=_COLOURS[0], clip=True)
        .encode(_x(scale), alt.Y("rate:Q", title=f"{currency} an hour"), tooltip=["time:T", "rate:Q"])
    )


def _line(steps: pd.DataFrame, panel: Panel, scale: alt.Scale) -> Any:
    known = steps.dropna(subset=[panel.name])
    axis = alt.Axis(format=panel.form, tickCount=4)
    colours = alt.Scale(range=_COLOURS)
    return (
        alt.Chart(known, height=HEIGHT)
        .mark_line(point=alt.OverlayMarkDef(size=12), clip=True)
        .encode(
            _x(scale, labels=panel is PANELS[-1]),
            alt.Y(f"{panel.name}:Q", title=panel.title, axis=axis, scale=_height(known, panel)),
            alt.Color("model_version:N", title="Version", scale=colours, legend=alt.Legend(orient="top")),
            tooltip=[
                "time:T",
                "model_version:N",
                alt.Tooltip(f"{panel.name}:Q", format=panel.form),
                "requests:Q",
            ],
        )
    )


def _estimates(steps: pd.DataFrame, scale: alt.Scale) -> list[Any]:
    """Accuracy as calibrated scores expect it: dashed, and grey while labels have shown it to be wrong."""
    value = steps["estimated_accuracy"].astype(float)
    invalid = steps["estimate_level"] == INVALID
    # An unknown value breaks a line, so that neither part runs on through the other's steps.
    parts = ((value.mask(invalid), None), (value.where(invalid), alt.ColorValue(_GREY)))
    return [
        _estimate(steps.assign(estimated_accuracy=part), scale, colour)
        for part, colour in parts
        if part.notna().any()
    ]


def _estimate(steps: pd.DataFrame, scale: alt.Scale, colour: Any) -> Any:
    return (
        alt.Chart(steps)
        .mark_line(strokeDash=[5, 3], point=alt.OverlayMarkDef(size=6), clip=True)
        .encode(
            _x(scale),
            alt.Y("estimated_accuracy:Q", title="Accuracy", scale=alt.Scale(zero=False)),
            alt.Color("model_version:N", scale=alt.Scale(range=_COLOURS)) if colour is None else colour,
            alt.Detail("model_version:N"),
            tooltip=[
                "time:T",
                "model_version:N",
                alt.Tooltip("estimated_accuracy:Q", format=".0%"),
                "estimate_level:N",
            ],
        )
    )


def lags(rows: pd.DataFrame) -> Any:
    """Bars of the answer `label_lags`, a colour a version."""
    order = rows.sort_values("place")["within"].drop_duplicates().tolist()
    return (
        alt.Chart(rows, height=2 * HEIGHT)
        .mark_bar()
        .encode(
            alt.X("within:N", sort=order, title="labelled within", axis=alt.Axis(labelAngle=0)),
            alt.Y("share:Q", title="share of predictions", axis=alt.Axis(format="%")),
            alt.XOffset("model_version:N"),
            alt.Color("model_version:N", title="Version", scale=alt.Scale(range=_COLOURS)),
            tooltip=["model_version:N", "within:N", "predictions:Q", alt.Tooltip("share:Q", format=".1%")],
        )
    )


def _height(known: pd.DataFrame, panel: Panel) -> alt.Scale:
    if panel.top is None or known.empty:
        return alt.Scale(zero=False)
    return alt.Scale(domainMin=0, domainMax=max(panel.top, 1.05 * known[panel.name].max()))


def _rules(marks: pd.DataFrame, scale: alt.Scale) -> list[Any]:
    """A layer a kind, in its own colour: a colour scale would be shared with the versions' lines."""
    tips = ["time:T", "kind:N", "model_version:N", "what:N"]
    return [
        alt.Chart(marks[marks["kind"] == kind])
        .mark_rule(strokeDash=[4, 3], size=2, color=colour)
        .encode(alt.X("time:T", scale=scale), tooltip=tips)
        for kind, colour in MARKS.items()
    ]


def _words(marks: pd.DataFrame, scale: alt.Scale) -> Any:
    """Words beside the actions; a deploy or an alert says what it is when it is pointed at."""
    said = alt.Chart(marks[marks["kind"] == "action"]).mark_text(
        color=MARKS["action"], align="right", dx=-6, fontWeight="bold", baseline="top"
    )
    return said.encode(alt.X("time:T", scale=scale), y=alt.value(2), text="what:N")
