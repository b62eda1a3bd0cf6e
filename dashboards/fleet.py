"""The GPU fleet: what every device did, what nobody used cost, and who holds which part of which card."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import replace
from decimal import Decimal

import streamlit as st

from dashboards import beside, pivot, shown, spending, waste
from dashboards.questions import Asked, ask
from dashboards.view import View
from pipeline.answers.answer import Answer, Column, Value
from pipeline.answers.cells import amount, percent

_DEVICES = {
    "cluster": "Cluster",
    "node": "Node",
    "device": "Card",
    "gpu_model": "Model",
    "wasted_cost": "Paid and not used",
    "total_cost": "Cost",
    "used_cost": "used",
    "workload_idle_cost": "held without work",
    "cluster_idle_cost": "free",
    "stranded_cost": "stranded",
    "unhealthy_cost": "unhealthy",
    "allocated_gpu_hours": "GPU-hours held",
    "active_gpu_hours": "active",
    "idle_held_gpu_hours": "idle, memory held",
    "unallocated_gpu_hours": "held by nobody",
    "unpriced_gpu_hours": "without a price",
    "completeness": "Complete",
}
_BUCKETS = {
    "bucket": "Time was",
    "hours": "GPU-hours",
    "total_cost": "Cost",
    "share": "Share",
}
_HOLDERS = {
    "cluster": "Cluster",
    "node": "Node",
    "card": "Card",
    "gpu_model": "Model",
    "mig_profile": "MIG",
    "method": "How",
    "share": "Share",
    "workload": "Workload",
    "pod": "Pod",
    "start": "From",
    "end": "To",
    "hours": "Hours",
}
_ENERGY = {
    "team": "Team",
    "kwh": "kWh",
    "shared_kwh": "of it shared out",
    "kg_co2e": "kg CO2e",
    "unrated_kwh": "kWh without an intensity",
}
_MEANING = (
    "used: held and working. workload_idle: held without work. shared: held for all. cluster_idle: free. "
    "stranded: left over beside a card's partitions. unhealthy: not allocatable."
)


def page(view: View) -> None:
    devices = ask(view, "cost", view.window, by=("cluster", "node", "device", "gpu_model"))
    buckets = ask(view, "cost", view.window, by=("bucket",))
    if devices is None or buckets is None:
        st.info("There is no GPU fact yet. Collect dcgm and dra events: docs/collectors.md says how.")
        return
    if not devices.answer.rows:
        st.info("No GPU existed in this window. Choose a longer one.")
        return
    before = ask(view, "cost", view.before, by=("bucket",)) if view.before else None
    _headline(view, devices.answer, before.answer if before and before.answer.rows else None)
    waste.bar(devices.answer)
    st.subheader("What the time of all GPUs was")
    st.text(_MEANING)
    shown.table(view, Asked(_by_bucket(buckets.answer), buckets.queries), _BUCKETS, file="gpu-time",
                unsaid=devices.answer.notes,
                command=shown.cost_command(view, ("bucket",)))  # fmt: skip
    st.subheader("Cards, most paid and not used first")
    worst = _worst_first(devices.answer, view.currency)
    shown.table(view, Asked(worst, devices.queries), _present(worst), file="gpus",
                command=shown.cost_command(view, ("cluster", "node", "device", "gpu_model")))  # fmt: skip
    _energy(view)
    st.subheader("Who holds which part")
    holders = ask(view, "device_shares", view.window)
    if holders is not None and holders.answer.rows:
        shown.table(view, holders, _HOLDERS, file="gpu-holders")
    else:
        st.info("Nobody held a GPU in this window.")


def _energy(view: View) -> None:
    st.subheader("Energy by team, as the cards metered it")
    asked = ask(view, "energy", view.window, by=("team",))
    if asked is None or not asked.answer.total or not spending.total(asked.answer, "kwh"):
        st.info("No card told its energy in this window. Collect DCGM's energy counter or power.")
        return
    held = {n: h for n, h in _ENERGY.items() if n in ("team", "kwh") or spending.total(asked.answer, n)}
    command = f"driftledger energy --window {shown.words(view)} --by team -o wide"
    shown.table(view, asked, held, file="energy", command=command)


def _headline(view: View, answer: Answer, before: Answer | None) -> None:
    hours, whole = spending.waste(answer), sum(spending.waste(answer), Decimal(0))
    unused = spending.unused(answer)
    cost = spending.total(answer, "total_cost")
    cards = {row[:3] for row in answer.rows}
    one, two, three, four, five = st.columns(5)
    one.metric("Cards", f"{len(cards)}")
    two.metric("GPU-hours", amount(whole))
    three.metric("of it active", percent(hours.active / whole) if whole else "-")
    share = f"{percent(unused / cost)} of the cost" if cost else None
    four.metric(f"Paid and not used, {view.currency}", amount(unused), share, "off", delta_arrow="off")
    if before is not None:
        was = amount(spending.unused(before))
        st.text(
            " ".join((f"Paid and not used in {view.before}: {was} {view.currency}.", beside.partly(view)))
        )
    five.metric("Complete", "unknown" if answer.completeness is None else percent(answer.completeness))


def _worst_first(answer: Answer, currency: str) -> Answer:
    """With what was paid for each card and not used, the most first."""
    names = [c.name for c in answer.columns]
    places = [names.index(name) for name in spending.WASTED]

    def wasted(row: Sequence[Value]) -> Decimal | None:
        known = [value for value in (row[i] for i in places) if isinstance(value, Decimal)]
        return sum(known, Decimal(0)) if known else None

    rows = sorted(((*row, wasted(row)) for row in answer.rows), key=lambda row: -(wasted(row) or Decimal(0)))
    total = None if answer.total is None else (*answer.total, wasted(answer.total))
    columns = (*answer.columns, Column("wasted_cost", currency, "money"))
    return replace(answer, columns=columns, rows=tuple(rows), total=total)


def _present(answer: Answer) -> dict[str, str]:
    """The headings; one of a bucket that no card has anything in is left out."""
    rare = ("cluster_idle_cost", "stranded_cost", "unhealthy_cost", "unpriced_gpu_hours")
    return {n: h for n, h in _DEVICES.items() if n not in rare or spending.total(answer, n)}


def _by_bucket(answer: Answer) -> Answer:
    """Hours and cost of each bucket, and its share of the cost."""
    names = [c.name for c in answer.columns]
    cost = names.index("total_cost")
    sides = [names.index(name) for name in ("allocated_gpu_hours", "unallocated_gpu_hours")]
    whole = answer.total[cost] if answer.total else None

    def added(row: Sequence[Value]) -> tuple[Value, ...]:
        hours = sum((v for v in (row[i] for i in sides) if isinstance(v, Decimal)), Decimal(0))
        return (*row, hours, pivot.share(row[cost], whole))

    wider = replace(
        answer,
        columns=(*answer.columns, Column("hours", "hours", "decimal"), Column("share", kind="ratio")),
        rows=tuple(map(added, answer.rows)),
        total=None if answer.total is None else added(answer.total),
    )
    return pivot.only_columns(wider, _BUCKETS)
