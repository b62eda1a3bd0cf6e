"""The models: a row a version, and of one model everything that happened on one time axis."""

from __future__ import annotations

from functools import partial

import pandas as pd
import streamlit as st

from dashboards import chart, controls, frames, pivot, shown, spending
from dashboards.questions import Asked, ask
from dashboards.versions import versions
from dashboards.view import View
from pipeline.answers import label_lags
from pipeline.answers.answer import Answer
from pipeline.answers.cells import safe_text

MODEL = "model"
"""Key of the chosen model, and its name in the address."""
_CHART = "what happened"
HEADINGS = {
    "model": "Model",
    "model_version": "Version",
    "accuracy_level": "Accuracy is",
    "drift_level": "Drift is",
    "latency_level": "Latency is",
    "accuracy": "Accuracy",
    "accuracy_low": "at least",
    "accuracy_high": "at most",
    "estimated_accuracy": "Estimate",
    "cost_per_1k_requests": "1,000",
    "cost_per_1k_correct": "1,000 right",
    "latency_p95": "p95, s",
    "requests": "Requests",
    "owner": "Owner",
    "traffic": "Traffic",
    "label_coverage": "Labelled",
    "estimated_low": "at least ",
    "estimated_high": "at most ",
    "estimated_precision": "Precision, estimated",
    "estimated_recall": "Recall, estimated",
    "estimated_f1": "F1, estimated",
    "estimate_level": "Estimate is",
    "powered_accuracy": "With few labels",
    "powered_low": "at least  ",
    "powered_high": "at most  ",
    "stratified_accuracy": "With few labels, by score",
    "latency_source": "Times from",
    "latency_error": "off by at most",
    "cost": "Cost",
    "cost_of_drift": "Cost of drift",
    "latency_p50": "p50, s",
}
"""In their order: verdicts, accuracy, cost and latency come first, so that a narrow window holds them."""
_LAGS = {
    "model_version": "Version",
    "within": "Labelled within",
    "predictions": "Predictions",
    "share": "Share",
}
_SEGMENTS = {
    "model_version": "Version",
    "segment": "Segment",
    "predictions": "Predictions",
    "labelled": "Labelled",
    "accuracy": "Accuracy",
    "accuracy_low": "at least",
    "accuracy_high": "at most",
    "level": "Verdict",
}
_NO_LAGS = (
    "No prediction with an id has a class or a value as its label in this window: "
    "how late labels come is unknown."
)
_MARKS = {"time": "Time", "kind": "What", "model_version": "Version", "what": "Detail"}


def page(view: View) -> None:
    served, units = ask(view, "models", view.window), ask(view, "unit_costs", view.window)
    if served is None or units is None or not served.answer.rows:
        st.info("No prediction in this window. Send inference events, or choose a longer window.")
        for one in (served, units):
            shown.notes(one.answer) if one else None
        return
    owners = ask(view, "cost", view.window, by=("team", "model", "model_version"))
    answer = versions(served.answer, units.answer, owners and owners.answer)
    st.text("Select a row to see what happened to the model. Costs are in the chosen currency.")
    shown.table(
        view,
        Asked(answer, (*served.queries, *units.queries)),
        HEADINGS,
        file="models",
        command=f"driftledger unit-costs --window {shown.words(view)} -o wide",
        key="versions",
        chosen=partial(_choose, [str(row[0]) for row in answer.rows]),
    )
    _one(view, answer)


def _choose(models: list[str]) -> None:
    selected = st.session_state["versions"].selection.rows
    if selected and selected[0] < len(models):
        st.session_state[MODEL] = models[selected[0]]


def choice(names: list[str]) -> str:
    """The model that the reader looks at, here and on the other pages about models."""
    return str(st.selectbox("Model", names, key=MODEL, bind="query-params", format_func=safe_text))


def _one(view: View, answer: Answer) -> None:
    model = choice(sorted({str(row[0]) for row in answer.rows}))
    steps, marks = ask(view, "timeline", view.window), ask(view, "marks", view.window, model=model)
    spent = ask(view, "cost", view.window, by=("model", "hour"))
    if steps is None or marks is None:
        return
    data = frames.frame(steps.answer)
    data = data[data["model"] == model].assign(time=lambda f: f["time"].dt.tz_localize("UTC"))
    own = spent and pivot.cut(spent.answer, ("hour",), {"model": (model,)})
    rates = spending.rates(own) if own else []
    happened = frames.frame(marks.answer)
    happened["time"] = pd.to_datetime(happened["time"], utc=True)
    st.text(
        "Drag over a span of any line to look at that span alone. "
        "Upright lines are deploys (blue), alerts (orange) and actions (red). A dashed line of accuracy is "
        "estimated without labels; it is grey where labels have shown that the estimate is wrong."
    )
    picture = chart.timeline(rates, view.currency, data, happened, view.window, selectable=True)
    st.altair_chart(
        picture,
        width="stretch",
        key=_CHART,
        on_select=partial(_select, view.rule.spreads),
        alt="Cost, traffic, accuracy, failures and latency on one time axis",
    )
    _labels(view, model)
    _segments(view, model)
    if marks.answer.rows:
        shown.table(view, marks, _MARKS, file="marks")
    else:
        st.text("No deploy, alert or action in this window.")


def _labels(view: View, model: str) -> None:
    """How late labels come: of the newest predictions nobody knows yet whether they were right."""
    lags = ask(view, "label_lags", view.window, model=model)
    if lags is None or not {row[1] for row in lags.answer.rows if row[2]} - {label_lags.NONE}:
        st.text(_NO_LAGS)
        return
    st.subheader("How late labels come")
    st.altair_chart(chart.lags(frames.frame(lags.answer)), width="stretch", alt="Share of predictions by lag")
    shown.table(view, lags, _LAGS, file="label-lags")


def _segments(view: View, model: str) -> None:
    """Accuracy by the categories of the feature that the model's reference names."""
    asked = ask(view, "segments", view.window, model=model)
    if asked is None or not asked.answer.rows:
        return
    st.subheader("Segments")
    st.text("What is right on the whole may be wrong for a part. Verdicts are over all segments together.")
    shown.table(view, asked, _SEGMENTS, file="segments")
    shown.notes(asked.answer)


def _select(hours: bool) -> None:
    """The span that was dragged over one of the panels becomes the window of every page."""
    for name, span in st.session_state[_CHART].selection.items():
        if name.startswith(chart.SPAN) and span.get("time"):
            controls.move(*(pd.Timestamp(t, unit="ms").to_pydatetime() for t in span["time"]), hours=hours)
