"""The API server's audit log: who changed what when, which is the truth that collectors are held to."""

from __future__ import annotations

from collections.abc import Iterator
from datetime import datetime
from pathlib import Path
from typing import Any, NamedTuple

import msgspec

ACTUATOR = "system:serviceaccount:driftledger:driftledger-actuator"
"""Of this account reads are kept too: what it asks for is part of what it promises."""
READS = ["get", "list", "watch"]
POLICY: dict[str, Any] = {
    "apiVersion": "audit.k8s.io/v1",
    "kind": "Policy",
    "omitStages": ["RequestReceived"],
    "omitManagedFields": True,
    "rules": [
        {"level": "Metadata", "users": [ACTUATOR], "verbs": READS},
        {"level": "None", "verbs": READS},
        {
            "level": "RequestResponse",
            "resources": [
                {"group": "", "resources": ["pods", "pods/status", "pods/binding", "pods/eviction", "nodes"]},
                {"group": "resource.k8s.io", "resources": ["resourceclaims", "resourceclaims/status"]},
                {"group": "apps", "resources": ["deployments", "replicasets"]},
            ],
        },
        {"level": "Metadata"},
    ],
}
"""What is written down: every change, and what pods, claims and nodes were after it."""


class Event(NamedTuple):
    """A request that was carried out."""

    verb: str
    resource: str
    subresource: str
    namespace: str
    name: str
    """Empty where the server chose it and only metadata is kept."""
    uid: str
    """Of the object; empty where neither the request nor the answer names it."""
    asked: datetime
    """When the server got the request; UTC without a zone, microseconds."""
    done: datetime
    """When it had answered: the change lies between the two."""
    user: str
    code: int
    """HTTP status."""
    object: dict[str, Any]
    """What the server answered, {} where only metadata is kept: a deleted object, a Status, or a list."""
    dry_run: bool
    """Nothing was changed, whatever the answer says."""
    what: str
    """Resource as access rules name it: deployments.apps, pods/eviction."""
    agent: str
    """The client's User-Agent."""


def events(log: Path, *, refused: bool = False) -> Iterator[Event]:
    """In the order in which they were done; a last line that is only half written is left out.

    With `refused` also what was not carried out: forbidden, in conflict, not found.  Reads are left out.
    """
    return (event for event in requests(log, refused=refused) if event.verb not in READS)


def requests(log: Path, *, refused: bool = False) -> Iterator[Event]:
    """As `events`, with the reads of the actuator's account."""
    with log.open("rb") as lines:
        for line in lines:
            if not line.endswith(b"\n"):
                return
            found = msgspec.json.decode(line)
            # A watch or a request cut off by a restart ends in the stage Panic or without an answer.
            code = int(found.get("responseStatus", {}).get("code", 0))
            carried_out = 200 <= code < 300
            if found["stage"] == "ResponseComplete" and (carried_out or refused):
                yield _event(found, code)


def _event(found: dict[str, Any], code: int) -> Event:
    about = found.get("objectRef", {})
    answer = found.get("responseObject", {})
    metadata = answer.get("metadata", {}) if answer.get("kind") != "Status" else {}
    return Event(
        found["verb"],
        about.get("resource", ""),
        about.get("subresource", ""),
        about.get("namespace", ""),
        about.get("name") or metadata.get("name", ""),
        about.get("uid") or metadata.get("uid") or answer.get("details", {}).get("uid", ""),
        datetime.fromisoformat(found["requestReceivedTimestamp"].rstrip("Z")),
        datetime.fromisoformat(found["stageTimestamp"].rstrip("Z")),
        found["user"].get("username", ""),
        code,
        answer,
        "dryRun=All" in found["requestURI"],
        "/".join(filter(None, (about.get("resource", ""), about.get("subresource", ""))))
        + (f".{about['apiGroup']}" if about.get("apiGroup") else ""),
        found.get("userAgent", ""),
    )
