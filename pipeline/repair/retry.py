"""A refused message decoded again: what is good now, of that which was refused, and only that."""

from __future__ import annotations

from collections import Counter
from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
import pyarrow as pa

from pipeline import events as wire
from pipeline.events import EventType, Message, Rejected
from pipeline.repair.refused import Refused

MARK = "#retry"


@dataclass(frozen=True, slots=True)
class Attempt:
    """What a second look at a refused message gives; nothing in `repaired` where it is as bad as before."""

    refused: Refused
    message: Message
    """The message that was decoded."""
    type: EventType | None
    events: pa.Table
    """The rows to take now, in the type's canonical schema."""
    repaired: tuple[int | None, ...]
    """The refusals that this settles: rows, or None for the whole message."""
    left: tuple[Rejected, ...]
    """What is wrong with the rest of what was refused."""
    rows: int = 0
    """Rows of the body, good or not; 0 where it cannot be read."""

    @property
    def source(self) -> str:
        """Identity of the message's repairs; with the round as sequence, one of two at once counts."""
        place = self.refused.place
        return f"{place.topic_id}/{place.partition}/{place.offset}{MARK}"

    @property
    def reasons(self) -> Counter[str]:
        return Counter(rejected.reason for rejected in self.left)


def attempt(refused: Refused, message: Message) -> Attempt:
    """Decode `message` with today's code; never raises.

    Rows of it that were taken when it came are in the ledger: they are left out, good or not.
    """
    decoded = wire.decode(message)
    wrong = {rejected.row: rejected for rejected in decoded.rejected}
    if None in wrong or decoded.type is None:
        return Attempt(refused, message, decoded.type, decoded.events, (), decoded.rejected)
    # The rows of the body, less the refused ones, are the rows of `events`, in their order.
    rows = decoded.events.num_rows + len(wrong)
    good = [row for row in range(rows) if row not in wrong]
    wanted = [refused.whole or row in refused.rows for row in good]
    taken = decoded.events.filter(pa.array(np.array(wanted, dtype=np.bool_)))
    if refused.whole:
        settled: tuple[int | None, ...] = (None,) if taken.num_rows else ()
        return Attempt(refused, message, decoded.type, taken, settled, decoded.rejected, rows)
    settled = tuple(row for row, wants in zip(good, wanted, strict=True) if wants)
    return Attempt(refused, message, decoded.type, taken, settled, _left(refused, settled, wrong, rows), rows)


def _left(
    refused: Refused, settled: Sequence[int | None], wrong: dict[int | None, Rejected], rows: int
) -> tuple[Rejected, ...]:
    missing = Rejected("missing_row", f"the body has {rows} rows")
    return tuple(
        wrong.get(row, missing._replace(row=row)) for row in sorted(refused.rows.difference(settled))
    )
