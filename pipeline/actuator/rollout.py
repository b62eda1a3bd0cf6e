"""How far a Deployment's rollout is, by the fields that its controller reports."""

from __future__ import annotations

from typing import Literal

from pipeline.actuator.kubernetes import Object

Progress = Literal["unseen", "under_way", "complete", "stuck"]


def progress(deployment: Object) -> tuple[Progress, str]:
    """Progress and the numbers behind it; the same conditions as `kubectl rollout status`."""
    generation = int((deployment.get("metadata") or {}).get("generation") or 0)
    spec, status = deployment.get("spec") or {}, deployment.get("status") or {}
    seen = int(status.get("observedGeneration") or 0)
    if seen < generation:
        return "unseen", f"the controller has seen generation {seen} of {generation}"
    conditions = {str(c.get("type")): c for c in status.get("conditions") or ()}
    if (conditions.get("Progressing") or {}).get("reason") == "ProgressDeadlineExceeded":
        return "stuck", "the rollout exceeded its progress deadline"
    wanted = int(1 if spec.get("replicas") is None else spec["replicas"])
    updated, total, available = (
        int(status.get(k) or 0) for k in ("updatedReplicas", "replicas", "availableReplicas")
    )
    words = f"{updated} of {wanted} replicas are updated, {total} exist, {available} are available"
    if updated < wanted or total > updated or available < updated:
        return "under_way", words
    if wanted and (conditions.get("Available") or {}).get("status") != "True":
        return "under_way", f"{words}; condition Available is not True"
    return "complete", words
