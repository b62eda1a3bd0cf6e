"""What was sent over the network: OpenCost's network fields, where the ledger knows whose it is."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any, NamedTuple

from pipeline.answers.network import network
from pipeline.answers.window import Window
from pipeline.opencost.parameters import Question
from pipeline.opencost.properties import dimension, part
from pipeline.ownership.rules import Ownership
from pipeline.prices.book import PriceBook
from pipeline.store import Store

BY = ("cluster", "namespace", "workload", "team")
"""Dimensions of the cost answer that flows are known by."""
MOST_SETS = 62
"""Each is a question of its own."""
WHOSE = "network costs are known by cluster, namespace, controller and team: asked by {asked} they are 0"
MANY = f"network costs are 0 in an answer of more than {MOST_SETS} sets"


class Sent(NamedTuple):
    """A row of the network answer: the entry that it belongs to, and its set's place."""

    place: int
    key: str
    row: dict[str, Any]


def unknown(store: Store, question: Question) -> str:
    """Why no network cost can be told; '' where it can, or nothing was sent."""
    window = question.window
    if not store.query("network_sums", start=window.start, end=window.end).num_rows:
        return ""
    asked = (*question.aggregate, *(condition.prop for condition in question.conditions))
    strange = [prop for prop in asked if dimension(prop) not in BY]
    if strange:
        return WHOSE.format(asked=", ".join(dict.fromkeys(strange)))
    return MANY if len(question.sets) > MOST_SETS else ""


def sent(
    store: Store, question: Question, book: PriceBook, currency: str, owners: Ownership
) -> Iterator[Sent]:
    """What each set's entries sent, by class; to be asked only where `unknown` says nothing."""
    for place, window in enumerate(question.sets):
        answer = network(store, Window(window.start, window.end), (*BY, "class"), book, currency, owners)
        for row in answer.named():
            if all(condition.fits(row) for condition in question.conditions):
                yield Sent(place, "/".join(part(prop, row) for prop in question.aggregate), row)
