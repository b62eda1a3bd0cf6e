"""The rule that an action was decided by, as its decision recorded it: the file may have changed since."""

from __future__ import annotations

import json

from pipeline.policy.file import parse
from pipeline.policy.rules import Rule
from pipeline.store import Store


def decided_by(store: Store, action_id: str) -> Rule | None:
    """None where the action was proposed without evidence: by a person, or not at all."""
    rows = store.query("action_state", action_id=action_id, state="proposed").to_pylist()
    if not rows or not rows[0]["evidence"]:
        return None
    evidence = json.loads(rows[0]["evidence"])
    return parse(evidence["policy"]["text"]).rule(evidence["rule"])
