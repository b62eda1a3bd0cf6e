"""What each step needs to be allowed to do, to be taken and to be put back: one line a resource."""

from __future__ import annotations

from collections.abc import Iterator

from pipeline.actuator.freeze import NAMES
from pipeline.actuator.kubernetes import (
    CLAIM_TEMPLATES,
    DAEMON_SETS,
    DEPLOYMENTS,
    DEVICE_CLASSES,
    EVICTIONS,
    NODES,
    PODS,
    RESOURCE_CLAIMS,
    RESOURCE_QUOTAS,
    ROLLOUTS,
    STATEFUL_SETS,
    Resource,
)
from pipeline.actuator.ladder.reading import (
    AUTOSCALERS,
    CHECK_STATUS,
    CHECKS,
    JOBS,
    LOCAL_QUEUES,
    PRIORITY_CLASSES,
    SCALED_OBJECTS,
    WORKLOAD_STATUS,
    WORKLOADS,
)
from pipeline.actuator.rights import Right


def _of(verbs: str, resource: Resource, name: str = "", *, everywhere: bool = False) -> Iterator[Right]:
    return (Right(verb, resource, name, everywhere) for verb in verbs.split())


_CLASSES = tuple(_of("list", PRIORITY_CLASSES, everywhere=True))
_DEPLOYMENT_SCALE = Resource("apps", "v1", "deployments", "scale")
_STATEFUL_SET_SCALE = Resource("apps", "v1", "statefulsets", "scale")

NEEDS: dict[str, tuple[Right, ...]] = {
    "notify": (),
    "freeze": (
        *_of("list", NODES, everywhere=True),
        *_of("list", DEVICE_CLASSES, everywhere=True),
        *_of("list", PODS),
        *_of("list", RESOURCE_CLAIMS),
        *_of("list", CLAIM_TEMPLATES),
        *_of("list", DEPLOYMENTS),
        *_of("list", DAEMON_SETS),
        *_of("list", ROLLOUTS),
        *_of("create", RESOURCE_QUOTAS),
        # A rollback raises the freeze by its surge, and it is lowered again.
        *(right for name in NAMES for right in _of("get patch delete", RESOURCE_QUOTAS, name)),
        *_CLASSES,
    ),
    "hold_queues": tuple(_of("list get patch", LOCAL_QUEUES)),
    "hold_admission": (
        *_of("list", CHECKS, everywhere=True),
        *_of("patch", CHECK_STATUS, everywhere=True),
        *_of("list", WORKLOADS),
        *_of("patch", WORKLOAD_STATUS),
    ),
    "cap_autoscalers": (
        *_CLASSES,
        *_of("get", DEPLOYMENTS),
        *_of("get", STATEFUL_SETS),
        *_of("get", ROLLOUTS),
        *_of("list get patch", AUTOSCALERS),
        *_of("list get patch", SCALED_OBJECTS),
    ),
    "scale_idle": (
        *_CLASSES,
        *_of("get", DEPLOYMENTS),
        *_of("get", STATEFUL_SETS),
        *_of("patch", _DEPLOYMENT_SCALE),
        *_of("patch", _STATEFUL_SET_SCALE),
    ),
    "suspend_batch": (
        *_CLASSES,
        *_of("list get patch", JOBS),
        *_of("list get patch", WORKLOADS),
    ),
    "evict": (
        *_of("list", PODS),
        *_of("list", RESOURCE_CLAIMS),
        *_of("create", EVICTIONS),
    ),
}
