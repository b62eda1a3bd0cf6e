"""The objects by which Argo CD and Flux own a target, and how each is told to wait.

Argo CD: an Application without `spec.syncPolicy.automated` syncs when a person says so and not by itself
(its user guide, *Automated Sync Policy*); `automated.enabled: false` says the same, but not to older servers.
Flux: `spec.suspend` of a Kustomization or HelmRelease keeps its controller from the next run.
"""

from __future__ import annotations

from pipeline.actuator.kubernetes import ApiError, Kubernetes, Object, Resource
from pipeline.actuator.ladder.changes import change, planned
from pipeline.actuator.ladder.contract import Plan
from pipeline.actuator.ownership import owner as owner_of
from pipeline.actuator.progress import is_true
from pipeline.actuator.rights import GITOPS, Right, refusal
from pipeline.policy.gitops import Owner

RESOURCES = {
    "Application": Resource("argoproj.io", "v1alpha1", "applications"),
    "Kustomization": Resource("kustomize.toolkit.fluxcd.io", "v1", "kustomizations"),
    "HelmRelease": Resource("helm.toolkit.fluxcd.io", "v2", "helmreleases"),
}
_FLUX_MANAGERS = ("kustomize-controller", "helm-controller")


def plan(client: Kubernetes, owner: Owner) -> Plan | str:
    """What tells it to wait; {} where it waits already, or why it cannot be told.  Reads only."""
    resource = RESOURCES[owner.kind]
    needs = (Right(verb, resource, owner.name) for verb in ("get", "patch"))
    lacking = refusal(client, needs, owner.namespace, GITOPS)
    if lacking:
        return lacking
    thing = client.get(resource, owner.namespace, owner.name)
    if isinstance(thing, ApiError):
        return f"owner_unread: {thing.words}"
    if "deletionTimestamp" in thing["metadata"]:
        return f"owner_deleted: {owner.words} is being deleted"
    if waits(owner.kind, thing):
        return {}
    if kept := _kept_by_another(thing):
        return f"owner_owned: {owner.words}: {kept}"
    if _works(owner.kind, thing):
        return f"sync_in_progress: {owner.words} is at work; it is asked again at the next tick"
    field, after = _waiting(owner.kind, thing)
    return planned([change(resource, thing, field, after)])


def waits(kind: str, thing: Object) -> bool:
    """Whether it applies nothing by itself as it is."""
    if kind != "Application":
        return bool(thing["spec"].get("suspend"))
    automated = (thing["spec"].get("syncPolicy") or {}).get("automated")
    return automated is None or automated.get("enabled") is False


def applied(kind: str, thing: Object) -> str:
    """Which state of Git it says it has applied, in words."""
    status = thing.get("status") or {}
    if kind == "Application":
        sync = status.get("sync") or {}
        return f"{sync.get('status', 'Unknown')} {sync.get('revision', 'at no revision')}"
    return str(status.get("lastAppliedRevision") or status.get("lastAttemptedRevision") or "no revision")


def _waiting(kind: str, thing: Object) -> tuple[str, object]:
    """The field of its spec and the value under which it waits."""
    if kind != "Application":
        return "suspend", True
    return "syncPolicy", {k: v for k, v in thing["spec"]["syncPolicy"].items() if k != "automated"}


def _kept_by_another(thing: Object) -> str:
    """Who would take the wait away: an ApplicationSet or another Application, or a manifest that says it."""
    owned = owner_of(thing)
    if owned is not None and "Flux" not in owned.words:
        return owned.words
    for entry in thing["metadata"].get("managedFields") or ():
        fields = (entry.get("fieldsV1") or {}).get("f:spec") or {}
        if str(entry.get("manager")) in _FLUX_MANAGERS and "f:suspend" in fields:
            return f"its own manifest says spec.suspend (field manager {entry['manager']})"
    return ""


def _works(kind: str, thing: Object) -> bool:
    """A run that has begun goes on, whatever it is told meanwhile."""
    if kind != "Application":
        return is_true(thing, "Reconciling")
    phase = ((thing.get("status") or {}).get("operationState") or {}).get("phase")
    return "operation" in thing or phase in ("Running", "Terminating")
