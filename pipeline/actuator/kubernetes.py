"""A small client of the Kubernetes API: typed errors as values, verified TLS, bounded time, no leaks."""

from __future__ import annotations

import json
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any, Literal
from urllib.parse import urlencode

import requests

from pipeline.kube.connection import Connection
from pipeline.kube.session import headers, session, url

Object = dict[str, Any]
"""A Kubernetes object as JSON gives it."""

Fault = Literal[
    "forbidden", "unauthorized", "not_found", "conflict", "invalid", "timeout", "unreachable", "failed"
]

FIELD_MANAGER = "driftledger"
CONNECT_SECONDS = 5.0
READ_SECONDS = 15.0

_FAULTS: dict[int, Fault] = {
    401: "unauthorized",
    403: "forbidden",
    404: "not_found",
    409: "conflict",
    422: "invalid",
}


@dataclass(frozen=True, slots=True)
class Resource:
    """A kind of object of one API group, as a path and as access rules name it."""

    group: str
    version: str
    plural: str
    subresource: str = ""

    @property
    def words(self) -> str:
        """As access rules and refusals name it: deployments.apps, pods/eviction."""
        named = f"{self.plural}/{self.subresource}" if self.subresource else self.plural
        return f"{named}.{self.group}" if self.group else named

    @property
    def root(self) -> str:
        return f"/apis/{self.group}/{self.version}" if self.group else f"/api/{self.version}"


DEPLOYMENTS = Resource("apps", "v1", "deployments")
REPLICA_SETS = Resource("apps", "v1", "replicasets")
STATEFUL_SETS = Resource("apps", "v1", "statefulsets")
DAEMON_SETS = Resource("apps", "v1", "daemonsets")
ROLLOUTS = Resource("argoproj.io", "v1alpha1", "rollouts")
CONTROLLER_REVISIONS = Resource("apps", "v1", "controllerrevisions")
CONFIG_MAPS = Resource("", "v1", "configmaps")
PODS = Resource("", "v1", "pods")
NODES = Resource("", "v1", "nodes")
RESOURCE_QUOTAS = Resource("", "v1", "resourcequotas")
DEVICE_CLASSES = Resource("resource.k8s.io", "v1", "deviceclasses")
RESOURCE_CLAIMS = Resource("resource.k8s.io", "v1", "resourceclaims")
CLAIM_TEMPLATES = Resource("resource.k8s.io", "v1", "resourceclaimtemplates")
EVICTIONS = Resource("", "v1", "pods", "eviction")
ACCESS_REVIEWS = Resource("authorization.k8s.io", "v1", "selfsubjectaccessreviews")


@dataclass(frozen=True, slots=True)
class ApiError:
    """A request that was not answered with success; `timeout` says nothing about whether it took effect."""

    fault: Fault
    verb: str
    resource: str
    message: str

    @property
    def wrote_nothing(self) -> bool:
        """Certainly, as the server refused it."""
        return self.fault in ("conflict", "invalid", "forbidden", "unauthorized", "not_found")

    @property
    def is_unanswered(self) -> bool:
        """Worth asking again: the server has not said anything."""
        return self.fault in ("timeout", "unreachable")

    @property
    def words(self) -> str:
        return f"{self.fault}: {self.verb} {self.resource}: {self.message}"


class Kubernetes:
    """One API server; every method answers the object, or an ApiError, and never raises for the network."""

    def __init__(
        self,
        connection: Connection,
        *,
        connect_seconds: float = CONNECT_SECONDS,
        read_seconds: float = READ_SECONDS,
    ) -> None:
        self._connection = connection
        self._timeout = (connect_seconds, read_seconds)
        self._session = session(connection)

    def close(self) -> None:
        self._session.close()

    def get(self, resource: Resource, namespace: str, name: str) -> Object | ApiError:
        return self._send("get", resource, _path(resource, namespace, name))

    def list_all(
        self, resource: Resource, namespace: str, *, label_selector: str = ""
    ) -> list[Object] | ApiError:
        """Every object, page by page; of no namespace where its name is empty."""
        found: list[Object] = []
        query = {"limit": "500", **({"labelSelector": label_selector} if label_selector else {})}
        while True:
            page = self._send("list", resource, _path(resource, namespace), query)
            if isinstance(page, ApiError):
                return page
            found.extend(page.get("items") or ())
            token = (page.get("metadata") or {}).get("continue")
            if not token:
                return found
            query["continue"] = str(token)

    def patch(
        self, resource: Resource, namespace: str, name: str, operations: Sequence[Object], *, dry_run: bool
    ) -> Object | ApiError:
        """One JSON patch; the server applies all operations or none, and none if a test operation fails."""
        body = json.dumps(list(operations)).encode()
        path = _path(resource, namespace, name)
        return self._send("patch", resource, path, _writing(dry_run), body, "application/json-patch+json")

    def create(
        self, resource: Resource, namespace: str, body: Object, *, name: str = "", dry_run: bool = False
    ) -> Object | ApiError:
        """A new object, or with `name` a subresource of that one, such as an eviction."""
        path = _path(resource, namespace, name)
        return self._send("create", resource, path, _writing(dry_run), json.dumps(body).encode())

    def delete(self, resource: Resource, namespace: str, name: str, uid: str) -> Object | ApiError:
        """That very object, and not another one of the same name."""
        body = json.dumps({"preconditions": {"uid": uid}}).encode()
        return self._send("delete", resource, _path(resource, namespace, name), {}, body)

    def may(self, verb: str, resource: Resource, namespace: str, name: str) -> bool | ApiError:
        """Whether this account may do so, by a SelfSubjectAccessReview."""
        what = {"group": resource.group, "resource": resource.plural, "namespace": namespace, "name": name}
        if resource.subresource:
            what["subresource"] = resource.subresource
        review = {
            "apiVersion": "authorization.k8s.io/v1",
            "kind": "SelfSubjectAccessReview",
            "spec": {"resourceAttributes": {**what, "verb": verb}},
        }
        path = f"{ACCESS_REVIEWS.root}/{ACCESS_REVIEWS.plural}"
        answer = self._send("create", ACCESS_REVIEWS, path, {}, json.dumps(review).encode())
        return answer if isinstance(answer, ApiError) else bool((answer.get("status") or {}).get("allowed"))

    def _send(
        self,
        verb: str,
        resource: Resource,
        path: str,
        query: Mapping[str, str] | None = None,
        body: bytes | None = None,
        content_type: str = "application/json",
    ) -> Object | ApiError:
        method = {"get": "GET", "list": "GET", "patch": "PATCH", "create": "POST", "delete": "DELETE"}[verb]
        sent = headers(self._connection) | ({"Content-Type": content_type} if body is not None else {})
        address = f"{url(self._connection, path)}{'?' + urlencode(query) if query else ''}"
        what = resource.words
        try:
            response = self._session.request(
                method, address, data=body, headers=sent, timeout=self._timeout, allow_redirects=False
            )
        except requests.Timeout:
            return ApiError("timeout", verb, what, f"no answer in {self._timeout[1]:g} s")
        except requests.RequestException as error:
            return ApiError("unreachable", verb, what, type(error).__name__)
        return _answer(response, verb, what)


def _path(resource: Resource, namespace: str, name: str = "") -> str:
    within = f"/namespaces/{namespace}" if namespace else ""
    path = f"{resource.root}{within}/{resource.plural}"
    if not name:
        return path
    return f"{path}/{name}/{resource.subresource}" if resource.subresource else f"{path}/{name}"


def _writing(dry_run: bool) -> dict[str, str]:
    asked = {"fieldManager": FIELD_MANAGER, "fieldValidation": "Strict"}
    return asked | {"dryRun": "All"} if dry_run else asked


def _answer(response: requests.Response, verb: str, what: str) -> Object | ApiError:
    try:
        body = response.json()
    except requests.JSONDecodeError:
        body = None
    if not 200 <= response.status_code < 300:
        message = body.get("message") if isinstance(body, dict) else None
        fault = _FAULTS.get(response.status_code, "failed")
        return ApiError(fault, verb, what, _short(str(message or f"HTTP {response.status_code}")))
    if not isinstance(body, dict):
        return ApiError("failed", verb, what, "the answer is not a JSON object")
    return body


def _short(message: str) -> str:
    """Where the server quotes a whole object, the reason stands at the end."""
    return message if len(message) <= 500 else f"{message[:150]} ... {message[-345:]}"
