"""A namespace frozen until a time and given devices again, each step in the ledger."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from dataclasses import replace
from datetime import datetime, timedelta

from pipeline.act.events import Publisher, Taken, lasts, publish
from pipeline.actuator import freeze as quota
from pipeline.actuator.freeze import Freeze
from pipeline.actuator.kubernetes import RESOURCE_QUOTAS, ApiError, Kubernetes
from pipeline.actuator.ladder.rights import NEEDS
from pipeline.actuator.patching import action_of
from pipeline.actuator.rights import refusal
from pipeline.actuator.room import lent_for, take_back
from pipeline.actuator.steps import Step
from pipeline.canonical import canonical, digest, instant
from pipeline.errors import PreflightFailed
from pipeline.policy.reading import past_actions
from pipeline.policy.rules import Target
from pipeline.store import Store

LATE = timedelta(minutes=2)
"""After which a command that has said nothing more is dead: an API server lets a request take 60 s."""
_UNDER_WAY = ("approved", "executed")


def plan(client: Kubernetes, namespace: str) -> Freeze:
    """What would be written.  Raises PreflightFailed where the cluster cannot be read."""
    found = quota.plan(client, namespace)
    if isinstance(found, ApiError):
        raise PreflightFailed(f"{namespace} cannot be read: {found.words}")
    return found


def freeze(
    publisher: Publisher,
    client: Kubernetes,
    cluster: str,
    wanted: Freeze,
    span: timedelta,
    by: str,
    now: datetime,
) -> Iterator[Taken]:
    """The steps, each recorded before the next; it ends by itself `span` from now.

    Raises PreflightFailed, before anything is recorded, where the account may not do it or not undo it.
    """
    if lacking := refusal(client, NEEDS["freeze"], wanted.namespace):
        raise PreflightFailed(lacking)
    action_id = digest(["freeze", cluster, wanted.namespace, now])
    evidence = canonical({"hard": wanted.hard, "by": by, "until": now + span})
    words = f"{by} freezes {wanted.namespace} at the devices it has"
    where = (action_id, cluster, wanted.namespace)
    yield publish(publisher, _taken(*where, Step("proposed", words, evidence)), now)
    begun = Step("approved", f"it ends by itself at {instant(now + span)}")
    yield publish(publisher, _taken(*where, begun), now)
    step = quota.freeze(client, wanted, action_id, now + span)
    # What may have been written ends in time like what was.
    step = step or Step("executed", "the API server did not answer; whether it is frozen is not known")
    yield publish(publisher, _taken(*where, step), now)


def thaw(
    store: Store,
    publisher: Publisher,
    clients: Mapping[str, Kubernetes],
    now: datetime,
    *,
    namespace: str | None = None,
) -> Iterator[Taken]:
    """Ends the freezes that have expired by `now`; those of `namespace` at once."""
    for row in store.query("freezes_open", late=now - LATE).to_pylist():
        client = clients.get(row["cluster"])
        if client is None or (namespace is not None and row["namespace"] != namespace):
            continue
        step = quota.thaw(client, row["namespace"], None if namespace else now, row["action_id"])
        if step is not None and namespace is not None:
            step = replace(step, evidence=canonical({"why": "person"}))
        if step is not None and not lasts(store, row["action_id"], step.state, step.detail):
            where = (row["action_id"], row["cluster"], row["namespace"])
            yield publish(publisher, _taken(*where, step), now)


def room_back(
    store: Store, publisher: Publisher, clients: Mapping[str, Kubernetes], now: datetime
) -> Iterator[Taken]:
    """Freezes that were raised for a rollback which is over by now allow again what they did."""
    open_ = store.query("freezes_open", late=now - LATE).to_pylist()
    frozen = [row for row in open_ if row["cluster"] in clients]
    begun = {p.action_id for p in past_actions(store) if p.state in _UNDER_WAY} if frozen else set()
    for row in frozen:
        client = clients[row["cluster"]]
        asked = [client.get(RESOURCE_QUOTAS, row["namespace"], name) for name in quota.NAMES]
        ours = [q for q in asked if not isinstance(q, ApiError) and action_of(q) == row["action_id"]]
        over = [q for q in ours if (of := lent_for(q)) and of not in begun]
        back = [lent_for(q) for q in over if take_back(client, q) is None]
        if not back:
            continue  # asked again at the next tick
        of = back[0]
        told = Step("verified", f"what it was raised by for rollback {of[:12]} is taken back")
        yield publish(publisher, _taken(row["action_id"], row["cluster"], row["namespace"], told), now)


def _taken(action_id: str, cluster: str, namespace: str, step: Step) -> Taken:
    target = Target(cluster, namespace, "Namespace", namespace)
    return Taken(action_id, step.state, "freeze", "", target, "", "", "", None, step.evidence, step.detail)
