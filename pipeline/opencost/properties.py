"""What OpenCost calls a property, and where the ledger's cost answer has it."""

from __future__ import annotations

import re
from collections.abc import Mapping
from functools import lru_cache
from typing import Any

from pipeline.answers.cost_table import own
from pipeline.wire import labels

UNALLOCATED = "__unallocated__"
IDLE = "__idle__"

Row = Mapping[str, object]

DIRECT = {
    "cluster": "cluster", "node": "node", "namespace": "namespace", "pod": "pod", "team": "team",
    "environment": "environment", "department": "cost_centre", "container": "container",
}  # fmt: skip
"""Property by dimension of the cost answer."""
LABELS = {
    "team": "team", "environment": "environment", "env": "environment", "cost_centre": "cost_centre",
    "cost-centre": "cost_centre", "model": "model", "model_version": "model_version",
}  # fmt: skip
KINDS = ("deployment", "statefulset", "daemonset", "job", "replicaset")
CONTROLLER = ("controller", "controllerKind", *KINDS)
UNKNOWN = ("service", "owner", "product", "providerID")
"""Properties that the cost answer does not have: each is unallocated."""

KNOWN = (*DIRECT, *CONTROLLER, *UNKNOWN)
_SHOWN = ("cluster", "node", "namespace", "controller", "controllerKind", "pod", "container", "providerID")
_NOT_A_LABEL = {"cluster", "node", "namespace", "pod", "workload"}
_LABEL_NAMES = [name for name in dict.fromkeys(LABELS.values()) if name not in _NOT_A_LABEL]
_CANONICAL = {name.lower(): name for name in KNOWN} | {"services": "service", "controllername": "controller"}
_LABEL = re.compile(r"(?:label|annotation|namespaceLabel|nodeLabel):(.+)", re.IGNORECASE)
_TOLD = re.compile(r"(label|annotation):(.+)", re.IGNORECASE)
"""What the ledger may be told of a holder: a label of a namespace is there a label of its pods."""
_NOBODYS_NAME = {
    "team": "unowned", "node": "unknown", "namespace": "unknown", "pod": "unknown", "container": "unknown",
}  # fmt: skip


def canonical(name: str) -> str | None:
    """The property as OpenCost writes it, `label:x` as it is; None where there is no such property."""
    if _LABEL.fullmatch(name):
        return name
    return _CANONICAL.get(name.lower())


@lru_cache(1_024)
def dimension(prop: str) -> str | None:
    """The cost answer's dimension that holds it; None where the ledger does not."""
    if told := _TOLD.fullmatch(prop):
        is_label = told[1].lower() == "label"
        return LABELS.get(told[2].lower(), "labels") if is_label else "labels"
    if _LABEL.fullmatch(prop):
        return None
    return "workload" if prop in CONTROLLER else DIRECT.get(prop)


def value(prop: str, row: Row) -> str:
    """What the row has of it, '' where nothing is known."""
    name = dimension(prop)
    return "" if name is None else known(prop, name, str(row.get(name) or ""))


def known(prop: str, name: str, found: str) -> str:
    """What `found`, the row's of the dimension `name`, says of the property; '' where that is nothing."""
    if name == "labels":
        return told(found, *prop.lower().split(":", 1))
    if found == _NOBODYS_NAME.get(name, "unknown" if name == "workload" else "none"):
        return ""
    found = own(found)
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


def told(text: str, kind: str, name: str) -> str:
    """One label or annotation, by its name or by how Prometheus writes it, as OpenCost does."""
    of_kind = ((key.partition("."), one) for key, one in labels.load(text).items())
    found = ((key[2].lower(), one) for key, one in of_kind if key[0] == kind)
    return next((one for key, one in found if name in (key, plain(key))), "")


def plain(name: str) -> str:
    return re.sub(r"\W", "_", name, flags=re.ASCII)


@lru_cache(64)
def _told(dimensions: tuple[str, ...]) -> tuple[list[tuple[str, str]], list[str]]:
    """Properties that rows of the dimensions can tell, each with its dimension; and labels, each its own."""
    shown = [(prop, name) for prop in _SHOWN if (name := dimension(prop)) in dimensions]
    return shown, [name for name in _LABEL_NAMES if name in dimensions]


def properties(row: Row, dimensions: tuple[str, ...]) -> dict[str, Any]:
    """All that a row of the dimensions tells, as OpenCost lists it."""
    shown, labelled = _told(dimensions)
    found: dict[str, Any] = {prop: text for prop, d in shown if (text := known(prop, d, str(row[d] or "")))}
    given = {d: text for d in labelled if (text := known(f"label:{d}", d, str(row[d] or "")))}
    annotations: dict[str, str] = {}
    if "labels" in dimensions:
        for name, text in labels.load(str(row["labels"] or "")).items():
            kind, _, key = name.partition(".")
            (given if kind == "label" else annotations)[plain(key)] = text
    if given:
        found["labels"] = given
    if annotations:
        found["annotations"] = annotations
    return found


def part(prop: str, row: Row) -> str:
    """Its part of an aggregate's key."""
    found = value(prop, row)
    if found and prop == "controller" and (kind := value("controllerKind", row)):
        return f"{kind}:{found}"
    return found or UNALLOCATED
