"""What was sent over the network: OpenCost's network fields, where the ledger knows whose it is."""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from decimal import Decimal
from typing import Any, NamedTuple

from pipeline.answers.network import NO_BYTES, UNPRICED, network
from pipeline.answers.window import Window
from pipeline.opencost import filters
from pipeline.opencost.parameters import Question
from pipeline.opencost.properties import dimension, part
from pipeline.ownership.rules import Ownership
from pipeline.prices.book import PriceBook
from pipeline.store import Store

BY = ("cluster", "namespace", "workload", "team")
"""Dimensions of the cost answer that flows are known by."""
MOST_SETS = 62
"""Each is a question of its own."""
WHOSE = (
    "network costs are known by cluster, namespace, controller and team: by {asked} they are __unallocated__"
)
MANY = f"network costs are 0 in an answer of more than {MOST_SETS} sets"


class Sent(NamedTuple):
    """A row of the network answer: the entry that it belongs to, and its set's place."""

    place: int
    key: str
    row: dict[str, Any]


def unknown(store: Store, question: Question) -> tuple[str, bool]:
    """What cannot be told of network costs, and whether that is all; '' where nothing is, or was sent."""
    window = question.window
    if not store.query("network_sums", start=window.start, end=window.end).num_rows:
        return "", True
    if len(question.sets) > MOST_SETS:
        return MANY, True
    asked = (*question.aggregate, *filters.properties(question.conditions))
    strange = [prop for prop in asked if dimension(prop) not in BY]
    return (WHOSE.format(asked=", ".join(dict.fromkeys(strange))) if strange else ""), False


def missing(told: Iterable[Sent]) -> Iterator[str]:
    """What of it is in no cost: GiB without a price, and workloads of which no source tells bytes."""
    unpriced, silent = Decimal(0), set()
    for _, _, row in told:
        unpriced += row["unpriced_gib"] or 0
        if row["bytes"] is None:
            silent.add((row["cluster"], row["namespace"], row["workload"]))
    if unpriced:
        yield UNPRICED.format(gib=f"{unpriced:f}")
    if silent:
        yield NO_BYTES.format(count=len(silent))


def sent(
    store: Store, question: Question, book: PriceBook, currency: str, owners: Ownership
) -> Iterator[Sent]:
    """What each set's entries sent, by class; an entry's parts that no flow tells are unallocated."""
    for place, window in enumerate(question.sets):
        answer = network(store, Window(window.start, window.end), (*BY, "class"), book, currency, owners)
        for row in answer.named():
            if all(condition.fits(row) for condition in question.conditions):
                yield Sent(place, "/".join(part(prop, row) for prop in question.aggregate), row)
