"""Offsets that did not come, judged against the broker: lost, never there, or missed by this reader."""

from __future__ import annotations

from collections.abc import Sequence

from pipeline.errors import DriftledgerError
from pipeline.offset_gaps import TRUNCATED, Gap, Hole, loss
from pipeline.worker.broker_view import BrokerView, Span


class Skipped(DriftledgerError):
    """The broker has messages that this reader was not given; to start again reads them."""


def judge(found: Sequence[Hole], broker: BrokerView) -> list[Gap]:
    """The losses among the holes; offsets that hold no message (a transaction's marker) are none.

    Raises Skipped where the broker still has what did not come.
    """
    spans = broker.spans({(hole.topic, hole.partition) for hole in found})
    return [gap for hole in found for gap in _judge(hole, spans[hole.topic, hole.partition], broker)]


def _judge(hole: Hole, log: Span, broker: BrokerView) -> list[Gap]:
    alive = max(hole.first, log.begin)
    if alive <= hole.last:
        offset = broker.next_offset(hole.topic, hole.partition, alive)
        if offset <= hole.last:
            raise Skipped(
                f"{hole.topic}/{hole.partition}: offsets {alive} to {hole.last} did not come, but the broker "
                f"has {offset}; it is read again from {hole.first}"
            )
    gone = min(log.begin - 1, hole.last) - hole.first + 1
    return [loss(hole._replace(last=hole.first + gone - 1), gone)] if gone > 0 else []


def at_start(topic: str, topic_id: str, partition: int, taken: int, log: Span, now: int) -> Gap | None:
    """What a partition has lost by the time that it is assigned; `taken` is the last offset in the ledger.

    `now` is microseconds since 1970 UTC.
    """
    if log.begin > taken + 1:
        return loss(
            Hole(topic, topic_id, partition, taken + 1, log.begin - 1, now, now), log.begin - taken - 1
        )
    if log.end <= taken:
        detail = (
            f"the log of topic id {topic_id} ends at {log.end}, but offset {taken} was taken from it: the "
            "broker lost its end; what was taken is kept, what came after it is unknown"
        )
        return Gap(TRUNCATED, topic, topic_id, partition, None, now, now, detail)
    return None
