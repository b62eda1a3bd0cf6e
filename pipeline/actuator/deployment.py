"""Rollback of a Deployment: read it, see what stands against it, one guarded patch, and what became of it."""

from __future__ import annotations

from collections.abc import Iterator
from datetime import datetime

from pipeline.actuator.kubernetes import DEPLOYMENTS, REPLICA_SETS, ApiError, Kubernetes, Object
from pipeline.actuator.ownership import owner
from pipeline.actuator.rollout import progress
from pipeline.actuator.steps import Begun, Step
from pipeline.actuator.template import ACTION_ANNOTATION, operations, template_hash, version_of
from pipeline.canonical import canonical
from pipeline.policy.decisions import Action
from pipeline.policy.journal import Revision, TargetState
from pipeline.policy.rules import Target

REVISION = "deployment.kubernetes.io/revision"


def observe(client: Kubernetes, target: Target, version_label: str) -> TargetState | ApiError:
    """The Deployment and the revisions its ReplicaSets keep."""
    deployment = client.get(DEPLOYMENTS, target.namespace, target.name)
    if isinstance(deployment, ApiError):
        return deployment
    owned = _owned(client, target.namespace, deployment)
    if isinstance(owned, ApiError):
        return owned
    template = deployment["spec"]["template"]
    return TargetState(
        uid=deployment["metadata"]["uid"],
        generation=int(deployment["metadata"]["generation"]),
        revision=_revision(deployment),
        version=version_of(template, version_label),
        template_hash=template_hash(template),
        revisions=tuple(
            sorted(
                (_kept(s, version_label) for s in owned if _revision(s) > 0),
                key=lambda r: (r.revision, r.name),
            )
        ),
    )


def execute(client: Kubernetes, action: Action) -> Iterator[Step]:
    """The steps of one rollback; nothing is written before `approved` has been taken by the caller."""
    ready = _account(client, action) or _ready(client, action)
    if isinstance(ready, Step):
        yield ready
        return
    target, patch = action.target, operations(action.patch, action.action_id, ready)
    rehearsed = client.patch(DEPLOYMENTS, target.namespace, target.name, patch, dry_run=True)
    if isinstance(rehearsed, ApiError):
        yield Step("refused", f"dry_run: {rehearsed.words}")
        return
    yield Step("approved", "every check and the dry run passed", _written(action))
    written = client.patch(DEPLOYMENTS, target.namespace, target.name, patch, dry_run=False)
    result = _result(client, action, written)
    if result is not None:
        yield result


def settle(client: Kubernetes, begun: Begun, verify_until: datetime, now: datetime) -> Step | None:
    """What became of a begun action: the object itself says whether the patch took effect."""
    deployment = client.get(DEPLOYMENTS, begun.target.namespace, begun.target.name)
    if isinstance(deployment, ApiError):
        late = now >= verify_until
        return Step("failed", f"cannot be verified: {deployment.words}") if late else None
    if _action_id(deployment) != begun.action_id:
        if begun.state == "approved":
            return Step("refused", "stopped before the patch took effect; the next tick decides anew")
        return Step("undone", "another change has replaced the annotation of this action")
    version = version_of(deployment["spec"]["template"], begun.version_label)
    if version != begun.to_version:
        return Step("undone", f"the template runs {version or 'no version'} now, not {begun.to_version}")
    if begun.state == "approved":
        return Step("executed", "the patch took effect before the process stopped; it is not sent again")
    state, words = progress(deployment)
    if state == "complete":
        return Step("verified", words)
    if state == "stuck" or now >= verify_until:
        return Step("failed", f"the rollout did not complete: {words}")
    return None


def _account(client: Kubernetes, action: Action) -> Step | None:
    """What this account may not do."""
    namespace, name = action.target.namespace, action.target.name
    allowed = client.may("patch", DEPLOYMENTS, namespace, name)
    if isinstance(allowed, ApiError):
        return Step("refused", f"rights_unknown: {allowed.words}")
    if not allowed:
        return Step(
            "refused", f"forbidden: this account may not patch deployments.apps {name} in {namespace}"
        )
    return None


def _ready(client: Kubernetes, action: Action) -> Object | Step:
    """The pod template to return to, or what stands against the patch now."""
    deployment = client.get(DEPLOYMENTS, action.target.namespace, action.target.name)
    if isinstance(deployment, ApiError):
        return Step("refused", deployment.words)
    if _action_id(deployment) == action.action_id:
        return Step("executed", "the object already carries this action; nothing is sent")
    reason = objection(deployment, action)
    if reason:
        return Step("refused", reason)
    owned = _owned(client, action.target.namespace, deployment)
    return Step("refused", owned.words) if isinstance(owned, ApiError) else _template(owned, action)


def objection(deployment: Object, action: Action) -> str | None:
    """Why this Deployment must not be patched for this action, in words starting with the reason's name."""
    metadata = deployment["metadata"]
    held = (metadata["uid"], int(metadata["generation"]))
    if held != (action.patch.uid, action.patch.generation):
        decided = f"{action.patch.uid} generation {action.patch.generation}"
        return f"target_moved: decided on {decided}, now {held[0]} generation {held[1]}"
    if deployment["spec"].get("paused"):
        return "paused: spec.paused is true, a patch would not roll out"
    owned_by = owner(deployment)
    if owned_by:
        return f"owned: {owned_by}; change it at its source"
    state, words = progress(deployment)
    if state == "unseen" or (state == "under_way" and _action_id(deployment)):
        return f"rollout_in_progress: {words}"
    return None


def _template(owned: list[Object], action: Action) -> Object | Step:
    """The template of the revision to return to, still the one that was decided on."""
    patch = action.patch
    kept = next((s for s in owned if s["metadata"]["name"] == patch.replica_set), None)
    if kept is None:
        return Step("refused", f"missing_revision: ReplicaSet {patch.replica_set} is gone")
    template: Object = kept["spec"]["template"]
    found = template_hash(template)
    if (found, _revision(kept)) != (patch.to_template_hash, patch.to_revision):
        return Step("refused", f"missing_revision: ReplicaSet {patch.replica_set} is not what was decided on")
    if found == patch.from_template_hash:
        return Step("refused", "no_op: both templates are the same")
    return template


def _result(client: Kubernetes, action: Action, written: Object | ApiError) -> Step | None:
    """A refused precondition is not retried: the next tick reads and decides again.

    None while nobody knows: the action stays approved, and the next tick asks the object.
    """
    if not isinstance(written, ApiError):
        return Step(
            "executed", f"generation {written['metadata']['generation']} was written", _written(action)
        )
    found = client.get(DEPLOYMENTS, action.target.namespace, action.target.name)
    if not isinstance(found, ApiError) and _action_id(found) == action.action_id:
        return Step(
            "executed", f"the patch took effect, its answer was lost: {written.words}", _written(action)
        )
    if written.fault in ("conflict", "invalid", "forbidden", "unauthorized", "not_found"):
        return Step("refused", f"not_written: {written.words}; the next tick decides anew")
    return None


def _written(action: Action) -> str:
    """The patch as it was sent, the template by its hash."""
    template = {"metadata": {"sha256": action.patch.to_template_hash}}
    return canonical({"patch": operations(action.patch, action.action_id, template)})


def _owned(client: Kubernetes, namespace: str, deployment: Object) -> list[Object] | ApiError:
    labels = deployment["spec"]["selector"].get("matchLabels") or {}
    selector = ",".join(f"{k}={v}" for k, v in sorted(labels.items()))
    found = client.list_all(REPLICA_SETS, namespace, label_selector=selector)
    if isinstance(found, ApiError):
        return found
    uid = deployment["metadata"]["uid"]
    return [s for s in found if any(r.get("uid") == uid for r in s["metadata"].get("ownerReferences") or ())]


def _kept(replica_set: Object, version_label: str) -> Revision:
    template = replica_set["spec"]["template"]
    return Revision(
        _revision(replica_set),
        version_of(template, version_label),
        template_hash(template),
        replica_set["metadata"]["name"],
    )


def _revision(thing: Object) -> int:
    text = str((thing["metadata"].get("annotations") or {}).get(REVISION, ""))
    return int(text) if text.isdigit() else 0


def _action_id(deployment: Object) -> str:
    return str((deployment["metadata"].get("annotations") or {}).get(ACTION_ANNOTATION, ""))
