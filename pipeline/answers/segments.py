"""How right a model is in each part of its traffic: by categories of a feature that its reference names."""

from __future__ import annotations

import json
from typing import Any

from detectors import segment_accuracy
from detectors.intervals import wilson
from pipeline.answers.answer import Answer, Column
from pipeline.answers.findings import JUDGED
from pipeline.answers.timeline import newest
from pipeline.answers.truth import judged
from pipeline.answers.window import Window
from pipeline.store import Store

MISSING = "(missing)"
COLUMNS = (
    Column("model_version"),
    Column("segment"),
    Column("predictions", kind="integer"),
    Column("labelled", kind="integer"),
    Column("accuracy", kind="ratio"),
    Column("accuracy_low", kind="ratio"),
    Column("accuracy_high", kind="ratio"),
    Column("level"),
)
NONE = "no segment is declared: `driftledger reference create MODEL ... --segment FEATURE` names one"
SINCE = "predictions from before the segment was declared are of {missing}"


UNCOUNTED = (
    "the reference in use was made before segments were judged: one made anew has the error rate of each"
)


def segments(store: Store, window: Window, model: str) -> Answer:
    """A row a version and segment with predictions that have an id, the largest segment first."""
    with store.steady():
        reference = store.references().get(model)
        if reference is None or reference.segment is None:
            return Answer(COLUMNS, (), newest(store), None, (NONE,), window=window)
        known = {model: reference}
        found = judged(store, "segment_outcomes", known, [model], window.start, window.end).to_pylist()
        verdicts = _findings(store, window, model)
        as_of = newest(store)
    found.sort(key=lambda row: (row["model_version"], -row["predictions"], row["segment"]))
    rows = []
    for row in found:
        labelled, right = row["labelled"], row["labelled"] - row["errors"]
        told = (right / labelled, *wilson(right, labelled)) if labelled else (None, None, None)
        name = f"{reference.segment}={row['segment'] or MISSING}"
        level = _level(verdicts.get(row["model_version"]), name) if row["segment"] else None
        rows.append((row["model_version"], name, row["predictions"], labelled, *told, level))
    unnamed = any(not row["segment"] for row in found)
    notes = (
        *((SINCE.format(missing=MISSING),) if unnamed else ()),
        *(() if reference.segment_labels else (UNCOUNTED,)),
    )
    return Answer(COLUMNS, tuple(rows), as_of, None, notes, window=window)


def _findings(store: Store, window: Window, model: str) -> dict[str, dict[str, Any]]:
    """Of each version the newest verdict on its segments in the window."""
    rows = store.query(
        "newest_finding",
        detector=segment_accuracy.NAME,
        model=model,
        start=window.start,
        end=window.end,
    ).to_pylist()
    return {row["model_version"]: json.loads(row["content"]) for row in rows}


def _level(finding: dict[str, Any] | None, name: str) -> str | None:
    if finding is None or name not in finding["evidence"]:
        return None if finding is None or finding["level"] in JUDGED else finding["level"]
    return str(finding["evidence"][name])
