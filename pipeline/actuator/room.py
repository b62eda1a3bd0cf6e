"""Room for one rollback in a namespace that we froze: our quota is raised by its surge, and lowered again.

The room that a freeze leaves is not reserved, so another pod may have taken it.  What was there stands in an
annotation of the quota, with the action that it was raised for: who comes after a crash restores it.
"""

from __future__ import annotations

import json
from collections import Counter

from collectors.quantity import quantity
from pipeline.actuator.freeze import NAMES
from pipeline.actuator.kubernetes import RESOURCE_QUOTAS, ApiError, Kubernetes, Object
from pipeline.actuator.patching import annotations_of
from pipeline.actuator.pointers import escaped
from pipeline.actuator.surge import claim_templates, needs
from pipeline.canonical import canonical

LENT = "driftledger.io/room-for"
_MARK = f"/metadata/annotations/{escaped(LENT)}"


def lend(client: Kubernetes, thing: Object, content: Object, action_id: str) -> str:
    """Raises the freeze by what the rollout of `content`, a pod template, surges; what was done, in words.

    '' where nothing was: no freeze, no surge, or the freeze is raised for another rollback.
    """
    namespace = str(thing["metadata"]["namespace"])
    found = [client.get(RESOURCE_QUOTAS, namespace, name) for name in NAMES]
    quotas = [q for q in found if not isinstance(q, ApiError) and LENT not in annotations_of(q)]
    templates = claim_templates(client, namespace) if quotas else {}
    if isinstance(templates, ApiError):
        return ""
    after = {**thing, "spec": {**thing["spec"], "template": content}}
    wanted = needs(thing, templates) | needs(after, templates)
    return next(filter(None, [_raised(client, quota, wanted, action_id) for quota in quotas]), "")


def _raised(client: Kubernetes, quota: Object, wanted: Counter[str], action_id: str) -> str:
    namespace, name = quota["metadata"]["namespace"], quota["metadata"]["name"]
    before = quota["spec"]["hard"]
    # The API server writes some back in another form: 1000 is 1k.
    limits = {n: quantity(before.get(n)) for n, count in wanted.items() if count}
    used = (quota.get("status") or {}).get("used") or {}
    # What was there before a freeze can be more than it allows; room begins above that.
    held = {n: max(has, quantity(used.get(n)) or 0) for n, has in limits.items() if has is not None}
    raised = before | {n: str(int(has) + wanted[n]) for n, has in held.items()}
    if raised == before:
        return ""
    kept = canonical({"action": action_id, "hard": before})
    patch = [*_guard(quota), {"op": "add", "path": _MARK, "value": kept}, _hard(raised)]
    answer = client.patch(RESOURCE_QUOTAS, namespace, name, patch, dry_run=False)
    if isinstance(answer, ApiError):
        return f"the freeze of {namespace} could not be raised for its surge: {answer.words}"
    return f"the freeze of {namespace} is raised for its surge"


def lent_for(quota: Object) -> str:
    """Id of the action that a freeze is raised for; '' for none."""
    told = annotations_of(quota).get(LENT, "")
    return str(json.loads(told)["action"]) if told else ""


def take_back(client: Kubernetes, quota: Object) -> ApiError | None:
    """What the freeze allowed before; pods that run now keep what they have."""
    told = annotations_of(quota)[LENT]
    back = _hard(json.loads(told)["hard"])
    patch = [
        *_guard(quota),
        {"op": "test", "path": _MARK, "value": told},
        back,
        {"op": "remove", "path": _MARK},
    ]
    where = quota["metadata"]["namespace"], quota["metadata"]["name"]
    answer = client.patch(RESOURCE_QUOTAS, *where, patch, dry_run=False)
    return answer if isinstance(answer, ApiError) else None


def _guard(quota: Object) -> list[Object]:
    return [
        {"op": "test", "path": "/metadata/uid", "value": quota["metadata"]["uid"]},
        {"op": "test", "path": "/spec/hard", "value": quota["spec"]["hard"]},
    ]


def _hard(value: Object) -> Object:
    return {"op": "replace", "path": "/spec/hard", "value": value}
