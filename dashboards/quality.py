"""The models: how each version does, and what was done about it on the timeline."""

from __future__ import annotations

import pandas as pd
import streamlit as st

from dashboards import chart, frames, shown, spending
from dashboards.questions import Asked, ask
from dashboards.view import View
from pipeline.answers.cells import safe_text

_MODEL_COLUMNS = {
    "model": "Model",
    "model_version": "Version",
    "requests": "Requests",
    "accuracy": "Accuracy",
    "label_coverage": "Labelled",
    "estimated_accuracy": "Estimated accuracy",
    "latency_p50": "p50, s",
    "latency_p95": "p95, s",
    "accuracy_level": "Accuracy is",
    "latency_level": "Latency is",
    "drift_level": "Drift is",
}
_UNIT_COLUMNS = {
    "model": "Model",
    "model_version": "Version",
    "cost": "Cost",
    "used_cost": "of it used",
    "cost_per_1k_requests": "1,000 answers",
    "cost_per_1k_correct": "1,000 right answers",
    "cost_per_1k_in_time": "1,000 in time",
    "cost_per_1m_tokens_in": "1M tokens in",
    "cost_per_1m_tokens_out": "1M tokens out",
    "cost_of_drift": "Cost of drift",
}
_ACTION_COLUMNS = {
    "last": "Time, UTC",
    "action": "Action",
    "state": "State",
    "kind": "Kind",
    "cluster": "Cluster",
    "namespace": "Namespace",
    "workload": "Workload",
    "model_version": "From version",
    "to_version": "To version",
    "outcome": "Outcome",
    "detail": "Detail",
}


def models(view: View) -> None:
    served = ask(view, "models", view.window)
    if served and served.answer.rows:
        command = f"driftledger models --window {shown.words(view)} -o wide"
        shown.table(view, served, _MODEL_COLUMNS, file="models", command=command)
    else:
        st.info("No prediction in this window. Send inference events, or choose a longer window.")


def units(view: View) -> None:
    """What answers cost, by version; a column of which nothing is known is left out."""
    asked = ask(view, "unit_costs", view.window)
    if asked is None:
        return
    answer = asked.answer
    known = {c.name for i, c in enumerate(answer.columns) if any(r[i] is not None for r in answer.rows)}
    if answer.rows and "cost" in known:
        st.text(f"What they cost, {view.currency}; docs/metrics.md defines each number.")
        names = {name: head for name, head in _UNIT_COLUMNS.items() if name in known}
        command = f"driftledger unit-costs --window {shown.words(view)} -o wide"
        shown.table(view, asked, names, file="unit-costs", command=command)


def timeline(view: View, spend: Asked | None) -> None:
    """One model at a time: the one acted upon last, unless the reader chooses another."""
    told, done = ask(view, "timeline", view.window), ask(view, "actions", view.window)
    if told is None or done is None:
        return
    steps, acted = frames.frame(told.answer), frames.frame(done.answer)
    names = sorted(steps["model"].unique())
    if not names:
        return
    chosen = st.selectbox("Model", names, index=_first(names, acted), format_func=safe_text)
    steps = steps[steps["model"] == chosen].assign(time=lambda f: f["time"].dt.tz_localize("UTC"))
    rates = spending.rates(spend.answer) if spend else []
    picture = chart.timeline(rates, view.currency, steps, _marks(acted, chosen), view.window)
    st.altair_chart(picture, width="stretch")


def actions(view: View) -> None:
    done = ask(view, "actions", view.window_to_now)
    if done and done.answer.rows:
        command = f"driftledger actions --window {shown.words(view)} -o wide"
        shown.table(view, done, _ACTION_COLUMNS, file="actions", command=command)
        st.text("driftledger explain ACTION computes a decision again from the ledger as it was.")
    else:
        st.text("Nothing was proposed or done in this window.")


def _first(names: list[str], acted: pd.DataFrame) -> int:
    found = [names.index(m) for m in acted["model"] if m in names]
    return found[0] if found else 0


def _marks(acted: pd.DataFrame, model: str) -> pd.DataFrame:
    own = acted[acted["model"] == model]
    words = [f"{r.kind} {r.state}: {r.model_version} → {r.to_version}" for r in own.itertuples(index=False)]
    times = pd.to_datetime(own["last"], utc=True)
    marks = {
        "time": times.to_numpy(),
        "kind": "action",
        "model_version": own["model_version"].to_numpy(),
        "what": words,
    }
    return pd.DataFrame(marks).assign(time=lambda f: pd.to_datetime(f["time"], utc=True))
