"""Distances between two samples, from their rows: what histograms can only bound, and what other tools print.

The conventions are NannyML's, so that its figures and these are the same to rounding: Jensen-Shannon and
Hellinger over Doane's bins of the reference or its categories, with all that lies outside of them as one more
bin; the Kolmogorov-Smirnov statistic and the Wasserstein distance over 10,000 equal bins where the reference
has 10,000 values or more, exactly below.  The exact ones stand beside them.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass

import numpy as np
import numpy.typing as npt

from detectors import distances
from detectors.binning import Values
from detectors.codes import Text
from detectors.reference_bins import quantile_edges

Floats = npt.NDArray[np.float64]

BINNED_FROM = 10_000
"""Reference values from which NannyML bins the Kolmogorov-Smirnov statistic and the Wasserstein distance."""
EQUAL_BINS = 10_000


@dataclass(frozen=True)
class Numbers:
    """A numeric reference: its finite values, and what every comparison with them needs."""

    values: Floats
    """Ascending."""
    quantiles: Floats
    """Inner edges of the PSI's bins."""
    doane: Floats
    equal: Floats

    @classmethod
    def of(cls, values: Floats) -> Numbers | None:
        """None where no value is finite."""
        known = np.sort(values[np.isfinite(values)])
        if not len(known):
            return None
        equal = _edges(known, EQUAL_BINS) if len(known) >= BINNED_FROM else known[:0]
        doane = _edges(known, "doane")
        return cls(known, np.asarray(quantile_edges(known), np.float64), doane, equal)

    def unseen(self, values: Values) -> int:
        """No number is unseen."""
        return 0

    def distances(self, values: Values) -> dict[str, float]:
        """Every distance by its name; empty where no value is finite."""
        if isinstance(values, Text) or not np.isfinite(values).any():
            return {}
        values = values[np.isfinite(values)]
        deviation = float(np.std(self.values))
        exact = self._area(values)
        apart = {"kolmogorov_smirnov": self._largest_gap(values), "wasserstein": exact}
        binned = self._binned(values) if len(self.equal) else {}
        held = [_counts(self.doane, sample) for sample in (self.values, values)]
        cut = [_cut(self.quantiles, sample) for sample in (self.values, values)]
        test = distances.chi2(*cut)
        return {
            "psi": float(distances.psi(*cut)),
            "jensen_shannon_distance": float(distances.jensen_shannon_distance(*held)),
            "hellinger": float(distances.hellinger(*held)),
            **apart,
            **binned,
            **{f"{name}_exact": value for name, value in apart.items()},
            "normed_wasserstein": exact / deviation if deviation else (0.0 if exact == 0 else np.inf),
            "l_infinity": float(distances.l_infinity(*cut)),
            "chi2": float(test.statistic),
            "chi2_p_value": float(test.p_value),
        }

    def _largest_gap(self, values: Floats) -> float:
        """The Kolmogorov-Smirnov statistic: the gap is largest at a value of either sample."""
        now, at = np.sort(values), np.concatenate([self.values, values])
        then_below, now_below = (np.searchsorted(s, at, side="right") / len(s) for s in (self.values, now))
        return float(np.abs(then_below - now_below).max())

    def _area(self, values: Floats) -> float:
        """The Wasserstein distance: the area between the two cumulative shares, as scipy.stats sums it."""
        ends = np.sort(np.concatenate([self.values, values]), kind="stable")
        then, now = (
            np.searchsorted(s, ends[:-1], side="right") / len(s) for s in (self.values, np.sort(values))
        )
        return float(np.vecdot(np.abs(then - now), np.diff(ends)))

    def _binned(self, values: Floats) -> dict[str, float]:
        """NannyML's estimates, and by how much each may be off.

        Within a bin a cumulative share grows by at most the bin's own: the gap between the two, taken at the
        bin's end, is off by at most the larger of the two, so the area by at most that times the width.
        """
        n, low, high = len(values), self.equal[0], self.equal[-1]
        inside = [np.histogram(sample, self.equal)[0] / len(sample) for sample in (self.values, values)]
        below, above = values[values < low], values[values > high]
        then, now = (np.cumsum(shares) for shares in inside)
        gap = np.abs(then - (now + len(below) / n))
        # Its term of what lies outside counts one value more than there is: (k + 1) / n.
        shift = (len(below) + 1) / n if len(below) else 0.0
        width = float(self.equal[1] - self.equal[0])
        within = np.abs(then - (now + shift)).sum() * width
        outside = float((low - below).sum() + (above - high).sum()) / n
        return {
            "kolmogorov_smirnov": float(gap.max()),
            "kolmogorov_smirnov_bound": float(max(shares.max() for shares in inside)),
            "wasserstein": float(within) + outside,
            "wasserstein_bound": float(np.maximum(*inside).sum()) * width
            + (float(high - low) / n if len(below) else 0.0),
        }


def _counts(edges: Floats, sample: Floats) -> Floats:
    """NumPy's bins of the sample, and last what lies outside of all."""
    counts = np.histogram(sample, edges)[0]
    return np.append(counts, len(sample) - counts.sum()).astype(np.float64)


def _cut(edges: Floats, sample: Floats) -> Floats:
    return np.bincount(np.searchsorted(edges, sample, side="left"), minlength=len(edges) + 1).astype(
        np.float64
    )


@dataclass(frozen=True)
class Categories:
    """A reference of categories and how often each was there; '' is missing and not one of them."""

    counts: Mapping[str, int]

    @classmethod
    def of(cls, values: Text) -> Categories | None:
        """None where every value is missing."""
        counts = tally(values)
        return cls(counts) if counts else None

    def unseen(self, values: Values) -> int:
        """Rows with a category that the reference does not have."""
        counts = tally(values) if isinstance(values, Text) else {}
        return sum(count for name, count in counts.items() if name not in self.counts)

    def distances(self, values: Values) -> dict[str, float]:
        """Every distance by its name; empty where every value is missing."""
        counts = tally(values) if isinstance(values, Text) else {}
        if not counts:
            return {}
        names = list(self.counts)
        unseen = [name for name in counts if name not in self.counts]
        then = np.array([*self.counts.values(), 0], np.float64)
        now = np.array([*(counts.get(n, 0) for n in names), sum(counts[n] for n in unseen)], np.float64)
        every = (
            np.array([*then[:-1], *np.zeros(len(unseen))]),
            np.array([*now[:-1], *(counts[n] for n in unseen)], np.float64),
        )
        test = distances.chi2(*every)
        return {
            "psi": float(distances.psi(then, now) if unseen else distances.psi(then[:-1], now[:-1])),
            "jensen_shannon_distance": float(distances.jensen_shannon_distance(then, now)),
            "hellinger": float(distances.hellinger(then, now)),
            "l_infinity": float(distances.l_infinity(*every)),
            "chi2": float(test.statistic),
            "chi2_p_value": float(test.p_value),
        }


def tally(values: Text) -> dict[str, int]:
    """Count of each text that is there, without ''."""
    counts = np.bincount(values.codes, minlength=values.size).tolist()
    named = zip(values.values.to_pylist(), counts, strict=True)
    return {name: count for name, count in named if name and count}


def _edges(known: Floats, bins: int | str) -> Floats:
    """Of bins of equal width; values that differ by rounding alone are as one, whose bins are around it."""
    try:
        return np.histogram_bin_edges(known, bins)
    except ValueError:  # there are not so many floats between the smallest and the largest
        around = max(0.5, 1e-9 * float(abs(known[-1])))
        count = bins if isinstance(bins, int) else 1
        return np.linspace(known[0] - around, known[-1] + around, count + 1)
