"""CloudEvents in structured JSON, one a line, into the ledger: what any producer can write without Kafka."""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from datetime import UTC, datetime

import msgspec

from collectors.catalogue import File
from pipeline.embedded import Embedded
from pipeline.events import Message, Rejected
from pipeline.ingest import Step
from pipeline.replay import Watch, keep_rejected, source_name
from pipeline.replay_files import Passed
from pipeline.replay_outcome import Outcome
from pipeline.wire.cloudevents import JSON, event_type

KIND = "events"
_TOGETHER = 1_000
"""Lines of one transaction."""


class _Attributes(msgspec.Struct, gc=False):
    """What must be known of a line before it is decoded; the rest is for the ledger's own decoder."""

    type: str = ""
    source: str = ""
    id: str = ""
    sequence: str | int = ""
    data: msgspec.Raw = msgspec.Raw(b"null")
    datacontenttype: str = JSON


_DECODER = msgspec.json.Decoder(_Attributes)


def replay_events(
    files: Iterable[File | Passed], embedded: Embedded, now: datetime, watch: Watch
) -> Iterator[Outcome]:
    """What became of each file.  The unit counted is a line that is not blank, which is one message.

    A line keeps its own source, sequence and id; one without a source is known by the file's content and
    its place in it.
    """
    time = int(now.replace(tzinfo=UTC).timestamp()) * 1_000_000
    for file in files:
        if isinstance(file, Passed):
            outcome = Outcome.of((file.file.name,), file.parsed)
            source = source_name(KIND, [file.file])
            keep_rejected(embedded, outcome, source, [file.file], file.parsed.rejected, time)
            yield outcome
        else:
            yield _replay_file(file, embedded, time, watch)


def _replay_file(file: File, embedded: Embedded, time: int, watch: Watch) -> Outcome:
    source = source_name(KIND, [file])
    lines = [line for line in file.data.split(b"\n") if line.strip()]
    outcome = Outcome((file.name,), read=len(lines))
    refused: list[Rejected] = []
    for start in range(0, len(lines), _TOGETHER):
        read = [
            _message(line, row, source, time) for row, line in enumerate(lines[start:][:_TOGETHER], start)
        ]
        messages = [m for m in read if isinstance(m, Message)]
        refused += [r for r in read if isinstance(r, Rejected)]
        _count(outcome, embedded.take(messages))
        watch(file.name, start + len(read), len(lines))
    outcome.rejected.update(r.reason for r in refused)
    keep_rejected(embedded, outcome, source, [file], refused, time)
    return outcome


def _count(outcome: Outcome, step: Step) -> None:
    """A message is one unit; its rows are counted by the ledger, those of one that it had already are not."""
    outcome.used += step.taken + step.duplicates
    outcome.handed += step.events.total() + step.rejected.total() + step.duplicates
    outcome.taken.update(step.events)
    outcome.refused.update(step.rejected)
    outcome.duplicates += step.duplicates
    outcome.facts.update(step.facts)


def _message(line: bytes, row: int, source: str, time: int) -> Message | Rejected:
    """A message with the identity that the line has, else with its place in the file."""
    try:
        attributes = _DECODER.decode(line)
    except (msgspec.MsgspecError, UnicodeError, RecursionError) as error:
        return Rejected("malformed", str(error)[:200], row)
    type_ = event_type({"ce_type": attributes.type}, "")
    if type_ is None:
        return Rejected("unknown_type", attributes.type[:200] or "no type", row)
    number = str(attributes.sequence)
    if number and not (number.isascii() and number.isdigit() and len(number) < 19):
        return Rejected("bad_header", f"sequence is {number[:40]!r}, not a whole number", row)
    if attributes.source and (attributes.id or number):
        headers, value = _own(attributes), bytes(attributes.data)
    else:
        headers, value = {"ce_source": source, "ce_sequence": str(row)}, bytes(attributes.data)
    found = {**headers, "ce_type": attributes.type, "content-type": attributes.datacontenttype}
    return Message(type_.topic, "", 0, 0, time, found, value)


def _own(attributes: _Attributes) -> dict[str, str]:
    named = {
        "ce_source": attributes.source,
        "ce_id": attributes.id,
        "ce_sequence": str(attributes.sequence),
    }
    return {name: text for name, text in named.items() if text}
