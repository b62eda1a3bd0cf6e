"""An API server of a few objects in memory, which the steps of ladders are tried on."""

from __future__ import annotations

import copy
from typing import Any

from pipeline.actuator.kubernetes import ApiError, Resource
from pipeline.demo.apiserver_patch import PatchRefused, json_patch

Json = dict[str, Any]


class Objects:
    """`held` by resource (deployments.apps), then (namespace, name); `writes` is what took effect."""

    def __init__(self) -> None:
        self.held: dict[str, dict[tuple[str, str], Json]] = {}
        self.writes: list[tuple[str, str, str]] = []
        self.faults: list[tuple[str, str]] = []
        """(verb, fault) of the next real writes; `lost` takes effect and its answer does not come."""
        self.asked: set[tuple[str, str]] = set()
        """(verb, resource) of every request, dry runs among them."""
        self.denied: set[tuple[str, str]] = set()
        """(verb, resource) that the account has no right to."""
        self.version = 0

    def put(self, resource: Resource, namespace: str, name: str, **content: Any) -> Json:
        self.version += 1
        metadata = {
            "name": name, "namespace": namespace, "uid": f"uid-{self.version}",
            "resourceVersion": str(self.version), **content.pop("metadata", {}),
        }  # fmt: skip
        made = {"metadata": metadata, **copy.deepcopy(content)}
        self.held.setdefault(_key(resource), {})[namespace, name] = made
        return made

    def may(self, verb: str, resource: Resource, namespace: str, name: str) -> bool:
        return (verb, resource.words) not in self.denied

    def get(self, resource: Resource, namespace: str, name: str) -> Json | ApiError:
        return self._refused("get", resource) or self._found("get", resource, namespace, name)

    def list_all(
        self, resource: Resource, namespace: str, *, label_selector: str = ""
    ) -> list[Json] | ApiError:
        refused = self._refused("list", resource)
        if refused:
            return refused
        if _key(resource) not in self.held:
            return ApiError("not_found", "list", resource.words, "no such kind")
        items = self.held[_key(resource)].items()
        return [copy.deepcopy(o) for (ns, _), o in items if namespace in ("", ns)]

    def patch(
        self, resource: Resource, namespace: str, name: str, operations: Any, *, dry_run: bool
    ) -> Json | ApiError:
        found = self._refused("patch", resource) or self._found("patch", resource, namespace, name)
        if isinstance(found, ApiError):
            return found
        fault = self._fault("patch") if not dry_run else ""
        if fault and fault != "lost":
            return ApiError(fault, "patch", resource.words, "as the test wants it")
        try:
            changed = json_patch(found, operations)
        except PatchRefused as error:
            return ApiError("invalid", "patch", resource.words, str(error))
        if not dry_run:
            self.version += 1
            changed["metadata"]["resourceVersion"] = str(self.version)
            if resource.subresource == "scale":
                self.held[_key(resource)][namespace, name]["spec"]["replicas"] = changed["spec"]["replicas"]
            else:
                self.held[_key(resource)][namespace, name] = changed
            self.writes.append(("patch", _key(resource), name))
        return ApiError("timeout", "patch", resource.words, "lost") if fault == "lost" else changed

    def create(
        self, resource: Resource, namespace: str, body: Json, *, name: str = "", dry_run: bool = False
    ) -> Json | ApiError:
        refused = self._refused("create", resource)
        if refused:
            return refused
        fault = self._fault("create") if not dry_run else ""
        if fault and fault != "lost":
            return ApiError(fault, "create", resource.words, "as the test wants it")
        if resource.subresource == "eviction":
            return self._gone(
                Resource("", "v1", "pods"), namespace, name, body["deleteOptions"]["preconditions"]["uid"]
            )
        made = body["metadata"]["name"]
        if (namespace, made) in self.held.setdefault(_key(resource), {}):
            return ApiError("conflict", "create", resource.words, "already exists")
        if not dry_run:
            self.put(resource, namespace, made, **copy.deepcopy(body))
            self.writes.append(("create", _key(resource), made))
        return ApiError("timeout", "create", resource.words, "lost") if fault == "lost" else body

    def delete(self, resource: Resource, namespace: str, name: str, uid: str) -> Json | ApiError:
        return self._refused("delete", resource) or self._gone(resource, namespace, name, uid)

    def _found(self, verb: str, resource: Resource, namespace: str, name: str) -> Json | ApiError:
        found = self.held.get(_key(resource), {}).get((namespace, name))
        if found and resource.subresource == "scale":  # the server leaves zero out
            wanted = found["spec"].get("replicas", 1)
            return {"metadata": dict(found["metadata"]), "spec": {"replicas": wanted} if wanted else {}}
        return copy.deepcopy(found) if found else ApiError("not_found", verb, resource.words, name)

    def _gone(self, resource: Resource, namespace: str, name: str, uid: str) -> Json | ApiError:
        found = self._found("delete", resource, namespace, name)
        if isinstance(found, ApiError):
            return found
        if found["metadata"]["uid"] != uid:
            return ApiError("conflict", "delete", resource.words, "another uid")
        del self.held[_key(resource)][namespace, name]
        self.writes.append(("delete", _key(resource), name))
        return found

    def _refused(self, verb: str, resource: Resource) -> ApiError | None:
        self.asked.add((verb, resource.words))
        if (verb, resource.words) not in self.denied:
            return None
        return ApiError("forbidden", verb, resource.words, "the test's account may not")

    def _fault(self, verb: str) -> str:
        if self.faults and self.faults[0][0] == verb:
            return self.faults.pop(0)[1]
        return ""


def _key(resource: Resource) -> str:
    return f"{resource.plural}.{resource.group}" if resource.group else resource.plural
