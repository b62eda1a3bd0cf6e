"""Every event type on the wire, by name."""

from __future__ import annotations

from pipeline.wire.event_type import EventType
from pipeline.wire.types.control import ACTION, ALERT, GAP, OUTCOME, REJECTED, REVISION
from pipeline.wire.types.cost import ALLOCATION, DEVICE, FLOW, GPU
from pipeline.wire.types.models import INFERENCE, LABEL, SERVING

TYPES: dict[str, EventType] = {
    t.name: t
    for t in (
        *(ALLOCATION, DEVICE, GPU, FLOW, INFERENCE, LABEL, SERVING),
        *(ACTION, OUTCOME, REVISION, ALERT, GAP, REJECTED),
    )
}
