"""The journal of what policies may act on: each state of each target, from the tick that first saw it."""

from __future__ import annotations

from collections.abc import Mapping
from datetime import UTC, datetime, timedelta

import pyarrow as pa

from pipeline.act.events import Publisher
from pipeline.actuator.catalogue import TARGETS
from pipeline.actuator.kubernetes import ApiError, Kubernetes
from pipeline.canonical import canonical
from pipeline.events import TYPES
from pipeline.policy.journal import TargetState
from pipeline.policy.rules import Policy, Rule, Target
from pipeline.store import Store

_EPOCH = datetime(1970, 1, 1)


def watch(
    store: Store, publisher: Publisher, policy: Policy, clients: Mapping[str, Kubernetes], now: datetime
) -> None:
    """Reads every target of the policy, and records those that changed.  What cannot be read is left out."""
    known = {
        Target.of(r["cluster"], r["namespace"], r["workload"]): r["state"]
        for r in store.query("revisions_newest").to_pylist()
    }
    away: set[str] = set()
    for target, rule in {rule.target: rule for rule in reversed(policy.rules)}.items():
        client = clients.get(target.cluster)
        if client is None or target.cluster in away:
            continue
        state = TARGETS[target.kind].watch(client, target, rule.version_label)
        if isinstance(state, ApiError):
            if state.is_unanswered:
                away.add(target.cluster)  # one wait a tick is enough
            continue
        seen = {"uid": state.uid, "generation": state.generation, "config": canonical(state.config)}
        if known.get(target) != seen:
            _record(publisher, rule, state, seen["config"], now)


def _record(publisher: Publisher, rule: Rule, state: TargetState, config: object, now: datetime) -> None:
    of = rule.target
    keeps = next((r for r in state.revisions if r.template_hash == state.template_hash), None)
    row = {
        "time": now.replace(tzinfo=UTC),
        "cluster": of.cluster,
        "namespace": of.namespace,
        "workload": of.workload,
        "uid": state.uid,
        "generation": state.generation,
        "number": state.revision,
        "model": rule.model,
        "model_version": state.version,
        "template_hash": state.template_hash,
        "config": config,
        "detail": ", ".join(keeps.unpinned) if keeps else "",
    }
    type_ = TYPES["revision"]
    time = (now - _EPOCH) // timedelta(microseconds=1)
    source = f"targets/{of.cluster}/{of.namespace}/{of.workload}"
    events = pa.Table.from_pylist([row], schema=type_.schema)
    publisher.put(type_, events, source=source, sequence=time, time=time)
