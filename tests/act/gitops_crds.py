"""Argo CD's and Flux's kinds as structural schemas of the fields that they publish and that we read or write.

Fields as in argo-cd's pkg/apis/application/v1alpha1/types.go, kustomize-controller's api/v1 and
helm-controller's api/v2.
"""

from __future__ import annotations

from pipeline.actuator.gitops_owner import RESOURCES
from pipeline.rig.kube.cluster import Kube
from tests.act.serving_crds import ANYTHING, CONDITIONS, COUNT, FLAG, TEXT, Json, definition, fields, many
from tests.rig import cluster_objects as objects

_PATH = "/apis/apiextensions.k8s.io/v1/customresourcedefinitions"
_REFERENCE = fields(apiVersion=TEXT, kind=TEXT, name=TEXT, namespace=TEXT)
_AUTOMATED = fields(prune=FLAG, selfHeal=FLAG, allowEmpty=FLAG, enabled=FLAG)
_APPLICATION = (
    fields(
        project=TEXT,
        destination=fields(server=TEXT, namespace=TEXT, name=TEXT),
        source=fields(repoURL=TEXT, path=TEXT, targetRevision=TEXT),
        syncPolicy=fields(automated=_AUTOMATED, syncOptions=many(TEXT), retry=fields(limit=COUNT)),
    ),
    fields(
        sync=fields(status=TEXT, revision=TEXT),
        health=fields(status=TEXT),
        operationState=fields(phase=TEXT, message=TEXT),
    ),
)
_STATUS = fields(
    observedGeneration=COUNT, conditions=CONDITIONS, lastAppliedRevision=TEXT, lastAttemptedRevision=TEXT
)
_KUSTOMIZATION = fields(
    interval=TEXT, path=TEXT, prune=FLAG, suspend=FLAG, wait=FLAG, sourceRef=_REFERENCE, targetNamespace=TEXT
)
_HELM_RELEASE = fields(
    interval=TEXT, suspend=FLAG, releaseName=TEXT, values=ANYTHING, chart=ANYTHING, chartRef=_REFERENCE,
    driftDetection=fields(mode=TEXT),
)  # fmt: skip
_KINDS: dict[str, tuple[Json, Json]] = {
    "Application": _APPLICATION,
    "Kustomization": (_KUSTOMIZATION, _STATUS),
    "HelmRelease": (_HELM_RELEASE, _STATUS),
}


def install(kube: Kube) -> None:
    """Back when their APIs answer."""
    for kind, (spec, status) in _KINDS.items():
        of = RESOURCES[kind]
        body = definition(of.group, of.version, of.plural, kind, spec, status)
        kube.request("POST", _PATH, body, or_status=409)
    names = {f"{of.plural}.{of.group}" for of in RESOURCES.values()}

    def served() -> bool:
        found = [d for d in objects.items(kube, _PATH) if d["metadata"]["name"] in names]
        told = [d.get("status", {}).get("conditions") or () for d in found]
        ready = [any((c["type"], c["status"]) == ("Established", "True") for c in one) for one in told]
        return len(ready) == len(names) and all(ready)

    objects.until(served, "the APIs of GitOps")
