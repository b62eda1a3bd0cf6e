"""Files in, numbers out: what `driftledger evaluate` does between its options and its answer."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import replace
from pathlib import Path

import numpy as np
import pyarrow as pa

from detectors.codes import Integers
from detectors.parameters import Parameters
from detectors.references import Reference
from pipeline.answers.window import Window
from pipeline.errors import ConfigError
from pipeline.evaluate import cells, files, labels, steps, stored
from pipeline.evaluate import columns as declared
from pipeline.evaluate.chunks import EPOCH, chunks
from pipeline.evaluate.columns import Columns
from pipeline.evaluate.evaluate import Baseline, Evaluated, evaluate
from pipeline.evaluate.fitted import fit
from pipeline.evaluate.problem import is_regression, problem, same_classes, third_class
from pipeline.evaluate.sample import Sample, compounds, indexes, instants, kinds, sample
from pipeline.evaluate.segments import note


def run(
    reference: Path | Reference,
    window: Window | None,
    data: Path,
    label_file: Path | None,
    columns_file: Path,
    chunk: str,
    parameters: Parameters,
) -> tuple[list[Evaluated], tuple[str, ...]]:
    """Every chunk, and what a reader must know; raises NotFound and ConfigError.

    `window` is the part of the reference's file that counts.
    """
    if window is not None and not isinstance(reference, Path):
        raise ConfigError("--reference-window", str(window), "a registered reference is of its own window")
    columns = declared.read(columns_file)
    now = files.read(data, "--data")
    notes: tuple[str, ...] = ()
    if label_file is not None:
        now, notes = labels.join(now, files.read(label_file, "--labels"), columns, label_file)
    if isinstance(reference, Path):
        baseline, features = _of_file(reference, columns, window, now)
    else:
        kind = stored.problem(reference, columns)
        baseline = Baseline(stored.fit(reference, columns, kind), None, reference)
        features = stored.kinds(reference)
        notes += (f"compared with the bins of {reference.reference}: distances are of bins, not of rows",)
    regression = baseline.fitted.problem.kind == "regression"
    new = _spelled(sample(now, columns, features, data, regression=regression), baseline)
    if baseline.sample is not None:
        same_classes(baseline.sample, new, columns)
    found = list(evaluate(baseline, new, columns, chunks(new, chunk), parameters))
    old = baseline.sample.notes if baseline.sample else ()
    notes += (*_left_out(now, columns, features), *third_class(new, baseline.fitted.problem, columns))
    notes += _no_rows(new, columns)
    return found, (*old, *new.notes, *notes, *note(new), steps.note(steps.are_minutes(new), parameters))


def _spelled(new: Sample, baseline: Baseline) -> Sample:
    """Classes as the reference writes them, where one says true and the other 1."""
    old, stored_as = baseline.sample, baseline.stored
    held = [] if old is None else [of for of in (old.prediction, old.label) if of is not None]
    names = [name for of in held for name in of.values.to_pylist()]
    names += () if stored_as is None else stored_as.classes
    said, truth = (None if of is None else cells.spelled_as(of, names) for of in (new.prediction, new.label))
    return replace(new, prediction=said, label=truth)


def _no_rows(new: Sample, columns: Columns) -> tuple[str, ...]:
    """A version that is to be compared and that no row has."""
    if new.version is None:
        return ()
    known = set(new.version.values.to_pylist())
    absent = [name for name in (columns.stable, columns.canary) if name and name not in known]
    shown = ", ".join(sorted(known)[:5])
    return tuple(f"{columns.version} has no row of {name}; it has {shown}" for name in absent)


def _left_out(table: pa.Table, columns: Columns, features: Mapping[str, bool]) -> tuple[str, ...]:
    roles = {*columns.roles.values(), *columns.ignore, *features}
    said = {
        "dates and times are no features unless they are declared as such": instants(table),
        "lists, records and bytes are no features": compounds(table),
        "a data frame's index is no feature unless it is declared": indexes(table),
    }
    left = {why: [name for name in names if name not in roles] for why, names in said.items()}
    return tuple(f"{', '.join(names)}: {why}" for why, names in left.items() if names)


def _of_file(
    path: Path, columns: Columns, window: Window | None, now: pa.Table
) -> tuple[Baseline, dict[str, bool]]:
    """`now` is the data: a label that it has not either is a slip, and its true column would be a feature."""
    before = files.read(path, "--reference")
    if columns.label and columns.label not in now.column_names:
        files.require(before, columns.label, "label", path)
    features = kinds(before, columns, path)
    old = sample(before, columns, features, path, regression=is_regression(before, columns))
    if window is not None:
        old = old.at(within(old, window))
    return Baseline(fit(old, columns, problem(old, columns, path)), old, None), features


def within(old: Sample, window: Window) -> Integers:
    """Rows of a time in the window; raises ConfigError where there is none."""
    option = "--reference-window"
    if old.times is None:
        raise ConfigError(option, str(window), "name the timestamp column in the columns file")
    bounds = [int((at - EPOCH).total_seconds() * 1e6) for at in (window.start, window.end)]
    rows = np.flatnonzero((old.times >= bounds[0]) & (old.times < bounds[1]))
    if not len(rows):
        first, last = (old.times[[0, -1]].view("datetime64[us]").astype(str)).tolist()
        raise ConfigError(option, str(window), f"no row is of that time; the file is of {first} to {last}")
    return rows
