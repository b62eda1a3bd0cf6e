"""The only way in: messages are decoded, folded and committed with their offsets, each exactly once."""

from __future__ import annotations

from collections.abc import Callable, Collection, Iterable, Mapping, Sequence
from itertools import groupby

import pyarrow as pa

from detectors.references import Reference
from pipeline import offset_gaps, seen
from pipeline.events import Message
from pipeline.facts.control import GAPS
from pipeline.facts.models import FEATURE_SAMPLES
from pipeline.folding import Folded, Refusals, fold
from pipeline.lake.watermarks import Advance, Watermark
from pipeline.offset_gaps import Gap, Hole
from pipeline.sampled import Sampled
from pipeline.seen import Memory
from pipeline.step import Step
from pipeline.store import Batch, Store, Trace, silent

Partition = tuple[str, int]


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
        self._sampled = Sampled()
        self._references: dict[str, Reference] = store.references()

    def reload(self) -> None:
        """Read references and watermarks again: another writer may have changed them."""
        self._references = self._store.references()
        self._memories.clear()
        self._sampled.forget()

    def read_watermarks(self, partitions: Collection[Partition]) -> None:
        """Read those of the partitions (topic id, number) that are not known, all at once."""
        unknown = set(partitions) - self._memories.keys()
        found = self._store.watermarks(unknown) if unknown else {}
        self._memories.update({key: Memory(mark) for key, mark in found.items()})

    def watermark(self, topic_id: str, partition: int) -> Watermark:
        self.read_watermarks([(topic_id, partition)])
        return self._memories[topic_id, partition].mark

    def ahead(self, messages: Iterable[Message]) -> Folded:
        """The work of a step that needs no ledger.  Another thread may do it while a step commits."""
        return fold(sorted(messages, key=_place), self._references)

    def step(self, messages: Iterable[Message], ahead: Folded | None = None) -> Step:
        """Commit what is new; raises StaleWatermark (after which a re-read is due) when a partition moved.

        `ahead` is used where it turns out to be what had to be folded: nothing was known already, and the
        references are still the same.
        """
        step = Step()
        fresh, advances, holes = self._fresh(messages, step)
        if not advances:
            return step
        if ahead is None or not ahead.of(fresh, self._references):
            ahead = fold(fresh, self._references, self._trace)
        step.add(ahead.step)
        if ahead.refused:
            self._keep_refused(ahead.refused)
        facts = dict(ahead.facts)
        if FEATURE_SAMPLES.name in facts:
            facts[FEATURE_SAMPLES.name] = self._sampled.needed(facts[FEATURE_SAMPLES.name])
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
            self._sampled.forget()
            raise
        for advance in advances:
            self._memories[advance.topic_id, advance.partition].moved(advance)
        if FEATURE_SAMPLES.name in facts:
            self._sampled.committed(facts[FEATURE_SAMPLES.name])
        step.facts.update({name: rows.num_rows for name, rows in facts.items()})
        return step

    def _fresh(
        self, messages: Iterable[Message], step: Step
    ) -> tuple[list[Message], list[Advance], list[Hole]]:
        """Messages that the lake does not have yet, how far each partition moves, and what is missing."""
        ordered = sorted(messages, key=_place)
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


def _place(message: Message) -> tuple[str, int, int]:
    return message.topic_id, message.partition, message.offset


def _add(facts: dict[str, pa.Table], further: Mapping[str, pa.Table]) -> None:
    for name, rows in further.items():
        facts[name] = pa.concat_tables([facts[name], rows]) if name in facts else rows
