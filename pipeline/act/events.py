"""Steps of actions as `action` events, each recorded in the ledger before the next step is taken."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta
from typing import NamedTuple, Protocol

import pyarrow as pa

from pipeline.events import TYPES, EventType
from pipeline.policy.rules import Target
from pipeline.store import Store

STATES = ("proposed", "granted", "denied", "approved", "refused", "executed", "verified", "failed", "undone")
"""In the order in which one tick can reach them."""

_EPOCH = datetime(1970, 1, 1)


class Taken(NamedTuple):
    """One state of one action, as it is published."""

    action_id: str
    state: str
    kind: str
    rule: str
    target: Target
    model: str
    model_version: str
    to_version: str
    snapshot: int | None
    evidence: str
    detail: str


class Decided(Protocol):
    """An action, a refusal, or an earlier one of either."""

    @property
    def action_id(self) -> str: ...
    @property
    def kind(self) -> str: ...
    @property
    def rule(self) -> str: ...
    @property
    def model(self) -> str: ...
    @property
    def model_version(self) -> str: ...


def taken(
    of: Decided, target: Target, to_version: str, state: str, detail: str, evidence: str = "",
    snapshot: int | None = None,
) -> Taken:  # fmt: skip
    """A state of what was decided; `snapshot` is what a first state was decided from."""
    return Taken(
        action_id=of.action_id,
        state=state,
        kind=of.kind,
        rule=of.rule,
        target=target,
        model=of.model,
        model_version=of.model_version,
        to_version=to_version,
        snapshot=snapshot,
        evidence=evidence,
        detail=detail,
    )


class Publisher(Protocol):
    """What takes events in: the embedded runner, or a producer."""

    def put(self, type_: EventType, events: pa.Table, *, source: str, sequence: int, time: int) -> object:
        """One batch of one source; a sequence that was seen is a duplicate."""


def publish(publisher: Publisher, taken: Taken, now: datetime) -> Taken:
    """Each action is a source of its own; its sequence follows from the tick and the state, so that the
    same step of the same tick, sent again after a crash, is a duplicate."""
    time = (now - _EPOCH) // timedelta(microseconds=1)
    sequence = time * len(STATES) + STATES.index(taken.state)
    type_ = TYPES["action"]
    publisher.put(type_, table(taken, now), source=f"actions/{taken.action_id}", sequence=sequence, time=time)
    return taken


def lasts(store: Store, action_id: str, state: str, detail: str) -> bool:
    """Whether it is a failure that the ledger has already, in these words: what lasts is told once."""
    if state != "failed":
        return False
    rows = store.query("action_state", action_id=action_id, state=state).to_pylist()
    return any(row["detail"] == detail for row in rows)


def table(taken: Taken, now: datetime) -> pa.Table:
    """The event in its canonical schema."""
    row = {
        "action_id": taken.action_id,
        "time": now.replace(tzinfo=UTC),
        "state": taken.state,
        "kind": taken.kind,
        "policy": taken.rule,
        "cluster": taken.target.cluster,
        "namespace": taken.target.namespace,
        "workload": taken.target.workload,
        "model": taken.model,
        "model_version": taken.model_version,
        "to_version": taken.to_version,
        "snapshot": taken.snapshot,
        "evidence": taken.evidence,
        "detail": taken.detail,
    }
    return pa.Table.from_pylist([row], schema=TYPES["action"].schema)
