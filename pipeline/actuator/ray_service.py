"""A KubeRay RayService: its Serve applications and cluster; it keeps no earlier state, so we do.

Its controller compares the spec with the cluster that serves: put back while the new cluster comes up, the
old one stays; after `rayClusterDeletionDelaySeconds` it is gone, and a whole cluster is made anew.
"""

from __future__ import annotations

from collections.abc import Sequence
from copy import deepcopy

from pipeline.actuator import progress as of
from pipeline.actuator.kubernetes import Object, Resource
from pipeline.actuator.shape import Kept, Progress
from pipeline.actuator.snapshots import KEEPER as KEEPER
from pipeline.actuator.snapshots import in_snapshots
from pipeline.actuator.spec_parts import at, label_of, with_live, without

RESOURCE = Resource("ray.io", "v1", "rayservices")
PATH = "/spec"
_LEFT = (("suspend",), ("upgradeStrategy",), ("rayClusterDeletionDelaySeconds",))
_COUNTS = ("replicas", "minReplicas", "maxReplicas")

kept = in_snapshots


def content(thing: Object) -> Object:
    found = without(thing["spec"], *_LEFT)
    for group in _groups(found).values():
        for name in _COUNTS:
            group.pop(name, None)
    return found


def version(content: Object, label: str) -> str:
    """By the labels of the head's pod."""
    return label_of(at(content, "rayClusterConfig", "headGroupSpec", "template", "metadata"), label)


def restored(thing: Object, found: Kept, kept: Sequence[Kept]) -> Object | str:
    """With as many workers in a group of the same name as there are now."""
    spec = deepcopy(with_live(found.content, thing["spec"], *_LEFT))
    now = _groups(thing["spec"])
    for name, group in _groups(spec).items():
        group |= {n: now[name][n] for n in _COUNTS if name in now and n in now[name]}
    return spec


def held_back(thing: Object) -> str | None:
    return "suspended: spec.suspend is true, nothing would roll out" if thing["spec"].get("suspend") else None


def progress(thing: Object) -> tuple[Progress, str]:
    """Ready, with no upgrade or rollback of its own under way."""
    if unseen := of.unseen(thing):
        return unseen
    moving = [name for name in ("UpgradeInProgress", "RollbackInProgress") if of.is_true(thing, name)]
    pending = at(thing.get("status") or {}, "pendingServiceStatus", "rayClusterName")
    ready = of.is_true(thing, "Ready")
    words = f"Ready is {'True' if ready else 'not True'}, {', '.join(moving) or 'no upgrade under way'}"
    return ("complete", words) if ready and not moving and not pending else ("under_way", words)


def _groups(spec: Object) -> dict[str, Object]:
    """Worker groups by name."""
    found = at(spec, "rayClusterConfig", "workerGroupSpecs") or ()
    return {str(g.get("groupName", "")): g for g in found}
