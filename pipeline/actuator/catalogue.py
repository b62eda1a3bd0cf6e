"""The targets that can be acted on: one file and one line each."""

from __future__ import annotations

from pipeline.actuator import (
    argo_rollout,
    daemon_set,
    deployment,
    http_route,
    inference_service,
    llm_inference_service,
    model_deployment,
    ray_service,
    stateful_set,
    stuck_pods,
)
from pipeline.actuator.rollback import Rollback
from pipeline.actuator.snapshots import keep
from pipeline.actuator.steps import Actuator

TARGETS: dict[str, Actuator] = {
    "Deployment": Rollback(deployment, surges=True),
    "StatefulSet": Rollback(stateful_set, unblock=stuck_pods.evict, needs=stuck_pods.NEEDS),
    "DaemonSet": Rollback(daemon_set, surges=True),
    "Rollout": Rollback(argo_rollout, surges=True),
    "InferenceService": Rollback(inference_service, keep=keep),
    "LLMInferenceService": Rollback(llm_inference_service, keep=keep),
    "ModelDeployment": Rollback(model_deployment, keep=keep),
    "RayService": Rollback(ray_service, keep=keep),
    "HTTPRoute": Rollback(http_route, beside=http_route.beside),
}
