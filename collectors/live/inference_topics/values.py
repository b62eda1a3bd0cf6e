"""A foreign value as rows of ours, by its topic's mapping; the values' own words stay out of every reason."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import msgspec

from collectors.live.inference.found import MOST_UNITS, Found, Row, number, refused, whole
from collectors.live.inference.instant import SECOND, micros
from collectors.live.inference.rules import Rules
from collectors.live.inference_topics.mapping import PER_SECOND, Mapped, Place
from pipeline.events import TYPES, Column
from pipeline.wire.limits import MAX_FEATURES

_ANY = msgspec.json.Decoder()
_SCHEMA_HEADER_BYTES = 5
"""A zero and the number of a schema, which serializers with a registry write before the JSON."""
_ABSENT = object()


def parse(value: bytes | None, time: int, mapped: Mapped, rules: Rules) -> Found:
    """`time` is the message's, microseconds since 1970 UTC, for values that have none."""
    if value is None:
        found = Found()
        found.excluded["tombstone"] = 1
        return found
    try:
        sent = _ANY.decode(value[_SCHEMA_HEADER_BYTES:] if value[:1] == b"\0" else value)
    except (msgspec.DecodeError, RecursionError, UnicodeError) as error:
        return refused("malformed", str(error)[:200])
    items = sent if isinstance(sent, list) else [sent]
    if not items or len(items) > MOST_UNITS:
        return refused("empty" if not items else "too_large", f"{len(items)} objects in a message")
    found = Found()
    for item in items:
        _item(item, time, mapped, rules, found)
    return found


def _item(item: Any, time: int, mapped: Mapped, rules: Rules, found: Found) -> None:
    if not isinstance(item, dict):
        return found.refuse("wrong_type", "the value is no JSON object")
    row: Row = {"time": time, **mapped.constants}
    known = TYPES[mapped.event].by_name
    for name, place in mapped.places.items():
        value = _at(item, place)
        if value is _ABSENT or value is None:
            continue
        taken = _taken(value, known[name], mapped)
        if taken is None:
            return found.refuse("wrong_type", f"{name} is no {known[name].kind}")
        row[name] = taken
    if mapped.event == "inference":
        features = rules.features(row.get("model"), _features(item, mapped))
        if len(features) > MAX_FEATURES // 2:
            return found.refuse("too_large", f"{len(features)} features")
        row["features"] = features
    return found.add(mapped.event, row)


def _at(item: Any, place: Place) -> Any:
    for key in place:
        if isinstance(item, dict):
            item = item.get(key, _ABSENT)
        elif isinstance(item, list) and key.isdigit() and len(key) < 8 and int(key) < len(item):
            item = item[int(key)]
        else:
            return _ABSENT
    return item


def _taken(value: Any, column: Column, mapped: Mapped) -> Any:
    """The value in the column's type and unit; None where it is of another type."""
    factor = mapped.scale.get(column.name)
    match column.kind:
        case "string":
            return _text(value)
        case "time":
            return _time(value, mapped.time_unit)
        case "int":
            return whole(value if factor is None else (number(value) or 0.0) * factor)
        case _:
            found = number(value)
            return None if found is None else found * (factor or 1.0)


def _text(value: Any) -> str | None:
    """A class as text, in the form that all sources share."""
    if isinstance(value, bool):
        return str(value).lower()
    if isinstance(value, float) and value.is_integer():
        value = int(value)
    return str(value) if isinstance(value, str | int | float) else None


def _time(value: Any, unit: str) -> int | None:
    if isinstance(value, str):
        return micros(value)
    found = value if isinstance(value, int) and not isinstance(value, bool) else number(value)
    return None if found is None else whole(int(found * SECOND // PER_SECOND[unit]))


def _features(item: Any, mapped: Mapped) -> dict[str, float | str]:
    below = _at(item, mapped.features) if mapped.features else {}
    named: Sequence[tuple[str, Any]] = list(below.items()) if isinstance(below, dict) else []
    named = [*named, *((name, _at(item, place)) for name, place in mapped.named_features.items())]
    found = {name: _feature(value) for name, value in named}
    return {name: value for name, value in found.items() if value is not None}


def _feature(value: Any) -> float | str | None:
    if isinstance(value, bool):
        return float(value)
    return value if isinstance(value, str) else number(value)
