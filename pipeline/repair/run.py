"""A retry from end to end: find what is refused, read it whole, look again, take what is good."""

from __future__ import annotations

from collections.abc import Callable, Sequence

from pipeline.errors import ConfigError, PreflightFailed
from pipeline.events import Message
from pipeline.repair.account import Account
from pipeline.repair.refused import Place, Refused, content_type
from pipeline.repair.retry import attempt
from pipeline.repair.take import Repairs
from pipeline.store import Store

_AT_ONCE = 200
"""Messages that are read and committed together."""

Read = Callable[[Sequence[Refused]], dict[Place, Message]]
"""Reads messages whole, as far as the broker has them; raises PreflightFailed where it is not there."""


def whole(wanted: Sequence[Refused], read: Read) -> dict[Place, Message]:
    """Each message from the broker, else from the ledger where that keeps all of it.

    Raises PreflightFailed where the broker is not there and a message is longer than what the ledger keeps.
    """
    found: dict[Place, Message] = {}
    asked = [r for r in wanted if not r.in_process and r.place.topic_id is not None]
    kept = {r.place: message for r in wanted if (message := r.from_head()) is not None}
    try:
        found = read(asked) if asked else {}
    except PreflightFailed:
        if any(r.place not in kept for r in asked):
            raise
    return kept | found


def retry(
    store: Store, wanted: Sequence[Refused], read: Read, now: int, *, dry_run: bool = False,
    body: bytes | None = None, told: Callable[[int], None] = lambda _done: None,
) -> Account:  # fmt: skip
    """Take what is good now of the refused messages; `body` replaces that of the only one.

    `now` is microseconds since 1970 UTC; `told` hears how many are done.
    """
    account = Account()
    repairs = None if dry_run else Repairs(store, now)
    for start in range(0, len(wanted), _AT_ONCE):
        some = wanted[start : start + _AT_ONCE]
        messages = whole(some, read) if body is None else {r.place: _replaced(r, body, read) for r in some}
        attempts = [attempt(r, messages[r.place]) for r in some if r.place in messages]
        taken = [a for a in attempts if a.repaired] if repairs is None else repairs.take(attempts)
        account.add(attempts, taken)
        for refused in some:
            if refused.place not in messages:
                account.cannot_be_read(refused.place)
        told(len(some))
    return account


def _replaced(refused: Refused, body: bytes, read: Read) -> Message:
    """The message with another body; raises ConfigError where its rows cannot be those of the first one."""
    place = refused.place
    if place.topic_id is None:
        remedy = "read its source again: a collector refused this before it was a message"
        raise ConfigError("--body", str(place), remedy)
    original = whole([refused], read).get(place)
    headers = (original.headers if original else {}) | {"content-type": content_type(body)}
    message = Message(place.topic, place.topic_id, place.partition, place.offset, refused.time, headers, body)
    if not refused.whole:
        before = attempt(refused, original).rows if original else None
        after = attempt(refused, message).rows
        if before is None:
            remedy = (
                "the message itself is gone: nobody can say which of these rows are in the ledger already"
            )
            raise ConfigError("--body", f"{after} rows", remedy)
        if before != after:
            remedy = f"write all {before} rows in their order: those that were good are known by their place"
            raise ConfigError("--body", f"{after} rows", remedy)
    return message
