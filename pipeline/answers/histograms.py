"""A feature's histogram beside its reference's: what the distances of the drift answer are computed from."""

from __future__ import annotations

from typing import Any

from detectors.references import FeatureBins
from pipeline.answers import rhythm
from pipeline.answers.answer import Answer, Column
from pipeline.answers.feature_distances import SCORE, reference_bins
from pipeline.answers.window import MINUTE, Window
from pipeline.facts.models import MISSING_BIN, UNSEEN_BIN
from pipeline.store import Store

COLUMNS = (
    Column("bin"), Column("reference_share", kind="ratio"), Column("share", kind="ratio"),
    Column("reference_count", kind="integer"), Column("count", kind="integer"),
    Column("place", kind="integer", wide=True),
)  # fmt: skip
MISSING, UNSEEN = "(missing)", "(unseen)"


def histogram(store: Store, window: Window, model: str, version: str, feature: str, reference: str) -> Answer:
    """A row a bin in the order of its values, then missing and unseen; shares are of all events.

    Of a reference with a rhythm of the week the hours count that the window's events are of.
    """
    question = "score_histograms" if feature == SCORE else "feature_histograms"
    with store.steady():
        found = store.query(question, start=window.start, end=window.end).to_pylist()
        known = store.reference(reference)
        by_hour = rhythm.traffic(store, window, {reference: known})
    counts = {
        row["bin"]: row["count"]
        for row in found
        if (row["model"], row["model_version"], row["reference"]) == (model, version, reference)
        and row.get("feature", SCORE) == feature
    }
    bins = known and reference_bins(known, feature)
    key = rhythm.Key(model, version, feature, reference)
    rows = _rows(rhythm.compared(bins, key, by_hour), counts) if bins else []
    as_of = max((row["last"] + MINUTE for row in found), default=None)
    then, now = sum(r["then"] for r in rows), sum(r["now"] for r in rows)
    return Answer(
        COLUMNS,
        tuple(
            (
                r["name"],
                r["then"] / then if then else None,
                r["now"] / now if now else None,
                r["then"],
                r["now"],
                i,
            )
            for i, r in enumerate(rows)
        ),
        as_of,
        None,
        window=window,
    )


def _rows(bins: FeatureBins, counts: dict[int, int]) -> list[dict[str, Any]]:
    rows = [
        {"name": name, "then": then, "now": counts.get(i, 0)}
        for i, (name, then) in enumerate(zip(_names(bins), bins.counts, strict=True))
    ]
    absent = ((MISSING, bins.missing, MISSING_BIN), (UNSEEN, bins.unseen, UNSEEN_BIN))
    told = [{"name": n, "then": then, "now": counts.get(b, 0)} for n, then, b in absent]
    return [*rows, *(row for row in told if row["then"] or row["now"])]


def _names(bins: FeatureBins) -> list[str]:
    """The bins' names: the categories, or the edges between which they lie."""
    if bins.categories is not None:
        return list(bins.categories)
    edges = [f"{edge:.4g}" for edge in bins.edges or ()]
    if not edges:
        return ["all"]
    inner = [f"{low} to {high}" for low, high in zip(edges, edges[1:], strict=False)]
    return [f"up to {edges[0]}", *inner, f"above {edges[-1]}"]
