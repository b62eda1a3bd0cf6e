"""The rule that an action was decided by, as its decision recorded it: the file may have changed since."""

from __future__ import annotations

import json

from pipeline.errors import PreflightFailed
from pipeline.policy.recorded import recorded
from pipeline.policy.rules import Policy, Rule
from pipeline.store import Store


class Unreadable(PreflightFailed):
    """Neither the recorded policy nor the present one says by which rule the action was decided."""


def decided_by(store: Store, action_id: str, present: Policy | None = None) -> Rule | None:
    """None where the action was proposed without evidence: by a person, or not at all.

    Of a recorded policy that this version cannot read, the present rule of the same name; else Unreadable.
    """
    rows = store.query("action_state", action_id=action_id, state="proposed").to_pylist()
    if not rows or not rows[0]["evidence"]:
        return None
    evidence = json.loads(rows[0]["evidence"])
    policy = recorded(evidence["policy"]["text"])
    if policy is not None:
        return policy.rule(evidence["rule"])
    rule = present.rule(evidence["rule"]) if present else None
    if rule is None:
        why = "was decided by a policy that this version cannot read; put it back at its source"
        raise Unreadable(f"action {action_id[:12]} {why}")
    return rule
