"""How each model version does: traffic, latency, accuracy labelled and estimated, and the judges' levels."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from datetime import datetime
from typing import Any

from detectors import accuracy, drift, estimate, evaluation, latency_objective
from detectors.confusion import RATES, Confusion
from detectors.intervals import wilson
from pipeline.answers import dimensions, lost_requests, rolled, truth
from pipeline.answers.answer import Answer, Column, Value
from pipeline.answers.elsewhere import elsewhere
from pipeline.answers.powered import Powered, powered
from pipeline.answers.served import DIMENSIONS, latency, only_counted, traffic
from pipeline.answers.window import MINUTE, Window
from pipeline.store import Store

_VERSION = (Column("model"), Column("model_version"))
_QUANTILES = ("p50", "p90", "p95", "p99")
_VALUES = (
    Column("requests", kind="integer"),
    Column("errors", kind="integer"),
    Column("tokens_in", kind="integer", wide=True),
    Column("tokens_out", kind="integer", wide=True),
    Column("tokens_cached", kind="integer", wide=True),
    *(Column(f"latency_{q}", "seconds", "number") for q in _QUANTILES),
    Column("latency_source", wide=True),
    Column("latency_error", kind="ratio", wide=True),
    Column("accuracy", kind="ratio"),
    Column("accuracy_low", kind="ratio", wide=True),
    Column("accuracy_high", kind="ratio", wide=True),
    Column("labelled", kind="integer", wide=True),
    Column("label_coverage", kind="ratio"),
    Column("estimated_accuracy", kind="ratio"),
    Column("estimated_low", kind="ratio", wide=True),
    Column("estimated_high", kind="ratio", wide=True),
    Column("estimated_count", kind="integer", wide=True),
    *(Column(f"estimated_{rate}", kind="ratio", wide=True) for rate in RATES[1:]),
    Column("estimate_level"),
    Column("powered_accuracy", kind="ratio"),
    Column("powered_low", kind="ratio", wide=True),
    Column("powered_high", kind="ratio", wide=True),
    Column("stratified_accuracy", kind="ratio", wide=True),
    Column("stratified_low", kind="ratio", wide=True),
    Column("stratified_high", kind="ratio", wide=True),
    Column("accuracy_level"),
    Column("latency_level"),
    Column("drift_level"),
    Column("evaluation_level", wide=True),
    Column("first", kind="time", wide=True),
    Column("last", kind="time", wide=True),
)

NO_REFERENCE = (
    "{models}: no reference is registered, so nothing can be judged or estimated; "
    "`driftledger reference create` makes one, of events or of the ledger's own minutes"
)
ESTIMATED = (
    "estimated_accuracy comes from calibrated scores and holds only while the concept has not changed: where "
    "estimate_level is invalid, labels have shown that it is wrong; powered_accuracy is that of few labels, "
    "helped by the scores of the other predictions, and stratified_accuracy (-o wide) of few labels, each "
    "score bin with the weight of its predictions: what is labelled first is no random sample"
)
INTERVAL = "accuracy_low and accuracy_high are the 95 % Wilson interval of the labelled predictions"
COUNTED = (
    "{models}: times come from histograms, in part or all; latency_source says of what kind, latency_error "
    "by how much the percentiles can be wrong"
)
REGRESSION = (
    "{models}: a regression; accuracy is the share of labelled predictions that are off by at most what 95 % "
    "of the reference's are, estimated by bins of the predicted number; `driftledger evaluate --model` has "
    "MAE and RMSE"
)
WHOLE = "labels and levels are of a whole model version: they are unknown by {by}; leave --by out to see them"


_JUDGES = (accuracy.NAME, latency_objective.NAME, drift.NAME, evaluation.NAME)
"""Whose levels stand last, in this order."""


def models(store: Store, window: Window, by: Sequence[str] = ()) -> Answer:
    """One row a model version with traffic in the window and value of the dimensions of `by`, by name.

    Labels name no server, so accuracy and levels are known only without `by`.  Raises ConfigError for an
    unknown or repeated dimension.
    """
    dimensions.check(by, DIMENSIONS)
    with store.steady():
        return _models(store, window, by)


def _models(store: Store, window: Window, by: Sequence[str]) -> Answer:
    sums = _served(store, window, by)
    timed = {_key(row, by): row for row in latency(store, window, by)}
    levels = {} if by else _levels(store, window)
    labels = None if by else truth.labels(store, (row["model"] for row in sums), window)
    helped = {} if by else powered(store, window, sums)
    sums.sort(key=lambda row: _key(row, by))
    rows = tuple(_row(row, by, timed.get(_key(row, by), {}), labels, levels, helped) for row in sums)
    columns = (*_VERSION, *(Column(d) for d in by), *_VALUES)
    notes = (*_notes(store, sums, by), *_sources(timed.values()), *_beside(store, window))
    return Answer(columns, rows, _as_of(sums), None, notes, window=window)


_UNLOGGED: dict[str, Any] = dict.fromkeys(
    ("errors", "tokens_in", "tokens_out", "tokens_cached", "estimated_count", "estimated_from")
)
"""What nobody knows of requests that only their server counted."""


def _served(store: Store, window: Window, by: Sequence[str]) -> list[dict[str, Any]]:
    """Traffic that was logged one by one, then versions that only their servers' histograms speak of."""
    logged = traffic(store, window, by)
    known = {_key(row, by) for row in logged}
    counted = [row for row in only_counted(store, window, by) if _key(row, by) not in known]
    return [*logged, *({**_UNLOGGED, **row} for row in counted)]


def _beside(store: Store, window: Window) -> tuple[str, ...]:
    return (*rolled.notes(store, window), *lost_requests.notes(store, window))


def _key(row: dict[str, Any], by: Sequence[str]) -> tuple[str, ...]:
    return (row["model"], row["model_version"], *(row[d] for d in by))


def _row(
    row: dict[str, Any],
    by: Sequence[str],
    timed: dict[str, Any],
    labels: dict[truth.Version, tuple[int, int]] | None,
    levels: dict[tuple[str, str, str], str],
    helped: dict[truth.Version, Powered],
) -> tuple[Value, ...]:
    version = (row["model"], row["model_version"])
    return (
        *_key(row, by),
        *(row[name] for name in ("requests", "errors", "tokens_in", "tokens_out", "tokens_cached")),
        *(timed.get(q) for q in (*_QUANTILES, "source", "error")),
        *(_UNLABELLED if labels is None else _accuracy(*labels.get(version, (0, 0)), row["requests"])),
        *_estimated(row),
        levels.get((*version, estimate.NAME)),
        *helped.get(version, Powered()).powered,
        *helped.get(version, Powered()).stratified,
        *(
            levels.get((*version, name))
            for name in (accuracy.NAME, latency_objective.NAME, drift.NAME, evaluation.NAME)
        ),
        row["first"],
        row["last"] + MINUTE,
    )


def _levels(store: Store, window: Window) -> dict[tuple[str, str, str], str]:
    found = store.query("latest_levels", start=window.start, end=window.end).to_pylist()
    return {(r["model"], r["model_version"], r["detector"]): r["level"] for r in found}


def _estimated(row: dict[str, Any]) -> tuple[float | int | None, ...]:
    """estimated_accuracy, low, high, count, and the other rates of the expected confusion.

    The interval is Wilson's: the spread if scores are calibrated.  No confusion of several classes is kept.
    """
    count = row["estimated_count"]
    if not count:
        return None, None, None, count, *[None] * len(RATES[1:])
    right = float(row["estimated_correct"])
    tp, fp, fn, tn = (float(row[f"estimated_{cell}"]) for cell in ("tp", "fp", "fn", "tn"))
    rates = Confusion(tp, fp, fn, tn, 0.0, 0.0).rates()
    known = (rates[name] if rates[name] == rates[name] else None for name in RATES[1:])
    return (right / count, *wilson(right, count), count, *known)


_UNLABELLED = (None,) * 5
"""As `_accuracy`, where labels cannot be told apart."""


def _accuracy(labelled: int, errors: int, requests: int) -> tuple[float | int | None, ...]:
    """accuracy, low, high, labelled, label_coverage."""
    if labelled == 0:
        return None, None, None, 0, 0.0
    right = labelled - errors
    return (right / labelled, *wilson(right, labelled), labelled, labelled / requests)


def _sources(timed: Iterable[dict[str, Any]]) -> tuple[str, ...]:
    told = sorted({row["model"] for row in timed if row["source"] != "requests"})
    return (COUNTED.format(models=", ".join(told)),) if told else ()


def _as_of(sums: list[dict[str, Any]]) -> datetime | None:
    return max((row["last"] + MINUTE for row in sums), default=None)


def _notes(store: Store, sums: list[dict[str, Any]], by: Sequence[str]) -> tuple[str, ...]:
    if not sums:
        return (elsewhere(store, "prediction_sums"),)
    references, served = store.references(), {row["model"] for row in sums}
    unknown = sorted(served - set(references))
    numbers = sorted(name for name in served & set(references) if references[name].loss_limit is not None)
    said = ((NO_REFERENCE, unknown), (REGRESSION, numbers))
    more = tuple(note.format(models=", ".join(names)) for note, names in said if names)
    return (WHOLE.format(by=", ".join(by)) if by else INTERVAL, ESTIMATED, *more)
