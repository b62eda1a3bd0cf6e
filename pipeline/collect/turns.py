"""A collector's turns as messages, each written down before it is handed over, so that it counts once."""

from __future__ import annotations

from collections.abc import Callable, Generator, Iterator, Sequence

import pyarrow as pa

from collectors.live.contract import Collector, KeepsFiles, Turn, Watch
from collectors.publish.publisher import SPLIT_BYTES
from pipeline.batches import messages, rejected_events
from pipeline.collect.doors import Door
from pipeline.collect.state import State
from pipeline.events import MAX_MESSAGE_BYTES, TYPES, EventType, Message, Rejected
from pipeline.wire.event_type import MICROSECONDS_UTC

Account = Callable[[Turn], None]
"""Told of every turn that is safe."""


def run(kind: str, collector: Collector, state: State, door: Door, watch: Watch, account: Account) -> None:
    """Turn after turn until the collector ends or `watch` says stop; raises what the collector raises."""
    pending = state.pending()
    if pending is not None:
        if not door.keep(pending.messages, watch):
            return
        state.handed_over(pending.cursor)
    source = f"collect/{kind}/{collector.name}/{state.generation}"
    if isinstance(collector, KeepsFiles):
        collector.keep_in(state.folder)
    turns = collector.turns(state.cursor, watch)
    try:
        for turn in turns:
            batch = list(_messages(turn, source, state.sequence))
            if batch:
                state.hold(batch, turn.cursor)
                if not door.keep(batch, watch):
                    return
            if batch or turn.cursor != state.cursor:
                state.handed_over(turn.cursor)
            account(turn)
    finally:
        if isinstance(turns, Generator):
            turns.close()


def _messages(turn: Turn, source: str, sequence: int) -> Iterator[Message]:
    parsed = turn.parsed
    refused: list[Rejected] = list(parsed.rejected)
    gaps = parsed.gaps.cast(_utc(parsed.gaps.schema))
    named = [(source, name, parsed.events[name]) for name in sorted(parsed.events)]
    for stream, name, events in [*named, (f"{source}/gaps", "gap", gaps)]:
        for message in _cut(TYPES[name], events, stream, sequence, turn.time):
            if len(message.value) <= MAX_MESSAGE_BYTES:
                yield message
            else:
                size = f"one {name} of {len(message.value)} bytes, at most {MAX_MESSAGE_BYTES}"
                refused.append(Rejected("too_large", size))
    if refused:
        rows = rejected_events(refused, source=source, sequence=sequence, time=turn.time)
        yield from _cut(TYPES["rejected"], rows, f"{source}/rejected", sequence, turn.time)


def _cut(
    type_: EventType, events: pa.Table, source: str, sequence: int, time: int
) -> Iterator[Message] | Sequence[Message]:
    if not events.num_rows:
        return ()
    return messages(type_, events, source=source, sequence=sequence, time=time, limit=SPLIT_BYTES)


def _utc(schema: pa.Schema) -> pa.Schema:
    return pa.schema(
        [pa.field(f.name, MICROSECONDS_UTC) if pa.types.is_timestamp(f.type) else f for f in schema]
    )
