"""CloudEvents in structured JSON, one a line, into the ledger: what any producer can write without Kafka."""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from datetime import UTC, datetime
from itertools import islice

from collectors.catalogue import File
from pipeline.events import Message, Rejected
from pipeline.replay.door import Door
from pipeline.replay.files import Passed
from pipeline.replay.kinds import Watch, keep_rejected, source_name
from pipeline.replay.lines import KIND, lines, messages
from pipeline.replay.outcome import Outcome
from pipeline.step import Step

_TOGETHER = 1_000
"""Lines of one transaction."""


def replay_events(
    files: Iterable[File | Passed], door: Door, now: datetime, watch: Watch
) -> Iterator[Outcome]:
    """What became of each file.  The unit counted is a line that is not blank, which is one message."""
    time = int(now.replace(tzinfo=UTC).timestamp()) * 1_000_000
    for file in files:
        if isinstance(file, Passed):
            outcome = Outcome.of((file.file.name,), file.parsed)
            source = source_name(KIND, [file.file])
            keep_rejected(door, outcome, source, [file.file], file.parsed.rejected, time)
            yield outcome
        else:
            yield _replay_file(file, door, time, watch)


def _replay_file(file: File, door: Door, time: int, watch: Watch) -> Outcome:
    outcome = Outcome((file.name,), read=len(lines(file)))
    refused: list[Rejected] = []
    read, done = messages(file, time), 0
    while together := list(islice(read, _TOGETHER)):
        refused += [r for r in together if isinstance(r, Rejected)]
        batch = [m for m in together if isinstance(m, Message)]
        step = door.take(batch)
        _count(outcome, step)
        outcome.count_known(batch, step)
        done += len(together)
        watch(file.name, done, outcome.read)
    outcome.rejected.update(r.reason for r in refused)
    keep_rejected(door, outcome, source_name(KIND, [file]), [file], refused, time)
    return outcome


def _count(outcome: Outcome, step: Step) -> None:
    """A message is one unit; its rows are counted by the ledger, those of one that it had already are not."""
    outcome.used += step.taken + step.duplicates
    outcome.handed += step.events.total() + step.rejected.total() + step.duplicates
    outcome.taken.update(step.events)
    outcome.refused.update(step.rejected)
    outcome.duplicates += step.duplicates
    outcome.facts.update(step.facts)
