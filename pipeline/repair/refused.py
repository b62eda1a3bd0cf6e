"""What the ledger knows of a message that was refused, whole or in rows, and not repaired since."""

from __future__ import annotations

import base64
from dataclasses import dataclass
from typing import NamedTuple

from pipeline.embedded import topic_id
from pipeline.events import HEAD_BYTES, Message
from pipeline.store import Store
from pipeline.wire.cloudevents import ARROW, JSON, STRUCTURED


class Place(NamedTuple):
    """Where a message was read; None is the topic id of what a collector refused, which was no message."""

    topic: str
    topic_id: str | None
    partition: int
    offset: int

    def __str__(self) -> str:
        return f"{self.topic} {self.partition} {self.offset}"


@dataclass(frozen=True, slots=True)
class Refused:
    """A message with open refusals: `whole`, or these rows of it."""

    place: Place
    whole: bool
    rows: frozenset[int]
    head: bytes
    """The first bytes of the body: all of it where it is short."""
    time: int
    """Append time, microseconds since 1970 UTC."""
    round: int
    """How many repairs have taken something of it."""

    @property
    def in_process(self) -> bool:
        """It never was in a broker."""
        return self.place.topic_id == topic_id(self.place.topic)

    def from_head(self) -> Message | None:
        """The message, as far as the ledger keeps it; None where only its beginning is there."""
        if self.place.topic_id is None or not 0 < len(self.head) < HEAD_BYTES:
            return None
        headers = {"content-type": content_type(self.head)}
        place = self.place
        return Message(
            place.topic, place.topic_id or "", place.partition, place.offset, self.time, headers, self.head
        )


def content_type(body: bytes) -> str:
    """What the body looks like, for a message whose headers are not known."""
    if body.startswith(b"\xff\xff\xff\xff"):
        return ARROW
    return STRUCTURED if b'"specversion"' in body and body.lstrip()[:1] == b"{" else JSON


def still_refused(
    store: Store, *, reason: str = "", topic: str = "", partition: int = 0, offset: int = 0
) -> list[Refused]:
    """Messages with open refusals: all, those with one for this reason, or the one at this place."""
    found = store.query("rejected_open", reason=reason, topic=topic, partition=partition, offset=offset)
    # Arrow keeps the microseconds exact, whatever zone the machine is in.
    found = found.set_column(found.schema.get_field_index("time"), "time", found["time"].cast("int64"))
    return [
        Refused(
            Place(row["topic"], row["topic_id"] or None, row["partition"], row["offset"]),
            row["whole"],
            frozenset(row["rows"]),
            base64.b64decode(row["head"] or ""),
            row["time"],
            row["round"],
        )
        for row in found.to_pylist()
    ]
