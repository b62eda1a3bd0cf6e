"""Kueue's and KEDA's kinds as structural schemas of the fields that they publish and that we read or write.

Pod templates, triggers and what KEDA scales by are taken as they are: nothing of ours looks into them.
"""

from __future__ import annotations

from pipeline.rig.kube.cluster import Kube
from tests.rig import cluster_objects as objects
from tests.rig.cluster_objects import Json

_ANY = {"type": "object", "x-kubernetes-preserve-unknown-fields": True}
_TEXT, _COUNT, _FLAG = {"type": "string"}, {"type": "integer", "format": "int32"}, {"type": "boolean"}
_TIME = {"type": "string", "format": "date-time"}


def _object(required: tuple[str, ...] = (), **properties: Json) -> Json:
    return {"type": "object", "properties": properties, **({"required": list(required)} if required else {})}


def _list(items: Json, key: str = "") -> Json:
    keyed = {"x-kubernetes-list-type": "map", "x-kubernetes-list-map-keys": [key]} if key else {}
    return {"type": "array", "items": items, **keyed}


_CONDITIONS = _list(
    _object(
        ("type", "status", "lastTransitionTime", "reason", "message"), type=_TEXT, status=_TEXT, reason=_TEXT,
        message=_TEXT, lastTransitionTime=_TIME, observedGeneration={"type": "integer", "format": "int64"},
    ),
    "type",
)  # fmt: skip
_POLICY = {"type": "string", "enum": ["None", "Hold", "HoldAndDrain"], "default": "None"}
_CHECK_STATE = {"type": "string", "enum": ["Pending", "Ready", "Retry", "Rejected"]}
_CHECK = _object(
    ("name", "state", "lastTransitionTime", "message"), name=_TEXT, state=_CHECK_STATE, message=_TEXT,
    lastTransitionTime=_TIME, podSetUpdates=_list(_ANY), retryCount=_COUNT,
    requeueAfterSeconds=_COUNT | {"minimum": 0},
)  # fmt: skip
_POD_SET = _object(("template",), name=_TEXT, count=_COUNT, minCount=_COUNT, template=_ANY)
_CLASS = _object(("group", "kind", "name"), group=_TEXT, kind=_TEXT, name=_TEXT)
_WORKLOAD = _object(
    podSets=_list(_POD_SET, "name") | {"minItems": 1, "maxItems": 8}, queueName=_TEXT, priority=_COUNT,
    priorityClassRef=_CLASS, active=_FLAG | {"default": True}, maximumExecutionTimeSeconds=_COUNT,
)  # fmt: skip
_POD_SET["properties"]["name"] = _TEXT | {"default": "main"}
_SCALED = _object(
    ("scaleTargetRef", "triggers"),
    scaleTargetRef=_object(("name",), apiVersion=_TEXT, kind=_TEXT, name=_TEXT),
    pollingInterval=_COUNT, cooldownPeriod=_COUNT, idleReplicaCount=_COUNT, minReplicaCount=_COUNT,
    maxReplicaCount=_COUNT, advanced=_ANY, fallback=_ANY, triggers=_list(_ANY),
)  # fmt: skip


def _kind(group: str, version: str, kind: str, plural: str, scope: str, spec: Json, status: Json) -> Json:
    schema = _object(spec=spec, status=status)
    served = {
        "name": version, "served": True, "storage": True, "subresources": {"status": {}},
        "schema": {"openAPIV3Schema": schema},
    }  # fmt: skip
    names = {"kind": kind, "plural": plural}
    return {
        "apiVersion": "apiextensions.k8s.io/v1",
        "kind": "CustomResourceDefinition",
        "metadata": {
            "name": f"{plural}.{group}",
            "annotations": {"api-approved.kubernetes.io": "unapproved, for tests"},
        },
        "spec": {"group": group, "scope": scope, "names": names, "versions": [served]},
    }


KINDS = (
    _kind(
        "kueue.x-k8s.io", "v1beta2", "LocalQueue", "localqueues", "Namespaced",
        _object(clusterQueue=_TEXT, stopPolicy=_POLICY), _object(conditions=_CONDITIONS),
    ),
    _kind(
        "kueue.x-k8s.io", "v1beta2", "Workload", "workloads", "Namespaced", _WORKLOAD,
        _object(conditions=_CONDITIONS, admission=_ANY, admissionChecks=_list(_CHECK, "name")),
    ),
    _kind(
        "kueue.x-k8s.io", "v1beta2", "AdmissionCheck", "admissionchecks", "Cluster",
        _object(("controllerName",), controllerName=_TEXT, parameters=_ANY), _object(conditions=_CONDITIONS),
    ),
    _kind(
        "keda.sh", "v1alpha1", "ScaledObject", "scaledobjects", "Namespaced", _SCALED,
        _object(hpaName=_TEXT, conditions=_list(_ANY), pausedReplicaCount=_COUNT),
    ),
)  # fmt: skip


def install(kube: Kube) -> None:
    """Served when it returns."""
    path = "/apis/apiextensions.k8s.io/v1/customresourcedefinitions"
    for kind in KINDS:
        kube.request("POST", path, kind, or_status=409)

    def served() -> bool:
        found = [kube.request("GET", f"{path}/{k['metadata']['name']}").get("status", {}) for k in KINDS]
        return all(
            any(c["type"] == "Established" and c["status"] == "True" for c in s.get("conditions") or ())
            for s in found
        )

    objects.until(served, "Kueue's and KEDA's kinds")
