"""An executed action put back by a person: a rollback by the same guarded patch, the other way."""

from __future__ import annotations

import json
import re
from collections.abc import Iterator, Mapping
from dataclasses import replace
from datetime import datetime
from typing import NamedTuple

from pipeline.act.carrying_out import carried_out
from pipeline.act.decided_by import decided_by
from pipeline.act.events import Publisher, Taken, publish, taken
from pipeline.act.freezing import LATE, thaw
from pipeline.act.owner_waiting import KIND as WAITING
from pipeline.act.owner_waiting import gone_on, let_go, owner_waits
from pipeline.act.reverting import reverted
from pipeline.act.steps_end import put_back
from pipeline.actuator.catalogue import TARGETS
from pipeline.actuator.kubernetes import ApiError, Kubernetes
from pipeline.actuator.steps import Step
from pipeline.canonical import digest, moment
from pipeline.errors import ConfigError, NotFound, PreflightFailed
from pipeline.policy import rules
from pipeline.policy.decisions import Action, PastAction, Patch
from pipeline.policy.ladders import STEPS
from pipeline.policy.rules import Target
from pipeline.store import Store

_UNDO_OF = "undo of "
_OF = re.compile(f"{_UNDO_OF}([0-9a-f]{{12}}) ")


class _Asked(NamedTuple):
    action_id: str
    kind: str
    rule: str
    model: str
    model_version: str


def undo(
    store: Store,
    publisher: Publisher,
    action_id: str,
    client: Kubernetes,
    cluster: str,
    by: str,
    now: datetime,
) -> Iterator[Taken]:
    """The steps, each recorded before the next.  Raises NotFound, ConfigError or PreflightFailed.

    The state that the action left is put back, if the object still carries the action: a later change of
    somebody else is not overwritten.
    """
    kind, by_command = _kind(store, action_id)
    if by_command:
        yield from _thawed(store, publisher, action_id, client, cluster, now)
        return
    if _puts_back(kind):
        put = put_back if kind in STEPS else let_go
        yield from put(store, publisher, action_id, client, cluster, by, now)
        return
    action = _inverse(store, action_id, client, cluster)
    decided = action, action.target, action.to_version

    def told(step: Step) -> Taken:
        return taken(*decided, step.state, step.detail, step.evidence)

    yield publish(publisher, taken(*decided, "proposed", f"{_UNDO_OF}{action_id[:12]} asked by {by}"), now)
    for step in carried_out(store, publisher, action, client, now, told):
        yield step
        if step.state == "executed":
            done = taken(*decided, "undone", f"put back by {by}")
            original = done._replace(
                action_id=action_id, kind="rollback", model_version=action.to_version,
                to_version=action.model_version,
            )  # fmt: skip
            yield publish(publisher, original, now)
            yield from gone_on(store, publisher, {cluster: client}, now)


def completed(store: Store, past: PastAction) -> Iterator[Taken]:
    """That what an undo puts back is undone, where the process ended before it said so.

    Else the same rollback would be done again, once its cool-down is over.
    """
    rows = {r["state"]: r for r in store.query("action_rows", prefix=past.action_id).to_pylist()}
    of = _OF.match(rows["proposed"]["detail"] if "proposed" in rows else "")
    whole = {r["state"]: r for r in store.query("action_rows", prefix=of[1]).to_pylist()} if of else {}
    if "executed" in whole and "undone" not in whole:
        done = taken(past, past.target, past.model_version, "undone", f"put back by {past.action_id[:12]}")
        first = whole["executed"]
        yield done._replace(action_id=first["action_id"], kind=first["kind"], model_version=past.to_version)


def asked(
    store: Store, publisher: Publisher, clients: Mapping[str, Kubernetes], now: datetime
) -> Iterator[Taken]:
    """Carries out what people asked for on the pages; what cannot be done is answered with the reason."""
    for row in store.query("undos_asked").to_pylist():
        client = clients.get(row["cluster"])
        if client is None:
            continue
        said = json.loads(row["evidence"])
        target = Target.of(row["cluster"], row["namespace"], row["workload"])
        answer = taken(
            _Asked(row["action_id"], row["kind"], row["policy"], row["model"], row["model_version"]),
            target, row["to_version"] or "", "executed", "done, or refused with its reason",
        )  # fmt: skip
        if "expires" in said and now >= moment(said["expires"]):
            late = answer._replace(state="refused", detail=f"approval by {said['by']} refused: it is too old")
            yield publish(publisher, late, now)
            continue
        states: list[str] = []
        try:
            for step in undo(store, publisher, said["of"], client, row["cluster"], said["by"], now):
                states.append(step.state)
                yield step
        except (NotFound, ConfigError, PreflightFailed) as error:
            answer = answer._replace(state="refused", detail=str(error))
        else:
            if _puts_back(_kind(store, said["of"])[0]) and "undone" not in states:
                continue  # the cluster did not take it, or did not answer: asked again at the next tick
        yield publish(publisher, answer, now)


def _puts_back(kind: str) -> bool:
    """Whether what was there before stands in the ledger; else a rollback is rolled back."""
    return kind in STEPS or kind == WAITING


def _kind(store: Store, action_id: str) -> tuple[str, bool]:
    """What it is, and whether it is a freeze by `driftledger freeze`, of no ladder."""
    rows = store.query("action_rows", prefix=action_id).to_pylist()
    kind, rule = (str(rows[0]["kind"]), rows[0]["policy"]) if rows else ("", "")
    return kind, kind == "freeze" and not rule


def _thawed(
    store: Store, publisher: Publisher, action_id: str, client: Kubernetes, cluster: str, now: datetime
) -> Iterator[Taken]:
    row = store.query("action_rows", prefix=action_id).to_pylist()[0]
    if row["cluster"] != cluster:
        raise ConfigError("--cluster", cluster, f"the action was in cluster {row['cluster']}")
    open_ = store.query("freezes_open", late=now - LATE).to_pylist()
    if row["action_id"] not in {one["action_id"] for one in open_}:
        raise NotFound(f"action {action_id[:12]} holds no more; see `driftledger actions list`")
    yield from thaw(store, publisher, {cluster: client}, now, namespace=row["namespace"])


def _inverse(store: Store, action_id: str, client: Kubernetes, cluster: str) -> Action:
    rows = {r["state"]: r for r in store.query("action_rows", prefix=action_id).to_pylist()}
    if "executed" not in rows or rows["executed"]["kind"] != "rollback":
        raise NotFound(f"action {action_id[:12]} is no executed rollback; see `driftledger actions list`")
    row = rows["proposed"]
    if row["cluster"] != cluster:
        raise ConfigError("--cluster", cluster, f"the action was in cluster {row['cluster']}")
    evidence = json.loads(row["evidence"])
    rule = decided_by(store, row["action_id"])
    label = rule.version_label if rule else rules.VERSION_LABEL
    target = Target.of(cluster, row["namespace"], row["workload"])
    state = TARGETS[target.kind].observe(client, target, label)
    if isinstance(state, ApiError):
        raise PreflightFailed(f"{target.workload} cannot be read: {state.words}")
    acted = Patch(**evidence["decision"]["patch"])
    if (state.uid, state.template_hash) != (acted.uid, acted.to_template_hash):
        raise ConfigError(
            "action", action_id[:12], "the object was changed after it; change it at its source"
        )
    left = [r for r in state.revisions if r.template_hash == acted.from_template_hash]
    if not left:
        raise NotFound(f"{target.workload} no longer keeps the state that the action left")
    back = max(left, key=lambda r: r.revision)
    patch = replace(
        acted, generation=state.generation, from_revision=state.revision, to_revision=back.revision,
        from_template_hash=state.template_hash, to_template_hash=back.template_hash, keeper=back.name,
    )  # fmt: skip
    return Action(
        action_id=digest(["undo", action_id, patch.generation]),
        kind="undo",
        rule=row["policy"],
        mode="auto",
        target=target,
        model=row["model"],
        model_version=row["to_version"],
        to_version=row["model_version"],
        patch=patch,
        version_label=label,
        snapshot=store.snapshot(),
        evidence="",
        detail=f"put {row['model_version']} back",
        gitops=rule.gitops if rule and reverted(store, action_id) else None,
        owner_waits=owner_waits(store, action_id),
    )
