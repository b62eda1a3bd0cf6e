"""Refusals: what is wrong with a message or a row of it, as values."""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import NamedTuple

import pyarrow as pa

from pipeline.wire.event_type import EventType


class Rejected(NamedTuple):
    """A message, or one row of its batch, that could not be taken.

    `reason` is a code: too_large, empty, unknown_content_type, unknown_type, bad_header, malformed,
    wrong_type, missing_field, not_finite, out_of_range, unknown_value, time_out_of_range,
    text_too_long, nul_character, ends_before_start.
    """

    reason: str
    detail: str
    row: int | None = None


@dataclass(frozen=True, slots=True)
class Decoded:
    """What one message holds: the good rows in the type's canonical schema, and the refused ones."""

    type: EventType | None
    events: pa.Table
    rejected: tuple[Rejected, ...] = field(default=())


NO_EVENTS = pa.table({})


def refused(reason: str, detail: str, type_: EventType | None = None) -> Decoded:
    """The whole message is refused."""
    return Decoded(type_, type_.schema.empty_table() if type_ else NO_EVENTS, (Rejected(reason, detail),))
