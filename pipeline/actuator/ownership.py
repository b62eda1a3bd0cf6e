"""Who else writes an object: a GitOps tool or a controller that would put our change back."""

from __future__ import annotations

from typing import NamedTuple

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

TRACKING = "argocd.argoproj.io/tracking-id"
_INSTANCE, _SHARED_INSTANCE = "argocd.argoproj.io/instance", "app.kubernetes.io/instance"
_FLUX = {
    "Kustomization": "kustomize.toolkit.fluxcd.io",
    "HelmRelease": "helm.toolkit.fluxcd.io",
}


class Owned(NamedTuple):
    """By whom, and by which sign, in words; `by` is kind and name where one owner alone is named."""

    words: str
    by: str


def owner(thing: Object) -> Owned | None:
    """The tool that owns the object and the sign it left; None where nobody else does."""
    words = _by_mark(thing) or _by_manager(thing) or _by_reference(thing)
    if words is None:
        return None
    named = _named(thing)
    return Owned(words, named[0] if len(named) == 1 and not _by_reference(thing) else "")


def _named(thing: Object) -> list[str]:
    """Owners that the object names, each as its controller writes it."""
    metadata = thing.get("metadata") or {}
    labels, annotations = metadata.get("labels") or {}, metadata.get("annotations") or {}
    found = []
    for kind, group in _FLUX.items():
        if f"{group}/name" in labels:
            found.append(f"{kind} {labels.get(f'{group}/namespace', '')}/{labels[f'{group}/name']}")
    tracked = _tracked(thing, str(annotations.get(TRACKING, "")))
    if not tracked and "Argo CD" in (_by_manager(thing) or ""):
        tracked = str(labels.get(_SHARED_INSTANCE, ""))
    tracked = tracked or str(labels.get(_INSTANCE, ""))
    return [*found, f"Application {tracked}"] if tracked else found


def _tracked(thing: Object, text: str) -> str:
    """From APP:GROUP/KIND:NAMESPACE/NAME; a mark that was copied from another object names nobody.

    Of an application outside of Argo CD's own namespace APP is NAMESPACE_NAME.
    """
    app, _, rest = text.partition(":")
    metadata = thing.get("metadata") or {}
    kind, _, name = rest.partition(":")
    ours = (str(thing.get("kind", "")), f"{metadata.get('namespace', '')}/{metadata.get('name', '')}")
    return app.replace("_", "/", 1) if (kind.rpartition("/")[2], name) == ours else ""


def _by_mark(thing: Object) -> str | None:
    metadata = thing.get("metadata") or {}
    for where, prefix, tool in _MARKS:
        for key in sorted(metadata.get(where) or {}):
            if key.startswith(prefix):
                return f"{tool} owns it ({where[:-1]} {key})"
    if (metadata.get("labels") or {}).get("app.kubernetes.io/managed-by") == "Helm":
        return "Helm owns it (label app.kubernetes.io/managed-by)"
    return None


def _by_manager(thing: Object) -> str | None:
    for entry in (thing.get("metadata") or {}).get("managedFields") or ():
        tool = _MANAGERS.get(str(entry.get("manager", "")).lower())
        if tool:
            return f"{tool} owns it (field manager {entry['manager']})"
    return None


def _by_reference(thing: Object) -> str | None:
    for reference in (thing.get("metadata") or {}).get("ownerReferences") or ():
        if reference.get("controller"):
            return (
                f"{reference.get('kind')}/{reference.get('name')} controls it and would put the template back"
            )
    return None
