"""A cluster in memory with every kind of target: what a patch does there, and a process that dies."""

from __future__ import annotations

from collections.abc import Sequence
from copy import deepcopy
from typing import Any

from pipeline.actuator.catalogue import TARGETS
from pipeline.actuator.kubernetes import ApiError, Resource
from pipeline.demo.apiserver_patch import PatchRefused, json_patch
from pipeline.policy.rules import VERSION_LABEL, Target
from tests.act.crashing import Dying
from tests.act.serving_kinds import BY_NAME

Json = dict[str, Any]
NS, NAME = "ml", "fraud"
REVISION = {"Deployment": "deployment.kubernetes.io/revision", "Rollout": "rollout.argoproj.io/revision"}


class _Cluster:
    """As much of a Kubernetes client as an actuator asks."""

    def __init__(self) -> None:
        self.objects: dict[tuple[str, str], Json] = {}
        self.written = 0
        """Patches that took effect."""
        self.clock = 0

    def get(self, resource: Resource, namespace: str, name: str) -> Json | ApiError:
        found = self.objects.get((resource.plural, name))
        return deepcopy(found) if found else ApiError("not_found", "get", resource.words, name)

    def list_all(self, resource: Resource, namespace: str, *, label_selector: str = "") -> list[Json]:
        wanted = dict(pair.split("=") for pair in label_selector.split(",") if pair)
        found = [deepcopy(o) for (plural, _), o in self.objects.items() if plural == resource.plural]
        return [o for o in found if wanted.items() <= (o["metadata"].get("labels") or {}).items()]

    def may(self, verb: str, resource: Resource, namespace: str, name: str) -> bool:
        return True

    def create(self, resource: Resource, namespace: str, body: Json, **_: Any) -> Json | ApiError:
        at = resource.plural, body["metadata"]["name"]
        if at in self.objects:
            return ApiError("conflict", "create", resource.words, "there already")
        self.objects[at] = deepcopy(body)
        self.objects[at]["metadata"].setdefault("uid", f"uid-{body['metadata']['name']}")
        return body

    def delete(self, resource: Resource, namespace: str, name: str, uid: str) -> Json | ApiError:
        return self.objects.pop((resource.plural, name))

    def patch(
        self, resource: Resource, namespace: str, name: str, operations: Sequence[Json], *, dry_run: bool
    ) -> Json | ApiError:
        held = self.objects[(resource.plural, name)]
        try:
            changed = json_patch(held, operations)
        except PatchRefused as error:
            return ApiError("invalid", "patch", resource.words, str(error))
        if not dry_run:
            self._store(resource.plural, name, changed, held)
            self.written += 1
        return changed

    def _store(self, plural: str, name: str, changed: Json, held: Json) -> None:
        self.clock += 1
        if changed["spec"] != held["spec"]:
            changed["metadata"]["generation"] += 1
            written = {"manager": "x", "time": _time(self.clock), "fieldsV1": {"f:spec": {}}}
            others = [e for e in changed["metadata"]["managedFields"] if e.get("subresource")]
            changed["metadata"]["managedFields"] = [*others, written]
        self.objects[(plural, name)] = changed

    def make(self, kind: str) -> Target:
        """A target of the kind that served v1 and now serves v2, with what keeps both."""
        shape = TARGETS[kind].shape
        thing = self._thing(kind, "v1")
        self.objects[(shape.RESOURCE.plural, NAME)] = thing
        target = Target("lab", NS, kind, NAME)
        for number, version in enumerate(("v1", "v2"), 1):
            if number > 1:
                changed = deepcopy(thing) | {"spec": self._thing(kind, version)["spec"]}
                self._store(shape.RESOURCE.plural, NAME, changed, thing)
            self._keep(kind, version, number)
            self.report(kind)
            assert not isinstance(TARGETS[kind].watch(self, target, VERSION_LABEL), ApiError)
        return target

    def report(self, kind: str, done: bool = True) -> None:
        """What the kind's controller says of the newest spec."""
        self.clock += 1
        thing = self.objects[(TARGETS[kind].shape.RESOURCE.plural, NAME)]
        told = {"subresource": "status", "time": _time(self.clock), "manager": "controller"}
        others = [e for e in thing["metadata"]["managedFields"] if not e.get("subresource")]
        thing["metadata"]["managedFields"] = [*others, told]
        thing["status"] = BY_NAME[kind].report(thing, done) if kind in BY_NAME else _rolled(kind, thing, done)

    def _thing(self, kind: str, version: str) -> Json:
        metadata: Json = {"uid": "uid-1", "generation": 1, "namespace": NS, "managedFields": []}
        if kind in BY_NAME:
            body = BY_NAME[kind].body(NAME, version)
            return body | {"metadata": body["metadata"] | metadata}
        spec: Json = {"selector": {"matchLabels": {"app": NAME}}, "template": _template(version)}
        of = TARGETS[kind].shape.RESOURCE
        named = {"apiVersion": f"{of.group}/{of.version}", "kind": kind}
        return named | {"metadata": {"name": NAME, **metadata}, "spec": spec | {"replicas": 2}}

    def _keep(self, kind: str, version: str, number: int) -> None:
        if kind in BY_NAME:
            return
        owned = {"ownerReferences": [{"uid": "uid-1"}], "labels": {"app": NAME}, "name": f"{NAME}-{number}"}
        if kind in REVISION:
            owned["annotations"] = {REVISION[kind]: str(number)}
            made = {"metadata": owned, "spec": {"template": _template(version)}}
            self.objects[("replicasets", f"{NAME}-{number}")] = made
        else:
            data = {"spec": {"template": {**_template(version), "$patch": "replace"}}}
            made = {"metadata": owned, "revision": number, "data": data}
            self.objects[("controllerrevisions", f"{NAME}-{number}")] = made


class MemoryCluster(Dying, _Cluster):
    """A process that asks it can die."""


def _template(version: str) -> Json:
    container = {"name": "server", "image": f"registry.example/fraud:{version}"}
    return {
        "metadata": {"labels": {"app": NAME, VERSION_LABEL: version}},
        "spec": {"containers": [container]},
    }


def _rolled(kind: str, thing: Json, done: bool) -> Json:
    count = 2 if done else 1
    seen = thing["metadata"]["generation"]
    return {
        "observedGeneration": str(seen) if kind == "Rollout" else seen,
        "phase": "Healthy" if done else "Progressing",
        "replicas": 2, "updatedReplicas": count, "availableReplicas": count,
        "desiredNumberScheduled": 2, "updatedNumberScheduled": count, "numberAvailable": count,
        "conditions": [{"type": "Available", "status": "True"}],
        "updateRevision": "b", "currentRevision": "b" if done else "a",
    }  # fmt: skip


def _time(seconds: int) -> str:
    return f"2026-11-24T12:00:{seconds:02}Z"
