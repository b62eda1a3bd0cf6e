"""What the simulated API server says: objects, lists, access reviews, and refusals in a real one's words."""

from __future__ import annotations

import json
from collections.abc import Mapping
from typing import Any

from pipeline.demo.apiserver_faults import Behaviour
from pipeline.demo.apiserver_objects import Apps
from pipeline.demo.apiserver_shapes import Object

USER = "system:serviceaccount:driftledger:actuator"
_REASONS = {
    400: "BadRequest",
    401: "Unauthorized",
    403: "Forbidden",
    404: "NotFound",
    405: "MethodNotAllowed",
    409: "Conflict",
    413: "RequestEntityTooLarge",
    415: "UnsupportedMediaType",
    422: "Invalid",
    500: "InternalError",
}


class Refused(Exception):
    """Answered with a Status object of this code."""

    def __init__(self, code: int, message: str) -> None:
        super().__init__(message)
        self.code = code


def verb(method: str, plural: str, name: str | None) -> str:
    if method == "GET":
        return "get" if name else "list"
    if method == "PATCH" and name and plural == "deployments":
        return "patch"
    raise Refused(405, "the server does not allow this method on the requested resource")


def dry_run(query: Mapping[str, str]) -> bool:
    asked = query.get("dryRun")
    if asked not in (None, "All"):
        raise Refused(422, f'dryRun: Unsupported value: "{asked}": supported values: "All"')
    return asked == "All"


def parsed(body: bytes) -> Any:
    try:
        return json.loads(body)
    except ValueError as error:
        raise Refused(400, "the body is not JSON") from error


def get(apps: Apps, namespace: str, plural: str, name: str) -> Object:
    found = apps.find(plural, namespace, name)
    if found is None:
        raise Refused(404, f'{plural}.apps "{name}" not found')
    return found


def listing(apps: Apps, namespace: str, plural: str, query: Mapping[str, str]) -> Object:
    selector = dict(part.split("=", 1) for part in query.get("labelSelector", "").split(",") if "=" in part)
    kept = [
        thing
        for thing in apps.all_of(plural, namespace)
        if selector.items() <= (thing["metadata"].get("labels") or {}).items()
    ]
    start = int(query.get("continue", "0"))
    end = start + int(query.get("limit", "500"))
    following = {"continue": str(end)} if end < len(kept) else {}
    kind = "DeploymentList" if plural == "deployments" else "ReplicaSetList"
    return {"apiVersion": "apps/v1", "kind": kind, "metadata": following, "items": kept[start:end]}


def review(behaviour: Behaviour, review: Any) -> Object:
    try:
        asked = review["spec"]["resourceAttributes"]
        allowed = not behaviour.denied(asked["verb"], asked["resource"])
    except (TypeError, KeyError) as error:
        raise Refused(422, "spec.resourceAttributes is required") from error
    return {**review, "status": {"allowed": allowed}}


def forbidden(verb: str, namespace: str, plural: str, name: str) -> str:
    return (
        f'{plural}.apps "{name}" is forbidden: User "{USER}" cannot {verb} resource "{plural}" '
        f'in API group "apps" in the namespace "{namespace}"'
    )


def status(refused: Refused) -> Object:
    return {
        "apiVersion": "v1",
        "kind": "Status",
        "status": "Failure",
        "message": str(refused),
        "reason": _REASONS[refused.code],
        "code": refused.code,
    }
