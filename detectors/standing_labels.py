"""Which of several labels of one prediction stand: the rule of `accuracy_minutes.sql`, on events."""

from __future__ import annotations

import numpy as np
import pyarrow as pa
import pyarrow.compute as pc

from detectors.codes import text
from pipeline.events import TYPES

KEYS = ("prediction_id", "evaluator")
RANK = ("revision", "time", "label", "value", "score")
"""The label with the highest of these stands, the first that differs decides."""
ABSENT = {"evaluator": "", "label": "", "revision": 0}


def standing(labels: pa.Table) -> pa.Table:
    """One label a prediction and evaluator, newest first; all columns but prediction_id may be absent.

    So of several evaluators of a prediction the first row is the last word.
    """
    known = pa.table({name: _plain(labels, name) for name in (*KEYS, *RANK)})
    order = pc.sort_indices(known, [(name, "descending") for name in RANK]).to_numpy()
    prediction, evaluator = (text(known[name]) for name in KEYS)
    each = prediction.codes * max(evaluator.size, 1) + evaluator.codes
    _, first = np.unique(each[order], return_index=True)
    rows = known.take(order[first])
    return rows.take(pc.sort_indices(rows, [("time", "descending"), ("evaluator", "descending")]))


def _plain(labels: pa.Table, name: str) -> pa.ChunkedArray:
    of = TYPES["label"].schema.field(name).type
    of = of.value_type if pa.types.is_dictionary(of) else of
    if name in labels.column_names:
        column = labels.column(name).cast(of)
    else:
        column = pa.chunked_array([pa.nulls(labels.num_rows, of)])
    return column.fill_null(ABSENT[name]) if name in ABSENT else column
