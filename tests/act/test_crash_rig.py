"""A crash at each named point of a rollback of each kind, on a real API server: one effective patch."""

from __future__ import annotations

from collections import Counter
from dataclasses import dataclass, replace
from typing import Any

import pytest

from pipeline.actuator.catalogue import TARGETS
from pipeline.actuator.kubernetes import CONTROLLER_REVISIONS, REPLICA_SETS, ApiError, Kubernetes
from pipeline.actuator.patching import ANNOTATION
from pipeline.policy.decisions import Action
from pipeline.policy.rules import VERSION_LABEL, Target
from pipeline.rig.kube.audit import ACTUATOR
from tests.act.crashing import POINTS, Dying, through
from tests.act.deciding import decided, journal
from tests.act.rig_targets import PLURALS, ArgoRollout, Workload, client, install
from tests.act.serving_kinds import BY_NAME, SERVING
from tests.rig import cluster_objects as objects

CRDS = "/apis/apiextensions.k8s.io/v1/customresourcedefinitions"


class Process(Dying, Kubernetes):
    """The actuator's own client, which can die."""


@dataclass
class Served:
    """One object of a kind that keeps no earlier state; its controller's words are played."""

    kube: Any
    ns: str
    kind: str
    name: str
    api: Kubernetes

    @property
    def path(self) -> str:
        of = BY_NAME[self.kind].resource
        return f"{of.root}/namespaces/{self.ns}/{of.plural}/{self.name}"

    @property
    def thing(self) -> Any:
        return self.kube.request("GET", self.path)

    def create(self) -> None:
        """It served v1, and v2 now."""
        body = BY_NAME[self.kind].body(self.name, "v1")
        self.kube.request("POST", f"{self.path.rpartition('/')[0]}?fieldValidation=Strict", body)
        self._seen()
        self.kube.request("PATCH", self.path, {"spec": BY_NAME[self.kind].spec("v2")})
        self._seen()

    def _seen(self) -> None:
        told = BY_NAME[self.kind].report(self.thing, True)
        self.kube.request("PATCH", f"{self.path}/status", {"status": told})
        target = Target("rig", self.ns, self.kind, self.name)
        assert not isinstance(TARGETS[self.kind].watch(self.api, target, VERSION_LABEL), ApiError)


@dataclass
class Lab:
    kube: Any
    ns: str
    api: Process

    def made(self, kind: str) -> dict[str, Any]:
        """Objects that serve v2 and have served v1, by the point at which their process will die."""
        names = {point: f"{kind.lower()}-{point.replace(' ', '-')}" for point in POINTS}
        if kind in BY_NAME:
            every = {p: Served(self.kube, self.ns, kind, name, self.api) for p, name in names.items()}
            for one in every.values():
                one.create()
            return every
        of = ArgoRollout if kind == "Rollout" else Crashing
        made = {p: of(self.kube, self.ns, kind, name) for p, name in names.items()}
        for one in made.values():
            one.create()
        if kind != "Rollout":  # all at once, then waited for: the controllers work side by side
            for one in made.values():
                one.until_complete()
            for one in made.values():
                self.kube.request("PATCH", one.path, {"spec": {"template": one.template("v2")}})
            for one in made.values():
                objects.until(lambda one=one: self.state(one).revision > 1, "v2 to be kept")
        return made

    def state(self, one: Any) -> Any:
        found = TARGETS[one.kind].observe(self.api, Target("rig", self.ns, one.kind, one.name), VERSION_LABEL)
        assert not isinstance(found, ApiError), found
        return found

    def decide(self, one: Any) -> Action:
        state = self.state(one)
        assert state.version == "v2"
        action = decided(known=journal(target=state))
        assert isinstance(action, Action), action
        return replace(action, target=Target("rig", self.ns, one.kind, one.name))

    def effective(self, kind: str) -> Counter[str]:
        """How many patches of each object the API server took from the actuator, by its audit log."""
        plural = TARGETS[kind].shape.RESOURCE.plural
        of = (ACTUATOR, self.ns, plural, "")
        return Counter(
            e.name
            for e in self.kube.audited()
            if (e.user, e.namespace, e.resource, e.subresource) == of and not e.dry_run
        )


class Crashing(Workload):
    def until_complete(self) -> None:
        """Once for all of them: `create` does not wait."""
        if self.created:
            super().until_complete()
        self.created = True

    created = False


@pytest.fixture(scope="module")
def lab(kube):
    kube.start()
    for kind in SERVING:
        kube.request("POST", CRDS, kind.definition, or_status=409)
    ns = objects.namespace(kube)
    objects.node(kube, "crash-1", "crash-2")
    lab = Lab(kube, ns, client(install(kube, ns), Process))

    def ready() -> bool:
        rights = (lab.api.list_all(kept, ns) for kept in (CONTROLLER_REVISIONS, REPLICA_SETS))
        found = {c["metadata"]["name"]: c.get("status", {}) for c in objects.items(kube, CRDS)}
        wanted = [found[k.definition["metadata"]["name"]].get("conditions") or () for k in SERVING]
        served = (any((c["type"], c["status"]) == ("Established", "True") for c in w) for w in wanted)
        return not any(isinstance(answer, ApiError) for answer in rights) and all(served)

    objects.until(ready, "the rights and the APIs to be there")
    yield lab
    lab.api.close()


@pytest.mark.parametrize("kind", [*PLURALS, "Rollout", *BY_NAME])
def test_a_crash_at_each_named_point_leaves_one_effective_patch(lab, kind):
    """Counted by what the API server wrote down of it, and by the object: its generation and its mark."""
    made = lab.made(kind)
    assert set(TARGETS) == {*PLURALS, "Rollout", *BY_NAME}, "every kind of target"
    for point, one in made.items():
        before = one.thing["metadata"]["generation"]
        action = through(lab.api, lambda one=one: lab.decide(one), point)
        after = one.thing
        assert after["metadata"]["generation"] == before + 1, point
        assert after["metadata"]["annotations"][ANNOTATION] == action.action_id, point
        assert lab.state(one).version == "v1", point
    assert lab.effective(kind) == Counter(one.name for one in made.values())
