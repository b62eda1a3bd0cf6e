"""JSON Schema (2020-12) of each event type, generated from its columns; `docs/schemas/` holds them."""

from __future__ import annotations

import json
import sys
from pathlib import Path
from typing import Any

from pipeline.wire.catalogue import TYPES
from pipeline.wire.event_type import Column, EventType, Kind

_TYPES: dict[Kind, dict[str, Any]] = {
    "string": {"type": "string"},
    "int": {"type": "integer"},
    "float": {"type": "number"},
    "bool": {"type": "boolean"},
    "time": {"type": "string", "format": "date-time"},
    "features": {"type": "object", "additionalProperties": {"type": ["number", "boolean", "string", "null"]}},
}


def _property(column: Column) -> dict[str, Any]:
    schema = {**_TYPES[column.kind], "description": column.doc}
    if column.choices:
        schema["enum"] = list(column.choices)
    if column.minimum is not None:
        schema["minimum"] = column.minimum
    if column.maximum is not None:
        schema["maximum"] = column.maximum
    return schema


def schema(type_: EventType) -> dict[str, Any]:
    """The schema of a JSON body: one event, or an array of them; unknown keys are allowed and ignored."""
    event = {
        "type": "object",
        "properties": {c.name: _property(c) for c in type_.columns},
        "required": [c.name for c in type_.columns if c.required],
    }
    return {
        "$schema": "https://json-schema.org/draft/2020-12/schema",
        "$id": f"urn:{type_.ce_type.replace('.', ':')}",
        "title": type_.ce_type,
        "description": f"{type_.doc}  Topic {type_.topic}, key {type_.key}.",
        "oneOf": [
            {"$ref": "#/$defs/event"},
            {"type": "array", "items": {"$ref": "#/$defs/event"}, "minItems": 1},
        ],
        "$defs": {"event": event},
    }


def text(type_: EventType) -> str:
    return json.dumps(schema(type_), indent=2) + "\n"


def write(folder: Path) -> None:
    """One file per event type in `folder`."""
    folder.mkdir(parents=True, exist_ok=True)
    for type_ in TYPES.values():
        (folder / f"{type_.name}.v1.json").write_text(text(type_), encoding="utf-8")


if __name__ == "__main__":
    write(Path(sys.argv[1]))
