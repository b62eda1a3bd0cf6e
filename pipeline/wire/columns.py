"""The columns that event types are made of, and the largest values that one may hold."""

from __future__ import annotations

from pipeline.wire.event_type import Column

# What no device or request exceeds: sums of a minute then fit the integers and decimals of the ledger.
MOST_BYTES = 1e14
MOST_WATTS = 1e5
MOST_JOULES = 1e10
MOST_SECONDS = 1e6
MOST_TOKENS = 1e13
MOST_ERRORS = 1e13


def string(name: str, doc: str, *, required: bool = False, choices: tuple[str, ...] = ()) -> Column:
    return Column(name, "string", doc, required, choices=choices)


def count(name: str, doc: str, *, required: bool = False, maximum: float | None = None) -> Column:
    return Column(name, "int", doc, required, minimum=0, maximum=maximum)


def amount(name: str, doc: str, *, required: bool = False, maximum: float | None = None) -> Column:
    return Column(name, "float", doc, required, minimum=0.0, maximum=maximum)


def time(name: str, doc: str, *, required: bool = False) -> Column:
    return Column(name, "time", doc, required)


CLUSTER = string("cluster", "name of the cluster", required=True)
REVISION = Column("revision", "int", "grows with each version of the same object; the highest wins", True)
