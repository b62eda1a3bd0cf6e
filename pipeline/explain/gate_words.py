"""The gates of a decision, a line each, their numbers under one another."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from typing import Any


def gate_words(evidence: Mapping[str, Any]) -> Iterator[str]:
    """Those of a rollback or of a ladder's step, passed and failed."""
    yield f"Gates of policy {evidence['policy']['version']} ({evidence['policy']['hash'][:12]}):"
    width = max((len(gate["gate"]) for gate in evidence["gates"]), default=0)
    for gate in evidence["gates"]:
        mark = "passed" if gate["passed"] else "FAILED"
        yield f"  {mark}  {gate['gate']:<{width}}  {gate['detail']}"
