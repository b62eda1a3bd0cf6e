"""What a fact table is: what a row is about, which columns add up, how two versions of a row merge.

Additive columns are integers or fixed decimals, never floats: float addition depends on the order,
and a ledger must be the same in any order.  All times are UTC; a `minute` starts at its instant.
"""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import Literal, NamedTuple

import pyarrow as pa

TIME = pa.timestamp("us")
SECONDS = pa.decimal128(18, 6)
NANO = pa.decimal128(18, 9)

Merge = Literal["add", "highest", "append", "lowest"]
"""add: rows of one key sum up.  highest: the highest `revision` of a key wins.  append: every row stays.
lowest: of the rows that agree in all of the key but its last column, those with the lowest stay, as many of
them as MOST says; equal rows are one."""


class Listing(NamedTuple):
    """How the rows of a fact are told: by a collector that lists objects of the API server.

    Where one without memory lists a kind, a gap BEGINS says when.
    """

    kind: str
    """SQL: the kind of object by which a row is told."""
    subject: str
    """SQL: what is told together."""
    splits: tuple[str, ...]
    """Columns that end a row and begin another where they change."""


@dataclass(frozen=True, slots=True)
class Fact:
    """One fact table; `key` identifies, `values` are added (merge add) or carried (highest, append)."""

    name: str
    doc: str
    merge: Merge
    key: tuple[pa.Field, ...]
    values: tuple[pa.Field, ...]
    listing: Listing | None = None
    schema: pa.Schema = field(init=False, repr=False, compare=False)

    def __post_init__(self) -> None:
        object.__setattr__(self, "schema", pa.schema(self.fields))

    @property
    def fields(self) -> tuple[pa.Field, ...]:
        return (*self.key, *self.values)

    @property
    def key_names(self) -> list[str]:
        return [f.name for f in self.key]

    @property
    def rolls(self) -> bool:
        """Whether its minutes become hours with age: the table has a column SPAN, which no event gives."""
        return self.merge == "add" and self.key_names[0] == "minute"

    @property
    def value_names(self) -> list[str]:
        return [f.name for f in self.values]


MOST = "rows_an_hour"
"""Rows that stay of those that a fact of merge lowest has in one group; the same in all of them."""

SPAN = "span_minutes"
"""Minutes that a row speaks of from its `minute` on, all in one hour: 1 as folded, up to 60 as rolled up."""


def columns(*names: str, of: pa.DataType = pa.string()) -> tuple[pa.Field, ...]:  # noqa: B008
    return tuple(pa.field(n, of) for n in names)


MINUTE = columns("minute", of=TIME)
MODEL = columns("model", "model_version")
SERVER = columns("cluster", "namespace", "workload")
COUNT = columns("count", of=pa.int64())
