"""Fields that serving kinds publish and that a rollback reads or writes, as structural schemas of our own."""

from __future__ import annotations

from typing import Any

Json = dict[str, Any]

TEXT: Json = {"type": "string"}
ANYTHING: Json = {"type": "object", "x-kubernetes-preserve-unknown-fields": True}
COUNT: Json = {"type": "integer"}
FLAG: Json = {"type": "boolean"}
TEXTS: Json = {"type": "object", "additionalProperties": TEXT}
QUANTITIES: Json = {"type": "object", "additionalProperties": {"x-kubernetes-int-or-string": True}}


def fields(**properties: Json) -> Json:
    return {"type": "object", "properties": properties}


def chosen(*values: str) -> Json:
    return {**TEXT, "enum": list(values)}


def many(item: Json) -> Json:
    return {"type": "array", "items": item}


CONDITION = fields(type=TEXT, status=TEXT, reason=TEXT, message=TEXT, observedGeneration=COUNT)
CONDITIONS = many(CONDITION)
CONTAINER = fields(
    name=TEXT, image=TEXT, command=many(TEXT), args=many(TEXT),
    env=many(fields(name=TEXT, value=TEXT)),
    resources=fields(limits=QUANTITIES, requests=QUANTITIES),
    securityContext=fields(privileged=FLAG),
)  # fmt: skip
POD = fields(
    containers=many(CONTAINER), initContainers=many(CONTAINER), nodeSelector=TEXTS, serviceAccountName=TEXT,
    hostNetwork=FLAG, hostPID=FLAG,
    volumes=many(fields(name=TEXT, hostPath=fields(path=TEXT), configMap=fields(name=TEXT))),
)  # fmt: skip
TEMPLATE = fields(metadata=fields(labels=TEXTS, annotations=TEXTS), spec=POD)

_COMPONENT = fields(
    **POD["properties"], minReplicas=COUNT, maxReplicas=COUNT, scaleTarget=COUNT, canaryTrafficPercent=COUNT,
    labels=TEXTS, annotations=TEXTS, timeout=COUNT,
    model=fields(
        **CONTAINER["properties"], modelFormat=fields(name=TEXT, version=TEXT), runtime=TEXT, storageUri=TEXT,
        protocolVersion=TEXT,
    ),
)  # fmt: skip
INFERENCE_SERVICE = (
    fields(predictor=_COMPONENT, transformer=_COMPONENT, explainer=_COMPONENT),
    fields(
        observedGeneration=COUNT,
        conditions=CONDITIONS,
        deploymentMode=TEXT,
        modelStatus=fields(
            transitionStatus=chosen("", "UpToDate", "InProgress", "BlockedByFailedLoad", "InvalidSpec")
        ),
        components={
            "type": "object",
            "additionalProperties": fields(
                latestReadyRevision=TEXT, latestCreatedRevision=TEXT, previousRolledoutRevision=TEXT,
                latestRolledoutRevision=TEXT,
                traffic=many(fields(revisionName=TEXT, percent=COUNT, latestRevision=FLAG)),
            ),
        },
    ),
)  # fmt: skip

_WORKLOAD: Json = {
    "replicas": COUNT, "parallelism": fields(tensor=COUNT, pipeline=COUNT), "labels": TEXTS,
    "annotations": TEXTS, "template": POD, "worker": POD,
}  # fmt: skip
_ROUTE = fields(http=fields(refs=many(fields(name=TEXT))), group=TEXT, weight=COUNT)
LLM_INFERENCE_SERVICE = (
    fields(
        **_WORKLOAD, model=fields(uri=TEXT, name=TEXT), prefill=fields(**_WORKLOAD),
        router=fields(route=_ROUTE, scheduler=fields(template=POD)), baseRefs=many(fields(name=TEXT)),
    ),
    fields(observedGeneration=COUNT, conditions=CONDITIONS, url=TEXT),
)  # fmt: skip

_GPU = fields(count=COUNT, type=TEXT)
_SCALED = fields(replicas=COUNT, gpu=_GPU, memory=TEXT)
MODEL_DEPLOYMENT = (
    fields(
        model=fields(id=TEXT, servedName=TEXT, source=chosen("huggingface", "custom")),
        provider=fields(name=TEXT, overrides=ANYTHING),
        engine=fields(
            type=chosen("vllm", "sglang", "trtllm", "llamacpp"), image=TEXT, contextLength=COUNT,
            args=TEXTS, extraArgs=many(TEXT),
        ),
        serving=fields(mode=TEXT), image=TEXT, env=many(fields(name=TEXT, value=TEXT)),
        scaling=fields(replicas=COUNT, prefill=_SCALED, decode=_SCALED),
        resources=fields(gpu=_GPU, memory=TEXT, cpu=TEXT),
        podTemplate=fields(metadata=fields(labels=TEXTS, annotations=TEXTS)),
        gateway=fields(enabled=FLAG, modelName=TEXT, httpRouteRef=TEXT), nodeSelector=TEXTS,
    ),
    fields(
        phase=chosen("Pending", "Deploying", "Running", "Failed", "Terminating"), message=TEXT,
        replicas=fields(desired=COUNT, ready=COUNT, available=COUNT), conditions=CONDITIONS,
        observedGeneration=COUNT, image=fields(requested=TEXT, resolved=TEXT, digest=TEXT),
    ),
)  # fmt: skip

_WORKERS = fields(
    groupName=TEXT,
    replicas=COUNT,
    minReplicas=COUNT,
    maxReplicas=COUNT,
    rayStartParams=TEXTS,
    template=TEMPLATE,
)
_SERVED = fields(
    rayClusterName=TEXT,
    applicationStatuses={"type": "object", "additionalProperties": fields(status=TEXT, message=TEXT)},
)
RAY_SERVICE = (
    fields(
        serveConfigV2=TEXT, suspend=FLAG, rayClusterDeletionDelaySeconds=COUNT,
        upgradeStrategy=fields(type=TEXT),
        rayClusterConfig=fields(
            rayVersion=TEXT, headGroupSpec=fields(rayStartParams=TEXTS, template=TEMPLATE),
            workerGroupSpecs=many(_WORKERS),
        ),
    ),
    fields(
        observedGeneration=COUNT, serviceStatus=TEXT, numServeEndpoints=COUNT, conditions=CONDITIONS,
        activeServiceStatus=_SERVED, pendingServiceStatus=_SERVED,
    ),
)  # fmt: skip

_REFERENCE: Json = {"group": TEXT, "kind": TEXT, "name": TEXT, "namespace": TEXT}
_FILTER = fields(type=TEXT)
_MATCH = fields(path=fields(type=TEXT, value=TEXT), headers=many(fields(name=TEXT, value=TEXT)), method=TEXT)
HTTP_ROUTE = (
    fields(
        parentRefs=many(fields(**_REFERENCE, sectionName=TEXT)), hostnames=many(TEXT),
        rules=many(fields(
            name=TEXT, matches=many(_MATCH), filters=many(_FILTER),
            backendRefs=many(fields(**_REFERENCE, port=COUNT, weight=COUNT, filters=many(_FILTER))),
        )),
    ),
    fields(parents=many(fields(
        controllerName=TEXT, parentRef=fields(**_REFERENCE, sectionName=TEXT), conditions=CONDITIONS
    ))),
)  # fmt: skip


def definition(group: str, version: str, plural: str, kind: str, spec: Json, status: Json) -> Json:
    """The CustomResourceDefinition; whatever is not in the schema is refused by strict validation."""
    schema = fields(spec=spec, status=status)
    served = {"name": version, "served": True, "storage": True, "subresources": {"status": {}}}
    metadata: Json = {"name": f"{plural}.{group}"}
    if group.endswith("k8s.io"):  # such a group wants to be approved
        metadata["annotations"] = {"api-approved.kubernetes.io": "unapproved, a test"}
    return {
        "apiVersion": "apiextensions.k8s.io/v1",
        "kind": "CustomResourceDefinition",
        "metadata": metadata,
        "spec": {
            "group": group,
            "scope": "Namespaced",
            "names": {"kind": kind, "plural": plural},
            "versions": [served | {"schema": {"openAPIV3Schema": schema}}],
        },
    }
