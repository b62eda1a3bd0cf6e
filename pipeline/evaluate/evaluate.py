"""Every number of a file of predictions, chunk by chunk, against a reference."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass

import numpy as np

from detectors.codes import Mask
from detectors.parameters import Parameters
from pipeline.evaluate import classes, few_labels, losses, steps
from pipeline.evaluate.chunks import Chunk
from pipeline.evaluate.columns import Columns
from pipeline.evaluate.distances import distances
from pipeline.evaluate.fitted import Fitted, fit, is_labelled
from pipeline.evaluate.problem import Problem
from pipeline.evaluate.row import Row, row
from pipeline.evaluate.sample import Sample
from pipeline.evaluate.verdicts import Judged, reference


@dataclass(frozen=True, slots=True)
class Evaluated:
    chunk: Chunk
    rows: tuple[Row, ...]


def evaluate(
    before: Sample,
    data: Sample,
    columns: Columns,
    problem: Problem,
    chunks: list[Chunk],
    parameters: Parameters,
) -> Iterator[Evaluated]:
    """`before` is the reference; verdicts rest on all rows up to the end of a chunk, the rest on its own."""
    fitted = fit(before, columns, problem)
    found = few_labels.outcomes(data, fitted)
    by_minute = steps.are_minutes(data)
    at = steps.steps(data, by_minute)
    judged = None
    if data.features or found is not None:
        then = steps.steps(before, by_minute)
        known = reference(before, few_labels.outcomes(before, fitted), then)
        judged = Judged(data, found, at, known, parameters)
    evidence, invalid = few_labels.audit(found, fitted) if found else (None, None)
    for chunk in chunks:
        some = data.at(slice(chunk.first, chunk.stop))
        rows = list(distances(some, fitted, columns))
        rows += _labels(some)
        accuracy = list(_accuracy(some, fitted, columns))
        last = chunk.stop - 1
        if invalid is not None and evidence is not None and found is not None:
            labelled = int(np.isfinite(found.happened[: chunk.stop] - found.expected[: chunk.stop]).sum())
            accuracy = [_audited(of, bool(invalid[last]), labelled) for of in accuracy]
            level = "invalid" if invalid[last] else "ok" if labelled else "not_enough_data"
            value = float(evidence[last]) if labelled else np.nan
            rows.append(row("verdict", "", "estimate_audit", "e_test", value, labelled, None, level))
        rows += accuracy
        if judged is not None:
            rows += judged.until(int(at[last]), int(at[0]))
        yield Evaluated(chunk, tuple(rows))


def _accuracy(some: Sample, fitted: Fitted, columns: Columns) -> Iterator[Row]:
    if fitted.problem.kind == "regression":
        yield from losses.realized(some)
        yield from losses.estimated(some, fitted)
    elif fitted.problem.kind:
        yield from classes.realized(some, fitted, columns)
        yield from classes.estimated(some, fitted, columns)
    found = few_labels.outcomes(some, fitted)
    if found is not None:
        yield from few_labels.rows(found, fitted)


def _audited(of: Row, invalid: bool, labelled: int) -> Row:
    """An estimate says whether labels bear it out."""
    if of.method != "estimated":
        return of
    return of._replace(level="invalid" if invalid else "ok" if labelled else None)


def _labels(some: Sample) -> Iterator[Row]:
    """How many rows have a label, and how late those came."""
    labelled: Mask = is_labelled(some)
    yield row("quality", "", "label_coverage", "rows", float(labelled.mean()), some.rows)
    if some.label_lag is None:
        return
    lags = some.label_lag[np.isfinite(some.label_lag) & labelled]
    for percent in (50, 90, 99) if len(lags) else ():
        lag = float(np.percentile(lags, percent))
        yield row("quality", "", f"label_lag_seconds_p{percent}", "rows", lag, len(lags))
