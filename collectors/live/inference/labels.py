"""Labels as people and evaluators send them: by prediction_id, or by a request's id and the row in it."""

from __future__ import annotations

from datetime import datetime
from typing import Annotated, Any

import msgspec

from collectors.live.inference.found import MOST_UNITS, Found, refused
from collectors.live.inference.instant import SECOND
from collectors.live.inference.kserve import numbered

Zoned = Annotated[datetime, msgspec.Meta(tz=True)]


class Sent(msgspec.Struct, gc=False):
    """The columns of a `label` event, and what else names them; a label is a text, a number or a truth."""

    model: str
    prediction_id: str | None = None
    request_id: str | None = None
    row: Annotated[int, msgspec.Meta(ge=0, le=10_000_000)] = 0
    label: str | bool | int | float | None = None
    value: float | None = None
    score: float | None = None
    evaluator: str | None = None
    source: str | None = None
    time: Zoned | None = None
    labelled_at: Zoned | None = None
    revision: int | None = None


_ONE = msgspec.json.Decoder(Sent)
_MANY = msgspec.json.Decoder(list[msgspec.Raw])


def parse(body: bytes, now: int) -> Found:
    """One object or an array; without a time it was made `now`, microseconds since 1970 UTC."""
    try:
        items: list[Any] = [body] if body.lstrip()[:1] == b"{" else _MANY.decode(body)
    except (msgspec.DecodeError, RecursionError, UnicodeError) as error:
        return refused("malformed", str(error)[:200])
    if len(items) > MOST_UNITS:
        return refused("too_large", f"{len(items)} labels, at most {MOST_UNITS}")
    found = Found()
    for at, item in enumerate(items):
        try:
            _add(_ONE.decode(item), at, now, found)
        except msgspec.ValidationError as error:
            found.refuse("wrong_type", str(error)[:200], at)
        except (msgspec.DecodeError, RecursionError, UnicodeError, OverflowError) as error:
            found.refuse("malformed", str(error)[:200], at)
    return found if found.read else refused("empty", "no label in the body")


def _add(sent: Sent, at: int, now: int, found: Found) -> None:
    id_ = sent.prediction_id or (numbered(sent.request_id, sent.row) if sent.request_id else None)
    if id_ is None:
        return found.refuse("missing_field", "neither prediction_id nor request_id is there", at)
    said, value = _class(sent.label), sent.value
    if isinstance(sent.label, float):
        value = sent.label if value is None else value
    if said is None and value is None and sent.score is None:
        return found.refuse("missing_field", "no label, value or score is there", at)
    time = sent.time or sent.labelled_at
    row = {
        "model": sent.model, "prediction_id": id_, "label": said, "value": value, "score": sent.score,
        "evaluator": sent.evaluator or sent.source, "revision": sent.revision,
        "time": round(time.timestamp() * SECOND) if time else now,
    }  # fmt: skip
    return found.add("label", {name: value for name, value in row.items() if value is not None})


def _class(label: str | bool | float | None) -> str | None:
    """A class as text, in the form that predictions have; a fraction is a number and no class."""
    if isinstance(label, bool):
        return str(label).lower()
    return None if label is None or isinstance(label, float) else str(label)
