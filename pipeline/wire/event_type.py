"""What an event type is: its topic, its columns with units and bounds, its Arrow schema."""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import Literal

import pyarrow as pa

Kind = Literal["string", "int", "float", "bool", "time", "features"]

MICROSECONDS_UTC = pa.timestamp("us", tz="UTC")

_ARROW: dict[Kind, pa.DataType] = {
    "string": pa.string(),
    "int": pa.int64(),
    "float": pa.float64(),
    "bool": pa.bool_(),
    "time": MICROSECONDS_UTC,
    "features": pa.struct([]),
}


@dataclass(frozen=True, slots=True)
class Column:
    """One field of an event: `minimum` and `maximum` are inclusive and in the column's unit."""

    name: str
    kind: Kind
    doc: str
    required: bool = False
    minimum: float | None = None
    maximum: float | None = None
    choices: tuple[str, ...] = ()

    @property
    def type(self) -> pa.DataType:
        return _ARROW[self.kind]

    @property
    def arrow(self) -> pa.Field:
        return pa.field(self.name, self.type, nullable=not self.required)


@dataclass(frozen=True, slots=True)
class EventType:
    """A kind of event, the unit of a topic; `key` names what orders its messages."""

    name: str
    doc: str
    key: str
    columns: tuple[Column, ...]
    by_name: dict[str, Column] = field(init=False, repr=False, compare=False)
    schema: pa.Schema = field(init=False, repr=False, compare=False)
    """The canonical Arrow schema; a `features` struct has one child per feature of the batch."""

    def __post_init__(self) -> None:
        object.__setattr__(self, "by_name", {c.name: c for c in self.columns})
        object.__setattr__(self, "schema", pa.schema([c.arrow for c in self.columns]))

    @property
    def topic(self) -> str:
        return f"driftledger.{self.name}"

    @property
    def ce_type(self) -> str:
        return f"driftledger.{self.name}.v1"
