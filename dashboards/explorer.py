"""The cost explorer: cost by one to three dimensions, beside the window before it, down to the device."""

from __future__ import annotations

from collections.abc import Sequence
from decimal import Decimal
from functools import partial
from typing import Literal

import streamlit as st

from dashboards import beside, drill, pivot, shown, spending, stacked
from dashboards.questions import Asked, ask
from dashboards.view import View
from pipeline.answers.answer import Answer
from pipeline.answers.cells import amount, percent
from pipeline.answers.cost_query import DIMENSIONS
from pipeline.answers.cost_table import BUCKETS
from pipeline.answers.window import DAY

TABLE = "cost lines"
MOST = 3
"""Dimensions that a table can be read by."""
_HOURLY = 2 * DAY
_HEADINGS = {
    "total_cost": "Cost",
    "previous_cost": "Before",
    "change": "Change",
    "change_ratio": "Change, %",
    "used_cost": "used",
    "workload_idle_cost": "held without work",
    "shared_cost": "shared",
    "cluster_idle_cost": "free",
    "stranded_cost": "stranded",
    "unhealthy_cost": "unhealthy",
    "allocated_gpu_hours": "GPU-hours held",
    "idle_held_gpu_hours": "idle, memory held",
    "unallocated_gpu_hours": "held by nobody",
    "unpriced_gpu_hours": "without a price",
    "completeness": "Complete",
}


def page(view: View) -> None:
    by, only = _choices()
    asked = _lines(view, by, only)
    if asked is None:
        st.info("There is no GPU fact yet. Collect dcgm and dra events: docs/collectors.md says how.")
        return
    before = _before(view, by, only)
    _headline(view, asked.answer, before)
    if not asked.answer.rows:
        st.info("Nothing costs anything in this window. Choose a longer one, or take a filter away.")
        return
    _chart(view, by, only)
    answer = asked.answer if before is None else pivot.compared(asked.answer, before, by)
    st.text(drill.hint(by))
    shown.table(
        view,
        Asked(answer, asked.queries),
        {**{d: d.replace("_", " ").capitalize() for d in by}, **_useful(answer)},
        file="costs",
        command=shown.cost_command(view, by),
        key=f"{TABLE} {by} {only}",
        chosen=partial(drill.deeper, f"{TABLE} {by} {only}", by, [r[: len(by)] for r in answer.rows]),
    )


def _choices() -> tuple[tuple[str, ...], drill.Only]:
    """By what to group, and which lines to leave out; both stand in the address."""
    names = tuple(d for d in DIMENSIONS if d != "hour")
    left, right = st.columns(2)
    by = left.multiselect(
        "By", names, key=drill.BY, bind="query-params", max_selections=MOST, placeholder="team"
    )
    chosen = st.session_state.get(drill.ONLY, [])
    only = right.multiselect(
        "Only", list(chosen), key=drill.ONLY, bind="query-params", accept_new_options=True,
        placeholder="select a row of the table, or write team=NAME", format_func=drill.plain,
    )  # fmt: skip
    parsed, wrong = drill.parse(only, names)
    for text in wrong:
        st.warning("This is no filter; write a dimension, =, and a name:")
        st.text(text)
    return tuple(by) or ("team",), parsed


def _lines(view: View, by: Sequence[str], only: drill.Only) -> Asked | None:
    dims = tuple(dict.fromkeys((*by, *only)))
    asked = ask(view, "cost", view.window, by=dims)
    return asked and Asked(pivot.cut(asked.answer, by, only), asked.queries)


def _before(view: View, by: Sequence[str], only: drill.Only) -> Answer | None:
    if view.before is None:
        return None
    asked = ask(view, "cost", view.before, by=tuple(dict.fromkeys((*by, *only))))
    return pivot.cut(asked.answer, by, only) if asked and asked.answer.rows else None


def _headline(view: View, answer: Answer, before: Answer | None) -> None:
    cost = spending.total(answer, "total_cost")
    was = None if before is None else spending.total(before, "total_cost")
    partly = beside.partly(view)
    change = f"{(cost - was) / was:+.1%}" if cost is not None and was and not partly else None
    colour: Literal["off", "inverse"] = "off" if cost == was else "inverse"
    one, two, three, four, five = st.columns(5)
    one.metric(f"Cost, {view.currency}", "unpriced" if cost is None else amount(cost), change, colour)
    two.metric("Before", "unknown" if was is None else amount(was), help=str(view.before or "no comparison"))
    paid = amount(spending.unused(answer))
    three.metric("Paid and not used", paid, help="Held without work, or held by nobody.")
    four.metric("GPU-hours held", amount(spending.total(answer, "allocated_gpu_hours") or Decimal(0)))
    five.metric("Complete", "unknown" if answer.completeness is None else percent(answer.completeness))
    if partly:
        st.text(partly)
    if view.before is not None and before is None:
        st.text(f"The ledger knows nothing of {view.before}, so there is nothing to compare with.")


def _chart(view: View, by: Sequence[str], only: drill.Only) -> None:
    step = "hour" if view.window.end - view.window.start <= _HOURLY else "day"
    stepped = ask(view, "cost", view.window, by=tuple(dict.fromkeys((*by, *only, step))))
    if stepped is not None:
        parts = (step, *(d for d in by if d != step))
        lines = pivot.cut(stepped.answer, parts, only)
        if spending.total(lines, "total_cost") is None:
            st.info("Nothing here has a price, and no cost to draw: docs/prices.md says how to write one.")
            return
        picture = stacked.bars(lines, step, view.currency, view.window)
        st.altair_chart(picture, width="stretch", alt=f"Cost by {step} and {', '.join(by)}")


def _useful(answer: Answer) -> dict[str, str]:
    """The headings; a bucket or a lack that holds nothing in the whole table has no column."""
    held = {f"{b}_cost" for b in BUCKETS if spending.total(answer, f"{b}_cost")}
    rare = {*(f"{b}_cost" for b in BUCKETS), "unpriced_gpu_hours"}
    if spending.total(answer, "unpriced_gpu_hours"):
        held.add("unpriced_gpu_hours")
    return {name: head for name, head in _HEADINGS.items() if name not in rare or name in held}
