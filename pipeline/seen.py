"""Which messages of a partition are new: by their offset, then by what their source has sent before."""

from __future__ import annotations

from collections.abc import Callable, Collection, Sequence
from dataclasses import dataclass, field

from pipeline import events as wire
from pipeline.events import Identity, Message
from pipeline.lake.watermarks import NOTHING, Advance, Id, Watermark
from pipeline.step import Step
from pipeline.wire import dead_letter

IDS = 50_000
"""Messages of a partition by which a source that does not number is remembered: at least so many, at most
twice as many.  One that is sent again later counts again; a source that numbers is remembered for good."""

Elsewhere = Callable[[str, str, Collection[str]], dict[str, int]]
"""Topic, topic id and sources: the last sequence of each in the topic's logs of other ids."""


@dataclass(slots=True)
class Memory:
    """What is known of one partition: its watermark, and sources that only other logs of the topic had."""

    mark: Watermark
    inherited: dict[str, int] = field(default_factory=dict)

    def moved(self, advance: Advance) -> None:
        """The advance is committed."""
        self.mark.offset = advance.offset
        self.mark.sources.update(advance.sources)
        self.mark.ids.update(advance.ids)
        self.mark.newest = max(self.mark.newest, advance.newest)
        if advance.forget > NOTHING:
            self.mark.ids = {k: offset for k, offset in self.mark.ids.items() if offset >= advance.forget}


def beyond(messages: Sequence[Message], offset: int, step: Step) -> list[Message]:
    """Those after `offset`, in order, each offset once; the others are counted as duplicates."""
    distinct = {m.offset: m for m in reversed(messages) if m.offset > offset}
    step.duplicates += len(messages) - len(distinct)
    return [distinct[offset] for offset in sorted(distinct)]


def unsent(
    messages: Sequence[Message], memory: Memory, elsewhere: Elsewhere, step: Step
) -> tuple[list[Message], Advance]:
    """Those that their source had not sent before, and how far the partition moves with all of them."""
    named = [(message, _identity(message)) for message in messages]
    _inherit(memory, messages[0], [who for _, who in named if who is not None], elsewhere)
    sources: dict[str, int] = {}
    ids: dict[Id, int] = {}
    fresh = []
    for message, who in named:
        if who is None or _is_new(who, memory, sources, ids, message.offset):
            fresh.append(message)
    step.duplicates += len(messages) - len(fresh)
    step.repeated += len(messages) - len(fresh)
    first, last = messages[0], messages[-1]
    known = frozenset(sources.keys() & memory.mark.sources.keys())
    forget = _forgotten([*memory.mark.ids.values(), *ids.values()]) if ids else NOTHING
    expected, before = memory.mark.offset, memory.mark.newest
    newest = max(before, *(message.timestamp for message in messages))
    return fresh, Advance(
        first.topic_id, first.partition, expected, last.offset, sources, known, ids, forget, first.topic,
        newest, before,
    )  # fmt: skip


def _identity(message: Message) -> Identity | None:
    if dead_letter.is_dead_letter(message.topic, message.headers):  # its headers number its origin's stream
        return None
    try:
        return wire.identity(message)
    except ValueError:  # refused when it is decoded, with the reason
        return None


def _inherit(memory: Memory, of: Message, named: Sequence[Identity], elsewhere: Elsewhere) -> None:
    """A source that is new here may go on a stream of the topic that was deleted, or is on another broker."""
    asked = {who.source for who in named if who.sequence is not None}
    unknown = asked - memory.mark.sources.keys() - memory.inherited.keys()
    if unknown:
        memory.inherited |= dict.fromkeys(unknown, NOTHING) | elsewhere(of.topic, of.topic_id, unknown)


def _is_new(who: Identity, memory: Memory, sources: dict[str, int], ids: dict[Id, int], offset: int) -> bool:
    if who.sequence is None:
        key = (who.source, who.id)
        if key in ids or key in memory.mark.ids:
            return False
        ids[key] = offset
        return True
    before = memory.mark.sources.get(who.source, memory.inherited.get(who.source, NOTHING))
    if who.sequence <= sources.get(who.source, before):
        return False
    sources[who.source] = who.sequence
    return True


def _forgotten(offsets: list[int]) -> int:
    """The lowest offset whose id is kept, when there are too many."""
    return sorted(offsets)[-IDS] if len(offsets) > 2 * IDS else NOTHING
