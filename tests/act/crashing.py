"""A process that dies at a named point of a rollback, and those that come after it."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

from pipeline.actuator.catalogue import TARGETS
from pipeline.actuator.steps import Begun
from pipeline.policy.decisions import Action
from pipeline.policy.rules import VERSION_LABEL
from tests.act.deciding import LATER, NOW

POINTS = (
    *("dry run asked", "dry run answered", "approved recorded", "patch asked", "patch answered"),
    *("executed recorded", "never"),
)
LIVES = 4


class Died(Exception):
    """The process ends here."""


class Dying:
    """Of a client: each patch is a point before it takes effect and one after; `die` names the next."""

    die = ""

    def patch(self, *where: Any, dry_run: bool) -> Any:
        """Once, then the name is forgotten: the next process has another fate."""
        self.point("dry run asked" if dry_run else "patch asked")
        answer = super().patch(*where, dry_run=dry_run)  # type: ignore[misc]
        self.point("dry run answered" if dry_run else "patch answered")
        return answer

    def point(self, name: str) -> None:
        if name == self.die:
            self.die = ""
            raise Died(name)


def settled(api: Any, action: Action, state: str) -> Any:
    begun = Begun(action.action_id, action.target, state, action.to_version, VERSION_LABEL)
    return TARGETS[action.target.kind].settle(api, begun, LATER, NOW)


def lived(api: Any, action: Action, recorded: str, point: str) -> str:
    """One process: settle what is open, else carry out; what stands in the ledger at its end."""
    if recorded in ("approved", "executed"):
        step = settled(api, action, recorded)
        return step.state if step else recorded
    api.die = point
    try:
        for step in TARGETS[action.target.kind].execute(api, action):
            if point == "executed recorded" and step.state == "executed":
                return recorded  # it died before it could record that
            recorded = step.state
            if point == "approved recorded" and step.state == "approved":
                return recorded
    except Died:
        pass
    return recorded


def through(api: Any, decide: Callable[[], Action], point: str) -> Action:
    """Four processes, the first of which dies there; the action that was carried out at last."""
    action, recorded = decide(), ""
    for life in range(LIVES):
        recorded = lived(api, action, recorded, point if life == 0 else "never")
        if recorded == "refused":  # stopped before the patch took effect: decided anew
            action, recorded = decide(), ""
    return action
