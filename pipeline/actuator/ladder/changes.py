"""One field of some objects set, and set back: each object by a patch of its own that is whole or nothing.

A patch holds on the object that was read and on the value that was read, and writes the action's id into
the object, so a lost answer or a crash is settled from the object itself.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import asdict, dataclass
from typing import Any, Literal, NamedTuple

from pipeline.actuator.kubernetes import ApiError, Kubernetes, Object, Resource
from pipeline.actuator.ladder.contract import Plan
from pipeline.actuator.patching import ANNOTATION, MARK, action_of
from pipeline.actuator.steps import Step
from pipeline.canonical import canonical

SHOWN = 3
"""Changes that a step's sentence names."""

Done = Literal["done", "left", "unknown", "refused"]
"""Left is left for good; refused still has what was changed, and is asked for again."""


@dataclass(frozen=True, slots=True)
class Change:
    """A field of the spec from one value to another; None is that it is not there."""

    group: str
    version: str
    plural: str
    namespace: str
    name: str
    uid: str
    field: str
    """Key in the spec."""
    before: Any
    after: Any

    @property
    def resource(self) -> Resource:
        return Resource(self.group, self.version, self.plural)

    @property
    def words(self) -> str:
        return f"{_name(self)} {self.field} {_said(self.before)} to {_said(self.after)}"

    @property
    def words_back(self) -> str:
        return f"{_name(self)} {self.field} {_said(self.after)} to {_said(self.before)}"


def _said(value: Any) -> str:
    """As a sentence says it."""
    return "not set" if value is None else str(value)


def change(resource: Resource, thing: Object, field: str, after: Any) -> Change:
    metadata = thing["metadata"]
    where = resource.group, resource.version, resource.plural
    before = thing["spec"].get(field)
    return Change(*where, metadata["namespace"], metadata["name"], metadata["uid"], field, before, after)


def planned(found: Sequence[Change]) -> Plan:
    return {"changes": [asdict(c) for c in found]} if found else {}


def changes_of(plan: Plan) -> list[Change]:
    return [Change(**c) for c in plan["changes"]]


class Result(NamedTuple):
    """What became of one object; `patch` is what was sent, where it took effect."""

    done: Done
    why: str = ""
    patch: tuple[Object, ...] = ()


Reason = Callable[[Change, Object], str]
"""Why an object is left as it is now; '' where it is not."""


def carry_out(
    client: Kubernetes, plan: Plan, action_id: str, leave: Reason = lambda change, thing: ""
) -> Step | None:
    """Executed where at least one object was changed; the others are named with the reason."""
    return _each(client, plan, lambda c: _forwards(client, c, action_id, leave), "executed")


def put_back(client: Kubernetes, plan: Plan, action_id: str) -> Step | None:
    return _each(client, plan, lambda c: _backwards(client, c, action_id), "undone")


def holds(client: Kubernetes, plan: Plan, action_id: str) -> Step | None:
    """By the objects themselves."""
    found = [(c, client.get(c.resource, c.namespace, c.name)) for c in changes_of(plan)]
    if any(isinstance(t, ApiError) and not t.wrote_nothing for _, t in found):
        return None
    mine = [(c, t) for c, t in found if not isinstance(t, ApiError) and action_of(t) == action_id]
    moved = [c.words for c, t in mine if t["spec"].get(c.field) != c.after]
    if moved or not mine:
        return Step(
            "failed", f"somebody has changed it: {'; '.join(moved) or 'no object carries the action'}"
        )
    return Step("verified", f"{len(mine)} of {len(found)} objects are as planned")


def _each(
    client: Kubernetes,
    plan: Plan,
    one: Callable[[Change], Result],
    state: Literal["executed", "undone"],
) -> Step | None:
    found = [(c, one(c)) for c in changes_of(plan)]
    if any(r.done == "unknown" for _, r in found):
        return None
    changed = [c.words if state == "executed" else c.words_back for c, r in found if r.done == "done"]
    refused = {_name(c): r.why for c, r in found if r.done == "refused"}
    left = {_name(c): r.why for c, r in found if r.done == "left"}
    sent = {_name(c): r.patch for c, r in found if r.patch}
    evidence = canonical({"changed": changed, "left": left, "sent": sent})
    words = f"{len(changed)} of {len(found)} changed{_listed(changed)}" + (
        f", left: {_named(left)}" if left else ""
    )
    if refused:
        return Step("failed", f"not put back, and tried again at each tick: {_named(refused)}", evidence)
    if state == "executed" and not changed:
        return Step("refused", f"not_written: {_named(left)}", evidence)
    return Step(state, words if state == "executed" else f"put back: {words}", evidence)


def _name(change: Change) -> str:
    return f"{change.plural}/{change.name}"


def _listed(changed: list[str]) -> str:
    """The first of them; all are in the evidence."""
    more = f" and {len(changed) - SHOWN} more" if len(changed) > SHOWN else ""
    return f": {'; '.join(changed[:SHOWN])}{more}" if changed else ""


def _named(left: dict[str, str]) -> str:
    return "; ".join(f"{name}: {why}" for name, why in left.items())


def _forwards(client: Kubernetes, change: Change, action_id: str, leave: Reason) -> Result:
    thing = client.get(change.resource, change.namespace, change.name)
    if isinstance(thing, ApiError):
        return _fault(thing)
    if action_of(thing) == action_id:
        return Result("done", "it carries the action already")
    if why := leave(change, thing):
        return Result("left", why)
    mark: Object = {"op": "add", "path": MARK, "value": action_id}
    if not (thing["metadata"].get("annotations")):
        mark = {"op": "add", "path": "/metadata/annotations", "value": {ANNOTATION: action_id}}
    setting = {"op": "add", "path": f"/spec/{change.field}", "value": change.after}
    patch = [*_guard(thing, change.uid, change.field, change.before), setting, mark]
    return _sent(client, change, patch, lambda held: action_of(held) == action_id, _fault)


def _backwards(client: Kubernetes, change: Change, action_id: str) -> Result:
    thing = client.get(change.resource, change.namespace, change.name)
    if isinstance(thing, ApiError):
        return _fault_of_undo(thing)
    if thing["metadata"]["uid"] != change.uid:
        return Result("left", "another object has its name now")
    if action_of(thing) != action_id:
        as_it_was = thing["spec"].get(change.field) == change.before
        return Result("left", "it is as it was" if as_it_was else "it does not carry the action")
    unmark = [{"op": "test", "path": MARK, "value": action_id}, {"op": "remove", "path": MARK}]
    if thing["spec"].get(change.field) != change.after:
        only = "somebody has changed it since; only the mark is gone"
        return _sent(client, change, unmark, _unmarked, _fault_of_undo, only)
    path = f"/spec/{change.field}"
    setting = (
        {"op": "remove", "path": path}
        if change.before is None
        else {"op": "add", "path": path, "value": change.before}
    )
    patch = [*_guard(thing, change.uid, change.field, change.after), setting, *unmark]
    return _sent(client, change, patch, _unmarked, _fault_of_undo)


def _unmarked(thing: Object) -> bool:
    return not action_of(thing)


def _guard(thing: Object, uid: str, field: str, value: Any) -> list[Object]:
    """Where a field is missing there is nothing to test, so the version of the whole object is."""
    held = (
        {"op": "test", "path": "/metadata/resourceVersion", "value": thing["metadata"]["resourceVersion"]}
        if value is None
        else {"op": "test", "path": f"/spec/{field}", "value": value}
    )
    return [{"op": "test", "path": "/metadata/uid", "value": uid}, held]


def _sent(
    client: Kubernetes,
    change: Change,
    patch: list[Object],
    took: Callable[[Object], bool],
    fault: Callable[[ApiError], Result],
    only: str = "",
) -> Result:
    where = (change.resource, change.namespace, change.name, patch)
    answer: Object | ApiError = {}
    for dry_run in (True, False):
        answer = client.patch(*where, dry_run=dry_run)
        if isinstance(answer, ApiError) and (dry_run or answer.wrote_nothing):
            return fault(answer)
    if isinstance(answer, ApiError):  # its answer was lost: the object tells
        thing = client.get(change.resource, change.namespace, change.name)
        if isinstance(thing, ApiError) or not took(thing):
            return fault(answer) if answer.fault == "failed" else Result("unknown", answer.words)
    return Result("left" if only else "done", only, tuple(patch))


def _fault(error: ApiError) -> Result:
    return Result("left" if error.wrote_nothing else "unknown", error.words)


def _fault_of_undo(error: ApiError) -> Result:
    """What was changed is not forgotten since somebody took a right away or stopped all writes."""
    if error.fault == "not_found":
        return Result("left", "it is gone")
    later = error.is_unanswered or error.fault == "conflict"
    return Result("unknown" if later else "refused", error.words)
