"""A rollback by a commit to the manifest in Git, which the target's owner then brings to the cluster."""

from __future__ import annotations

import json
from collections.abc import Iterator, Mapping
from dataclasses import asdict, replace
from datetime import datetime, timedelta
from typing import Any

from pipeline.actuator.catalogue import TARGETS
from pipeline.actuator.field_changes import field_changes
from pipeline.actuator.git_repository import TRAILER, Fetched, GitFailed, fetched
from pipeline.actuator.gitops_owner import RESOURCES, applied
from pipeline.actuator.kubernetes import ApiError, Kubernetes
from pipeline.actuator.lease import leading
from pipeline.actuator.manifest import Unfit, replaced
from pipeline.actuator.steps import Begun, Step
from pipeline.canonical import canonical
from pipeline.policy.decisions import Action
from pipeline.policy.gitops import GitOps, Owner, Revert
from pipeline.store import Store

LATE = timedelta(minutes=2)
"""After it a push whose answer was lost does not arrive any more; `git` waits for 60 s."""


def execute(client: Kubernetes, action: Action, option: GitOps, now: datetime) -> Iterator[Step]:
    """The steps; nothing is pushed before `approved` has been taken by the caller."""
    revert, target = option.revert, action.target
    if revert is None:
        return
    planned = TARGETS[target.kind].planned(client, replace(action, owner_waits=True))
    if isinstance(planned, Step):
        yield planned
        return
    changes = field_changes(action, revert.fields, *planned)
    if isinstance(changes, Unfit):
        yield Step("refused", changes.reason)
        return
    try:
        with fetched(revert.repository, revert.branch) as branch:
            done = branch.commit_of(action.action_id)
            if done:
                yield Step("executed", f"commit {done[:12]} is there already", _commit(done))
                return
            text = replaced(branch.text(revert.file), target.kind, target.name, changes)
            if isinstance(text, Unfit):
                yield Step("refused", text.reason)
                return
            evidence = canonical(
                {
                    "commit": [change._asdict() for change in changes],
                    "revert": {"repository": revert.repository, "branch": revert.branch, "file": revert.file},
                    "head": branch.head,
                    "owner": asdict(option.owner),
                }
            )
            yield Step("approved", f"{revert.file} of {revert.branch} takes the change", evidence)
            yield from _pushed(client, branch, revert, action, text, now)
    except GitFailed as error:
        yield Step("refused", f"git_failed: {error}")


def reverted(store: Store, action_id: str) -> dict[str, Any]:
    """The evidence of the approval of a rollback that is done in Git; {} of any other."""
    rows = store.query("action_state", action_id=action_id, state="approved").to_pylist()
    told = json.loads(rows[0]["evidence"]) if rows and rows[0]["evidence"] else {}
    return told if "revert" in told else {}


def settle(
    client: Kubernetes,
    begun: Begun,
    told: Mapping[str, Any],
    begun_at: datetime,
    verify_until: datetime,
    now: datetime,
) -> Step | None:
    """What became of it; `told` is the evidence of its approval."""
    if begun.state == "approved":
        return _found(begun, told["revert"], begun_at, verify_until, now)
    step = TARGETS[begun.target.kind].follow(client, begun, verify_until, now)
    if step is None:
        return None
    owner = Owner(**told["owner"])
    thing = client.get(RESOURCES[owner.kind], owner.namespace, owner.name)
    says = thing.fault if isinstance(thing, ApiError) else applied(owner.kind, thing)
    return replace(step, detail=f"{step.detail}; {owner.words} says {says}")


def _found(
    begun: Begun, where: Mapping[str, str], begun_at: datetime, verify_until: datetime, now: datetime
) -> Step | None:
    """Whether the branch has the commit of an action whose process stopped, or whose answer was lost."""
    try:
        with fetched(where["repository"], where["branch"]) as branch:
            done = branch.commit_of(begun.action_id)
    except GitFailed as error:
        late = now >= verify_until
        return Step("failed", f"nobody knows whether it was committed: {error}") if late else None
    if done:
        return Step("executed", f"commit {done[:12]} was pushed before the process stopped", _commit(done))
    if now < begun_at + LATE:
        return None
    return Step("refused", "stopped before the commit was pushed; the next tick decides anew")


def _pushed(
    client: Kubernetes, branch: Fetched, revert: Revert, action: Action, text: str, now: datetime
) -> Iterator[Step]:
    """A branch that moved is not tried again: the next tick reads and decides anew."""
    if not leading({"": client}):
        yield Step("refused", "not_written: this process is not the leader any more")
        return
    try:
        made = branch.pushed(revert.file, text, _message(action), now)
        yield Step("executed", f"commit {made[:12]} is the head of {revert.branch}", _commit(made))
    except GitFailed as error:
        try:
            with fetched(revert.repository, revert.branch) as again:
                done = again.commit_of(action.action_id)
        except GitFailed:
            return  # nobody knows: it stays approved, and the next tick asks the branch
        if done:
            words = f"commit {done[:12]} took effect, its answer was lost: {error}"
            yield Step("executed", words, _commit(done))
        elif not error.unanswered:
            yield Step("refused", f"not_written: {error}; the next tick decides anew")


def _message(action: Action) -> str:
    of = action.target
    return (
        f"Roll {of.workload} back from {action.model_version} to {action.to_version}\n\n"
        f"Version {action.to_version} of model {action.model} was the last judged good in {of.namespace}.\n"
        f"Rule {action.rule}; why: driftledger explain {action.action_id[:12]}\n\n"
        f"{TRAILER}: {action.action_id}\n"
    )


def _commit(sha: str) -> str:
    return canonical({"commit": sha})
