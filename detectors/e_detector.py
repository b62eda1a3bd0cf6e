"""The e-detector: evidence that a stream of minute counts has changed, safe to look at every minute.

A minute's likelihood ratio L_k (alternative k against the tolerated worst) moves each of K alternatives by
M_k <- (M_k + 1) L_k^(1/phi); the detector is their mean.  Alarm at M >= c: under the null the mean time
to a false alarm is at least c minutes and P(any false alarm in T minutes) <= T / c
(Shin, Ramdas, Rinaldo: E-detectors, NEJSDS 2024).

Each M_k saturates instead of starting again at zero after an alarm.  min(M, ceiling) <= M, so the guarantee
stands; and the level stays up while the harm lasts and falls soon after it ends, with no flicker between.
The recursion runs minute by minute, so a run continued from its state gives the same bits as one run.
"""

from __future__ import annotations

from typing import NamedTuple

import numpy as np
import numpy.typing as npt

Floats = npt.NDArray[np.float64]
Ints = npt.NDArray[np.int64]

RATE_GRID = (0.01, 0.02, 0.04, 0.08, 0.16, 0.32)
"""Alternatives of a rate: this share of the way from the tolerated rate to 1."""


class Run(NamedTuple):
    log_evidence: Floats
    """(T, K): ln M_k after each minute."""
    state: Floats
    """(K,): ln M_k to continue from."""


def fresh(alternatives: int) -> Floats:
    """The state before the first minute: M_k = 0."""
    return np.full(alternatives, -np.inf)


def run(
    log_ratios: Floats,
    state: Floats,
    log_ceiling: float,
    active: npt.NDArray[np.bool_] | None = None,
) -> Run:
    """Fold minutes into the evidence.

    `log_ratios` (T, K) is ln L_k / phi of each minute, `log_ceiling` where ln M_k saturates.  Where `active`
    (T, K) is false there was no data: that minute leaves M_k as it is.
    """
    evidence = np.empty(log_ratios.shape)
    current = state.copy()
    for minute, ratios in enumerate(log_ratios):
        moved = np.minimum(np.logaddexp(current, 0.0) + ratios, log_ceiling)
        current = moved if active is None else np.where(active[minute], moved, current)
        evidence[minute] = current
    return Run(evidence, current)


def log_mean(log_values: Floats, starts: Ints | None = None) -> Floats:
    """ln of the mean of exp along axis 1; with `starts`, of each group of columns that begins there."""
    width = log_values.shape[1]
    if starts is None:
        return np.asarray(np.logaddexp.reduce(log_values, axis=1) - np.log(width))
    sizes = np.diff(np.append(starts, width))
    return np.asarray(np.logaddexp.reduceat(log_values, starts, axis=1) - np.log(sizes))


def ceiling(log_bar: float, averaged: int) -> float:
    """Where to saturate so that any one of `averaged` parts can still lift the mean to the bar alone."""
    return log_bar + float(np.log(averaged))


def rate_log_ratios(count: Ints, hits: Ints, bound: float, phi: float) -> Floats:
    """(T, 6): ln L / phi of `hits` of `count` (T,) a minute, for RATE_GRID against `bound` in (0, 1).

    Every alternative is above the bound, so fewer hits than tolerated never count as evidence.
    """
    grid = bound + np.array(RATE_GRID) * (1.0 - bound)
    up, down = np.log(grid / bound), np.log((1.0 - grid) / (1.0 - bound))
    return (hits[:, None] * up + (count - hits)[:, None] * down) / phi


def first_of_last_episode(log_evidence: Floats, log_bar: float, log_end: float) -> int | None:
    """Index of the minute at which the newest episode reached `log_bar`; an episode ends below `log_end`.

    None where the newest minute belongs to no episode.
    """
    calm = np.flatnonzero(log_evidence < log_end)
    begin = int(calm[-1]) + 1 if len(calm) else 0
    reached = np.flatnonzero(log_evidence[begin:] >= log_bar)
    return begin + int(reached[0]) if len(reached) else None
