"""One refused message as an answer: where it was, why it was refused, and what it holds."""

from __future__ import annotations

from pipeline.answers.answer import Answer, Column, Value
from pipeline.errors import NotFound, PreflightFailed
from pipeline.events import Message
from pipeline.repair.refused import Place, Refused
from pipeline.repair.run import Read, whole
from pipeline.store import Store

COLUMNS = (Column("what"), Column("value"))
ROWS = 50
"""Refused rows that are named."""
BODY = 4_000
"""Characters of the body that are shown; `--save` keeps all of it."""


def shown(store: Store, topic: str, partition: int, offset: int, read: Read) -> tuple[Answer, bytes | None]:
    """The answer, and the whole body where it can be had: of the newest message at this place.

    Raises NotFound where nothing was refused there.
    """
    import base64

    found = store.query("rejected_rows", topic=topic, partition=partition, offset=offset)
    times = found["time"].cast("int64").to_pylist()
    lines = found.to_pylist()
    if not lines:
        raise NotFound(
            f"nothing was refused at {topic} {partition} {offset}; `driftledger rejected list` lists"
        )
    first = lines[0]
    own = [line for line in lines if line["topic_id"] == first["topic_id"]]
    head = base64.b64decode(first["head"] or "")
    refused = Refused(
        Place(topic, first["topic_id"] or None, partition, offset), True, frozenset(), head, times[0], 0
    )
    notes: tuple[str, ...] = ()
    message = None
    try:
        message = whole([refused], read).get(refused.place)
    except PreflightFailed as error:
        notes = (f"only the first {len(head)} bytes: {error}",)
    rows: list[tuple[Value, ...]] = [
        ("topic", topic), ("topic_id", first["topic_id"] or None), ("partition", str(partition)),
        ("offset", str(offset)), ("appended", first["time"].isoformat() + "Z"),
    ]  # fmt: skip
    rows += [_refusal(line) for line in own[:ROWS]]
    if len(own) > ROWS:
        notes += (f"{len(own) - ROWS} more rows were refused",)
    if message is None and not notes:
        notes = (f"only the first {len(head)} bytes: the rest is gone from the broker",)
    rows += _content(message, head)
    return Answer(COLUMNS, tuple(rows), first["time"], None, notes), message and message.value


def _refusal(line: dict[str, object]) -> tuple[Value, ...]:
    row = "the whole message" if line["row"] is None else f"row {line['row']}"
    state = "" if line["repaired"] is None else "; repaired"
    return "refused", f"{row}: {line['reason']}: {line['detail']}{state}"


def _content(message: Message | None, head: bytes) -> list[tuple[Value, ...]]:
    body = head if message is None else message.value
    headers: list[tuple[Value, ...]] = (
        []
        if message is None
        else [(f"header {name}", text) for name, text in sorted(message.headers.items())]
    )
    size = "unknown" if message is None else str(len(body))
    return [*headers, ("bytes", size), ("body" if message else "head", _text(body))]


def _text(body: bytes) -> str:
    try:
        text = body.decode()
    except UnicodeDecodeError:
        return f"not text; it begins with {body[:16].hex(' ')}"
    return text if len(text) <= BODY else text[:BODY] + f" ... {len(text) - BODY} characters more"
