"""A rollback proven by the metric after it was verified by the object: one that did not help is put back.

There is one look, once enough events of the version returned to have come and the rule's time is over: who
looks at every minute finds a difference sooner or later where there is none.  Labels that never come are
waited for no longer than GIVE_UP.  What the look calls for is tried again for a while: a crash right after
it, or a cluster that did not answer, must not leave what harms in place.
"""

from __future__ import annotations

import logging
from collections.abc import Iterator, Mapping
from datetime import datetime, timedelta

from pipeline.act import outcome
from pipeline.act.approvals import propose_undo, undo_proposed
from pipeline.act.events import Publisher, Taken
from pipeline.act.undo import undo
from pipeline.actuator.kubernetes import Kubernetes
from pipeline.errors import DriftledgerError
from pipeline.policy.decisions import PastAction
from pipeline.policy.reading import past_actions
from pipeline.policy.rules import Policy, Rule
from pipeline.store import Store

log = logging.getLogger("driftledger.act")

BY = "the metric"
"""Who puts it back, in the ledger."""
GIVE_UP = timedelta(days=7)
"""After the rollback: what is not known by then is told by the detectors that have enough, else `unknown`."""

AGAIN = timedelta(hours=1)
"""After the look, in which what it calls for is tried again where it was not done."""


def prove(
    store: Store, publisher: Publisher, policy: Policy, clients: Mapping[str, Kubernetes], now: datetime
) -> Iterator[Taken]:
    """The outcome of each rollback that is due for one, and the steps of what did not help in mode auto.

    One look is all: a cluster without a client, which another process leads, is left to that process.  While
    the kill switch is on nobody looks, since what the look calls for could not follow.
    """
    waiting = [p for p in past_actions(store) if (p.kind, p.state) == ("rollback", "verified")]
    told = {row["action_id"]: row for row in store.rows("outcomes").to_pylist()} if waiting else {}
    for past in () if policy.kill_switch else waiting:
        rule = policy.rule(past.rule)
        client = clients.get(past.cluster)
        if rule is None or client is None or past.acted_at is None:
            continue
        before = told.get(past.action_id)
        if before is not None and now >= before["time"] + AGAIN:
            continue
        if before is not None:
            result, detail = before["state"], before["detail"]
        elif (found := _looked(store, past, rule, past.acted_at, now)) is not None:
            outcome.publish(publisher, past.action_id, found, now)
            result, detail = found.result, found.detail
        else:
            continue
        if result not in ("harmed", "no-change"):
            continue
        asked = undo_proposed(store, past.action_id)
        if rule.mode == "propose" and not asked:
            words = f"put {past.model_version} back, since the rollback did not help: {detail}"
            yield propose_undo(publisher, past, policy, words, now)
        if rule.mode != "auto" or asked:  # a person has the word
            continue
        try:
            yield from undo(store, publisher, past.action_id, client, past.cluster, BY, now)
        except DriftledgerError as error:
            # Somebody has changed the object since, or its state is gone: theirs to settle.
            level = logging.DEBUG if before else logging.WARNING
            log.log(level, "%s did not help and is not put back: %s", past.action_id, error)


def _looked(
    store: Store, past: PastAction, rule: Rule, acted_at: datetime, now: datetime
) -> outcome.Outcome | None:
    """None while it is not time, or what is to be compared has not come."""
    if now < acted_at + rule.prove_within:
        return None
    found = outcome.measure(
        store, past.model, past.model_version, past.to_version, acted_at, now, rule.prove_within,
        rule.detectors, rule.min_count,
    )  # fmt: skip
    return None if found.missing and now < acted_at + GIVE_UP else found
