"""One rollback carried out as its target's owner asks for: by a patch, while the owner waits, or in Git."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from dataclasses import replace
from datetime import datetime

from pipeline.act import owner_waiting, reverting
from pipeline.act.events import Publisher, Taken, publish
from pipeline.actuator.catalogue import TARGETS
from pipeline.actuator.kubernetes import Kubernetes
from pipeline.actuator.steps import Step
from pipeline.policy.decisions import Action
from pipeline.store import Store


def carried_out(
    store: Store,
    publisher: Publisher,
    action: Action,
    client: Kubernetes,
    now: datetime,
    told: Callable[[Step], Taken],
) -> Iterator[Taken]:
    """The steps, each recorded before the next; `told` makes an event of a step of the action itself."""
    option = action.gitops
    if option is not None and option.revert is not None:
        for step in reverting.execute(client, action, option, now):
            yield publish(publisher, told(step), now)
        return
    if option is not None and option.suspend is not None:
        # An owner is not told to wait for what this account may not do.
        if lacking := TARGETS[action.target.kind].lacks(client, action.target):
            yield publish(publisher, told(Step("refused", lacking)), now)
            return
        why = yield from owner_waiting.told_to_wait(store, publisher, action, option, client, now)
        if why:
            yield publish(publisher, told(Step("refused", why)), now)
            return
        action = replace(action, owner_waits=True)
    state = ""
    for step in TARGETS[action.target.kind].execute(client, action):
        state = step.state
        yield publish(publisher, told(step), now)
    if option is not None and state == "refused":
        yield from owner_waiting.gone_on(store, publisher, {action.target.cluster: client}, now)
