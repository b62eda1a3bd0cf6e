"""Labels and traffic of the judge's look-back: read once, and of each later tick what has changed since."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from datetime import datetime

import duckdb
import numpy as np
import pyarrow as pa
import pyarrow.compute as pc

from detectors.references import Reference
from detectors.segments import MISSING
from pipeline.answers.truth import judged, scored
from pipeline.kept_rows import BITS, COUNT, Ints, Rows, Version, by_version, sums
from pipeline.lake.changes import Added
from pipeline.store import Store

FACTS = ("predictions", "labels", "prediction_sums")
FAR = datetime(9000, 1, 1)
"""Whoever goes on from here reads also what lies ahead, so that time alone changes nothing."""
HOUR = 60
SIGNS = ("-", "+")
"""Of what is taken out, and of what comes."""


@dataclass(slots=True)
class Labels:
    """What one process keeps from tick to tick.  It changes no minute, only how much is read for it."""

    state: str | None = None
    """Of the ledger, as `Store.state` names it; None where nothing is kept."""
    of: tuple[tuple[str, str], ...] = ()
    """Reference in use, by model: it says what is an error."""
    start: datetime = FAR
    versions: dict[Version, int] = field(default_factory=dict)
    rows: Rows = field(init=False)
    """The columns of label_rows, a segment as its number."""
    traffic: Rows = field(init=False)
    """The columns of traffic_minutes."""
    segments: dict[str, int] = field(default_factory=dict)

    def __post_init__(self) -> None:
        self.rows, self.traffic = Rows(self.versions), Rows(self.versions)


def renewed(
    store: Store,
    kept: Labels,
    references: Mapping[str, Reference],
    start: datetime,
    end: datetime,
    ahead: bool,
) -> Labels:
    """The minutes of [start, end) as they are now; with `ahead` all from `start`, to go on from.

    To be called within one snapshot.  What is kept goes over into what is returned, and is of no use after.
    """
    of = tuple(sorted((name, r.reference) for name, r in references.items()))
    state = store.state()
    if kept.state is None or state is None or kept.of != of or start < kept.start:
        return _whole(store, references, Labels(state if ahead else None, of, start), FAR if ahead else end)
    kept.rows.keep(start, FAR)
    kept.traffic.keep(start, FAR)
    if kept.state != state:
        added = store.added(kept.state, FACTS)
        if added is None or not _moved(store, references, kept, added, start):
            return _whole(store, references, Labels(state, of, start), FAR)
    kept.state, kept.start = state, start
    return kept


def _moved(
    store: Store, references: Mapping[str, Reference], kept: Labels, added: Added, start: datetime
) -> bool:
    """Take in what was added; False where it cannot be told, and what is kept is of no use any more."""
    try:
        if added.tables & {"predictions", "labels"} and not _said_again(
            store, references, kept, added, start
        ):
            return False
        if "prediction_sums" not in added.tables:
            return True
        rows = store.query("traffic_added", first=added.first, last=added.last, start=start)
        return kept.traffic.add(rows, same=("rolled",))
    except duckdb.Error:  # those snapshots are expired: what changed in them cannot be told any more
        return False


def _said_again(
    store: Store, references: Mapping[str, Reference], kept: Labels, added: Added, start: datetime
) -> bool:
    """Rows of predictions of which something was said go as they stood before, and come as they stand now."""
    ids = store.query("label_touched", first=added.first, last=added.last, models=_models(references))
    if not ids.num_rows:
        return True
    touched = {"ids": pa.concat_tables([_signed(ids, sign) for sign in SIGNS])}
    for name in ("predictions", "labels"):
        now = store.query(f"touched_{name}", tables={"touched": ids}, first=added.first)
        # Where nothing was added, maintenance may have written rows again under a later snapshot.
        before = now.filter(now.column("before")) if name in added.tables else now
        states = zip((before, now), SIGNS, strict=True)
        touched[name] = pa.concat_tables([_signed(rows, sign) for rows, sign in states])
    rows = _rows(store, references, kept, start, FAR, touched)
    versions, count = rows.column("model_version"), rows.column(COUNT)
    gone = pc.starts_with(versions, SIGNS[0])
    columns = {
        "model_version": pc.utf8_slice_codeunits(versions, 1),
        COUNT: pc.if_else(gone, pc.negate(count), count),
    }
    return kept.rows.add(_with(rows, columns), same=[n for n in rows.column_names[3:] if n != COUNT])


def _signed(rows: pa.Table, sign: str) -> pa.Table:
    """With the sign before ids and versions, so that one question is about two states, each by itself."""
    names = [name for name in ("prediction_id", "model_version") if name in rows.column_names]
    return _with(rows, {n: pc.binary_join_element_wise(sign, rows.column(n), "") for n in names})


def _with(rows: pa.Table, columns: Mapping[str, pa.ChunkedArray]) -> pa.Table:
    for name, column in columns.items():
        rows = rows.set_column(rows.column_names.index(name), name, column)
    return rows


def _whole(store: Store, references: Mapping[str, Reference], fresh: Labels, end: datetime) -> Labels:
    if _models(references):
        fresh.rows.read(_rows(store, references, fresh, fresh.start, end))
    fresh.traffic.read(store.query("traffic_minutes", start=fresh.start, end=end))
    return fresh


def _models(references: Mapping[str, Reference]) -> list[str]:
    return [name for name, r in references.items() if r.labelled or r.score_counts]


def _rows(
    store: Store,
    references: Mapping[str, Reference],
    into: Labels,
    start: datetime,
    end: datetime,
    touched: Mapping[str, pa.Table] | None = None,
) -> pa.Table:
    """With the number of the segment in place of its name; of all there is, or of what is `touched`."""
    question, models = ("label_rows", _models(references)) if touched is None else ("touched_rows", None)
    given = {"scored": scored(references), **(touched or {})}
    found = judged(store, question, references, models, start, end, **given)
    at = found.column_names.index("segment")
    numbers = [into.segments.setdefault(s, len(into.segments)) for s in found.column(at).to_pylist()]
    return found.set_column(at, "segment", pa.array(numbers, pa.int32()))


def versions(kept: Labels, start: datetime, end: datetime) -> set[Version]:
    """Those with traffic in [start, end) that was logged one by one."""
    (keys,) = kept.traffic.inside(start, end)
    codes = keys >> BITS
    numbers = set(codes[np.flatnonzero(np.diff(codes, prepend=-1))].tolist())
    return {version for version, number in kept.versions.items() if number in numbers}


def accuracy_minutes(
    kept: Labels, references: Mapping[str, Reference], start: datetime, end: datetime
) -> dict[Version, pa.Table]:
    """As accuracy_minutes.sql has them, of the models whose reference knows labels."""
    keys, rolled, traffic = kept.traffic.inside(start, end, "rolled", "count")
    of_labels, count, error = kept.rows.inside(start, end, "count", "error")
    if not len(keys):
        return {}
    if rolled.any():
        hours = np.unique(_hours(keys[rolled]))
        keys, of_labels = _in_hours(keys, hours), _in_hours(of_labels, hours)
    first = np.flatnonzero(np.r_[True, keys[1:] != keys[:-1]])
    minutes = keys[first]
    at = np.minimum(np.searchsorted(minutes, of_labels), len(minutes) - 1)
    seen = minutes[at] == of_labels  # a label without traffic tells of no minute
    columns = {
        "predictions": np.add.reduceat(traffic, first),
        "count": sums(at[seen], count[seen], len(minutes)),
        "errors": sums(at[seen], (count * error)[seen], len(minutes)),
    }
    return by_version(kept.versions, minutes, columns, {n for n, r in references.items() if r.labelled})


def segment_minutes(
    kept: Labels, references: Mapping[str, Reference], start: datetime, end: datetime
) -> dict[Version, pa.Table]:
    """Segment, count (labelled) and errors of the models that declare one; partial rows of a minute.

    The last row of a version is of its newest traffic and counts nothing.
    """
    asked = {name for name, r in references.items() if r.segment_labels}
    if not asked:
        return {}
    keys, code, count, error = kept.rows.inside(start, end, "segment", "count", "error")
    (alive,) = kept.traffic.inside(start, end)
    last = (
        alive[np.flatnonzero(np.r_[alive[1:] >> BITS != alive[:-1] >> BITS, True])] if len(alive) else alive
    )
    none = np.zeros(len(last), np.int64)
    keys = np.concatenate([keys, last])
    order = np.argsort(keys, kind="stable")
    names = pa.array([*kept.segments, MISSING], pa.string())
    code = np.concatenate([code.astype(np.int64), none + len(kept.segments)])
    columns = {
        "segment": pa.DictionaryArray.from_arrays(pa.array(code[order]), names),
        "count": np.concatenate([count, none])[order],
        "errors": np.concatenate([count * error, none])[order],
    }
    return by_version(kept.versions, keys[order], columns, asked)


def estimate_minutes(
    kept: Labels, references: Mapping[str, Reference], start: datetime, end: datetime
) -> dict[Version, pa.Table]:
    """As estimate_minutes.sql has them."""
    names = ("told", "error", "score", "positive", "count")
    keys, told, error, score, positive, count = kept.rows.inside(start, end, *names)
    rated = ~np.isnat(told) if len(told) else np.zeros(0, np.bool_)
    columns = {"told": told, "right": 1 - error, "score": score, "positive": positive, "count": count}
    return by_version(
        kept.versions,
        keys[rated],
        {name: of[rated] for name, of in columns.items()},
        {name for name, r in references.items() if r.score_counts},
    )


def _hours(keys: Ints) -> Ints:
    """Keys with the first minute of the hour."""
    minutes = keys & ((1 << BITS) - 1)
    return np.asarray(keys - minutes % HOUR)


def _in_hours(keys: Ints, hours: Ints) -> Ints:
    """The hour in place of the minute, where the version's traffic of that hour is rolled up."""
    of = _hours(keys)
    return np.where(np.isin(of, hours), of, keys)
