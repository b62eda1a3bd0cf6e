"""A rollback proven by the metric after it was verified by the object: one that did not help is put back.

There is one look, once enough events of the version returned to have come and the rule's time is over: who
looks at every minute finds a difference sooner or later where there is none.  Labels that never come are
waited for no longer than GIVE_UP.
"""

from __future__ import annotations

import logging
from collections.abc import Iterator, Mapping
from datetime import datetime, timedelta

from pipeline.act import outcome
from pipeline.act.approvals import propose_undo
from pipeline.act.events import Publisher, Taken
from pipeline.act.undo import undo
from pipeline.actuator.kubernetes import Kubernetes
from pipeline.errors import DriftledgerError
from pipeline.policy.reading import past_actions
from pipeline.policy.rules import Policy
from pipeline.store import Store

log = logging.getLogger("driftledger.act")

BY = "the metric"
"""Who puts it back, in the ledger."""
GIVE_UP = timedelta(days=7)
"""After the rollback: what is not known by then is told by the detectors that have enough, else `unknown`."""


def prove(
    store: Store, publisher: Publisher, policy: Policy, clients: Mapping[str, Kubernetes], now: datetime
) -> Iterator[Taken]:
    """The outcome of each rollback that is due for one, and the steps of what did not help in mode auto.

    One look is all: a cluster without a client, which another process leads, is left to that process.
    """
    waiting = [p for p in past_actions(store) if (p.kind, p.state) == ("rollback", "verified")]
    told = {row["action_id"] for row in store.rows("outcomes").to_pylist()} if waiting else set()
    for past in waiting:
        rule = policy.rule(past.rule)
        client = clients.get(past.cluster)
        if rule is None or client is None or past.action_id in told or past.acted_at is None:
            continue
        if now < past.acted_at + rule.prove_within:
            continue
        found = outcome.measure(
            store, past.model, past.model_version, past.to_version, past.acted_at, now, rule.prove_within,
            rule.detectors, rule.min_count,
        )  # fmt: skip
        if found.missing and now < past.acted_at + GIVE_UP:
            continue
        outcome.publish(publisher, past.action_id, found, now)
        if found.result not in ("harmed", "no-change") or policy.kill_switch:
            continue
        if rule.mode == "propose":
            words = f"put {past.model_version} back, since the rollback did not help: {found.detail}"
            yield propose_undo(publisher, past, policy, words, now)
        if rule.mode != "auto":
            continue
        try:
            yield from undo(store, publisher, past.action_id, client, past.cluster, BY, now)
        except DriftledgerError as error:
            # Somebody has changed the object since, or its state is gone: theirs to settle.
            log.warning("%s did not help and is not put back: %s", past.action_id, error)
