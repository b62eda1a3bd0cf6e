"""The evidence of a version's features so far, continued minute by minute: the same bits as one long run.

Counts times weights is exact in whatever order it is summed, since weights are whole multiples of
`histogram_alternatives.STEP`; so it does not matter which minutes are handed over together.
"""

from __future__ import annotations

from dataclasses import dataclass
from functools import lru_cache
from typing import NamedTuple

import numpy as np
import numpy.typing as npt
import pyarrow as pa
import pyarrow.compute as pc

from detectors import e_detector
from detectors.histogram_alternatives import Alternatives, alternatives, log_weights
from detectors.parameters import Parameters
from detectors.references import FeatureBins, Reference
from detectors.subject import integers, minutes_of
from detectors.weekly import at_hour, hour_of_week

Floats = npt.NDArray[np.float64]
Ints = npt.NDArray[np.int64]

FIRST_BIN = 2
"""Column of bin 0: a fact's bin + 2, so that unseen (-2) and missing (-1) come first."""


class Counted(NamedTuple):
    """Histograms of a version by minute."""

    times: npt.NDArray[np.datetime64]
    """(T,): minutes with traffic, ascending."""
    counts: Ints
    """(T, F, B + 2): events by feature, in the reference's order, and bin + 2; B is the most bins of any."""


class Weighed(NamedTuple):
    """What those minutes say; any span of them is the same rows."""

    times: npt.NDArray[np.datetime64]
    """(T,)"""
    events: Ints
    """(T, F)"""
    log_ratios: Floats
    """(T, all alternatives)"""


@dataclass(frozen=True, slots=True)
class Run:
    """Where the e-detectors of F features stand after the minutes so far."""

    state: Floats
    """M_k of all alternatives, feature by feature."""
    totals: Ints
    """(F,): events of each feature."""
    newest: np.datetime64 | None
    since: np.datetime64 | None
    """Minute at which the present episode of a warning began."""


class _Alike(NamedTuple):
    """Features of one number of bins and alternatives."""

    places: Ints
    """(G,): of the features in the reference."""
    columns: Ints
    """(G, K): of their alternatives among all."""
    weights: Floats
    """(G, B + 2, K): ln L of one event in the column of a bin."""
    phi: Floats
    """(G, 1, 1)"""


@dataclass(frozen=True, slots=True)
class Plan:
    """How the features of a reference are reckoned."""

    reference: Reference
    parameters: Parameters
    widths: Ints
    """Alternatives of each feature."""
    of: Alternatives
    starts: Ints
    """Where each feature's alternatives begin."""
    alike: tuple[_Alike, ...]

    @property
    def ceiling(self) -> float:
        return e_detector.ceiling(self.parameters.log_act, int(self.widths.max()) * len(self.widths))


def planned(reference: Reference, parameters: Parameters, of: Alternatives = alternatives) -> Plan:
    """The reference has features; `of` says what each may change into."""
    alike = _alike(reference.features, parameters.drift_rho, of)
    widths = np.array([len(log_weights(f, parameters.drift_rho, of)) for f in reference.features])
    return Plan(reference, parameters, widths, of, np.cumsum(widths) - widths, alike)


@lru_cache(maxsize=2_048)
def _alike(features: tuple[FeatureBins, ...], rho: float, of: Alternatives) -> tuple[_Alike, ...]:
    each = [log_weights(feature, rho, of) for feature in features]
    starts = np.cumsum([0, *(len(weights) for weights in each[:-1])])
    groups = []
    for shape in sorted({weights.shape for weights in each}):
        places = np.array([at for at, weights in enumerate(each) if weights.shape == shape])
        stacked = np.roll(np.stack([each[at] for at in places]), FIRST_BIN, axis=2)
        stacked[:, :, :FIRST_BIN] = stacked[:, :, FIRST_BIN - 1 :: -1].copy()
        columns = starts[places][:, None] + np.arange(shape[0])
        phi = np.array([max(features[at].phi, 1.0) for at in places])[:, None, None]
        groups.append(_Alike(places, columns, stacked.transpose(0, 2, 1), phi))
    return tuple(groups)


def begin(plan: Plan) -> Run:
    """Before the first minute."""
    return Run(e_detector.fresh(int(plan.widths.sum())), np.zeros(len(plan.widths), np.int64), None, None)


def weighed(seen: Counted, plan: Plan) -> Weighed:
    return Weighed(seen.times, seen.counts.sum(axis=2), _ratios(seen, plan))


def advance(run: Run, seen: Weighed, plan: Plan) -> Run:
    """The run after later minutes."""
    if not len(seen.times):
        return run
    counted_in = seen.events > 0
    active = None if counted_in.all() else np.repeat(counted_in, plan.widths, axis=1)
    done = e_detector.run(seen.log_ratios, run.state, plan.ceiling, active)
    log_evidence = e_detector.log(by_feature(done.evidence, plan).mean(axis=1))
    return Run(
        done.state,
        run.totals + seen.events.sum(axis=0),
        seen.times[-1],
        _since(run.since, log_evidence, seen.times, plan.parameters.log_warn),
    )


def by_feature(evidence: Floats, plan: Plan) -> Floats:
    """(T, F): the mean over the alternatives of each feature, of evidence (T, all alternatives)."""
    return np.asarray(np.add.reduceat(evidence, plan.starts, axis=1) / plan.widths)


def counted(minutes: pa.Table, reference: Reference) -> Counted:
    """Rows of minute, feature, bin and count, in any order and partial, as histograms.

    Features that the reference does not have are left out.
    """
    encoded = minutes.column("feature").combine_chunks()
    if not pa.types.is_dictionary(encoded.type):
        encoded = pc.dictionary_encode(encoded)
    places = {f.feature: at for at, f in enumerate(reference.features)}
    place = np.array([*(places.get(n, -1) for n in encoded.dictionary.to_pylist()), -1], np.int64)
    place_of_row = place[encoded.indices.to_numpy()]
    bins, counts = integers(minutes, "bin"), integers(minutes, "count")
    return histograms(minutes_of(minutes), place_of_row, bins, counts, reference)


def histograms(
    minutes: npt.NDArray[np.datetime64],
    places: npt.NDArray[np.integer],
    bins: npt.NDArray[np.integer],
    counts: Ints,
    reference: Reference,
) -> Counted:
    """The same of columns (n,); `places` are the features' places in the reference, -1 is none of its."""
    features, size = len(reference.features), max(len(f.counts) for f in reference.features) + FIRST_BIN
    if not len(minutes):
        return Counted(minutes.astype("datetime64[us]"), np.zeros((0, features, size), np.int64))
    first = minutes.min()
    after = (minutes - first) // np.timedelta64(1, "m")
    used = np.bincount(after) > 0
    row = (np.cumsum(used) - 1)[after]
    cell = (row * features + places) * size + bins + FIRST_BIN
    known = places >= 0
    times = first + np.flatnonzero(used).astype("timedelta64[m]")
    found = np.bincount(cell[known], counts[known], len(times) * features * size)
    return Counted(times, found.astype(np.int64).reshape(len(times), features, size))


def _ratios(seen: Counted, plan: Plan) -> Floats:
    """(T, all alternatives): ln L of each minute, by the weights of its hour where a feature has a rhythm."""
    features, width = plan.reference.features, int(plan.widths.sum())
    if not any(feature.hours for feature in features):
        return _of_minutes(seen.counts, plan.alike, width)
    hours = hour_of_week(seen.times)
    found = np.empty((len(hours), width))
    for hour in np.unique(hours).tolist():
        then = tuple(at_hour(feature, hour) if feature.hours else feature for feature in features)
        alike = _alike(then, plan.parameters.drift_rho, plan.of)
        found[hours == hour] = _of_minutes(seen.counts[hours == hour], alike, width)
    return found


def _of_minutes(counts: Ints, alike: tuple[_Alike, ...], width: int) -> Floats:
    found = np.empty((len(counts), width))
    for group in alike:
        mine = counts[:, group.places, : group.weights.shape[1]].transpose(1, 0, 2).astype(np.float64)
        found[:, group.columns] = (mine @ group.weights / group.phi).transpose(1, 0, 2)
    return found


def _since(
    since: np.datetime64 | None, log_evidence: Floats, times: npt.NDArray[np.datetime64], log_bar: float
) -> np.datetime64 | None:
    """The minute at which evidence reached the bar and has not been below it again."""
    calm = np.flatnonzero(log_evidence < log_bar)
    if not len(calm):
        return times[0] if since is None else since
    return times[calm[-1] + 1] if calm[-1] + 1 < len(times) else None
