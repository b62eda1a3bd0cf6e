"""Offsets that did not come, judged against the broker: lost, never there, or missed by this reader."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence

from pipeline import offset_gaps
from pipeline.errors import DriftledgerError
from pipeline.facts.control import GAPS
from pipeline.lake.watermarks import Advance, Watermark
from pipeline.offset_gaps import TRUNCATED, Gap, Hole, loss
from pipeline.store import Batch, Store
from pipeline.worker.broker_view import BrokerView, First, Partition, Span

_TRUNCATED_ATTEMPTS = 5
_TRUNCATED_SECONDS = 1.0


class Skipped(DriftledgerError):
    """The broker has messages that this reader was not given; to start again reads them."""


class LogTruncated(DriftledgerError):
    """The broker gives offsets out again that were taken; to start again reads on from where it was cut."""


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


def settled_spans(
    broker: BrokerView, taken: Mapping[Partition, int], pause: Callable[[float], object]
) -> dict[Partition, Span]:
    """Where the logs are; a log that seems to have lost its end may only wait for its new leader.

    `taken` are the last offsets that are in the ledger; `pause` waits so many seconds.
    """
    spans = broker.spans(taken)
    for _ in range(_TRUNCATED_ATTEMPTS):
        if all(spans[p].end > last for p, last in taken.items()):
            break
        pause(_TRUNCATED_SECONDS)
        spans = broker.spans(taken)
    return spans


def hold_same(partition: Partition, mark: Watermark, after: First | None) -> None:
    """Raise LogTruncated where what was appended after all that is taken has an offset that was taken."""
    if after is not None and after.offset <= mark.offset:
        topic, number = partition
        raise LogTruncated(
            f"{topic}/{number}: the broker lost the end of its log and gives offsets out again from "
            f"{after.offset} on, but {mark.offset} was taken; after a restart it is read again from there"
        )


def at_start(
    partition: Partition, topic_id: str, taken: int, log: Span, after: First | None, now: int
) -> tuple[Gap, int] | None:
    """What a partition has lost by the time that it is assigned, and where to go on; None for nothing.

    `taken` is the last offset in the ledger, `after` the log's first message that was appended later than all
    that is in the ledger (None: there is none, or it is not known when those were), `now` is microseconds
    since 1970 UTC.
    """
    topic, number = partition
    if log.begin > taken + 1:
        hole = Hole(topic, topic_id, number, taken + 1, log.begin - 1, now, now)
        return loss(hole, hole.offsets), log.begin
    following = log.end if after is None else min(after.offset, log.end)
    if following <= taken:
        detail = (
            f"the log of topic id {topic_id} goes on at {following}, but offset {taken} was taken from it: "
            "the broker lost its end; what was taken is kept, what else was in it is unknown"
        )
        return Gap(TRUNCATED, topic, topic_id, number, None, now, now, detail), following
    return None


def bridge(
    store: Store, partition: Partition, topic_id: str,
    mark: Watermark, log: Span, after: First | None, now: int,
) -> Gap | None:  # fmt: skip
    """Move over what the broker no longer has, with the gap in the same transaction; None for nothing.

    Raises StaleWatermark where another writer moved the partition meanwhile.
    """
    found = at_start(partition, topic_id, mark.offset, log, after, now)
    if found is None:
        return None
    gap, following = found
    topic, number = partition
    advance = Advance(topic_id, number, mark.offset, following - 1, {}, topic=topic)
    store.append(Batch({GAPS.name: offset_gaps.rows([gap])}, (advance,)))
    return gap
