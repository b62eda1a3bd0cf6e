"""A KServe LLMInferenceService: its model, engine and pods; it keeps no earlier state, so we do.

Replicas, scaling and the routes to it stay: weights of a group of services are moved on their HTTPRoute.
"""

from __future__ import annotations

from collections.abc import Sequence

from pipeline.actuator import progress as of
from pipeline.actuator.inference_service import held_back as held_back
from pipeline.actuator.kubernetes import Object, Resource
from pipeline.actuator.shape import Kept, Progress
from pipeline.actuator.snapshots import KEEPER as KEEPER
from pipeline.actuator.snapshots import in_snapshots
from pipeline.actuator.spec_parts import label_of, with_live, without

RESOURCE = Resource("serving.kserve.io", "v1alpha2", "llminferenceservices")
PATH = "/spec"
_LEFT = (
    ("replicas",), ("scaling",), ("prefill", "replicas"), ("prefill", "scaling"), ("router", "route"),
)  # fmt: skip

kept = in_snapshots
version = label_of


def content(thing: Object) -> Object:
    return without(thing["spec"], *_LEFT)


def restored(thing: Object, found: Kept, kept: Sequence[Kept]) -> Object | str:
    return with_live(found.content, thing["spec"], *_LEFT)


def progress(thing: Object) -> tuple[Progress, str]:
    """By condition Ready, once its controller has seen the newest spec."""
    tells = (thing.get("status") or {}).get("observedGeneration")
    if unseen := of.unseen(thing) if tells else of.untold(thing):
        return unseen
    found = of.conditions(thing).get("Ready") or {}
    words = f"Ready is {found.get('status', 'not there')} {found.get('message') or ''}".rstrip()
    return ("complete", words) if found.get("status") == "True" else ("under_way", words)
