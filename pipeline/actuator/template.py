"""Pod templates: what makes two of them the same, and which model version one runs."""

from __future__ import annotations

from collections.abc import Sequence
from copy import deepcopy

from pipeline.actuator.kubernetes import Object
from pipeline.actuator.shape import Kept

_ADDED_LABELS = ("pod-template-hash", "rollouts-pod-template-hash")
"""Labels that the controllers of ReplicaSets add."""


def bare(template: Object) -> Object:
    """The template as it was written: without a controller's labels and a revision's `$patch`."""
    copy = deepcopy(template)
    copy.pop("$patch", None)
    metadata = copy.get("metadata") or {}
    if metadata.get("creationTimestamp", "") is None:
        del metadata["creationTimestamp"]  # older servers write null into a revision
    labels = metadata.get("labels") or {}
    for label in _ADDED_LABELS:
        labels.pop(label, None)
    return copy


def pod_template(thing: Object) -> Object:
    """That of a workload; {} where another object holds it."""
    return bare(thing["spec"].get("template") or {})


def version_of(template: Object, label: str) -> str:
    """Model version by the template's label; '' where the label is missing."""
    labels = (template.get("metadata") or {}).get("labels") or {}
    return str(labels.get(label, ""))


def as_kept(thing: Object, found: Kept, kept: Sequence[Kept]) -> Object:
    """A pod template goes back as it was."""
    return found.content
