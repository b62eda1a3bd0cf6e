"""Bodies in our own form, JSON or Arrow, through the decoder of the wire."""

from __future__ import annotations

import pyarrow as pa

from collectors.live.inference.found import Found, refused
from collectors.live.inference.reduction import reduced
from collectors.live.inference.rules import Rules
from pipeline.events import TYPES, Message, decode
from pipeline.wire.cloudevents import ARROW
from pipeline.wire.limits import MAX_FEATURES

MOST_FEATURES = MAX_FEATURES // 2
"""Distinct features of a body, after the reduction: two such bodies fit one message."""


def parse(type_name: str, body: bytes, content_type: str, rules: Rules, now: int) -> Found:
    """Events of one type, reduced; their times are held against `now`, microseconds since 1970 UTC."""
    type_ = TYPES[type_name]
    headers = {"ce_type": type_.ce_type, "content-type": content_type}
    decoded = decode(Message(type_.topic, "", 0, 0, now, headers, body))
    found = Found()
    if decoded.events.num_rows:
        events = reduced(type_, decoded.events, rules)
        width = _width(events)
        if width > MOST_FEATURES:
            return refused("too_large", f"{width} features, at most {MOST_FEATURES}")
        found.tables.append((type_name, events))
    for refusal in decoded.rejected:
        # Arrow's own words may quote a value; the column's name comes before them.
        detail = refusal.detail.partition(":")[0] if content_type == ARROW else refusal.detail
        found.rejected.append(refusal._replace(detail=detail))
    return found


def _width(events: pa.Table) -> int:
    at = events.schema.get_field_index("features")
    return int(events.schema.field(at).type.num_fields) if at >= 0 else 0
