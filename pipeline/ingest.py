"""The only way in: messages are decoded, folded and committed with their offsets, each exactly once."""

from __future__ import annotations

import base64
from collections import defaultdict
from collections.abc import Callable, Collection, Iterable, Mapping, Sequence
from itertools import groupby

import pyarrow as pa

from detectors.folds import FOLDS
from detectors.references import Reference
from pipeline import events as wire
from pipeline import offset_gaps, seen
from pipeline.errors import StaleWatermark
from pipeline.events import HEAD_BYTES, Message, Rejected
from pipeline.facts.catalogue import FACTS
from pipeline.facts.control import GAPS, REJECTED
from pipeline.facts.fact import Fact
from pipeline.lake.watermarks import Advance, Watermark
from pipeline.offset_gaps import Gap, Hole
from pipeline.seen import Memory
from pipeline.step import Step
from pipeline.store import Batch, Store, Trace, silent
from pipeline.wire import dead_letter

Partition = tuple[str, int]
Refusals = Sequence[tuple[Message, Rejected]]
Shapes = dict[tuple[str, pa.Schema], list[pa.Table]]

_FOLDED_TOGETHER_BYTES = 8_000_000
"""Bytes of messages that are decoded and folded at a time: more is no faster, and only holds memory."""


def _keep_none(_refused: Refusals) -> None:
    """Refused messages are in the `rejected` table, with their first kilobyte."""


def nothing_beside(_fresh: Sequence[Message]) -> Mapping[str, pa.Table]:
    """Messages say all that is to be written."""
    return {}


class Ingest:
    """Takes messages of any partitions in offset order; a message may be handed over again at any time.

    `judge_holes` turns offsets that did not come into gaps, `keep_refused` gets what is refused, and `beside`
    gives further rows to write in the transaction of the messages that are new.  They are called before the
    commit, which an exception of theirs prevents.
    """

    def __init__(
        self,
        store: Store,
        trace: Trace = silent,
        *,
        judge_holes: Callable[[Sequence[Hole]], Sequence[Gap]] = offset_gaps.lost,
        keep_refused: Callable[[Refusals], None] = _keep_none,
        beside: Callable[[Sequence[Message]], Mapping[str, pa.Table]] = nothing_beside,
    ) -> None:
        self._store = store
        self._trace = trace
        self._judge_holes = judge_holes
        self._keep_refused = keep_refused
        self._beside = beside
        self._memories: dict[Partition, Memory] = {}
        self._references: dict[str, Reference] = store.references()

    def reload(self) -> None:
        """Read references and watermarks again: another writer may have changed them."""
        self._references = self._store.references()
        self._memories.clear()

    def read_watermarks(self, partitions: Collection[Partition]) -> None:
        """Read those of the partitions (topic id, number) that are not known, all at once."""
        unknown = set(partitions) - self._memories.keys()
        found = self._store.watermarks(unknown) if unknown else {}
        self._memories.update({key: Memory(mark) for key, mark in found.items()})

    def watermark(self, topic_id: str, partition: int) -> Watermark:
        self.read_watermarks([(topic_id, partition)])
        return self._memories[topic_id, partition].mark

    def step(self, messages: Iterable[Message]) -> Step:
        """Commit what is new; raises StaleWatermark (after which a re-read is due) when a partition moved."""
        step = Step()
        fresh, advances, holes = self._fresh(messages, step)
        if not advances:
            return step
        facts = self._fold(fresh, step)
        if holes:
            gaps = self._judge_holes(holes)
            step.gaps.update(g.kind for g in gaps)
            _add(facts, {GAPS.name: offset_gaps.rows(gaps)})
        _add(facts, self._beside(fresh))
        self._trace("folded")
        try:
            self._store.append(Batch(facts, tuple(advances)), self._trace)
        except BaseException:
            self._memories.clear()
            raise
        for advance in advances:
            self._memories[advance.topic_id, advance.partition].moved(advance)
        step.facts.update({name: rows.num_rows for name, rows in facts.items()})
        return step

    def _fresh(
        self, messages: Iterable[Message], step: Step
    ) -> tuple[list[Message], list[Advance], list[Hole]]:
        """Messages that the lake does not have yet, how far each partition moves, and what is missing."""
        ordered = sorted(messages, key=lambda m: (m.topic_id, m.partition, m.offset))
        self.read_watermarks({(m.topic_id, m.partition) for m in ordered})
        fresh: list[Message] = []
        advances = []
        holes: list[Hole] = []
        for key, group in groupby(ordered, key=lambda m: (m.topic_id, m.partition)):
            memory = self._memories[key]
            new = seen.beyond(list(group), memory.mark.offset, step)
            if new:
                holes.extend(offset_gaps.holes(memory.mark.offset + 1, new))
                unsent, advance = seen.unsent(new, memory, self._store.elsewhere, step)
                fresh.extend(unsent)
                advances.append(advance)
        step.offsets = sum(a.offset - a.expected for a in advances)
        step.skipped = sum(h.offsets for h in holes)
        return fresh, advances, holes

    def _fold(self, messages: Sequence[Message], step: Step) -> dict[str, pa.Table]:
        step.taken += len(messages)
        by_shape: Shapes = defaultdict(list)
        parts: dict[str, list[pa.Table]] = defaultdict(list)
        refused: list[tuple[Message, Rejected]] = []
        held = 0
        for message in messages:
            if dead_letter.is_dead_letter(message.topic, message.headers):
                step.letters += 1
                continue
            decoded = _decode(message)
            step.refused += decoded.events.num_rows == 0
            step.stored += decoded.events.num_rows > 0
            refused.extend((message, r) for r in decoded.rejected)
            if decoded.type is not None and decoded.events.num_rows:
                by_shape[decoded.type.name, decoded.events.schema].append(decoded.events)
                held += len(message.value)
            if held >= _FOLDED_TOGETHER_BYTES:
                self._fold_events(by_shape, parts, step)
                held = 0
        self._trace("decoded")
        self._fold_events(by_shape, parts, step)
        if refused:
            step.rejected.update(r.reason for _, r in refused)
            parts[REJECTED.name].append(rejected_rows(refused))
            self._keep_refused(refused)
        return {name: merge(FACTS[name], tables) for name, tables in parts.items()}

    def _fold_events(self, by_shape: Shapes, parts: dict[str, list[pa.Table]], step: Step) -> None:
        """Add the facts of these events to `parts`; the events are let go."""
        for (type_name, _), tables in by_shape.items():
            events = pa.concat_tables(tables)
            step.events[type_name] += events.num_rows
            for fold in FOLDS[type_name]:
                for name, rows in fold(events, self._references).items():
                    parts[name].append(rows)
        by_shape.clear()


def _add(facts: dict[str, pa.Table], further: Mapping[str, pa.Table]) -> None:
    for name, rows in further.items():
        facts[name] = pa.concat_tables([facts[name], rows]) if name in facts else rows


def _decode(message: Message) -> wire.Decoded:
    try:
        wire.identity(message)
    except ValueError as error:
        return wire.Decoded(None, pa.table({}), (Rejected("bad_header", str(error)),))
    return wire.decode(message)


def merge(fact: Fact, tables: Sequence[pa.Table]) -> pa.Table:
    """Partial rows as one table; rows of one key are summed where the fact adds up."""
    rows = pa.concat_tables([t.select(fact.schema.names) for t in tables])
    if fact.merge != "add" or len(tables) == 1:
        return rows
    summed = rows.group_by(fact.key_names, use_threads=False).aggregate(
        [(n, "sum") for n in fact.value_names]
    )
    named = summed.select([*fact.key_names, *(f"{n}_sum" for n in fact.value_names)])
    return named.rename_columns(fact.schema.names).cast(fact.schema)


def rejected_rows(refused: Sequence[tuple[Message, Rejected]]) -> pa.Table:
    """Rows of the `rejected` fact."""
    return pa.table(
        {
            "topic": [m.topic for m, _ in refused],
            "topic_id": [m.topic_id for m, _ in refused],
            "partition": pa.array([m.partition for m, _ in refused], pa.int64()),
            "offset": pa.array([m.offset for m, _ in refused], pa.int64()),
            "row": pa.array([r.row for _, r in refused], pa.int64()),
            "reason": [r.reason for _, r in refused],
            "detail": [r.detail.replace("\0", "")[:HEAD_BYTES] for _, r in refused],
            "head": [base64.b64encode(m.value[:HEAD_BYTES]).decode() for m, _ in refused],
            "time": pa.array([m.timestamp for m, _ in refused], pa.timestamp("us")),
        },
        schema=REJECTED.schema,
    )


__all__ = ["Ingest", "StaleWatermark", "Step", "merge"]
