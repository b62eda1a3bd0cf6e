"""The actions inbox: what was proposed, waits, was done, refused and undone, and the evidence of each."""

from __future__ import annotations

import json
from typing import Any

import streamlit as st

from dashboards import persons, shown
from dashboards.questions import ask
from dashboards.view import View
from pipeline.act.approvals import Offer, offer
from pipeline.errors import DriftledgerError
from pipeline.explain.effect import effect
from pipeline.explain.explanation import Explanation, explain
from pipeline.explain.narrative import document, narrative
from pipeline.explain.page import page as html
from pipeline.policy.ladders import STEPS
from pipeline.store import Store

_TITLES = {
    "action": "Action",
    "last": "Last step",
    "state": "State",
    "kind": "Kind",
    "cluster": "Cluster",
    "namespace": "Namespace",
    "workload": "Workload",
    "model_version": "From",
    "to_version": "To",
    "outcome": "Outcome",
    "detail": "What",
}
ASKS = "for approval: "
"""How the detail of a proposal begins that waits for a yes."""
WHO = "Here nobody may (dashboard.approvers). Who may write the ledger says yes or no on the command line:"


def page(view: View) -> None:
    chosen = st.query_params.get("action", "")
    found = ask(view, "actions", view.window_to_now)
    if found is None or not found.answer.rows:
        st.info("No action has a step in this window.")
    else:
        shown.table(view, found, _TITLES, file="actions", command="driftledger actions list")
        names = [c.name for c in found.answer.columns]
        rows = [dict(zip(names, row, strict=True)) for row in found.answer.rows]
        ids = [str(r["action"]) for r in rows if r["kind"] in ("rollback", "undo", *STEPS)]
        if asked := [r for r in rows if r["state"] == "proposed" and str(r["detail"]).startswith(ASKS)]:
            st.info(f"Offered to a person: {', '.join(str(r['action'])[:12] for r in asked)}")
            chosen = chosen or str(asked[0]["action"])
        if failed := [r for r in rows if r["state"] == "failed"]:
            st.warning(f"Failed, for a person to look at: {', '.join(str(r['action'])[:12] for r in failed)}")
        words = {str(r["action"]): f"{str(r['action'])[:12]}  {r['state']}  {r['workload']}" for r in rows}
        meant = [i for i, one in enumerate(ids) if chosen and one.startswith(chosen)]
        at = meant[0] if len(meant) == 1 else None
        picked = st.selectbox("Evidence of", ids, index=at, format_func=lambda i: words[i], key="evidence")
        chosen = picked or chosen
    if chosen:
        st.query_params["action"] = chosen
        _evidence(view, chosen)


def _evidence(view: View, action: str) -> None:
    """Everything is shown as text: names and details come from outside."""
    try:
        found = _explained(view, view.key, action)
        with Store.open(view.ledger, read_only=True) as store:
            waiting = offer(store, found.action_id)
            changed = effect(store, found.steps, view.book, view.currency)
            asked = _undo_asked(store, found)
    except DriftledgerError as error:
        st.error(str(error))
        return
    st.subheader(f"Evidence of {found.action_id[:12]}")
    who = persons.may(view.settings.dashboard)
    if waiting is not None and not _said(found):
        st.text(found.steps[-1]["detail"])
        _offer(view, waiting, who)
    elif asked:
        st.text(asked)
    elif who and _can_be_undone(found):
        persons.on_done(view, found.action_id, who)
    st.code("\n".join(narrative(found, changed)), language=None, wrap_lines=True)
    name = f"action-{found.action_id[:12]}"
    whole: dict[str, Any] = document(found, changed)
    st.download_button("Evidence, page", html(found, changed), f"{name}.html", "text/html")
    st.download_button("Evidence, JSON", json.dumps(whole, indent=2, default=str), f"{name}.json")
    st.code(f"driftledger explain {found.action_id[:12]}", language="sh")


@st.cache_data(max_entries=16, ttl=600, show_spinner="Computing the decision again")
def _explained(_view: View, key: tuple[object, ...], action: str) -> Explanation:
    """Once for each state of the ledger, and not at each refresh of the page."""
    return explain(_view.ledger, action)


def _said(found: Explanation) -> bool:
    """A plan that changed after a yes is proposed anew, and waits again."""
    return bool(found.steps[-1]["state"] != "proposed")


def _can_be_undone(found: Explanation) -> bool:
    states = {s["state"] for s in found.steps}
    return found.steps[0]["kind"] in ("rollback", *STEPS) and "executed" in states and "undone" not in states


def _undo_asked(store: Store, found: Explanation) -> str:
    """Who has asked for it and when, until a tick has answered; '' for nobody."""
    for row in store.query("undos_asked").to_pylist():
        if json.loads(row["evidence"])["of"] == found.action_id:
            return f"{row['detail']} at {row['time']:%Y-%m-%d %H:%M}Z; the next tick of judge or up does it."
    return ""


def _offer(view: View, waiting: Offer, who: str) -> None:
    if persons.clock() >= waiting.expires:
        st.text(f"The offer ended at {waiting.expires:%Y-%m-%d %H:%M}Z; while harm lasts it is made anew.")
        return
    st.text(f"Waits for a person until {waiting.expires:%Y-%m-%d %H:%M}Z. Plan {waiting.plan[:12]}.")
    if who:
        persons.on_offer(view, waiting, who)
        return
    st.text(WHO)
    short = waiting.action_id[:12]
    st.code(
        f"driftledger actions approve {short} --token {waiting.token}\ndriftledger actions deny {short}",
        language="sh",
    )
