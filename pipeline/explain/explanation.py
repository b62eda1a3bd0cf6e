"""A decision computed again from the lake snapshot that it names, and compared with what was recorded.

What other rules decided may come out otherwise today; that is said, and is no sign of tampering.
"""

from __future__ import annotations

import json
from dataclasses import dataclass
from typing import Any

import duckdb

from detectors.parameters import Parameters
from pipeline.answers.actions import only
from pipeline.canonical import canonical, moment
from pipeline.errors import DriftledgerError, NotFound
from pipeline.explain.differences import differences
from pipeline.explain.step_again import again
from pipeline.judge import judge
from pipeline.lake.location import Place
from pipeline.policy.consider import consider
from pipeline.policy.decisions import RULES, Action, Decision, PastAction
from pipeline.policy.file import parse
from pipeline.policy.journal import Revision, TargetState
from pipeline.policy.ladders import STEPS
from pipeline.policy.step_decision import StepDecision
from pipeline.store import Store

MISSING = "recorded evidence"
_SAID = ("mute", "record", "undo_asked")
"""Kinds of what a person said, beside a freeze by command, which no rule's name stands on."""
_PARTS = (("suspend_owner", "approved"), ("approval", "refused"))
"""Kind and state of rows that belong to another action, which their evidence names."""

Row = dict[str, Any]


@dataclass(frozen=True, slots=True)
class Explanation:
    """`identical` is whether the decision, computed again, has the recorded one's bytes."""

    action_id: str
    identical: bool
    recorded: str
    """Evidence as canonical JSON, as the ledger has it."""
    recomputed: str
    """Evidence computed again; '' where it cannot be, and `differences` says why."""
    differences: tuple[str, ...]
    steps: tuple[Row, ...]
    """Rows of the action in the order in which its states were reached."""
    outcome: Row | None
    """What it changed, where that was measured."""
    parts: tuple[Row, ...] = ()
    """Rows of actions that were taken for this one, such as an owner that was told to wait."""
    rules: int = RULES
    """Version of the rules that decided; 0 for a decision from before versions were recorded."""
    asks: str = ""
    """Id of the action that it asks to put back; nothing is computed, its reason is that action's outcome."""
    said: bool = False
    """A person said it and no rule decided: there is nothing to compute."""

    @property
    def happened(self) -> tuple[Row, ...]:
        """Its steps and those of its parts, in the order of their times."""
        return tuple(sorted((*self.steps, *self.parts), key=lambda row: row["time"]))

    @property
    def sent(self) -> str:
        """What was sent as canonical JSON, pod templates by their hash; '' where nothing was."""
        # Of a step its approval has only its end, of a rollback the patch.
        states = ("executed",) if self.steps[0]["kind"] in STEPS else ("approved", "executed")
        return next((s["evidence"] for s in self.steps if s["state"] in states and s["evidence"]), "")

    @property
    def command(self) -> str:
        """What computes it again."""
        return f"driftledger explain {self.action_id[:12]} -o json"

    @property
    def by_other_rules(self) -> str:
        """Which rules decided, where they are not those that computed it again; else ''."""
        if self.rules == RULES:
            return ""
        told = f"rule version {self.rules}" if self.rules else "rules of no recorded version"
        return f"decided by {told}, this is {RULES}"


def explain(place: Place, action_id: str) -> Explanation:
    """`action_id` may be any beginning that only one action has; raises NotFound for none or several."""
    with Store.open(place, read_only=True) as store:
        steps = _steps(store, action_id)
        parts = tuple(store.query("action_parts", action_id=steps[0]["action_id"]).to_pylist())
        outcomes = [o for o in store.rows("outcomes").to_pylist() if o["action_id"] == steps[0]["action_id"]]
    row = _decided(steps)
    recorded = str(row["evidence"] or "")
    recomputed, found, rules, asks = "", [], RULES, _asks(row)
    by_person = row["kind"] in _SAID or (row["kind"] == "freeze" and not row["policy"])
    if by_person and not asks:
        return Explanation(row["action_id"], True, recorded, recorded, (), steps, None, parts, said=True)
    try:
        if asks:
            return Explanation(row["action_id"], True, recorded, recorded, (), steps, None, parts, asks=asks)
        evidence = json.loads(recorded)
        rules = int(evidence.get("rules", 0))
        decision = _again(place, evidence, row["snapshot"])
        recomputed = _of_rules(decision.evidence, evidence) if decision else canonical({"decision": None})
        found = differences(evidence, json.loads(recomputed)) + _columns(row, decision)
        if not found and recomputed != recorded:
            found = ["the text is not canonical, though its values are the same"]
    except (DriftledgerError, duckdb.Error) as error:
        found = [f"cannot be computed again: {error}"]
    except (ValueError, KeyError, TypeError, AttributeError) as error:
        found = [f"{MISSING} cannot be read: {type(error).__name__}: {error}"]
    outcome = outcomes[0] if outcomes else None
    return Explanation(
        row["action_id"], not found, recorded, recomputed, tuple(found), steps, outcome, parts, rules
    )


def _asks(row: Row) -> str:
    """Of a proposal to put an action back."""
    if (row["kind"], row["state"]) != ("undo_asked", "proposed"):
        return ""
    return str(json.loads(row["evidence"])["of"])


def _of_rules(recomputed: str, recorded: dict[str, Any]) -> str:
    """With the version that decided: where all else is the same, the other rules changed nothing here."""
    again = json.loads(recomputed)
    again.pop("rules")
    return canonical(again | {"rules": recorded["rules"]} if "rules" in recorded else again)


def _steps(store: Store, prefix: str) -> tuple[Row, ...]:
    rows = tuple(store.query("action_rows", prefix=only(store, prefix)).to_pylist())
    of = (r["evidence"] for r in rows if (r["kind"], r["state"]) in _PARTS)
    if told := next(of, ""):
        whole = json.loads(told)["of"][:12]
        raise NotFound(f"action {prefix[:12]} is part of {whole}; see `driftledger explain {whole}`")
    return rows


def _decided(steps: tuple[Row, ...]) -> Row:
    """The row that holds the decision's evidence: what was proposed, or else what was refused outright."""
    by_state = {r["state"]: r for r in steps}
    return by_state.get("proposed") or by_state.get("refused") or steps[0]


def _again(place: Place, evidence: dict[str, Any], snapshot: int) -> Decision | StepDecision | None:
    if "ladder" in evidence:
        return again(place, evidence, snapshot)
    policy = parse(evidence["policy"]["text"])
    rule = policy.rule(evidence["rule"])
    if rule is None:
        raise NotFound(f"the recorded policy has no rule {evidence['rule']!r}")
    now = moment(evidence["now"])
    parameters, begun = Parameters(**evidence["parameters"]), _begun(place, evidence)
    with Store.open(place, read_only=True, snapshot=snapshot) as pinned:
        findings = judge(pinned, now, parameters)
        state = _state(evidence["journal"]["target"])
        return consider(pinned, findings, policy, rule, state, now, parameters, begun)


def _begun(place: Place, evidence: dict[str, Any]) -> tuple[PastAction, ...]:
    """What its own tick began before it, which the snapshot from before the tick does not hold; the ledger
    must know of it by now."""
    new = [row for row in evidence["history"] if row["action_id"] in evidence.get("begun", ())]
    if new:
        with Store.open(place, read_only=True) as store:
            new = [row for row in new if store.query("action_rows", prefix=row["action_id"]).num_rows]
    return tuple(PastAction(**{**row, "acted_at": moment(row["acted_at"])}) for row in new)


def _state(recorded: dict[str, Any] | None) -> TargetState | None:
    """What the cluster said: the one input that no lake can give again."""
    if recorded is None:
        return None
    revisions = tuple(
        Revision(**{**r, "unpinned": tuple(r.get("unpinned", ()))}) for r in recorded["revisions"]
    )
    return TargetState(**{**recorded, "revisions": revisions, "beside": tuple(recorded.get("beside", ()))})


def _columns(row: Row, decision: Decision | StepDecision | None) -> list[str]:
    """Columns of the recorded row that the decision computed again does not give."""
    if decision is None:
        return []
    expected = {
        "action_id": decision.action_id,
        "kind": decision.kind,
        "policy": decision.rule,
        "cluster": decision.target.cluster,
        "namespace": decision.target.namespace,
        "workload": decision.target.workload,
        "model": decision.model,
        "model_version": decision.model_version,
        "to_version": decision.to_version if isinstance(decision, Action) else "",
        "snapshot": decision.snapshot,
    }
    return [
        f"column {name}: recorded {row[name]!r}, computed again {value!r}"
        for name, value in expected.items()
        if (row[name] or "") != value
    ]
