"""What each model is compared with: the registered references."""

from __future__ import annotations

from datetime import datetime
from typing import Any

from detectors.references import FeatureBins, Reference
from pipeline.answers.answer import Answer, Column
from pipeline.errors import NotFound
from pipeline.facts.models import REFERENCES
from pipeline.store import Store

COLUMNS = (
    Column("reference"),
    Column("model"),
    Column("in_use", kind="flag"),
    Column("frozen", kind="flag", wide=True),
    Column("labelled", kind="integer"),
    Column("errors", kind="integer"),
    Column("error_rate", kind="ratio"),
    Column("features", kind="integer"),
    Column("positive_class", wide=True),
    Column("latency_objective", "seconds", "number"),
    Column("latency_budget", kind="ratio", wide=True),
    Column("registered", kind="time"),
)


def references(store: Store) -> Answer:
    """One row a reference, by model and time; in use is the newest of its model."""
    with store.steady():
        used = {found.reference for found in store.references().values()}
        known = [(Reference.from_json(row["content"]), row) for row in _rows(store)]
    rows = tuple(
        (
            found.reference,
            found.model,
            found.reference in used,
            bool(row.get("frozen")),
            found.labelled,
            found.errors,
            error_rate(found),
            len(found.features),
            found.positive_class,
            found.latency_objective_seconds,
            found.latency_budget,
            row["time"],
        )
        for found, row in known
    )
    newest: datetime | None = max((row["time"] for _, row in known), default=None)
    return Answer(COLUMNS, rows, newest, None)


def find(store: Store, prefix: str) -> Reference:
    """The reference whose identity starts with `prefix`; raises NotFound for none or several."""
    rows = [row for row in _rows(store) if prefix and row["reference"].startswith(prefix)]
    if not rows:
        raise NotFound(f"no reference {prefix!r} in this ledger; `driftledger reference list` lists them")
    exact = [row for row in rows if row["reference"] == prefix] or rows
    if len(exact) > 1:
        names = ", ".join(row["reference"] for row in exact[:5])
        raise NotFound(f"{len(exact)} references start with {prefix!r}: {names}")
    return Reference.from_json(exact[0]["content"])


def account(reference: Reference) -> list[str]:
    """The reference in a few lines for a person."""
    rate = error_rate(reference)
    shown = "nothing to compare accuracy with" if rate is None else f"{rate:.2%}"
    objective = reference.latency_objective_seconds
    slow = "none" if objective is None else f"{objective:g} s for all but {reference.latency_budget:.2%}"
    return [
        f"labelled   {reference.labelled:,}, errors {reference.errors:,} ({shown})",
        f"latency    objective {slow}",
        f"classes    {_classes(reference)}",
        f"features   {', '.join(map(_bins, reference.features)) or 'none'}",
        *(f"objective  {metric} {seconds:g} s" for metric, seconds in reference.objectives),
        *((f"segments   by {reference.segment}{_segments(reference)}",) if reference.segment else ()),
        *(
            (f"estimate   errors by {len(of.absolute)} bins of the predicted number",)
            if (of := reference.losses)
            else ()
        ),
        *((f"sample     {reference.sample_rows:,} rows an hour a version",) if reference.sample_rows else ()),
    ]


def _segments(reference: Reference) -> str:
    """Each with its error rate, the largest first; without labels nothing is judged by them."""
    known = sorted((of for of in reference.segment_labels if of.labelled), key=lambda of: -of.labelled)
    rates = (f"{of.segment or '(missing)'} {of.errors / of.labelled:.2%} of {of.labelled:,}" for of in known)
    return f": errors {', '.join(rates)}" if known else ": no labels, so none is judged"


def _classes(reference: Reference) -> str:
    if reference.loss_limit is not None:
        return f"none: a regression, wrong where it is off by more than {reference.loss_limit:g}"
    total = sum(reference.class_counts)
    pairs = zip(reference.classes, reference.class_counts, strict=True)
    return ", ".join(f"{name} {count / total:.1%}" for name, count in pairs) or "none known"


def error_rate(reference: Reference) -> float | None:
    """None where nothing is labelled."""
    return reference.errors / reference.labelled if reference.labelled else None


def _bins(feature: FeatureBins) -> str:
    kind = "bins" if feature.categories is None else "categories"
    rhythm = ", by hour of the week" if feature.hours else ""
    return f"{feature.feature} ({len(feature.counts)} {kind}{rhythm})"


def _rows(store: Store) -> list[dict[str, Any]]:
    found = store.rows(REFERENCES.name)
    rows: list[dict[str, Any]] = found.sort_by([("model", "ascending"), ("time", "ascending")]).to_pylist()
    return rows
