"""A canary against the stable version at the same minutes: does it err more often than its neighbour?

In a minute in which both have labels, the number of the canary's errors among all of them is hypergeometric
if both err alike, whatever that minute's error rate is, and Fisher's noncentral one if its odds are higher by
a factor.  The likelihood ratio of such odds to those that are tolerated is then an e-value, and its product
over minutes an e-process: it passes 1 / alpha in a share alpha of all harmless canaries at most, however
often one looks.  Fewer errors than the stable version's never count.
A live canary has no end, so its minutes go into an e-detector, with the promise of every other verdict.
"""

from __future__ import annotations

from functools import lru_cache

import numpy as np
import numpy.typing as npt
import pyarrow as pa
from scipy.special import gammaln

from detectors import e_detector, rate
from detectors.finding import Finding
from detectors.parameters import Parameters
from detectors.subject import Subject, integers, minutes_of

NAME = "canary"
Floats = npt.NDArray[np.float64]
Integers = npt.NDArray[np.int64]

TOLERATED = 1.25
"""How much higher the canary's odds of an error may be without a word: 12.2 % where others have 10 %."""
ODDS = (1.5, 1.8, 2.4, 4.0)
"""How much higher they are looked for; each has a quarter of the weight."""
WARN_ALPHA = 0.05
ACT_ALPHA = 0.01
FEWEST = 100
"""Labelled predictions of the canary, below which there is no verdict."""


COLUMNS = ("errors", "count", "stable_errors", "stable_count")


def judge(minutes: pa.Table, subject: Subject, parameters: Parameters) -> Finding:
    """`minutes` has minute, stable (the other version's name) and COLUMNS, one row a minute of traffic.

    Where both have labels the canary counts; errors that come in clusters in the reference count the less.
    """
    reference = subject.reference
    if reference is None or reference.labelled == 0:
        return subject.unjudged(NAME, "no_reference", parameters)
    if not minutes.num_rows:
        return subject.unjudged(NAME, "not_enough_data", parameters)
    sums = minutes.group_by("minute").aggregate([(name, "sum") for name in COLUMNS])
    rows = sums.rename_columns(["minute", *COLUMNS]).sort_by("minute")
    times = minutes_of(rows)
    counts = np.stack([integers(rows, name) for name in COLUMNS], axis=1)
    both = (counts[:, 1] > 0) & (counts[:, 3] > 0)
    wrong, count, stable_wrong, stable_count = counts[both].sum(axis=0).tolist()
    known: dict[str, float | int | str] = {"stable": minutes.column("stable")[0].as_py()}
    if subject.is_stale(times.max(), parameters):
        return subject.unjudged(NAME, "stale", parameters, count, **known)
    if min(count, stable_count) < max(FEWEST, parameters.rate_minimum_count):
        return subject.unjudged(NAME, "not_enough_data", parameters, count, **known)
    phi = max(reference.phi_errors, 1.0)
    ratios = np.stack([log_ratios(*row) for row in counts[both].tolist()]) / phi
    known |= {"rate": wrong / count, "stable_rate": stable_wrong / stable_count, "errors": wrong, "phi": phi}
    told = rate.Ratios(e_detector.of_log(ratios), times[both], count, subject, known)
    return rate.concluded(NAME, [told], parameters)[0]


def log_evidence(
    errors: Integers, count: Integers, stable_errors: Integers, stable_count: Integers
) -> Floats:
    """ln of the evidence that the canary is worse, after each minute; all of shape (T,)."""
    found = np.zeros((len(ODDS), len(errors)))
    rows = zip(errors.tolist(), count.tolist(), stable_errors.tolist(), stable_count.tolist(), strict=True)
    for minute, (k, n, other_k, other_n) in enumerate(rows):
        found[:, minute] = log_ratios(k, n, other_k, other_n)
    return np.asarray(np.logaddexp.reduce(np.cumsum(found, axis=1), axis=0) - np.log(len(ODDS)))


@lru_cache(maxsize=65_536)
def log_ratios(k: int, n: int, other_k: int, other_n: int) -> Floats:
    """(4,): ln L of one minute; nothing is told where one of both has no label, or nobody erred."""
    if not n or not other_n or not k + other_k:
        return np.zeros(len(ODDS))
    return _log_ratios(k, n, k + other_k, n + other_n)


def _log_ratios(k: int, n: int, errors: int, count: int) -> Floats:
    """(4,): ln L of k of all `errors` among `count` being of the canary's n, under ODDS and under TOLERATED.

    L rises with k, and so does k with the true odds: where these are tolerated its mean is 1 at most.
    """
    possible = np.arange(max(0, errors - (count - n)), min(n, errors) + 1)
    log_chance = _log_choose(n, possible) + _log_choose(count - n, errors - possible)
    log_chance = log_chance - np.logaddexp.reduce(log_chance)
    log_odds = np.log([TOLERATED, *ODDS])
    means = np.logaddexp.reduce(log_chance[None, :] + log_odds[:, None] * possible, axis=1)
    under = k * log_odds - means
    return np.asarray(under[1:] - under[0])


def _log_choose(n: int, k: Integers) -> Floats:
    return np.asarray(gammaln(n + 1) - gammaln(k + 1) - gammaln(n - k + 1))
