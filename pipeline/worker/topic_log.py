"""Which topics, by UUID, a ledger was filled from: a watermark of its own, so that each loss is told once.

A source of it is a topic's name and UUID; its sequence says whether the topic is still read or is gone.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence

from pipeline import offset_gaps
from pipeline.facts.control import GAPS
from pipeline.lake.watermarks import Advance
from pipeline.offset_gaps import RECREATED, Gap
from pipeline.store import Batch, Store

_NAME = "topics"
_READ = 0
_GONE = 1


def settle(store: Store, topic_ids: Mapping[str, str], now: int) -> list[Gap]:
    """Remember the topics that are read from now on; of those that are gone, gaps are in the ledger.

    `now` is microseconds since 1970 UTC.  Raises StaleWatermark when another worker does the same: call
    again.
    """
    mark = store.watermark(_NAME, 0)
    present = {_source(topic, topic_id) for topic, topic_id in topic_ids.items()}
    gone = [s for s, state in mark.sources.items() if state == _READ and s not in present]
    moved = {source: _READ for source in present - mark.sources.keys()} | dict.fromkeys(gone, _GONE)
    gaps = [_unknown(source, now) for source in gone]
    _write(store, gaps, (), moved)
    return gaps


def close(store: Store, topic: str, topic_id: str, ends: Mapping[int, int], now: int) -> list[Gap]:
    """A topic that was read is gone: what was unread of the partitions in `ends` (offset after the last).

    Nothing where that was told already.
    """
    if store.watermark(_NAME, 0).sources.get(_source(topic, topic_id)) == _GONE:
        return []
    gaps, advances = [], []
    for partition, end in ends.items():
        taken = store.watermark(topic_id, partition).offset
        if end - 1 > taken:
            unread = end - 1 - taken
            detail = f"topic id {topic_id} was deleted with offsets {taken + 1} to {end - 1} unread"
            gaps.append(Gap(RECREATED, topic, topic_id, partition, unread, now, now, detail))
            advances.append(Advance(topic_id, partition, taken, end - 1, {}, topic=topic))
    if not gaps:
        detail = f"topic id {topic_id} was deleted; all that was known of it had been read"
        gaps.append(Gap(RECREATED, topic, topic_id, min(ends, default=0), 0, now, now, detail))
    _write(store, gaps, advances, {_source(topic, topic_id): _GONE})
    return gaps


def _write(store: Store, gaps: Sequence[Gap], advances: Sequence[Advance], moved: Mapping[str, int]) -> None:
    mark = store.watermark(_NAME, 0)
    changed = {source: state for source, state in moved.items() if mark.sources.get(source) != state}
    if not (gaps or changed):
        return
    known = frozenset(changed.keys() & mark.sources.keys())
    settled = Advance(_NAME, 0, mark.offset, mark.offset + 1, changed, known)
    facts = {GAPS.name: offset_gaps.rows(gaps)} if gaps else {}
    store.append(Batch(facts, (*advances, settled)))


def _source(topic: str, topic_id: str) -> str:
    return f"{topic} {topic_id}"


def _unknown(source: str, now: int) -> Gap:
    topic, topic_id = source.split(" ")
    detail = f"topic id {topic_id} was deleted while no worker watched it; what was unread of it is not known"
    return Gap(RECREATED, topic, topic_id, 0, None, now, now, detail)
