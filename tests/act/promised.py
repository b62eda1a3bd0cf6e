"""What the roles of deploy/ give, and what the API server wrote down of whoever has the actuator's token."""

from __future__ import annotations

from pipeline.rig.kube.audit import ACTUATOR, Event
from pipeline.rig.kube.cluster import Kube
from tests.act.rig_targets import HIJACKER, shipped

FILES = ("actuator-rbac.yaml", "actuator-gitops-rbac.yaml")


def given(file: str) -> set[tuple[str, str, str]]:
    """(role, verb, resource) of every rule of a file of deploy/."""
    roles = [o for o in shipped(file) if o["kind"] in ("Role", "ClusterRole")]
    return {
        (f"{o['kind']} {o['metadata']['name']}", verb, f"{plural}.{group}" if group else plural)
        for o in roles
        for rule in o["rules"]
        for group in rule["apiGroups"]
        for plural in rule["resources"]
        for verb in rule["verbs"]
    }


def promised() -> set[tuple[str, str, str]]:
    """As `given`, of every file with rights of the actuator."""
    return set().union(*map(given, FILES))


def own(kube: Kube) -> list[Event]:
    """All that the actuator itself has asked for in this run, reads and refused requests too."""
    return [e for e in kube.asked() if e.user == ACTUATOR and e.agent != HIJACKER]


def tried(kube: Kube) -> list[Event]:
    """All that tests have tried with its token, as somebody who has taken it."""
    return [e for e in kube.asked() if (e.user, e.agent) == (ACTUATOR, HIJACKER)]
