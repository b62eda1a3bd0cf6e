"""A KServe InferenceService: its predictor; it keeps no earlier state, so we do.

With `canaryTrafficPercent` its controller gives the rest to the revision that had all before.  A rollback of
such a canary puts the old predictor back and sets 0: traffic leaves the bad revision at once.  Without a
canary the bad revision serves until the new one is ready.  Its `observedGeneration` is that of another object
(the Knative service), so nothing is read from it.
"""

from __future__ import annotations

from collections.abc import Sequence

from pipeline.actuator import progress as of
from pipeline.actuator.kubernetes import Object, Resource
from pipeline.actuator.shape import Kept, Progress
from pipeline.actuator.snapshots import KEEPER as KEEPER
from pipeline.actuator.snapshots import in_snapshots
from pipeline.actuator.spec_parts import at, label_of, with_live, without

RESOURCE = Resource("serving.kserve.io", "v1beta1", "inferenceservices")
PATH = "/spec"
STOPPED = "serving.kserve.io/stop"
_CANARY = ("predictor", "canaryTrafficPercent")
_LEFT = tuple(
    (part, name)
    for part in ("predictor", "transformer", "explainer")
    for name in ("minReplicas", "maxReplicas")
)

kept = in_snapshots


def content(thing: Object) -> Object:
    return without(thing["spec"], _CANARY, *_LEFT)


def version(content: Object, label: str) -> str:
    """By the labels that the predictor gives its pods."""
    return label_of(content.get("predictor"), label)


def restored(thing: Object, found: Kept, kept: Sequence[Kept]) -> Object | str:
    """Of a canary only the state that the rest of the traffic has: no other can take it at once."""
    spec = with_live(found.content, thing["spec"], *_LEFT)
    if at(thing["spec"], *_CANARY) in (None, 100):
        return spec
    now = content(thing)
    before = max((k for k in kept if k.content != now), key=lambda k: k.revision, default=found)
    if before.content != found.content:
        return f"canary: the rest of the traffic has what {before.name} keeps, not {found.name}"
    spec["predictor"]["canaryTrafficPercent"] = 0
    return spec


def held_back(thing: Object) -> str | None:
    """By the annotation with which people stop it, or a canary of KServe 0.20's Standard mode."""
    if thing["spec"].get("canary"):
        return "canary_unsupported: spec.canary has specs of its own; take it back there"
    if of.annotated(thing, STOPPED):
        return f"stopped: annotation {STOPPED} is true, a patch would not roll out"
    return None


def progress(thing: Object) -> tuple[Progress, str]:
    """By condition Ready, the model's transition and, with Knative, the newest revision."""
    if unseen := of.untold(thing):
        return unseen
    status = thing.get("status") or {}
    moved = (status.get("modelStatus") or {}).get("transitionStatus") or "UpToDate"
    predictor = at(status, "components", "predictor") or {}
    made, ready = (predictor.get(f"latest{name}Revision") for name in ("Created", "Ready"))
    is_ready = of.is_true(thing, "Ready")
    words = f"Ready is {'True' if is_ready else 'not True'}, its model is {moved}, revision {ready or '-'}"
    if moved in ("BlockedByFailedLoad", "InvalidSpec"):
        return "stuck", words
    whole = is_ready and moved == "UpToDate" and made == ready
    return ("complete", words) if whole else ("under_way", words)
