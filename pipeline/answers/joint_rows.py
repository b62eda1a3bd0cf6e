"""Rows of features that the ledger keeps: of the events of a window, and of a reference."""

from __future__ import annotations

from datetime import datetime

from detectors.feature_samples import MOST
from pipeline.answers.window import Window
from pipeline.store import Store


def rows(
    store: Store, window: Window, model: str, version: str | None, reference: str
) -> list[tuple[datetime, str]]:
    """A uniform sample of events in the window, MOST at most: time and content, in that order.

    Of one version, or of all with None.
    """
    found = store.query(
        "joint_rows", start=window.start, end=window.end, model=model, version=version,
        reference=reference, most=MOST,
    )  # fmt: skip
    return list(zip(found["time"].to_pylist(), found["content"].to_pylist(), strict=True))


def own(store: Store, reference: str) -> list[str]:
    """The reference's."""
    kept: list[str] = store.query("reference_rows", reference=reference)["content"].to_pylist()
    return kept
