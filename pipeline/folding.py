"""Messages become rows of facts: decoded and folded, without a look at the ledger."""

from __future__ import annotations

import base64
from collections import defaultdict
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field

import pyarrow as pa

from detectors.folds import FOLDS
from detectors.references import Reference
from pipeline import decoding
from pipeline.events import HEAD_BYTES, Message, Rejected
from pipeline.facts.catalogue import FACTS
from pipeline.facts.control import REJECTED
from pipeline.facts.fact import Fact
from pipeline.step import Step
from pipeline.store import Trace, silent
from pipeline.wire import dead_letter
from pipeline.wire.limits import MAX_EXPANDED_BYTES

References = Mapping[str, Reference]
Refusals = Sequence[tuple[Message, Rejected]]
Shapes = dict[tuple[str, pa.Schema], list[pa.Table]]

_TOGETHER_BYTES = 6_000_000
"""Bytes of messages that are decoded and folded at a time: more is no faster, and only holds memory."""


@dataclass(frozen=True, slots=True)
class Folded:
    """What messages say, measured against `references`; `step` is the account of these messages alone."""

    messages: list[Message]
    references: References
    facts: dict[str, pa.Table]
    refused: Refusals
    step: Step

    def of(self, messages: Sequence[Message], references: References) -> bool:
        """Whether a fold of these messages against these references would give the same."""
        return self.references is references and self.messages == messages


@dataclass(slots=True)
class _Folding:
    """Facts so far, and the events that are decoded but not folded."""

    references: References
    step: Step = field(default_factory=Step)
    parts: dict[str, list[pa.Table]] = field(default_factory=lambda: defaultdict(list))
    refused: list[tuple[Message, Rejected]] = field(default_factory=list)
    unread: list[Message] = field(default_factory=list)
    unread_bytes: int = 0
    waiting: Shapes = field(default_factory=lambda: defaultdict(list))
    waiting_bytes: int = 0

    def take(self, message: Message) -> None:
        self.step.taken += 1
        if dead_letter.is_dead_letter(message.topic, message.headers):
            self.step.letters += 1
            return
        self.unread.append(message)
        self.unread_bytes += len(message.value)
        if self.unread_bytes >= _TOGETHER_BYTES:
            self.decode()
            self.fold()

    def decode(self) -> None:
        """Add the events of the messages that are not read yet."""
        for messages, found in decoding.decoded(self.unread):
            if found.events.num_rows:
                self.step.stored += len(messages)
            else:
                self.step.refused += len(messages)
            self.refused.extend((messages[0], r) for r in found.rejected)
            if found.type is not None and found.events.num_rows:
                self.waiting[found.type.name, found.events.schema].append(found.events)
                self.waiting_bytes += found.events.get_total_buffer_size()
            if self.waiting_bytes >= MAX_EXPANDED_BYTES:
                self.fold()
        self.unread.clear()
        self.unread_bytes = 0

    def fold(self) -> None:
        """Add the facts of the events that wait; the events are let go."""
        for (type_name, _), tables in self.waiting.items():
            events = pa.concat_tables(tables)
            self.step.events[type_name] += events.num_rows
            for fold in FOLDS[type_name]:
                for name, rows in fold(events, self.references).items():
                    self.parts[name].append(rows)
        self.waiting.clear()
        self.waiting_bytes = 0


def fold(messages: Sequence[Message], references: References, trace: Trace = silent) -> Folded:
    """Facts of the messages, rows of one key summed, and what of them is refused."""
    folding = _Folding(references)
    for message in messages:
        folding.take(message)
    folding.decode()
    trace("decoded")
    folding.fold()
    if folding.refused:
        folding.step.rejected.update(r.reason for _, r in folding.refused)
        folding.parts[REJECTED.name].append(rejected_rows(folding.refused))
    facts = {name: merge(FACTS[name], tables) for name, tables in folding.parts.items()}
    return Folded(list(messages), references, facts, folding.refused, folding.step)


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
