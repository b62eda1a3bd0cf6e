"""What people say to a proposal: yes to exactly this plan until a time, or no; and rules that they let rest.

The token shows that whoever approves has seen this plan and not another one.  It is no password: who may
write the ledger may approve.
"""

from __future__ import annotations

import json
from collections.abc import Iterator
from dataclasses import dataclass, replace
from datetime import datetime, timedelta
from typing import Any, Protocol

from pipeline.act.events import Publisher, Taken, publish, taken
from pipeline.canonical import canonical, digest, instant, moment
from pipeline.errors import ConfigError, NotFound
from pipeline.policy import rules
from pipeline.policy.decisions import PastAction
from pipeline.policy.ladders import STEPS
from pipeline.policy.recorded import recorded
from pipeline.policy.rules import Policy, Target
from pipeline.store import Store

Row = dict[str, Any]
TOKEN_LENGTH = 24
UNDO_ASKED = "undo_asked"
"""Kind of a request; its action is of kind undo."""


@dataclass(frozen=True, slots=True)
class Offer:
    """A proposal that waits for a person."""

    action_id: str
    plan: str
    """SHA-256 of what would be done: the patch's inputs, hashes and preconditions."""
    expires: datetime
    """UTC without zone; approved or used later it is refused."""
    of: str
    """The action that is to be put back; '' of every other proposal."""

    @property
    def token(self) -> str:
        return digest([self.action_id, self.plan, instant(self.expires)])[:TOKEN_LENGTH]


def plan_of(evidence: str) -> str:
    """SHA-256 of the decision in the evidence, without what led to it."""
    return digest(json.loads(evidence)["decision"])


def offer(store: Store, action_id: str) -> Offer | None:
    """The proposal of mode propose as it stands, approved or not; None where there is none.

    None too where this version cannot read by which policy: until when it holds is not known, and the next
    tick that decides the same offers it anew.
    """
    row = _row(store, action_id, "proposed")
    evidence = json.loads(row["evidence"]) if row and row["evidence"] else None
    if row is None or evidence is None or evidence["decision"].get("mode") != "propose":
        return None
    policy = recorded(evidence["policy"]["text"])
    if policy is None:
        return None
    rule = policy.rule(evidence["rule"]) or policy.ladder(evidence["rule"])
    within = rule.approve_within if rule else rules.APPROVE_WITHIN
    return Offer(action_id, plan_of(row["evidence"]), row["time"] + within, evidence.get("of", ""))


def approve(store: Store, publisher: Publisher, action_id: str, token: str, by: str, now: datetime) -> Taken:
    """Granted until the offer expires.  Raises NotFound without an offer, ConfigError for a wrong token.

    Who came late or had another token stands in the ledger too.
    """
    found = offer(store, action_id)
    if found is None or _row(store, action_id, "denied") or _row(store, action_id, "approved"):
        raise NotFound(f"action {action_id[:12]} waits for no approval; see `driftledger actions list`")
    if now >= found.expires:
        why = f"the offer ended at {instant(found.expires)}"
        _refuse(store, publisher, action_id, by, why, found.expires, now)
        raise ConfigError("action", action_id[:12], why)
    if token != found.token:
        _refuse(store, publisher, action_id, by, "the token is of another plan or offer", None, now)
        raise ConfigError("--token", token, "give the token that `driftledger actions show` prints")
    evidence = canonical(
        {"plan": found.plan, "expires": found.expires, "by": by} | ({"of": found.of} if found.of else {})
    )
    words = f"approved by {by}, to be carried out before {instant(found.expires)}"
    return publish(publisher, _said(store, action_id, "granted", words, evidence), now)


def lapsed(store: Store, publisher: Publisher, now: datetime) -> Iterator[Taken]:
    """Approvals that nobody carried out in their time, each said once: the plan is offered anew, if ever."""
    for row in store.query("approvals_lapsed", now=now).to_pylist():
        why = "its time was over before a tick could carry it out; nothing was sent"
        yield _refuse(store, publisher, row["action_id"], row["by"], why, moment(row["expires"]), now)


def _refuse(
    store: Store,
    publisher: Publisher,
    action_id: str,
    by: str,
    why: str,
    expires: datetime | None,
    now: datetime,
) -> Taken:
    """An action of its own, so that the offer stays as it is."""
    said = _said(store, action_id, "refused", f"approval by {by} refused: {why}", "")
    evidence = canonical({"of": action_id, "by": by, "why": why, "expires": expires})
    own = digest(["approval", action_id, by, why])
    return publish(publisher, said._replace(action_id=own, kind="approval", evidence=evidence), now)


def deny(store: Store, publisher: Publisher, action_id: str, by: str, why: str, now: datetime) -> Taken:
    """For good: the same action is not proposed again.  Raises NotFound where nothing waits."""
    if offer(store, action_id) is None or _row(store, action_id, "approved"):
        raise NotFound(f"action {action_id[:12]} waits for no approval; see `driftledger actions list`")
    said = _said(store, action_id, "denied", f"denied by {by}: {why or 'no reason given'}", "")
    return publish(publisher, said, now)


def ask_undo(store: Store, publisher: Publisher, action_id: str, by: str, now: datetime) -> Taken:
    """To be done by the next tick, which has the rights; raises NotFound where there is nothing to undo."""
    done, undone = _row(store, action_id, "executed"), _row(store, action_id, "undone")
    if done is None or done["kind"] not in ("rollback", *STEPS) or undone is not None:
        raise NotFound(f"action {action_id[:12]} is nothing that holds; see `driftledger actions list`")
    asked = _said(store, action_id, "granted", f"undo asked by {by}", canonical({"of": action_id, "by": by}))
    asked = asked._replace(action_id=_asking(action_id), kind=UNDO_ASKED)
    return publish(publisher, asked, now)


def propose_undo(publisher: Publisher, past: PastAction, policy: Policy, words: str, now: datetime) -> Taken:
    """Asks a person whether an action is to be put back; who approves asks for its undo."""
    decision = {"mode": "propose", "detail": words, "undo": past.action_id}
    evidence = canonical(
        {"of": past.action_id, "decision": decision, "rule": past.rule, "policy": policy.recorded}
    )
    asked = replace(past, action_id=_asking(past.action_id), kind=UNDO_ASKED, model_version=past.to_version)
    told = "proposed", f"for approval: {words}", evidence
    return publish(publisher, taken(asked, past.target, past.model_version, *told), now)


def undo_proposed(store: Store, action_id: str) -> bool:
    """Whether a person was asked already, whatever the answer."""
    return _row(store, _asking(action_id), "proposed") is not None


def _asking(action_id: str) -> str:
    return digest(["undo asked", action_id])


def mute(publisher: Publisher, rule: str, span: timedelta, by: str, now: datetime) -> Taken:
    """The rule rests for `span` from now; of zero length, it works again.  ConfigError for no name."""
    if not rule.strip():
        raise ConfigError("RULE", rule, "name a rule of the policy")
    until = now + span
    words = f"muted by {by} until {instant(until)}"
    evidence = canonical({"until": until, "by": by})
    nobody = Target("", "", "", "")
    said = Taken(digest(["mute", rule]), "granted", "mute", rule, nobody, "", "", "", None, evidence, words)
    return publish(publisher, said, now)


class Planned(Protocol):
    """An action that a person can agree to."""

    @property
    def action_id(self) -> str: ...
    @property
    def evidence(self) -> str: ...


def granted(store: Store, action: Planned, now: datetime) -> bool:
    """Whether a person has said yes to this very plan, not too long ago, and no one has said no."""
    row = _row(store, action.action_id, "granted")
    if row is None or _row(store, action.action_id, "denied"):
        return False
    evidence = json.loads(row["evidence"])
    return bool(evidence["plan"] == plan_of(action.evidence) and now < moment(evidence["expires"]))


def still_offered(store: Store, action: Planned, now: datetime) -> bool:
    """Whether the ledger has the proposal as it is now, or a no to it; else it is to be proposed again."""
    if _row(store, action.action_id, "denied"):
        return True
    found = offer(store, action.action_id)
    return found is not None and found.plan == plan_of(action.evidence) and now < found.expires


def _row(store: Store, action_id: str, state: str) -> Row | None:
    found: list[Row] = store.query("action_state", action_id=action_id, state=state).to_pylist()
    return found[0] if found else None


def _said(store: Store, action_id: str, state: str, words: str, evidence: str) -> Taken:
    row = _row(store, action_id, "proposed")
    if row is None:
        raise NotFound(f"no proposal {action_id[:12]} in this ledger")
    return Taken(
        action_id=action_id,
        state=state,
        kind=row["kind"],
        rule=row["policy"],
        target=Target.of(row["cluster"], row["namespace"], row["workload"]),
        model=row["model"],
        model_version=row["model_version"],
        to_version=row["to_version"] or "",
        snapshot=None,
        evidence=evidence,
        detail=words,
    )
