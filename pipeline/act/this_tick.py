"""What a tick has begun so far, so that its limits hold between two decisions of one tick as well."""

from __future__ import annotations

from collections.abc import Iterable
from datetime import datetime

from pipeline.act.events import Taken
from pipeline.policy.decisions import PastAction

_KINDS = ("rollback", "undo")


def begun(done: Iterable[Taken], now: datetime) -> tuple[PastAction, ...]:
    """Rollbacks and undos among the tick's steps that changed a cluster, or may have."""
    found: dict[str, PastAction] = {}
    for step in done:
        if step.kind in _KINDS and step.state in ("approved", "executed"):
            found[step.action_id] = _past(step, now)
        elif step.state == "refused":
            found.pop(step.action_id, None)
    return tuple(found.values())


def _past(step: Taken, now: datetime) -> PastAction:
    return PastAction(
        action_id=step.action_id,
        kind=step.kind,
        cluster=step.target.cluster,
        namespace=step.target.namespace,
        workload=step.target.workload,
        model=step.model,
        model_version=step.model_version,
        to_version=step.to_version,
        rule=step.rule,
        state=step.state,
        acted_at=now,
    )
