"""Batch work waits: Jobs are suspended, Kueue's workloads deactivated, the lowest priority first."""

from __future__ import annotations

from datetime import datetime

from pipeline.actuator.kubernetes import ApiError, Kubernetes, Object
from pipeline.actuator.ladder import changes
from pipeline.actuator.ladder.changes import Change, change, holds, planned, put_back
from pipeline.actuator.ladder.contract import Plan, Scope
from pipeline.actuator.ladder.reading import (
    JOBS,
    WORKLOADS,
    conditions,
    listed,
    priorities,
    priority_class,
    spared,
    workload_class,
)
from pipeline.actuator.ownership import owner
from pipeline.actuator.steps import Step

__all__ = ["carry_out", "holds", "plan", "put_back"]

QUEUE = "kueue.x-k8s.io/queue-name"
"""Label of a Job whose suspension is Kueue's."""


def plan(client: Kubernetes, scope: Scope) -> Plan | ApiError:
    jobs, workloads = (listed(client, r, scope.namespace) for r in (JOBS, WORKLOADS))
    known = priorities(client)
    if isinstance(jobs, ApiError):
        return jobs
    if isinstance(workloads, ApiError):
        return workloads
    if isinstance(known, ApiError):
        return known
    spare = spared(client, scope.spare)
    if isinstance(spare, ApiError):
        return spare
    found: list[tuple[int, Change]] = []
    for job in jobs:
        name = priority_class(job)
        if name not in spare and _runs(job):
            found.append((known.get(name, 0), change(JOBS, job, "suspend", True)))
    for workload in workloads:
        name = workload_class(workload)
        if name not in spare and _active(workload):
            priority = int(workload["spec"].get("priority") or 0)
            found.append((priority, change(WORKLOADS, workload, "active", False)))
    return planned([c for _, c in sorted(found, key=lambda pair: pair[0])][: scope.most])


def carry_out(client: Kubernetes, plan: Plan, action_id: str, expires: datetime) -> Step | None:
    return changes.carry_out(client, plan, action_id)


def _runs(job: Object) -> bool:
    """Not ended, not suspended, and of nobody who would start it again: a CronJob does not."""
    told = conditions(job)
    ended = "True" in (told.get("Complete"), told.get("Failed"))
    makers = [r for r in job["metadata"].get("ownerReferences") or () if r.get("controller")]
    foreign = any(r.get("kind") != "CronJob" for r in makers) or (not makers and owner(job))
    queued = QUEUE in (job["metadata"].get("labels") or {})
    return not (ended or foreign or queued or job["spec"].get("suspend"))


def _active(workload: Object) -> bool:
    told = conditions(workload)
    return told.get("Finished") != "True" and workload["spec"].get("active") is not False
