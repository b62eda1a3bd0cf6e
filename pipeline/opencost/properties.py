"""What OpenCost calls a property, and where the ledger's cost answer has it."""

from __future__ import annotations

import re
from collections.abc import Mapping

UNALLOCATED = "__unallocated__"
IDLE = "__idle__"

Row = Mapping[str, object]

DIRECT = {
    "cluster": "cluster", "node": "node", "namespace": "namespace", "pod": "pod", "team": "team",
    "environment": "environment", "department": "cost_centre",
}  # fmt: skip
"""Property by dimension of the cost answer."""
LABELS = {
    "team": "team", "environment": "environment", "env": "environment", "cost_centre": "cost_centre",
    "cost-centre": "cost_centre", "model": "model", "model_version": "model_version",
}  # fmt: skip
KINDS = ("deployment", "statefulset", "daemonset", "job", "replicaset")
CONTROLLER = ("controller", "controllerKind", *KINDS)
UNKNOWN = ("container", "service", "owner", "product", "providerID")
"""Properties that the cost answer does not have: each is unallocated."""

KNOWN = (*DIRECT, *CONTROLLER, *UNKNOWN)
_CANONICAL = {name.lower(): name for name in KNOWN} | {"services": "service", "controllername": "controller"}
_LABEL = re.compile(r"(?:label|annotation|namespaceLabel|nodeLabel):(.+)", re.IGNORECASE)
_NOBODYS_NAME = {"team": "unowned", "node": "unknown", "namespace": "unknown", "pod": "unknown"}


def canonical(name: str) -> str | None:
    """The property as OpenCost writes it, `label:x` as it is; None where there is no such property."""
    if _LABEL.fullmatch(name):
        return name
    return _CANONICAL.get(name.lower())


def dimension(prop: str) -> str | None:
    """The cost answer's dimension that holds it; None where the ledger does not."""
    if label := _LABEL.fullmatch(prop):
        is_label = prop.lower().startswith("label:")
        return LABELS.get(label[1].lower()) if is_label else None
    return "workload" if prop in CONTROLLER else DIRECT.get(prop)


def value(prop: str, row: Row) -> str:
    """What the row has of it, '' where nothing is known."""
    name = dimension(prop)
    if name is None:
        return ""
    found = str(row.get(name) or "")
    if found == _NOBODYS_NAME.get(name, "unknown" if name == "workload" else "none"):
        return ""
    if name != "workload":
        return found
    kind, slash, workload = found.rpartition("/")
    kind = kind.lower()
    match prop:
        case "controllerKind":
            return kind
        case "controller":
            return workload
    return workload if slash and kind == prop else ""


def part(prop: str, row: Row) -> str:
    """Its part of an aggregate's key."""
    found = value(prop, row)
    if found and prop == "controller" and (kind := value("controllerKind", row)):
        return f"{kind}:{found}"
    return found or UNALLOCATED
