"""The three ways to a reference that `driftledger reference create` takes: events, rows, a window."""

from __future__ import annotations

from dataclasses import replace
from datetime import datetime
from pathlib import Path
from typing import TYPE_CHECKING, NamedTuple, TypeAlias

from pipeline.errors import ConfigError

if TYPE_CHECKING:
    from collections.abc import Callable

    import numpy as np
    import numpy.typing as npt
    import pyarrow as pa

    from detectors.references import FeatureBins, Reference
    from pipeline.replay.references import Gathered
    from pipeline.store import Store


Told: TypeAlias = "tuple[pa.Table, pa.Table | None]"


class Made(NamedTuple):
    reference: Reference
    rows: int
    others: dict[str, int]
    """Predictions of other models, by model."""
    refused: dict[str, int]
    """Lines by reason."""
    notes: tuple[str, ...] = ()
    sample: tuple[str, ...] = ()
    """Rows of its own that are kept with it."""
    events: pa.Table | None = None
    """What it was made of; None of a window, of which the ledger keeps a sample at most."""
    told: Told | None = None
    """Predictions and labels, of which segments' error rates are counted."""


def of_rows(
    model: str, data: Path, columns: Path, labels: Path | None, objective: tuple[float | None, float]
) -> Made:
    from pipeline.evaluate.register import reference

    found, events, told, notes = reference(
        data,
        labels,
        columns,
        model=model,
        latency_objective_seconds=objective[0],
        latency_budget=objective[1],
    )
    return Made(found, events.num_rows, {}, {}, notes, events=events, told=(events, told))


def of_events(
    model: str,
    files: list[str],
    positive_class: str | None,
    objective: tuple[float | None, float],
    arrival: datetime,
) -> Made:
    from detectors.reference_build import build
    from pipeline.replay.files import expand, read
    from pipeline.replay.references import gather

    found = gather(read(expand(files), None, arrival), model, arrival)
    _check_positive(found, positive_class)
    reference = build(
        found.inference,
        found.labels,
        model=model,
        positive_class=positive_class,
        latency_objective_seconds=objective[0],
        latency_budget=objective[1],
    )
    events = found.inference
    told = (events, found.labels)
    others, refused, notes = dict(found.others), dict(found.refused), _strange(events, reference)
    return Made(reference, events.num_rows, others, refused, notes, events=events, told=told)


def of_window(
    ledger: Store,
    model: str,
    model_version: str | None,
    window: str,
    positive_class: str | None,
    objective: tuple[float | None, float],
    arrival: datetime,
) -> Made:
    from pipeline.answers.window import parse_window
    from pipeline.reference_window import reference

    built = reference(
        ledger,
        parse_window(window, arrival),
        model=model,
        model_version=model_version,
        positive_class=positive_class,
        latency_objective_seconds=objective[0],
        latency_budget=objective[1],
    )
    told = (built.events, built.labels)
    return Made(built.reference, built.predictions, {}, {}, built.notes, told=told)


def sampled(
    made: Made, ledger: Store, rows: int, window: str | None, model_version: str | None, arrival: datetime
) -> Made:
    """The same, from now on with `rows` an hour, and with rows of its own to compare them with.

    Raises ConfigError where it has no two features, or where nothing was kept of the window.
    """
    from detectors.feature_samples import FEWEST
    from pipeline.answers.window import parse_window
    from pipeline.reference_window import sample

    reference = replace(made.reference, sample_rows=rows).identified()
    if made.events is None:
        own = sample(ledger, parse_window(window or "", arrival), reference, model_version)
    elif len(reference.features) < 2:
        raise ConfigError("--sample", rows, "rows are compared as wholes: the reference needs two features")
    else:
        own = _own(made.events, reference)
    few = f"it has {len(own):,} rows to compare with; `drift --joint` needs {FEWEST}"
    notes = (*made.notes, few) if len(own) < FEWEST else made.notes
    return made._replace(reference=reference, sample=own, notes=notes)


def _own(events: pa.Table, reference: Reference) -> tuple[str, ...]:
    """Rows at equal distances in the order of time."""
    import numpy as np

    from detectors.domain_classifier import kept
    from detectors.feature_samples import MOST, contents
    from detectors.minutes import microseconds

    order = np.argsort(microseconds(events.column("time")), kind="stable")
    return tuple(contents(events, reference, order[kept(len(order), MOST)]))


def _strange(events: pa.Table, reference: Reference) -> tuple[str, ...]:
    """Labels that say 1.0 of answers that say 1 make every one of them an error."""
    predicted = sorted(set(events.column("prediction").to_pylist()) - {None, ""})
    if not predicted or not reference.classes or set(predicted) & set(reference.classes):
        return ()
    said, true = (", ".join(sorted(names)[:10]) for names in (predicted, reference.classes))
    return (
        f"no label ({true}) is a class that was predicted ({said}): all count as wrong; write both alike",
    )


def _check_positive(found: Gathered, positive_class: str | None) -> None:
    """A class that no label has would calibrate every score to never."""
    if positive_class is None:
        return
    classes = sorted({label for label in found.labels.column("label").to_pylist() if label})
    if classes and positive_class not in classes:
        raise ConfigError("--positive-class", positive_class, f"the labels say {', '.join(classes[:10])}")


def segmented(reference: Reference, feature: str, told: Told | None = None) -> Reference:
    """The same, with a feature to tell predictions apart by, and how often each of its parts was wrong.

    ConfigError where the feature has no categories.
    """
    from detectors.reference_build import by_segment
    from detectors.segments import declared

    known = [bins.feature for bins in reference.features if bins.categories is not None]
    if feature not in known:
        remedy = f"name a feature with categories: {', '.join(known) or 'the reference has none'}"
        raise ConfigError("--segment", feature, remedy)
    found = replace(reference, segment=feature)
    bins = declared(found)
    if told is None or bins is None:
        return found.identified()
    return replace(found, segment_labels=by_segment(*told, _segments(told, bins))).identified()


def _segments(told: Told, bins: FeatureBins) -> npt.NDArray[np.object_]:
    """Of each event; a window's are those that its predictions were kept with."""
    import numpy as np

    from detectors.segments import MISSING, OTHER, names, of_column

    events, _ = told
    if "segment" in events.column_names:
        kept = {MISSING, *names(bins)}
        said = events.column("segment").to_pylist()
        return np.array([name if name in kept else OTHER for name in said], np.object_)
    sent = events.column("features")
    columns = dict(zip((field.name for field in sent.type), sent.flatten(), strict=True))
    return of_column(bins, columns[bins.feature])


def objectives(reference: Reference, asked: list[str], measured: Callable[[str, float], float]) -> Reference:
    """The same, with bounds of other measured times, each METRIC=SECONDS; raises ConfigError.

    `measured` tells how much together one is exceeded: `overdispersion`.
    """
    from detectors.latency import METRICS
    from detectors.references import LATENCY

    known = sorted(METRICS.keys() - {LATENCY})
    found: dict[str, float] = {}
    for text in asked:
        metric, _, said = text.partition("=")
        try:
            seconds = float(said)
        except ValueError:
            seconds = 0.0
        if metric not in known or not 1e-6 <= seconds <= 86_400:
            remedy = f"write one of {', '.join(known)} and seconds, as time_to_first_token=0.5"
            raise ConfigError("--objective", text, remedy)
        found[metric] = seconds
    bounds = tuple(sorted(found.items()))
    phis = tuple(measured(*bound) for bound in bounds)
    return replace(reference, objectives=bounds, objective_phis=phis).identified()


def overdispersion(
    made: Made, ledger: Store, window: str | None, model_version: str | None, arrival: datetime
) -> Callable[[str, float], float]:
    """How much together requests exceed an objective of (metric, seconds), in what it was made of."""
    from functools import partial

    from detectors.reference_build import over_phi
    from pipeline import reference_window
    from pipeline.answers.window import parse_window

    if made.events is not None:
        return partial(over_phi, made.events)
    span = parse_window(window or "", arrival)
    return partial(reference_window.over_phi, ledger, span, made.reference.model, model_version)
