"""Deployments and ReplicaSets of the simulated cluster: versions, generations, revisions of a rollout."""

from __future__ import annotations

import threading
from collections.abc import Callable, Mapping
from copy import deepcopy

from pipeline.demo.apiserver_shapes import (
    API_VERSION,
    REVISION,
    Object,
    bare,
    replica_set,
    revision,
    sign,
    status,
    uid,
)

REVISION_HISTORY = "deployment.kubernetes.io/revision-history"


class Conflict(Exception):
    """The write names another resourceVersion than the stored one."""


class Invalid(Exception):
    """The object would break a rule of the API."""


class Apps:
    """The store and the Deployment controller; `tick` is one pass of the controller."""

    def __init__(self) -> None:
        self._guard = threading.RLock()
        self._version = 0
        self.deployments: dict[tuple[str, str], Object] = {}
        self.replica_sets: dict[tuple[str, str], Object] = {}

    def create(
        self,
        namespace: str,
        name: str,
        template: Object,
        *,
        replicas: int = 3,
        labels: Mapping[str, str] | None = None,
        annotations: Mapping[str, str] | None = None,
    ) -> Object:
        """A new Deployment; the first tick rolls it out as revision 1."""
        selector = {"app": name}
        template = deepcopy(template)
        template.setdefault("metadata", {}).setdefault("labels", {}).update(selector)
        deployment = {
            "apiVersion": API_VERSION,
            "kind": "Deployment",
            "metadata": {
                "name": name,
                "namespace": namespace,
                "uid": uid("Deployment", namespace, name),
                "generation": 1,
                "labels": dict(labels or {}),
                "annotations": dict(annotations or {}),
            },
            "spec": {
                "replicas": replicas,
                "revisionHistoryLimit": 10,
                "selector": {"matchLabels": selector},
                "template": template,
            },
            "status": {},
        }
        with self._guard:
            self._store(self.deployments, deployment)
        return deepcopy(deployment)

    def find(self, plural: str, namespace: str, name: str) -> Object | None:
        with self._guard:
            return deepcopy(self._table(plural).get((namespace, name)))

    def all_of(self, plural: str, namespace: str) -> list[Object]:
        """By name."""
        with self._guard:
            return [
                deepcopy(t) for (space, _), t in sorted(self._table(plural).items()) if space == namespace
            ]

    def _table(self, plural: str) -> dict[tuple[str, str], Object]:
        return self.deployments if plural == "deployments" else self.replica_sets

    def change(
        self, namespace: str, name: str, edit: Callable[[Object], Object], *, manager: str, dry_run: bool
    ) -> Object:
        """The Deployment as edited; KeyError where there is none, Conflict or Invalid where it is refused.

        The generation moves when the spec changes and only then; status cannot be written this way.
        """
        with self._guard:
            held = self.deployments[namespace, name]
            changed = edit(deepcopy(held))
            _check(held, changed)
            changed["status"] = deepcopy(held["status"])
            changed["metadata"]["generation"] = held["metadata"]["generation"] + (
                changed["spec"] != held["spec"]
            )
            if changed != held:
                sign(changed, manager)
                if not dry_run:
                    self._store(self.deployments, changed)
            return deepcopy(changed)

    def deploy(self, namespace: str, name: str, template: Object) -> Object:
        """A new pod template by somebody with kubectl; the app label is kept."""

        def edit(deployment: Object) -> Object:
            kept = deepcopy(template)
            labels = kept.setdefault("metadata", {}).setdefault("labels", {})
            labels.update(deployment["spec"]["selector"]["matchLabels"])
            deployment["spec"]["template"] = kept
            return deployment

        return self.change(namespace, name, edit, manager="kubectl-edit", dry_run=False)

    def tick(self, *, complete: bool = True) -> None:
        """One pass of the controller over all Deployments; `complete=False` leaves each rollout half way."""
        with self._guard:
            for deployment in list(self.deployments.values()):
                if not deployment["spec"].get("paused"):
                    self._reconcile(deployment, complete)

    def _reconcile(self, deployment: Object, complete: bool) -> None:
        metadata, spec = deployment["metadata"], deployment["spec"]
        owned = self._owned(deployment)
        current = next((r for r in owned if bare(r["spec"]["template"]) == bare(spec["template"])), None)
        newest = max((revision(r) for r in owned), default=0)
        if current is None:
            current = replica_set(deployment, newest + 1)
            owned.append(current)
        elif revision(current) < newest:
            annotations = current["metadata"]["annotations"]
            past = annotations.get(REVISION_HISTORY)
            annotations[REVISION_HISTORY] = (
                f"{past},{annotations[REVISION]}" if past else annotations[REVISION]
            )
            annotations[REVISION] = str(newest + 1)
        metadata["annotations"][REVISION] = current["metadata"]["annotations"][REVISION]
        wanted = int(spec["replicas"])
        updated = wanted if complete else wanted // 2
        for held in owned:
            held["spec"]["replicas"] = updated if held is current else 0
            self._store(self.replica_sets, held)
        if not complete and len(owned) > 1:
            before = max((r for r in owned if r is not current), key=revision)
            before["spec"]["replicas"] = wanted - updated
        deployment["status"] = status(metadata["generation"], wanted, updated)
        self._store(self.deployments, deployment)
        self._prune(owned, current, int(spec.get("revisionHistoryLimit", 10)))

    def _owned(self, deployment: Object) -> list[Object]:
        owner = deployment["metadata"]["uid"]
        return [r for r in self.replica_sets.values() if r["metadata"]["ownerReferences"][0]["uid"] == owner]

    def _prune(self, owned: list[Object], current: Object, limit: int) -> None:
        idle = sorted((r for r in owned if r is not current and r["spec"]["replicas"] == 0), key=revision)
        for old in idle[: max(len(idle) - limit, 0)]:
            del self.replica_sets[old["metadata"]["namespace"], old["metadata"]["name"]]

    def _store(self, table: dict[tuple[str, str], Object], thing: Object) -> None:
        self._version += 1
        thing["metadata"]["resourceVersion"] = str(self._version)
        table[thing["metadata"]["namespace"], thing["metadata"]["name"]] = thing


def _check(held: Object, changed: Object) -> None:
    before, after = held["metadata"], changed.get("metadata") or {}
    if after.get("resourceVersion") != before["resourceVersion"]:
        raise Conflict(
            "the object has been modified; please apply your changes to the latest version and try again"
        )
    for field in ("uid", "name", "namespace"):
        if after.get(field) != before[field]:
            raise Invalid(f"metadata.{field}: Invalid value: field is immutable")
    if changed["spec"].get("selector") != held["spec"]["selector"]:
        raise Invalid("spec.selector: Invalid value: field is immutable")
    labels = ((changed["spec"].get("template") or {}).get("metadata") or {}).get("labels") or {}
    if not held["spec"]["selector"]["matchLabels"].items() <= labels.items():
        raise Invalid(
            "spec.template.metadata.labels: Invalid value: `selector` does not match template `labels`"
        )
