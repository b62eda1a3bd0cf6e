"""The targets that can be acted on: one file and one line each."""

from __future__ import annotations

from pipeline.actuator import argo_rollout, daemon_set, deployment, stateful_set, stuck_pods
from pipeline.actuator.rollback import Rollback
from pipeline.actuator.steps import Actuator

TARGETS: dict[str, Actuator] = {
    "Deployment": Rollback(deployment),
    "StatefulSet": Rollback(stateful_set, unblock=stuck_pods.evict),
    "DaemonSet": Rollback(daemon_set),
    "Rollout": Rollback(argo_rollout),
}
