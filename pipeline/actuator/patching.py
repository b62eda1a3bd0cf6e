"""The one patch of a rollback: whole on the object and generation that were decided on, or not at all."""

from __future__ import annotations

from pipeline.actuator.kubernetes import Object
from pipeline.actuator.pointers import escaped
from pipeline.canonical import canonical, digest
from pipeline.policy.decisions import Action

ANNOTATION = "driftledger.io/action-id"
MARK = f"/metadata/annotations/{escaped(ANNOTATION)}"


def operations(action: Action, path: str, content: Object, *, annotated: bool) -> list[Object]:
    """A JSON patch (RFC 6902); `annotated` is whether the object has any annotation already."""
    mark: Object = (
        {"op": "add", "path": MARK, "value": action.action_id}
        if annotated
        else {"op": "add", "path": "/metadata/annotations", "value": {ANNOTATION: action.action_id}}
    )
    return [
        {"op": "test", "path": "/metadata/uid", "value": action.patch.uid},
        {"op": "test", "path": "/metadata/generation", "value": action.patch.generation},
        {"op": "replace", "path": path, "value": content},
        mark,
    ]


def written(action: Action, path: str, *, annotated: bool) -> str:
    """The patch as it was sent, the content by its hash: it may hold secrets."""
    content = {"sha256": action.patch.to_template_hash}
    return canonical({"patch": operations(action, path, content, annotated=annotated)})


def content_hash(content: Object) -> str:
    """SHA-256 of the canonical content."""
    return digest(content)


def annotations_of(thing: Object) -> dict[str, str]:
    return dict((thing.get("metadata") or {}).get("annotations") or {})


def action_of(thing: Object) -> str:
    """Id of the action that changed the object last; '' for none."""
    return annotations_of(thing).get(ANNOTATION, "")
