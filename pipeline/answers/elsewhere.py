"""What to say where a window is empty: that the ledger speaks of another time, or of none."""

from __future__ import annotations

from pipeline.answers.window import Window
from pipeline.store import Store

WORDS = {
    "prediction_sums": ("requests", "take some in with `driftledger replay` or `driftledger up`"),
    "feature_bins": (
        "feature histograms",
        "features are counted once their model has a reference: `driftledger reference create` makes one",
    ),
}
"""What a fact is called, and what to do where the ledger holds no row of it at all."""


def elsewhere(store: Store, fact: str) -> str:
    """A sentence that names the window in which the ledger has rows of `fact`, one of WORDS."""
    name, remedy = WORDS[fact]
    spans = [row for row in store.query("status_facts").to_pylist() if row["fact"] == fact]
    if not spans:
        return f"the ledger holds no {name} at all; {remedy}"
    whole = Window(min(row["first"] for row in spans), max(row["newest"] for row in spans))
    return f"the ledger's {name} are of another time; ask with --window {whole}"
