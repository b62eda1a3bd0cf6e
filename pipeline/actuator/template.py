"""Pod templates: what makes two of them the same, and the patch that puts an older one back."""

from __future__ import annotations

from copy import deepcopy

from pipeline.actuator.kubernetes import Object
from pipeline.canonical import digest
from pipeline.policy.decisions import Patch

HASH_LABEL = "pod-template-hash"
ACTION_ANNOTATION = "driftledger.io/action-id"


def bare(template: Object) -> Object:
    """The template without the label that its ReplicaSet's controller added."""
    copy = deepcopy(template)
    metadata = copy.get("metadata") or {}
    labels = metadata.get("labels") or {}
    labels.pop(HASH_LABEL, None)
    return copy


def template_hash(template: Object) -> str:
    """SHA-256 of the bare template."""
    return digest(bare(template))


def version_of(template: Object, label: str) -> str:
    """Model version by the template's label; '' where the label is missing."""
    labels = (template.get("metadata") or {}).get("labels") or {}
    return str(labels.get(label, ""))


def operations(patch: Patch, action_id: str, template: Object) -> list[Object]:
    """The JSON patch (RFC 6902): whole on the object and generation that were decided on, or not at all."""
    annotation = ACTION_ANNOTATION.replace("~", "~0").replace("/", "~1")
    return [
        {"op": "test", "path": "/metadata/uid", "value": patch.uid},
        {"op": "test", "path": "/metadata/generation", "value": patch.generation},
        {"op": "replace", "path": "/spec/template", "value": bare(template)},
        {"op": "add", "path": f"/metadata/annotations/{annotation}", "value": action_id},
    ]
