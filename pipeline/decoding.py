"""Messages are decoded: Arrow ones of one layout that follow one another in one go, as long as all is good.

Half of what a message of some thousand rows costs to decode is the same for one row: it is paid once.
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from typing import NamedTuple

import pyarrow as pa

from pipeline.events import (
    Decoded,
    EventType,
    Message,
    Rejected,
    decode,
    decode_sent,
    identity,
    read_arrow,
)
from pipeline.wire.limits import MAX_EXPANDED_BYTES


class Run(NamedTuple):
    """Messages and all their events; where something is refused it is one message."""

    messages: Sequence[Message]
    decoded: Decoded


class _Read(NamedTuple):
    message: Message
    sent: tuple[EventType, pa.Table] | None
    """None where only `decode` can say what it is."""


def decoded(messages: Sequence[Message]) -> Iterator[Run]:
    """What `decode` makes of each message, in their order; one whose identity is broken is refused.

    So many go together as have the unpacked bytes of one: small messages can be large once they are unpacked.
    """
    group: list[_Read] = []
    size = 0
    for read in map(_read, messages):
        more = read.sent[1].get_total_buffer_size() if read.sent else 0
        if group and (_layout(read) != _layout(group[-1]) or size + more > MAX_EXPANDED_BYTES):
            yield from _runs(group)
            group, size = [], 0
        group.append(read)
        size += more
    yield from _runs(group)


def _runs(group: Sequence[_Read]) -> Iterator[Run]:
    together = _together(group) if len(group) > 1 and group[0].sent else None
    if together is not None:
        yield together
    else:
        yield from map(_alone, group)


def _read(message: Message) -> _Read:
    return _Read(message, None if _broken_identity(message) else read_arrow(message))


def _layout(read: _Read) -> tuple[str, pa.Schema] | None:
    return (read.sent[0].name, read.sent[1].schema) if read.sent else None


def _together(group: Sequence[_Read]) -> Run | None:
    """None where a row is refused, or where so much would be were it one message."""
    types, tables = zip(*(read.sent for read in group if read.sent), strict=True)
    times = [read.message.timestamp for read in group]
    found = decode_sent(types[0], pa.concat_tables(tables), max(times), min(times))
    return None if found.rejected else Run([read.message for read in group], found)


def _alone(read: _Read) -> Run:
    message = read.message
    if read.sent:
        return Run([message], decode_sent(*read.sent, message.timestamp, message.timestamp))
    broken = _broken_identity(message)
    return Run([message], broken or decode(message))


def _broken_identity(message: Message) -> Decoded | None:
    try:
        identity(message)
    except ValueError as error:
        return Decoded(None, pa.table({}), (Rejected("bad_header", str(error)),))
    return None
