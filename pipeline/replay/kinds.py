"""Files of a known kind into the ledger, as live events go; doing it twice changes nothing."""

from __future__ import annotations

import hashlib
import os
from collections.abc import Callable, Iterable, Iterator, Sequence
from datetime import UTC, datetime

import pyarrow as pa

from collectors.catalogue import KINDS, Context, File, Part
from collectors.parsed import nothing_read
from pipeline.batches import messages
from pipeline.events import TYPES, Rejected
from pipeline.replay.door import Door
from pipeline.replay.files import Passed
from pipeline.replay.outcome import Outcome
from pipeline.wire.event_type import MICROSECONDS_UTC

CHUNK_ROWS = 32_768
"""Event rows of one transaction; part of a row's identity, so it never changes."""

Watch = Callable[[str, int, int], None]
"""Called with a file's name, rows done and rows in all."""


def replay(
    kind: str,
    files: Iterable[File | Passed],
    context: Context,
    door: Door,
    now: datetime,
    watch: Watch,
) -> Iterator[Outcome]:
    """What became of each file, or of files read together; `now` (UTC, naive) is the time of arrival.

    A message's source is the kind and the content's hash, its sequence the number of the chunk, so the
    ledger knows what it has already.
    """
    for parts in _parts(kind, files, context):
        yield _keep(kind, parts, door, _micros(now), watch)


def _parts(kind: str, files: Iterable[File | Passed], context: Context) -> Iterator[Part]:
    passed: list[Passed] = []
    for part in KINDS[kind].read(_readable(files, passed), context):
        yield from _drained(passed)
        yield part if part[1].read else (part[0], nothing_read("empty_file", "nothing to read in it"))
    yield from _drained(passed)


def _readable(files: Iterable[File | Passed], passed: list[Passed]) -> Iterator[File]:
    for file in files:
        if isinstance(file, Passed):
            passed.append(file)
        else:
            yield file


def _drained(passed: list[Passed]) -> Iterator[Part]:
    while passed:
        file, parsed = passed.pop(0)
        yield (file,), parsed


def _keep(kind: str, part: Part, door: Door, time: int, watch: Watch) -> Outcome:
    files, parsed = part
    source = source_name(kind, files)
    outcome = Outcome.of(tuple(f.name for f in files), parsed)
    outcome.handed = sum(table.num_rows for table in parsed.events.values())
    done = 0
    for name in sorted(parsed.events):
        for sequence, chunk in enumerate(_chunks(parsed.events[name])):
            step = door.put(TYPES[name], chunk, source=source, sequence=sequence, time=time)
            outcome.count(chunk.num_rows, step)
            sent = messages(TYPES[name], chunk, source=source, sequence=sequence, time=time)
            outcome.count_known(sent, step)
            done += chunk.num_rows
            watch(files[0].name, done, outcome.handed)
    keep_rejected(door, outcome, source, files, parsed.rejected, time)
    _keep_gaps(door, outcome, source, parsed.gaps, time)
    return outcome


def _keep_gaps(door: Door, outcome: Outcome, source: str, gaps: pa.Table, time: int) -> None:
    """What the source says it lost, as rows of the ledger beside what it did not lose."""
    utc = [
        pa.field(n, MICROSECONDS_UTC) if n in ("start", "end") else gaps.schema.field(n)
        for n in gaps.schema.names
    ]
    for sequence, chunk in enumerate(_chunks(gaps.cast(pa.schema(utc)))):
        step = door.put(TYPES["gap"], chunk, source=f"{source}/gaps", sequence=sequence, time=time)
        outcome.facts.update(step.facts)


def keep_rejected(
    door: Door,
    outcome: Outcome,
    source: str,
    files: Sequence[File],
    rejected: Sequence[Rejected],
    time: int,
) -> None:
    """Refused units as rows of the ledger, with the file's name in words."""
    where = " and ".join(os.path.basename(f.name) for f in files)
    for sequence in range(0, len(rejected), CHUNK_ROWS):
        named = [
            r._replace(detail=f"{where}: {r.detail}") for r in rejected[sequence : sequence + CHUNK_ROWS]
        ]
        head = files[0].data if any(r.row is None for r in named) else b""
        step = door.reject(named, source=source, sequence=sequence, time=time, head=head)
        outcome.facts.update(step.facts)


def source_name(kind: str, files: Sequence[File]) -> str:
    """replay/KIND/SHA-256 of the content; of a kind that does not tell its time, with the time."""
    digests = [hashlib.sha256(f.data).hexdigest() for f in files]
    name = digests[0] if len(digests) == 1 else hashlib.sha256("".join(digests).encode()).hexdigest()
    undated = kind in KINDS and KINDS[kind].undated(files[0].data)
    dated = f"@{files[0].time.isoformat()}" if undated else ""
    return f"replay/{kind}/{name}{dated}"


def _chunks(table: pa.Table) -> Iterator[pa.Table]:
    return (table.slice(start, CHUNK_ROWS) for start in range(0, table.num_rows, CHUNK_ROWS))


def _micros(time: datetime) -> int:
    return int(time.replace(tzinfo=UTC).timestamp()) * 1_000_000
