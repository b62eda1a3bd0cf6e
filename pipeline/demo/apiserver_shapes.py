"""The shapes that the simulated cluster fills in: a new ReplicaSet, a rollout's status, field managers."""

from __future__ import annotations

import hashlib
import json
from copy import deepcopy
from typing import Any

Object = dict[str, Any]

REVISION = "deployment.kubernetes.io/revision"
HASH_LABEL = "pod-template-hash"
API_VERSION = "apps/v1"


def replica_set(deployment: Object, revision: int) -> Object:
    metadata = deployment["metadata"]
    template = bare(deployment["spec"]["template"])
    hashed = hashlib.sha256(json.dumps(template, sort_keys=True).encode()).hexdigest()[:10]
    template["metadata"]["labels"][HASH_LABEL] = hashed
    name = f"{metadata['name']}-{hashed}"
    owner = {
        "apiVersion": API_VERSION,
        "kind": "Deployment",
        "name": metadata["name"],
        "uid": metadata["uid"],
    }
    return {
        "apiVersion": API_VERSION,
        "kind": "ReplicaSet",
        "metadata": {
            "name": name,
            "namespace": metadata["namespace"],
            "uid": uid("ReplicaSet", metadata["namespace"], name),
            "generation": 1,
            "labels": dict(template["metadata"]["labels"]),
            "annotations": {REVISION: str(revision)},
            "ownerReferences": [{**owner, "controller": True, "blockOwnerDeletion": True}],
        },
        "spec": {
            "replicas": 0,
            "selector": {"matchLabels": dict(template["metadata"]["labels"])},
            "template": template,
        },
        "status": {},
    }


def sign(changed: Object, manager: str) -> None:
    fields = [f for f in changed["metadata"].get("managedFields") or () if f["manager"] != manager]
    entry = {"manager": manager, "operation": "Update", "apiVersion": API_VERSION, "fieldsType": "FieldsV1"}
    changed["metadata"]["managedFields"] = [*fields, {**entry, "fieldsV1": {}}]


def status(generation: int, wanted: int, updated: int) -> Object:
    whole = updated == wanted
    reason = "NewReplicaSetAvailable" if whole else "ReplicaSetUpdated"
    return {
        "observedGeneration": generation,
        "replicas": wanted,
        "updatedReplicas": updated,
        "readyReplicas": wanted,
        "availableReplicas": wanted,
        "conditions": [
            {"type": "Available", "status": "True", "reason": "MinimumReplicasAvailable"},
            {"type": "Progressing", "status": "True", "reason": reason},
        ],
    }


def bare(template: Object) -> Object:
    copy = deepcopy(template)
    copy["metadata"]["labels"].pop(HASH_LABEL, None)
    return copy


def revision(replica_set: Object) -> int:
    return int(replica_set["metadata"]["annotations"][REVISION])


def uid(*parts: str) -> str:
    text = hashlib.sha256("/".join(parts).encode()).hexdigest()
    return "-".join((text[:8], text[8:12], text[12:16], text[16:20], text[20:32]))
