"""The canary of a file against its stable version, by the labels that both have at the same steps."""

from __future__ import annotations

from collections.abc import Iterator

import numpy as np

from detectors.canary import ACT_ALPHA, FEWEST, WARN_ALPHA, log_evidence
from detectors.codes import Integers
from detectors.intervals import wilson
from pipeline.evaluate.columns import Columns
from pipeline.evaluate.few_labels import Outcomes
from pipeline.evaluate.row import Row, row
from pipeline.evaluate.sample import Sample


def canary(
    sample: Sample, found: Outcomes | None, steps: Integers, columns: Columns, stop: int
) -> Iterator[Row]:
    """The verdict on the first `stop` rows, and both versions' accuracy among them."""
    if not columns.version or sample.version is None or found is None or found.metric != "accuracy":
        return
    happened, version = found.happened[:stop], sample.version.at(slice(0, stop))
    labelled = np.isfinite(happened)
    parts = {name: labelled & version.equals(name) for name in (columns.canary, columns.stable)}
    for name, mine in parts.items():
        count = int(mine.sum())
        if count:
            right = int(happened[mine].sum())
            yield row("accuracy", name, "accuracy", "realized", right / count, count, wilson(right, count))
    names, codes = np.unique(steps[:stop], return_inverse=True)
    counts = []
    for mine in parts.values():
        wrong = mine & (happened == 0)
        counts += [np.bincount(codes, of, len(names)).astype(np.int64) for of in (wrong, mine)]
    evidence = float(log_evidence(*counts)[-1])
    size = int(parts[columns.canary].sum())
    yield row("verdict", columns.canary, "canary", "e_process", evidence, size, None, _level(evidence, size))


def _level(evidence: float, size: int) -> str:
    if size < FEWEST:
        return "not_enough_data"
    if evidence >= -np.log(ACT_ALPHA):
        return "act"
    return "warn" if evidence >= -np.log(WARN_ALPHA) else "ok"
