"""The evidence of a version's features so far, continued minute by minute: the same bits as one long run.

Counts times weights is exact in whatever order it is summed, since weights are whole multiples of
`histogram_alternatives.STEP`; so it does not matter which minutes are handed over together.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import NamedTuple

import numpy as np
import numpy.typing as npt
import pyarrow as pa
import pyarrow.compute as pc

from detectors import e_detector
from detectors.histogram_alternatives import log_weights
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


def begin(reference: Reference, parameters: Parameters) -> Run:
    """Before the first minute."""
    widths = _widths(reference, parameters)
    return Run(e_detector.fresh(sum(widths)), np.zeros(len(widths), np.int64), None, None)


def advance(run: Run, seen: Counted, reference: Reference, parameters: Parameters) -> Run:
    """The run after later minutes."""
    if not len(seen.times):
        return run
    widths = _widths(reference, parameters)
    active = np.repeat(seen.counts.any(axis=2), widths, axis=1)
    ceiling = e_detector.ceiling(parameters.log_act, max(widths) * len(widths))
    done = e_detector.run(_ratios(seen, reference, parameters.drift_rho), run.state, ceiling, active)
    log_evidence = e_detector.log(by_feature(done.evidence, reference, parameters).mean(axis=1))
    return Run(
        done.state,
        run.totals + seen.counts.sum(axis=(0, 2)),
        seen.times[-1],
        _since(run.since, log_evidence, seen.times, parameters.log_warn),
    )


def by_feature(evidence: Floats, reference: Reference, parameters: Parameters) -> Floats:
    """(T, F): the mean over the alternatives of each feature, of evidence (T, all alternatives)."""
    widths = _widths(reference, parameters)
    starts = np.cumsum([0, *widths[:-1]])
    return np.asarray(np.add.reduceat(evidence, starts, axis=1) / widths)


def counted(minutes: pa.Table, reference: Reference) -> Counted:
    """Rows of minute, feature, bin and count, in any order and partial, as histograms.

    Features that the reference does not have are left out.
    """
    times, row_minute = np.unique(minutes_of(minutes), return_inverse=True)
    encoded = minutes.column("feature").combine_chunks()
    if not pa.types.is_dictionary(encoded.type):
        encoded = pc.dictionary_encode(encoded)
    places = {f.feature: at for at, f in enumerate(reference.features)}
    place = np.array([*(places.get(n, -1) for n in encoded.dictionary.to_pylist()), -1], np.int64)
    feature = place[encoded.indices.to_numpy()]
    shape = (len(times), len(places), max(len(f.counts) for f in reference.features) + FIRST_BIN)
    cell = (row_minute * shape[1] + feature) * shape[2] + integers(minutes, "bin") + FIRST_BIN
    known = feature >= 0
    counts = np.bincount(cell[known], integers(minutes, "count")[known], shape[0] * shape[1] * shape[2])
    return Counted(times, counts.astype(np.int64).reshape(shape))


def _widths(reference: Reference, parameters: Parameters) -> list[int]:
    return [len(log_weights(feature, parameters.drift_rho)) for feature in reference.features]


def _ratios(seen: Counted, reference: Reference, rho: float) -> Floats:
    """(T, all alternatives): ln L of each minute, by the weights of its hour where a feature has a rhythm."""
    hours = hour_of_week(seen.times)
    parts = []
    for at, feature in enumerate(reference.features):
        counts = seen.counts[:, at, : len(feature.counts) + FIRST_BIN].astype(np.float64)
        if not feature.hours:
            parts.append(_of_minutes(counts, feature, rho))
            continue
        found = np.empty((len(counts), len(log_weights(feature, rho))))
        for hour in np.unique(hours).tolist():
            found[hours == hour] = _of_minutes(counts[hours == hour], at_hour(feature, hour), rho)
        parts.append(found)
    return np.hstack(parts)


def _of_minutes(counts: Floats, feature: FeatureBins, rho: float) -> Floats:
    of_bins = np.roll(log_weights(feature, rho), FIRST_BIN, axis=1)[:, [1, 0, *range(2, counts.shape[1])]]
    return np.asarray(counts @ of_bins.T / max(feature.phi, 1.0))


def _since(
    since: np.datetime64 | None, log_evidence: Floats, times: npt.NDArray[np.datetime64], log_bar: float
) -> np.datetime64 | None:
    """The minute at which evidence reached the bar and has not been below it again."""
    calm = np.flatnonzero(log_evidence < log_bar)
    if not len(calm):
        return times[0] if since is None else since
    return times[calm[-1] + 1] if calm[-1] + 1 < len(times) else None
