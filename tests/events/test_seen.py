"""What a source sent before counts once: under a new topic id, on another broker, and without numbers."""

from __future__ import annotations

import json
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from pipeline import seen
from pipeline.embedded import Embedded
from pipeline.events import TYPES, Message
from pipeline.ingest import Ingest
from pipeline.lake.watermarks import Advance, Watermark
from pipeline.seen import Memory
from pipeline.step import Step
from pipeline.store import Store

NOW = 1_790_000_000_000_000
GPU = TYPES["gpu"]
ROW = {"cluster": "c", "node": "n", "device": "g", "time": "2026-09-21T13:00:00Z", "interval_seconds": 30}
BODY = json.dumps([{**ROW, "util_ratio": 0.5}]).encode()


def message(offset: int, *, topic_id: str = "id", partition: int = 0, **headers: str) -> Message:
    found = {"ce_type": GPU.ce_type, "ce_source": "s", **{f"ce_{k}": v for k, v in headers.items()}}
    return Message(GPU.topic, topic_id, partition, offset, NOW, found, BODY)


def numbered(offsets: range, topic_id: str, *, partition: int = 0, first: int = 0) -> list[Message]:
    return [
        message(offset, topic_id=topic_id, partition=partition, sequence=str(first + number))
        for number, offset in enumerate(offsets)
    ]


def samples(store: Store) -> int:
    return int(sum(store.rows("gpu_usage")["samples"].to_pylist()))


def test_messages_that_moved_to_another_broker_count_once(tmp_path: Path) -> None:
    """A mirrored cluster has new topic ids and other partitions; the month must not be billed twice."""
    with Store.open(tmp_path) as store:
        Ingest(store).step(numbered(range(5), "old"))
        step = Ingest(store).step(numbered(range(7), "new", partition=3))
        assert (step.taken, step.repeated) == (2, 5)
        assert samples(store) == 7


def test_a_new_topic_goes_on_where_the_stream_was(tmp_path: Path) -> None:
    """After somebody deleted the topic, what the producer sends next is new."""
    with Store.open(tmp_path) as store:
        ingest = Ingest(store)
        ingest.step(numbered(range(5), "old"))
        assert ingest.step(numbered(range(3), "new", first=5)).taken == 3
        assert Ingest(store).step(numbered(range(3, 6), "new", first=5)).repeated == 3


def test_a_file_replayed_in_process_and_sent_through_a_broker_counts_once(tmp_path: Path) -> None:
    """Who tries `replay` first and `backfill` later must not see double costs."""
    with Store.open(tmp_path) as store:
        Embedded(store).take(numbered(range(4), ""))
        assert Ingest(store).step(numbered(range(4), "of the broker")).repeated == 4


def test_a_source_that_does_not_number_is_known_by_its_ids(tmp_path: Path) -> None:
    """A script that only sets ce_id may try again after a time-out."""
    with Store.open(tmp_path) as store:
        Ingest(store).step([message(0, id="a"), message(1, id="b"), message(2, id="a")])
        step = Ingest(store).step([message(3, id="b"), message(4, id="c")])
        assert (step.taken, step.repeated) == (1, 1)
        assert samples(store) == 3


def test_ids_do_not_pile_up(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """A year of such a script must neither slow down the start nor fill the memory of a worker."""
    monkeypatch.setattr(seen, "IDS", 10)
    with Store.open(tmp_path) as store:
        ingest = Ingest(store)
        for first in range(0, 100, 5):
            ingest.step([message(n, id=f"m{n}") for n in range(first, first + 5)])
        kept = store.watermark("id", 0).ids
        assert 10 <= len(kept) <= 20 and max(kept.values()) == 99
        assert ingest.watermark("id", 0).ids == kept
        assert ingest.step([message(100, id="m95")]).repeated == 1


@given(
    st.lists(st.tuples(st.sampled_from("ab"), st.integers(0, 6)), max_size=20),
    st.lists(st.integers(0, 20), max_size=4),
)
def test_however_a_partition_is_cut_each_number_of_a_source_counts_once(
    sent: list[tuple[str, int]], cuts: list[int]
) -> None:
    """What is new follows from the order alone, and never from where a worker happened to stop."""
    log = [message(n, source=source, sequence=str(number)) for n, (source, number) in enumerate(sent)]
    memory, taken = Memory(Watermark()), []
    bounds = [0, *sorted(c % (len(log) + 1) for c in cuts), len(log)]
    for start, end in zip(bounds, bounds[1:], strict=False):
        new = seen.beyond(log[:end][max(start - 2, 0) :], memory.mark.offset, Step())
        if new:
            fresh, advance = seen.unsent(new, memory, lambda *_: {}, Step())
            taken += fresh
            memory.moved(advance)
    highest: dict[str, int] = {}
    expected = []
    for offset, (source, number) in enumerate(sent):
        if number > highest.get(source, -1):
            highest[source] = number
            expected.append(offset)
    assert [m.offset for m in taken] == expected


def test_an_advance_says_which_sources_the_partition_had() -> None:
    """A row that is there is moved, one that is not is made: else the watermark would hold a source twice."""
    memory = Memory(Watermark(4, {"s": 4}, newest=NOW - 1), {"t": 9})
    log = [message(5, sequence="5"), message(6, source="t", sequence="10")]
    _, advance = seen.unsent(log, memory, lambda *_: {}, Step())
    moved = {"s": 5, "t": 10}
    assert advance == Advance("id", 0, 4, 6, moved, frozenset({"s"}), {}, -1, GPU.topic, NOW, NOW - 1)
