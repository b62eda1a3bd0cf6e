"""What an action needs to be allowed to do, asked of the API server before anything is offered or begun."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass
from itertools import groupby
from typing import NamedTuple

from pipeline.actuator.kubernetes import ApiError, Kubernetes, Resource


@dataclass(frozen=True, slots=True)
class Right:
    """One verb on one resource, of a namespace or of none."""

    verb: str
    resource: Resource
    name: str = ""
    """Of the one object that it is about; '' for any."""
    everywhere: bool = False
    """Of objects that no namespace has, or of all namespaces."""

    def where(self, namespace: str) -> str:
        of = f" {self.name}" if self.name else ""
        return f"{self.resource.words}{of} {'in the cluster' if self.everywhere else f'in {namespace}'}"


class Role(NamedTuple):
    """Which role of deploy/ gives rights, and what bounds it to the namespace or to all."""

    file: str
    namespaced: str
    clusterwide: str = ""


ACTUATOR = Role(
    "deploy/actuator-rbac.yaml",
    "ClusterRole driftledger-actuator",
    "ClusterRole driftledger-actuator-devices",
)
GITOPS = Role("deploy/actuator-gitops-rbac.yaml", "Role driftledger-actuator-gitops")


def refusal(client: Kubernetes, needs: Iterable[Right], namespace: str, role: Role = ACTUATOR) -> str:
    """Why this account cannot do it, by SelfSubjectAccessReviews; '' where every right is there."""
    missing: list[Right] = []
    for right in needs:
        place = "" if right.everywhere else namespace
        allowed = client.may(right.verb, right.resource, place, right.name)
        if isinstance(allowed, ApiError):
            return f"rights_unknown: {allowed.words}"
        if not allowed:
            missing.append(right)
    return _words(missing, namespace, role) if missing else ""


def rule(verbs: Iterable[str], resource: Resource) -> str:
    """As a role writes it."""
    plural = f"{resource.plural}/{resource.subresource}" if resource.subresource else resource.plural
    group = resource.group or '""'
    return f"{{apiGroups: [{group}], resources: [{plural}], verbs: [{', '.join(verbs)}]}}"


def _words(missing: list[Right], namespace: str, role: Role) -> str:
    """What is lacking, and which rules give it; the rights of one resource stand together."""
    lacking = "; ".join(
        f"{', '.join(r.verb for r in rights)} {where}"
        for where, rights in groupby(missing, lambda right: right.where(namespace))
    )
    given: list[str] = []
    for everywhere, by in (
        (False, f"{role.namespaced} bound in {namespace}"),
        (True, f"{role.clusterwide} bound to the cluster"),
    ):
        mine = [right for right in missing if right.everywhere == everywhere]
        rules = [
            rule(dict.fromkeys(r.verb for r in rs), of)
            for of, rs in groupby(mine, lambda right: right.resource)
        ]
        given += [f"{by}: {', '.join(rules)}"] if rules else []
    return f"forbidden: this account may not {lacking}; {role.file} gives it by {' and by '.join(given)}"
