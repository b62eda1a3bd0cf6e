"""The rows of a file by their roles, in the order of time."""

from __future__ import annotations

import re
from collections.abc import Mapping
from dataclasses import dataclass, replace
from pathlib import Path

import numpy as np
import pyarrow as pa

from detectors.binning import Values
from detectors.codes import Integers, Mask, Rows, Text
from detectors.minutes import Floats
from pipeline.errors import ConfigError
from pipeline.evaluate import cells, files
from pipeline.evaluate.columns import Columns

ROUNDING = 1e-6
"""So far beyond 0 or 1 a score was computed with few digits."""


_INDEX = re.compile(r"Unnamed: \d+|__index_level_\d+__")
"""What pandas calls the places of rows when it writes them: each is new, as a time is."""


@dataclass(frozen=True)
class Sample:
    """n rows; a role that the file has no column for is None."""

    features: Mapping[str, Values]
    unreadable: Mapping[str, Mask]
    """Rows of a numeric feature in which something else stands."""
    times: Integers | None
    """Microseconds since 1970 UTC, ascending."""
    prediction: Text | None
    """Classes; None for a regression."""
    predicted: Floats | None
    """Numbers of a regression."""
    scores: Floats | None
    """(n, 1) of the positive class, or (n, K) of all."""
    label: Text | None
    actual: Floats | None
    """Labels of a regression."""
    label_lag: Floats | None
    """Seconds from a prediction to its label; NaN where there is none."""
    version: Text | None
    segments: Mapping[str, Text]
    rows: int
    notes: tuple[str, ...] = ()

    def at(self, rows: Rows) -> Sample:
        """Some of the rows."""

        def floats(values: Floats | None) -> Floats | None:
            return None if values is None else values[rows]

        def texts(values: Text | None) -> Text | None:
            return None if values is None else values.at(rows)

        return replace(
            self,
            features={n: v.at(rows) if isinstance(v, Text) else v[rows] for n, v in self.features.items()},
            unreadable={name: mask[rows] for name, mask in self.unreadable.items()},
            times=None if self.times is None else self.times[rows],
            prediction=texts(self.prediction),
            predicted=floats(self.predicted),
            scores=floats(self.scores),
            label=texts(self.label),
            actual=floats(self.actual),
            label_lag=floats(self.label_lag),
            version=texts(self.version),
            segments={name: values.at(rows) for name, values in self.segments.items()},
            rows=len(np.arange(self.rows)[rows]),
        )


def instants(table: pa.Table) -> tuple[str, ...]:
    """Columns of dates and times: each value is new, so that as features they would always be drift."""
    return tuple(f.name for f in table.schema if pa.types.is_temporal(f.type))


def compounds(table: pa.Table) -> tuple[str, ...]:
    """Columns of lists, records and bytes, which have no distance."""
    return tuple(f.name for f in table.schema if _is_compound(f.type))


def indexes(table: pa.Table) -> tuple[str, ...]:
    """Columns that a data frame wrote of the places of its rows."""
    return tuple(name for name in table.column_names if _INDEX.fullmatch(name))


def _is_compound(kind: pa.DataType) -> bool:
    return bool(cells.is_bytes(kind) or pa.types.is_nested(kind))


def kinds(table: pa.Table, columns: Columns, path: Path) -> dict[str, bool]:
    """Every feature of the reference, and whether it is numeric, in the order of the file."""
    declared = {
        **dict.fromkeys(columns.numeric, True),
        **dict.fromkeys(columns.categorical, False),
        **{name: None for name in columns.features},
    }
    for name in declared:
        kind = files.require(table, name, "features", path).type
        if _is_compound(kind):
            remedy = f"it is a column of {kind}; only numbers, texts, booleans and times can be compared"
            raise ConfigError("features", name, remedy)
    taken = {*columns.roles.values(), *columns.ignore, *instants(table), *compounds(table), *indexes(table)}
    names = declared or [n for n in table.column_names if n not in taken]
    found = {}
    for name in names:
        known = declared.get(name)
        found[name] = cells.is_numeric(table.column(name)) if known is None else known
    return found


def sample(
    table: pa.Table, columns: Columns, features: Mapping[str, bool], path: Path, *, regression: bool
) -> Sample:
    """The rows with a time, in its order; those without are left out, and a note says how many.

    A label column may be absent, and a feature of the reference too: then every value is missing.
    """
    notes: list[str] = []
    times = None
    if columns.timestamp:
        column = files.require(table, columns.timestamp, "timestamp", path)
        stamps, known = cells.times(column, columns.timestamp)
        if not known.all():
            notes.append(f"{path.name}: {int((~known).sum()):,} rows without a time were left out")
        kept = np.flatnonzero(known)
        order = kept[np.argsort(stamps[kept], kind="stable")]
        times = stamps[order]
        table = table.take(pa.array(order))
    missing = [name for name in features if name not in table.column_names]
    if missing:
        notes.append(f"{path.name} has no column {', '.join(missing)}: every value is missing")
    held = {name: cells.values(_column(table, name), numeric) for name, numeric in features.items()}
    label, version = _optional(table, columns.label), _optional(table, columns.version)
    prediction = _required(table, columns.prediction, "prediction", path)
    said = None if prediction is None or regression else cells.answers(prediction)
    truth = None if label is None or regression else cells.answers(label)
    return Sample(
        features={name: values for name, (values, _) in held.items()},
        unreadable={name: mask for name, (_, mask) in held.items() if mask.any()},
        times=times,
        prediction=said,
        predicted=cells.numbers(prediction).values if prediction is not None and regression else None,
        scores=_scores(table, columns, path, notes),
        label=cells.spelled_as(truth, said.values.to_pylist()) if truth and said else truth,
        actual=cells.numbers(label).values if label is not None and regression else None,
        label_lag=_lag(table, columns, times),
        version=None if version is None else cells.texts(version),
        segments={n: cells.texts(files.require(table, n, "segments", path)) for n in columns.segments},
        rows=table.num_rows,
        notes=tuple(notes),
    )


def _column(table: pa.Table, name: str) -> pa.ChunkedArray:
    if name in table.column_names:
        return table.column(name)
    return pa.chunked_array([pa.nulls(table.num_rows, pa.float64())])


def _optional(table: pa.Table, name: str) -> pa.ChunkedArray | None:
    return table.column(name) if name in table.column_names else None


def _required(table: pa.Table, name: str, role: str, path: Path) -> pa.ChunkedArray | None:
    return files.require(table, name, role, path) if name else None


def _scores(table: pa.Table, columns: Columns, path: Path, notes: list[str]) -> Floats | None:
    named = [("score", columns.score)] if columns.score else list(columns.scores)
    if not named:
        return None
    found = []
    for role, name in named:
        role = role if columns.score else f"scores.{role}"
        values, unreadable = cells.numbers(files.require(table, name, role, path))
        if unreadable.any() and np.isnan(values).all():
            raise ConfigError(
                role, name, f"{path.name} has no number in it; a score is a probability, 0 to 1"
            )
        if unreadable.any():
            notes.append(
                f"{path.name}: {int(unreadable.sum()):,} rows have no score: {name} is no number there"
            )
        if ((values < -ROUNDING) | (values > 1 + ROUNDING)).any():
            raise ConfigError(role, name, "a score is a probability, 0 to 1; convert the column first")
        found.append(np.clip(values, 0.0, 1.0))
    return np.stack(found, axis=1)


def _lag(table: pa.Table, columns: Columns, times: Integers | None) -> Floats | None:
    column = _optional(table, columns.label_time)
    if column is None or times is None or column.null_count == len(column):
        return None
    stamps, known = cells.times(column, columns.label_time)
    return np.where(known, (stamps - times) / 1e6, np.nan)
