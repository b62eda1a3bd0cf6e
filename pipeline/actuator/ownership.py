"""Who else writes an object: a GitOps tool or a controller that would put our change back."""

from __future__ import annotations

from pipeline.actuator.kubernetes import Object

# `app.kubernetes.io/instance` alone is no sign: charts without any GitOps tool set it too.
_MARKS: tuple[tuple[str, str, str], ...] = (
    ("annotations", "argocd.argoproj.io/", "Argo CD"),
    ("labels", "argocd.argoproj.io/", "Argo CD"),
    ("labels", "kustomize.toolkit.fluxcd.io/", "Flux"),
    ("labels", "helm.toolkit.fluxcd.io/", "Flux"),
    ("annotations", "meta.helm.sh/release-name", "Helm"),
    ("annotations", "objectset.rio.cattle.io/", "Fleet"),
)

_MANAGERS: dict[str, str] = {
    "argocd-controller": "Argo CD",
    "argocd-application-controller": "Argo CD",
    "kustomize-controller": "Flux",
    "helm-controller": "Flux",
    "helm": "Helm",
    "fleetagent": "Fleet",
}


def owner(deployment: Object) -> str | None:
    """The tool that owns the object and the sign it left, in words; None where nobody else does."""
    return _by_mark(deployment) or _by_manager(deployment) or _by_reference(deployment)


def _by_mark(deployment: Object) -> str | None:
    metadata = deployment.get("metadata") or {}
    for where, prefix, tool in _MARKS:
        for key in sorted(metadata.get(where) or {}):
            if key.startswith(prefix):
                return f"{tool} owns it ({where[:-1]} {key})"
    if (metadata.get("labels") or {}).get("app.kubernetes.io/managed-by") == "Helm":
        return "Helm owns it (label app.kubernetes.io/managed-by)"
    return None


def _by_manager(deployment: Object) -> str | None:
    for entry in (deployment.get("metadata") or {}).get("managedFields") or ():
        tool = _MANAGERS.get(str(entry.get("manager", "")).lower())
        if tool:
            return f"{tool} owns it (field manager {entry['manager']})"
    return None


def _by_reference(deployment: Object) -> str | None:
    for reference in (deployment.get("metadata") or {}).get("ownerReferences") or ():
        if reference.get("controller"):
            return (
                f"{reference.get('kind')}/{reference.get('name')} controls it and would put the template back"
            )
    return None
