"""A person's word on the pages: yes, no, and back to what was, from those whom the settings name."""

from __future__ import annotations

import getpass
from collections.abc import Callable
from datetime import UTC, datetime

import streamlit as st

from dashboards.view import View
from pipeline.act.approvals import Offer, approve, ask_undo, deny
from pipeline.act.events import Taken
from pipeline.embedded import Embedded
from pipeline.errors import DriftledgerError
from pipeline.settings.dashboard import DashboardSettings
from pipeline.store import Store

_THIS_MACHINE = ("127.0.0.1", "::1", "localhost")
Word = Callable[[Store, Embedded, datetime], Taken]


def clock() -> datetime:
    """UTC without zone: an offer ends by the time at which somebody says yes."""
    return datetime.now(UTC).replace(tzinfo=None)


def may(settings: DashboardSettings) -> str:
    """Name of the reader, if the settings let it approve; else ''."""
    named = {name.strip() for name in settings.approvers.split(",")} - {""}
    who = _reader(settings)
    return who if who in named else ""


def _reader(settings: DashboardSettings) -> str:
    if settings.user_header:
        return str(st.context.headers.get(settings.user_header) or "")
    try:
        return getpass.getuser() if settings.host in _THIS_MACHINE else ""
    except (KeyError, OSError):  # a container's user need not have a name
        return ""


def on_offer(view: View, waiting: Offer, who: str) -> None:
    """Approve and deny; the token binds the yes to the plan that stands on the page."""
    short = waiting.action_id[:12]
    why = st.text_input("Reason of a no", key=f"why-{short}", max_chars=200)
    yes, no, _ = st.columns([1, 1, 4])
    if yes.button("Approve this plan", key=f"yes-{short}-{waiting.token}", type="primary"):
        _say(view, lambda s, into, now: approve(s, into, waiting.action_id, waiting.token, who, now))
    if no.button("Deny for good", key=f"no-{short}"):
        _say(view, lambda s, into, now: deny(s, into, waiting.action_id, who, why, now))


def on_done(view: View, action_id: str, who: str) -> None:
    """Undo is carried out by the next tick, which has the rights in the cluster; this page has none."""
    st.text("Undo puts back what was there before, at the next tick, unless somebody has changed it since.")
    if st.button("Undo", key=f"undo-{action_id[:12]}"):
        _say(view, lambda s, into, now: ask_undo(s, into, action_id, who, now))


def _say(view: View, word: Word) -> None:
    try:
        with Store.open(view.ledger) as store:
            taken = word(store, Embedded(store), clock())
    except DriftledgerError as error:
        st.error(str(error))
        return
    st.toast(f"{taken.detail}. It is in the ledger.")
    st.rerun()
