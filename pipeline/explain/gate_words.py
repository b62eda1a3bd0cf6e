"""The gates of a decision, a line each, those that failed first, their numbers under one another."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from typing import Any

from pipeline.explain.shown import spans


def gate_words(evidence: Mapping[str, Any]) -> Iterator[str]:
    """Those of a rollback or of a ladder's step."""
    rows = gate_rows(evidence)
    passed = sum(mark == "passed" for mark, _, _ in rows)
    policy = evidence["policy"]
    yield f"Gates of policy {policy['version']} ({policy['hash'][:12]}), {passed} of {len(rows)} passed:"
    width = max((len(gate) for _, gate, _ in rows), default=0)
    for mark, gate, detail in rows:
        yield f"  {mark}  {gate:<{width}}  {detail}"


def gate_rows(evidence: Mapping[str, Any]) -> list[tuple[str, str, str]]:
    """Mark, name, and the numbers it was judged on."""
    rows = [(("FAILED", "passed")[g["passed"]], g["gate"], spans(g["detail"])) for g in evidence["gates"]]
    return sorted(rows, key=lambda row: row[0] == "passed")
