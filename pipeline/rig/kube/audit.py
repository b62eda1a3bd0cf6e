"""The API server's audit log: who changed what when, which is the truth that collectors are held to."""

from __future__ import annotations

import json
from collections.abc import Iterator
from datetime import datetime
from pathlib import Path
from typing import Any, NamedTuple

POLICY: dict[str, Any] = {
    "apiVersion": "audit.k8s.io/v1",
    "kind": "Policy",
    "omitStages": ["RequestReceived"],
    "rules": [
        {"level": "None", "verbs": ["get", "list", "watch"]},
        {
            "level": "RequestResponse",
            "resources": [
                {"group": "", "resources": ["pods", "pods/status", "pods/binding", "nodes"]},
                {"group": "resource.k8s.io", "resources": ["resourceclaims", "resourceclaims/status"]},
                {"group": "apps", "resources": ["deployments", "replicasets"]},
            ],
        },
        {"level": "Metadata"},
    ],
}
"""What is written down: every change, and what pods and claims were after it."""


class Event(NamedTuple):
    """A request that succeeded; `object` is what the server answered, {} where only metadata is kept."""

    verb: str
    resource: str
    subresource: str
    namespace: str
    name: str
    time: datetime
    """When it was done; UTC without a zone."""
    user: str
    object: dict[str, Any]


def events(log: Path) -> Iterator[Event]:
    """In the order of the log; a last line that is only half written is left out."""
    with log.open(encoding="utf-8") as lines:
        for line in lines:
            if not line.endswith("\n"):
                return
            found = json.loads(line)
            about = found.get("objectRef", {})
            if found["responseStatus"].get("code", 500) >= 300 or found["stage"] != "ResponseComplete":
                continue
            yield Event(
                found["verb"],
                about.get("resource", ""),
                about.get("subresource", ""),
                about.get("namespace", ""),
                about.get("name", ""),
                datetime.fromisoformat(found["stageTimestamp"].rstrip("Z")),
                found["user"].get("username", ""),
                found.get("responseObject", {}),
            )
