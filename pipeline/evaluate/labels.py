"""Labels from a file of their own, joined by prediction id: the last one of a prediction counts."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pyarrow as pa
import pyarrow.compute as pc

from detectors.codes import Integers
from pipeline.errors import ConfigError
from pipeline.evaluate import cells, files
from pipeline.evaluate.columns import Columns


def join(data: pa.Table, labels: pa.Table, columns: Columns, path: Path) -> tuple[pa.Table, tuple[str, ...]]:
    """The data with the columns of the labels, and notes on labels that say two things or fit nothing.

    Of several labels of one prediction the one of the latest `label_time` counts, else the last in the file.
    """
    if not columns.prediction_id:
        raise ConfigError("prediction_id", "", "name the column by which labels are joined")
    if not columns.label:
        raise ConfigError("label", "", f"name the column of {path.name} that holds the labels")
    ids, theirs = (
        cells.texts(files.require(table, columns.prediction_id, "prediction_id", Path(name)))
        for table, name in ((data, "the data"), (labels, path.name))
    )
    values = files.require(labels, columns.label, "label", path)
    order = _order(labels, columns)
    names = theirs.take(order)
    newest = pc.index_in(ids.take(np.arange(len(ids.codes))), names)
    place = pa.array(order).take(newest)
    notes = _notes(names, values.take(pa.array(order)), ids.values, path)
    if place.null_count == len(place):
        first, other = (next((t for t in held.values.to_pylist() if t), "none") for held in (ids, theirs))
        notes += (
            f"{path.name}: no label fits; ids of the data are as {first!r}, of the labels as {other!r}",
        )
    for name in (columns.label, columns.label_time):
        if name in labels.column_names:
            at = data.column_names.index(name) if name in data.column_names else None
            column = labels.column(name).take(place)
            data = data.append_column(name, column) if at is None else data.set_column(at, name, column)
    return data, notes


def _order(labels: pa.Table, columns: Columns) -> Integers:
    """Rows of the labels, the one that counts first."""
    rows = np.arange(labels.num_rows)[::-1]
    if columns.label_time not in labels.column_names:
        return rows
    times, _ = cells.times(labels.column(columns.label_time), columns.label_time)
    return np.asarray(rows[np.argsort(-times[rows], kind="stable")])


def _notes(
    names: pa.StringArray, values: pa.ChunkedArray, known: pa.StringArray, path: Path
) -> tuple[str, ...]:
    strangers = int(pc.sum(pc.invert(pc.is_in(names, known))).as_py() or 0)
    distinct = (
        pa.table({"id": names, "label": values}).group_by("id").aggregate([("label", "count_distinct")])
    )
    twice = int(pc.sum(pc.greater(distinct.column("label_count_distinct"), 1)).as_py() or 0)
    found = []
    if strangers:
        found.append(f"{path.name}: {strangers:,} labels are of predictions that the data does not have")
    if twice:
        found.append(f"{path.name}: {twice:,} predictions have labels that differ; the last one counts")
    return tuple(found)
