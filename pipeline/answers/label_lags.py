"""How late the labels of a model come, by version: what accuracy of the last hours can rest on."""

from __future__ import annotations

from collections import defaultdict

from pipeline.answers.answer import Answer, Column
from pipeline.answers.timeline import newest
from pipeline.answers.window import Window
from pipeline.store import Store

BOUNDS = {"1 minute": 60, "1 hour": 3_600, "6 hours": 21_600, "1 day": 86_400, "7 days": 604_800}
"""Seconds."""
LATER, NONE = "later", "no label yet"
COLUMNS = (
    Column("model_version"),
    Column("within"),
    Column("predictions", kind="integer"),
    Column("share", kind="ratio"),
    Column("place", kind="integer", wide=True),
)


def label_lags(store: Store, window: Window, model: str) -> Answer:
    """A row a version and span of time, shares of all its predictions in the window that have an id.

    A prediction is in the first span that its newest label came within; last are those without one.
    """
    bounds = list(BOUNDS.values())
    with store.steady():
        found = store.query(
            "label_lags", model=model, start=window.start, end=window.end, bounds_seconds=bounds
        ).to_pylist()
        as_of = newest(store)
    counts: dict[str, dict[int, int]] = defaultdict(dict)
    names = (*BOUNDS, LATER, NONE)
    for row in found:
        place = len(names) - 1 if row["place"] is None else row["place"]
        counts[row["model_version"]][place] = row["count"]
    rows = tuple(
        (version, name, of.get(place, 0), of.get(place, 0) / sum(of.values()), place)
        for version, of in sorted(counts.items())
        for place, name in enumerate(names)
    )
    return Answer(COLUMNS, rows, as_of, None, window=window)
