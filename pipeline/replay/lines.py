"""CloudEvents in structured JSON, one a line, as messages; a line that is none is refused with its reason."""

from __future__ import annotations

from collections.abc import Iterator

import msgspec

from collectors.catalogue import File
from collectors.json_lines import as_lines
from pipeline.events import Message, Rejected
from pipeline.replay.kinds import source_name
from pipeline.wire.cloudevents import JSON, body, event_type

KIND = "events"


class _Attributes(msgspec.Struct, gc=False):
    """What must be known of a line before it is decoded; the rest is for the ledger's own decoder."""

    type: str = ""
    source: str = ""
    id: str = ""
    sequence: str | int = ""
    data: msgspec.Raw = msgspec.Raw(b"null")
    data_base64: bytes | None = None
    datacontenttype: str = JSON


_DECODER = msgspec.json.Decoder(_Attributes)


def lines(file: File) -> list[bytes]:
    """Lines that are not blank, or the elements of a CloudEvents batch; each is one message."""
    return [line for line in as_lines(file.data).split(b"\n") if line.strip()]


def messages(file: File, time: int) -> Iterator[Message | Rejected]:
    """Each line's message as it arrives at `time`, microseconds since 1970 UTC.

    A line keeps its own source, sequence and id; one without a source is known by the file's content and
    its place in it.
    """
    source = source_name(KIND, [file])
    for row, line in enumerate(lines(file)):
        yield _message(line, row, source, time)


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
    has_identity = attributes.source and (attributes.id or number)
    headers = _own(attributes) if has_identity else {"ce_source": source, "ce_sequence": str(row)}
    value = body(attributes.data, attributes.data_base64)
    found = {**headers, "ce_type": attributes.type, "content-type": attributes.datacontenttype}
    return Message(type_.topic, "", 0, 0, time, found, value)


def _own(attributes: _Attributes) -> dict[str, str]:
    named = {
        "ce_source": attributes.source,
        "ce_id": attributes.id,
        "ce_sequence": str(attributes.sequence),
    }
    return {name: text for name, text in named.items() if text}
