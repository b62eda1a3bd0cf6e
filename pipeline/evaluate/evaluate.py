"""Every number of a file of predictions, chunk by chunk, against a reference."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterator
from dataclasses import dataclass, replace

import numpy as np

from detectors.codes import Integers, Mask
from detectors.intervals import wilson
from detectors.parameters import Parameters
from detectors.prediction_powered import FEWEST
from detectors.references import Reference
from pipeline.evaluate import classes, few_labels, losses, steps
from pipeline.evaluate.canaries import canary
from pipeline.evaluate.chunks import Chunk
from pipeline.evaluate.columns import Columns
from pipeline.evaluate.distances import distances
from pipeline.evaluate.fitted import Fitted, is_labelled, narrowed
from pipeline.evaluate.row import Row, row
from pipeline.evaluate.sample import Sample
from pipeline.evaluate.segments import segments
from pipeline.evaluate.stored import judged
from pipeline.evaluate.verdicts import Judged, reference

LAGS = {"1m": 60, "1h": 3_600, "6h": 21_600, "1d": 86_400, "7d": 604_800}
"""Seconds within which a label came."""


@dataclass(frozen=True, slots=True)
class Evaluated:
    chunk: Chunk
    segment: str
    """column=value; '' is all rows."""
    size: int
    """Rows of the chunk that are of the segment."""
    rows: tuple[Row, ...]


@dataclass(frozen=True)
class Baseline:
    """What the data is compared with: the rows of a file, or a registered reference."""

    fitted: Fitted
    sample: Sample | None
    stored: Reference | None
    whole: tuple[str, ...] = ()
    """Columns each part of which a registered reference judges as it judges all."""


def evaluate(
    baseline: Baseline, data: Sample, columns: Columns, chunks: list[Chunk], parameters: Parameters
) -> Iterator[Evaluated]:
    """Verdicts rest on all rows up to the end of a chunk, the other numbers on its own."""
    by_minute = steps.are_minutes(data)
    now = steps.steps(data, by_minute)
    known = _known(baseline, np.arange(baseline.sample.rows) if baseline.sample else None, by_minute)
    whole = _Part("", data, now, baseline.fitted, known, columns, parameters)
    yield from whole.by_chunk(chunks, np.arange(data.rows))
    parts = list(segments(baseline.sample, data))
    many = Counter(segment.column for segment in parts if segment.column not in baseline.whole)
    for segment in parts:
        fitted = baseline.fitted
        if baseline.sample is not None and segment.before is not None:
            fitted = narrowed(fitted, baseline.sample.at(segment.before), columns)
        judged_alone = baseline.sample is not None or segment.column in baseline.whole
        known = _known(baseline, segment.before, by_minute) if judged_alone else None
        part, at = data.at(segment.rows), now[segment.rows]
        mine = _shared(parameters, many[segment.column])
        of = _Part(segment.name, part, at, fitted, known, columns, mine)
        yield from of.by_chunk(chunks, segment.rows)


def _shared(parameters: Parameters, parts: int) -> Parameters:
    """Bars so much higher that all parts of a column together are wrong no more often than one is."""
    if parts < 2:
        return parameters
    warn, act = parameters.warn_minutes * parts, parameters.act_minutes * parts
    return replace(parameters, warn_minutes=warn, act_minutes=act)


def _known(baseline: Baseline, rows: Integers | None, by_minute: bool) -> tuple[Reference, float] | None:
    """What the judges compare with, of some rows of the reference; None where it has none of them."""
    if baseline.sample is None or rows is None:
        return None if baseline.stored is None else judged(baseline.stored, baseline.fitted.problem)
    if not len(rows):
        return None
    some, then = baseline.sample.at(rows), steps.steps(baseline.sample, by_minute)[rows]
    return reference(some, few_labels.outcomes(some, baseline.fitted), then, by_minute)


class _Part:
    """All rows, or those of a segment."""

    def __init__(
        self,
        name: str,
        data: Sample,
        now: Integers,
        fitted: Fitted,
        known: tuple[Reference, float] | None,
        columns: Columns,
        parameters: Parameters,
    ) -> None:
        self._name, self._data, self._steps = name, data, now
        self._fitted, self._columns = fitted, columns
        self._found = few_labels.outcomes(data, fitted)
        phi = known[0].phi_errors if known is not None else 1.0
        self._audit = few_labels.audit(self._found, fitted, phi) if self._found else None
        self._rises = few_labels.rises(self._found) if self._found else None
        self._judged = None
        if known is not None and (data.features or self._found is not None):
            self._judged = Judged(data, self._found, now, known, parameters)

    def by_chunk(self, chunks: list[Chunk], places: Integers) -> Iterator[Evaluated]:
        """`places` are the part's rows in the whole file; a chunk without any of them is left out."""
        for chunk in chunks:
            first, stop = np.searchsorted(places, [chunk.first, chunk.stop]).tolist()
            if first < stop:
                yield Evaluated(chunk, self._name, stop - first, tuple(self._rows(first, stop)))

    def _rows(self, first: int, stop: int) -> Iterator[Row]:
        some = self._data.at(slice(first, stop))
        yield from distances(some, self._fitted, self._columns)
        yield from _labels(some)
        accuracy = _accuracy(some, self._fitted, self._columns)
        if self._audit is None or self._found is None:
            yield from accuracy
        else:
            evidence, invalid = self._audit
            labelled = int(np.isfinite(self._found.happened[:stop] - self._found.expected[:stop]).sum())
            yield from (_audited(of, bool(invalid[stop - 1]), labelled) for of in accuracy)
            enough = labelled >= FEWEST
            level = "invalid" if invalid[stop - 1] else "ok" if enough else "not_enough_data"
            value = float(evidence[stop - 1]) if labelled else np.nan
            yield row("verdict", "", "estimate_audit", "e_test", value, labelled, None, level)
        if self._found is not None and self._rises is not None:
            risen, known = int(self._rises[first:stop].sum()), np.isfinite(self._found.happened[:stop])
            level = "not_enough_data" if known.sum() < FEWEST else "warn" if risen else "ok"
            yield row("verdict", "", "adwin", "cuts", float(risen), int(known.sum()), None, level)
        if self._judged is not None:
            yield from self._judged.until(int(self._steps[stop - 1]), int(self._steps[0]))
        yield from canary(self._data, self._found, self._steps, self._columns, stop)


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
    return of._replace(level="invalid" if invalid else "ok" if labelled >= FEWEST else None)


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
    for name, seconds in LAGS.items() if len(lags) else ():
        came = int((lags <= seconds).sum())
        yield row(
            "quality",
            "",
            f"labels_within_{name}",
            "rows",
            came / len(lags),
            len(lags),
            wilson(came, len(lags)),
        )
