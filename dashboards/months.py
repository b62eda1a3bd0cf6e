"""Months: how far each is, what a closed one charges each team and what changed, its files and check."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from datetime import datetime
from typing import TypeVar

import pandas as pd
import streamlit as st

from dashboards.month_changes import teams, workloads
from dashboards.view import View
from pipeline.answers.cells import safe_text
from pipeline.answers.window import month
from pipeline.errors import DriftledgerError
from pipeline.months.book import disputed, replies
from pipeline.months.charge import ADJUSTMENT, Charge
from pipeline.months.close import accepted
from pipeline.months.closings import charged, closing, closings
from pipeline.months.part import began
from pipeline.months.states import State, states
from pipeline.months.verify import Checked, kept, verify
from pipeline.store import Store
from reports.delivery import SENDING
from reports.posting import posting
from reports.statement import teams_of

T = TypeVar("T")

_TYPES = {
    "pdf": "application/pdf", "html": "text/html", "csv": "text/csv", "parquet": "application/octet-stream",
    "xlsx": "application/vnd.openxmlformats-officedocument.spreadsheetml.sheet",
}  # fmt: skip


def page(view: View) -> None:
    store = view.store
    known = states(store, view.settings.closing, view.now)
    checks = {one.month: one for one in kept(store)}
    if not known:
        st.info("There is no GPU fact yet. Collect dcgm and dra events: docs/collectors.md says how.")
        return
    since = began(store)
    _table(months(known, checks, disputed(store), since))
    done = [f"{c.month:%Y-%m}" for c in reversed(closings(store))]
    if not done:
        st.info("No month is closed. `driftledger report close --month YYYY-MM` closes one that is due.")
        return
    chosen = str(st.selectbox("Closed month", done, key="month", bind="query-params"))
    _month(view, store, datetime.strptime(chosen, "%Y-%m"), since)


def months(
    known: Sequence[State],
    checks: dict[datetime, Checked],
    disputes: dict[datetime, list[str]],
    since: datetime | None = None,
) -> pd.DataFrame:
    """A row a month, newest first; the check is of what the ledger keeps, not computed again.

    `since` is when the ledger begins, where that is amid its first month.
    """
    rows = []
    for one in reversed(known):
        check, closed = checks.get(one.month.start), one.closing
        kept_as = "" if check is None else "; ".join(check.problems) or "as it was closed"
        at, own = ("", "") if closed is None else (f"{closed.time:%Y-%m-%d %H:%M}", closed.hash)
        until = f"{one.until:%Y-%m-%d %H:%M}"
        by = ", ".join(disputes.get(one.month.start, ()))
        is_part = since is not None and one.month.start <= since < one.month.end
        seen = f"{since:%Y-%m-%d %H:%M}" if is_part else ""
        rows.append((f"{one.month.start:%Y-%m}", one.state, until, at, own, kept_as, by, seen))
    heads = ["Month", "State", "Grace ends (UTC)", "Closed (UTC)", "Hash", "Charges kept", "Disputed by",
             "Ledger begins (UTC)"]  # fmt: skip
    return pd.DataFrame(rows, columns=heads)


def printable(data: pd.DataFrame) -> pd.DataFrame:
    """The table with its texts as they are, and nothing that turns or hides what stands beside them."""
    return data.map(lambda value: safe_text(value) if isinstance(value, str) else value)


def _table(data: pd.DataFrame) -> None:
    st.dataframe(printable(data), hide_index=True, width="stretch")


def _money(data: pd.DataFrame) -> None:
    numbers = data.select_dtypes("number").columns
    shown = {name: st.column_config.NumberColumn(format="accounting") for name in numbers}
    st.dataframe(printable(data), hide_index=True, width="stretch", column_config=shown)


def _changes(found: pd.DataFrame, before: datetime, since: datetime | None) -> None:
    st.subheader(f"What changed since {before:%Y-%m}")
    if since is not None and f"{since:%Y-%m}" == f"{before:%Y-%m}":
        st.text(f"{before:%Y-%m} is a part of a month: the ledger begins on {since:%Y-%m-%d %H:%M}Z.")
    if found.empty:
        st.text("No workload used more or less, or at another price.")
        return
    _money(found)
    st.text("By hours: at the price of the month before. By price: the rest, a new price or other GPUs.")


def _plain(sentences: Sequence[str]) -> None:
    """They hold names, which a box would draw as links and pictures."""
    for sentence in sentences:
        st.text(safe_text(sentence))


def _month(view: View, store: Store, at: datetime, since: datetime | None) -> None:
    here, charges = closing(store, at), charged(store, at)
    if gaps := accepted(here):
        st.warning("Closed with gaps that were accepted:")
        _plain(gaps)
    if said_first := posting(teams_of(charges, here.currency, here.thawed().terms), here.currency):
        st.info("To know before it is posted:")
        _plain(said_first)
    earlier = [c.month for c in closings(store) if c.month < at]
    before = charged(store, earlier[-1]) if earlier else []
    _money(teams(charges, before))
    if earlier:
        _changes(workloads(charges, before), earlier[-1], since)
    booked = bookings(store, at, charges)
    if not booked.empty:
        st.subheader("Bookings")
        _money(booked)
    st.subheader("What teams said")
    said = [
        (row["time"], team, row["state"], row["reason"], row["actor"])
        for team, rows in sorted(replies(store, at).items())
        for row in rows
    ]
    if said:
        _table(pd.DataFrame(said, columns=["When (UTC)", "Team", "State", "Reason", "Who"]))
    else:
        st.text("Nothing yet. driftledger report reply writes it down.")
    sent = deliveries(store, at)
    if not sent.empty:
        st.subheader("Delivered")
        _table(sent)
    _files(view, at, sorted({c.team for c in charges}))


def deliveries(store: Store, at: datetime) -> pd.DataFrame:
    """Each attempt by how it ended; one that has not, by its beginning."""
    told = [row for row in store.rows("deliveries").to_pylist() if row["month"] == at]
    told.sort(key=lambda row: (row["time"], row["attempt"], row["state"] != SENDING))
    last = {row["target"]: row for row in told}
    rows = [
        tuple(row[name] for name in ("time", "target", "state", "attempt", "detail"))
        for row in told
        if row["state"] != SENDING or row is last[row["target"]]
    ]
    return pd.DataFrame(rows, columns=["When (UTC)", "Target", "State", "Attempt", "What was said"])


def bookings(store: Store, at: datetime, charges: Sequence[Charge]) -> pd.DataFrame:
    """Each amount that this statement charges, and each for this month that a later one does or will."""
    here = {c.reference for c in charges if c.kind == ADJUSTMENT}
    waiting = set(store.query("adjustments_open")["adjustment_id"].to_pylist())
    once = {row["adjustment_id"]: row for row in store.rows("adjustments").to_pylist()}

    def state(identity: str) -> str:
        return (
            "on this statement" if identity in here else "open" if identity in waiting else "on a later one"
        )

    rows = [
        (row["time"], row["team"], f"{row['charge_month']:%Y-%m}", row["category"], float(row["amount"]),
         row["currency"], row["reason"], row["actor"], state(identity))
        for identity, row in sorted(once.items(), key=lambda kept: kept[1]["time"])
        if identity in here or row["charge_month"] == at
    ]  # fmt: skip
    heads = ["When (UTC)", "Team", "Of", "What", "Amount", "Currency", "Why", "Who", "Where it stands"]
    return pd.DataFrame(rows, columns=heads)


def _files(view: View, at: datetime, names: list[str]) -> None:
    """Made when they are asked for: a month is computed again from its snapshot."""
    st.subheader("Statement and check")
    team = st.selectbox("Whose", ["", *names], format_func=lambda n: safe_text(n) or "all teams", key="whose")
    with st.container(horizontal=True):
        made = _asked("make", "Make the files", (at, team), lambda: _made(view, view.key, at, str(team)))
        for name, content in (made or {}).items():
            form = name.rpartition(".")[2]
            label = form.upper() if name.startswith("statement-") else name
            st.download_button(label, content, name, _TYPES[form], on_click="ignore", key=name)
        said = _asked("verify", "Compute it again and compare", at, lambda: _checked(view, view.key, at))
        if said is not None:
            st.text(said)


def _asked(key: str, label: str, of: object, make: Callable[[], T]) -> T | None:
    """What the button made of that: it stays where the page is drawn anew, which it is every few seconds."""
    kept = f"{key} made"
    if st.button(label, key=key):
        st.session_state[kept] = of, make()
    made_of, made = st.session_state.get(kept, (None, None))
    return made if made_of == of else None


@st.cache_data(max_entries=8, ttl=600, show_spinner="Computing the month again")
def _made(_view: View, key: tuple[object, ...], at: datetime, team: str) -> dict[str, bytes]:
    """By name: the statement in every form, and of all teams what programs take in too."""
    from reports.build import FORMS, for_programs, name
    from reports.ledger_lines import mapping
    from reports.read import read
    from reports.team import of_team

    closed = next(c for c in closings(_view.store) if c.month == at)
    span = month(at.year, at.month)
    whole = read(_view.store, lambda n: Store.open(_view.ledger, snapshot=n), span, closed.thawed())
    own = of_team(whole, team) if team else whole
    made = {name(own, form): render(own) for form, render in FORMS.items()}
    columns = mapping(_view.settings.closing.ledger_columns)
    return made if team else {**made, **dict(for_programs(whole, columns))}


@st.cache_data(max_entries=8, ttl=600, show_spinner="Computing the month again")
def _checked(_view: View, key: tuple[object, ...], at: datetime) -> str:
    try:
        (found,) = verify(_view.store, lambda n: Store.open(_view.ledger, snapshot=n), at)
    except DriftledgerError as error:
        return str(error)
    said = "; ".join(found.problems) or f"It is as it was closed: {found.hash}"
    return f"{said} (checked {_view.now:%Y-%m-%d %H:%M}Z)"
