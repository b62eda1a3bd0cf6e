"""Workloads on a real control plane that the actuator can roll back, and the account that it acts with."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass, replace
from pathlib import Path

import yaml

from pipeline.actuator.catalogue import TARGETS
from pipeline.actuator.kubernetes import ApiError, Kubernetes
from pipeline.kube.connection import Connection
from pipeline.policy.decisions import Action
from pipeline.policy.rules import VERSION_LABEL, Target
from pipeline.rig.kube.cluster import Access, Kube
from tests.act.deciding import decided, finding, journal
from tests.rig import cluster_objects as objects
from tests.rig.cluster_objects import Json

PATCHED_SECONDS = 2.0
"""From the decision, or the verdict, to the patch in the object; docs/acting.md names it."""
PLURALS = {"Deployment": "deployments", "StatefulSet": "statefulsets", "DaemonSet": "daemonsets"}
DEPLOY = Path(__file__).parents[2] / "deploy"
ACCOUNT = ("driftledger", "driftledger-actuator")
_PATHS = {
    "ClusterRole": "/apis/rbac.authorization.k8s.io/v1/clusterroles",
    "ClusterRoleBinding": "/apis/rbac.authorization.k8s.io/v1/clusterrolebindings",
    "RoleBinding": "/apis/rbac.authorization.k8s.io/v1/namespaces/{}/rolebindings",
    "ServiceAccount": "/api/v1/namespaces/{}/serviceaccounts",
    "ConfigMap": "/api/v1/namespaces/{}/configmaps",
    "ValidatingAdmissionPolicy": "/apis/admissionregistration.k8s.io/v1/validatingadmissionpolicies",
    "ValidatingAdmissionPolicyBinding": (
        "/apis/admissionregistration.k8s.io/v1/validatingadmissionpolicybindings"
    ),
}


def install(kube: Kube, ns: str) -> Access:
    """The files that the project ships, as they are, for the workloads of one namespace."""
    kube.request("POST", "/api/v1/namespaces", {"metadata": {"name": ACCOUNT[0]}}, or_status=409)
    for file in ("actuator-rbac.yaml", "actuator-fence.yaml"):
        for one in yaml.safe_load_all((DEPLOY / file).read_text()):
            where = one["metadata"].get("namespace", "")
            if where == "default":  # the one that is made once for each namespace
                where = one["metadata"]["namespace"] = ns
            kube.request("POST", _PATHS[one["kind"]].format(where), one, or_status=409)
    return kube.account(*ACCOUNT)


def shipped(file: str) -> list[Json]:
    """The objects of one file of deploy/."""
    return list(yaml.safe_load_all((DEPLOY / file).read_text()))


def bind(kube: Kube, ns: str, bound: bool) -> None:
    """Take the rights in the namespace away, and give them back."""
    path = _PATHS["RoleBinding"].format(ns)
    if not bound:
        kube.request("DELETE", f"{path}/{ACCOUNT[1]}")
        return
    found = yaml.safe_load_all((DEPLOY / "actuator-rbac.yaml").read_text())
    one = next(d for d in found if d["kind"] == "RoleBinding")
    kube.request("POST", path, one | {"metadata": {"name": ACCOUNT[1], "namespace": ns}})


def client(access: Access, of: Callable[..., Kubernetes] = Kubernetes) -> Kubernetes:
    return of(Connection(access.server, token=access.token, ca=access.ca))


HIJACKER = "a-hijacker"


def hijacked(access: Access) -> Kubernetes:
    """Whoever has the actuator's token: the audit log tells by its User-Agent what was tried on purpose."""
    made = client(access)
    made._session.headers["User-Agent"] = HIJACKER
    return made


@dataclass
class Workload:
    """One target of a kind; made with v1, and v2 asks for a device that no node has."""

    kube: Kube
    ns: str
    kind: str
    name: str

    @property
    def target(self) -> Target:
        return Target("rig", self.ns, self.kind, self.name)

    @property
    def path(self) -> str:
        return f"/apis/apps/v1/namespaces/{self.ns}/{PLURALS[self.kind]}/{self.name}"

    @property
    def thing(self) -> Json:
        return self.kube.request("GET", self.path)

    def create(self, **metadata: Json) -> None:
        labels = {"app": self.name}
        spec: Json = {"selector": {"matchLabels": labels}, "template": self.template("v1")}
        if self.kind != "DaemonSet":
            spec["replicas"] = 2
        if self.kind == "StatefulSet":
            spec["serviceName"] = self.name
        body = {"metadata": {"name": self.name, **metadata}, "spec": spec}
        self.kube.request("POST", self.path.rpartition("/")[0], body)
        self.until_complete()

    def template(self, version: str) -> Json:
        spec = objects.pod_spec(limits={"example.com/none": "1"} if version == "v2" else None)
        spec["containers"][0]["image"] = f"model:{version}"
        return {"metadata": {"labels": {"app": self.name, VERSION_LABEL: version}}, "spec": spec}

    def roll_out(self, version: str) -> None:
        """Back when the controller has read it and keeps it as a revision."""
        self.kube.request("PATCH", self.path, {"spec": {"template": self.template(version)}})
        objects.until(lambda: self.observed().version == version and self.observed().revision > 1, "v2")

    def observed(self):
        api = client(self.kube.admin)
        try:
            found = TARGETS[self.kind].observe(api, self.target, VERSION_LABEL)
        finally:
            api.close()
        assert not isinstance(found, ApiError), found
        return found

    def progress(self) -> str:
        return TARGETS[self.kind].shape.progress(self.thing)[0]

    def until_complete(self) -> None:
        objects.until(lambda: self.progress() == "complete", f"{self.target.workload} to be available")

    def decide(self, gitops: str = "", **seen: str) -> Action:
        """The decision to leave v2 for v1, on what the cluster says now, but for `seen`."""
        state = replace(self.observed(), **seen)
        both = finding(), finding("latency_objective")
        action = decided(both, known=journal(target=state), text=rule_text(self.target, gitops=gitops))
        assert isinstance(action, Action), action
        return action


_ANY = {"type": "object", "x-kubernetes-preserve-unknown-fields": True}
_SPEC = {
    "replicas": {"type": "integer"},
    "paused": {"type": "boolean"},
    "selector": _ANY,
    "strategy": _ANY,
    "template": _ANY,
    "workloadRef": _ANY,
}
_STATUS = {name: {"type": "string"} for name in ("phase", "message", "observedGeneration")}
ARGO = {
    "apiVersion": "apiextensions.k8s.io/v1",
    "kind": "CustomResourceDefinition",
    "metadata": {"name": "rollouts.argoproj.io"},
    "spec": {
        "group": "argoproj.io",
        "scope": "Namespaced",
        "names": {"kind": "Rollout", "plural": "rollouts"},
        "versions": [
            {
                "name": "v1alpha1",
                "served": True,
                "storage": True,
                "subresources": {"status": {}},
                "schema": {
                    "openAPIV3Schema": {
                        "type": "object",
                        "properties": {
                            "spec": {"type": "object", "properties": _SPEC},
                            "status": {"type": "object", "properties": _STATUS},
                        },
                    }
                },
            }
        ],
    },
}
"""The fields of a Rollout that the actuator reads and writes, as Argo publishes them."""


class ArgoRollout(Workload):
    """v2 serves, and ReplicaSets keep both; `report` says what its controller would."""

    @property
    def path(self) -> str:
        return f"/apis/argoproj.io/v1alpha1/namespaces/{self.ns}/rollouts/{self.name}"

    def create(self, **metadata: Json) -> None:
        kinds = "/apis/apiextensions.k8s.io/v1/customresourcedefinitions"
        self.kube.request("POST", kinds, ARGO, or_status=409)

        def served() -> bool:
            status = self.kube.request("GET", f"{kinds}/rollouts.argoproj.io").get("status", {})
            return any(
                c["type"] == "Established" and c["status"] == "True" for c in status.get("conditions") or ()
            )

        objects.until(served, "its API")
        listed = self.path.rpartition("/")[0]
        selector = {"matchLabels": {"app": self.name}}
        body = {
            "apiVersion": "argoproj.io/v1alpha1",
            "kind": "Rollout",
            "metadata": {"name": self.name, **metadata},
            "spec": {"replicas": 2, "selector": selector, "template": self.template("v2")},
        }
        uid = self.kube.request("POST", listed, body)["metadata"]["uid"]
        for number, version in enumerate(("v1", "v2"), 1):
            self._keep(number, version, uid)
        self.report("Healthy")

    def _keep(self, number: int, version: str, uid: str) -> None:
        owner = {"apiVersion": "argoproj.io/v1alpha1", "kind": "Rollout", "name": self.name, "uid": uid}
        template = self.template(version)
        template["metadata"]["labels"]["rollouts-pod-template-hash"] = version
        metadata = {
            "name": f"{self.name}-{number}",
            "labels": template["metadata"]["labels"],
            "annotations": {"rollout.argoproj.io/revision": str(number)},
            "ownerReferences": [owner | {"controller": True}],
        }
        spec = {
            "replicas": 0,
            "selector": {"matchLabels": template["metadata"]["labels"]},
            "template": template,
        }
        path = f"/apis/apps/v1/namespaces/{self.ns}/replicasets"
        self.kube.request("POST", path, {"metadata": metadata, "spec": spec})

    def report(self, phase: str) -> None:
        seen = str(self.thing["metadata"]["generation"])
        told = {"status": {"phase": phase, "observedGeneration": seen}}
        self.kube.request("PATCH", f"{self.path}/status", told)


def rule_text(target: Target, **more: object) -> str:
    """A rule as it is by default, of two signals, with what is said besides."""
    where = f"{{cluster: rig, namespace: {target.namespace}, kind: {target.kind}, name: {target.name}}}"
    rule = "name: fraud, model: fraud, detectors: [accuracy, latency_objective], mode: auto"
    told = "".join(f", {name}: {value}" for name, value in more.items() if value)
    return f'version: "1"\nrules:\n  - {{{rule}, target: {where}{told}}}\n'
