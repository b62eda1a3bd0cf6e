"""Targets that keep no earlier state: how each looks with a version, and what its controller reports."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from typing import Any

from pipeline.actuator.catalogue import TARGETS
from pipeline.actuator.kubernetes import Resource
from pipeline.policy.rules import VERSION_LABEL
from tests.act import serving_crds as crds

Json = dict[str, Any]


@dataclass(frozen=True)
class Kind:
    name: str
    schemas: tuple[Json, Json]
    spec: Callable[[str], Json]
    """Of a model version."""
    report: Callable[[Json, bool], Json]
    """Status of an object whose newest spec is out, or is still under way."""
    annotations: Json

    @property
    def resource(self) -> Resource:
        return TARGETS[self.name].shape.RESOURCE

    @property
    def definition(self) -> Json:
        of = self.resource
        return crds.definition(of.group, of.version, of.plural, self.name, *self.schemas)

    def body(self, name: str, version: str) -> Json:
        of = self.resource
        return {
            "apiVersion": f"{of.group}/{of.version}",
            "kind": self.name,
            "metadata": {"name": name, "annotations": dict(self.annotations)},
            "spec": self.spec(version),
        }


def _labels(version: str) -> Json:
    return {"labels": {VERSION_LABEL: version}}


def _ready(done: bool, name: str = "Ready", **more: Any) -> Json:
    return {"type": name, "status": "True" if done else "False", **more}


def _inference(version: str) -> Json:
    model = {"modelFormat": {"name": "sklearn"}, "storageUri": f"s3://models/fraud/{version}"}
    return {"predictor": {**_labels(version), "minReplicas": 1, "model": model}}


def _inference_status(thing: Json, done: bool) -> Json:
    """Of Knative: a spec is a revision, and the generation told is that of another object."""
    made = f"fraud-predictor-{thing['metadata']['generation']:05}"
    predictor = {
        "latestCreatedRevision": made,
        "latestReadyRevision": made if done else "fraud-predictor-00000",
    }
    return {
        "observedGeneration": 1,
        "conditions": [_ready(done)],
        "modelStatus": {"transitionStatus": "UpToDate" if done else "InProgress"},
        "components": {"predictor": predictor},
    }


def _llm(version: str) -> Json:
    engine = {"name": "main", "image": "vllm/vllm-openai:v0.11.0", "args": [f"--revision={version}"]}
    return {
        **_labels(version),
        "model": {"uri": f"hf://org/fraud-{version}", "name": "fraud"},
        "replicas": 2,
        "template": {"containers": [engine]},
        "router": {"route": {"group": "fraud", "weight": 90}},
    }


def _airunway(version: str) -> Json:
    return {
        "model": {"id": "org/fraud", "source": "huggingface"},
        "engine": {"type": "vllm", "image": f"vllm/vllm-openai:{version}", "args": {"max-num-seqs": "64"}},
        "scaling": {"replicas": 2},
        "podTemplate": {"metadata": _labels(version)},
    }


def _ray(version: str) -> Json:
    pod = {"containers": [{"name": "ray", "image": f"rayproject/ray:{version}"}]}
    group = {"groupName": "gpu", "replicas": 1, "minReplicas": 1, "maxReplicas": 4, "template": {"spec": pod}}
    return {
        "serveConfigV2": f"applications: [{{name: fraud, import_path: 'fraud.{version}:app'}}]",
        "rayClusterConfig": {
            "headGroupSpec": {"rayStartParams": {}, "template": {"metadata": _labels(version), "spec": pod}},
            "workerGroupSpecs": [group],
        },
    }


def _route(version: str) -> Json:
    weights = {"v1": {"fraud-v1": 100, "fraud-v2": 0}, "v2": {"fraud-v1": 90, "fraud-v2": 10}}[version]
    backends = [{"name": name, "port": 80, "weight": weight} for name, weight in weights.items()]
    match = {"path": {"type": "PathPrefix", "value": "/fraud"}}
    return {"parentRefs": [{"name": "gateway"}], "rules": [{"matches": [match], "backendRefs": backends}]}


def _route_status(thing: Json, done: bool) -> Json:
    seen = {"observedGeneration": thing["metadata"]["generation"]}
    told = [_ready(done, "Accepted", **seen), _ready(done, "ResolvedRefs", **seen)]
    return {"parents": [{"controllerName": "e.io/c", "parentRef": {"name": "gateway"}, "conditions": told}]}


def _seen(thing: Json) -> Json:
    return {"observedGeneration": thing["metadata"]["generation"]}


SERVING = (
    Kind("InferenceService", crds.INFERENCE_SERVICE, _inference, _inference_status, {}),
    Kind(
        "LLMInferenceService", crds.LLM_INFERENCE_SERVICE, _llm,
        lambda thing, done: {"conditions": [_ready(done)]}, {},
    ),
    Kind(
        "ModelDeployment", crds.MODEL_DEPLOYMENT, _airunway,
        lambda thing, done: {
            **_seen(thing), "phase": "Running" if done else "Deploying", "conditions": [_ready(done)],
            "replicas": {"desired": 2, "ready": 2 if done else 1},
        }, {},
    ),
    Kind(
        "RayService", crds.RAY_SERVICE, _ray,
        lambda thing, done: {
            **_seen(thing), "conditions": [_ready(True), _ready(not done, "UpgradeInProgress")],
            "pendingServiceStatus": {"rayClusterName": "" if done else "fraud-2"},
        }, {},
    ),
    Kind(
        "HTTPRoute", crds.HTTP_ROUTE, _route, _route_status,
        {f"{VERSION_LABEL}.fraud-v1": "v1", f"{VERSION_LABEL}.fraud-v2": "v2"},
    ),
)  # fmt: skip
BY_NAME = {kind.name: kind for kind in SERVING}
