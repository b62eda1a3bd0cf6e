"""The e-detector: evidence that a stream of minute counts has changed, safe to look at every minute.

A minute's likelihood ratio L_k (alternative k against the tolerated worst) moves each of K alternatives by
M_k <- (M_k + 1) L_k; the detector is their mean.  Alarm at M >= c: under the null the mean time
to a false alarm is at least c minutes and P(any false alarm in T minutes) <= T / c
(Shin, Ramdas, Rinaldo: E-detectors, NEJSDS 2024).

M_k is a plain number between 0 and its ceiling, so it can neither overflow nor lose its way.  It saturates
instead of starting again at zero after an alarm.  min(M, ceiling) <= M, so the guarantee stands; and the
level stays up while the harm lasts and falls soon after it ends, with no flicker between.
The recursion runs minute by minute, so a run continued from its state gives the same bits as one run.
"""

from __future__ import annotations

from typing import NamedTuple

import numpy as np
import numpy.typing as npt

Floats = npt.NDArray[np.float64]
Ints = npt.NDArray[np.int64]

SLACK = 1e-8
"""Nats above the bar at which evidence saturates, so that rounding cannot leave it below."""
LEAST = 1e-300
"""What evidence of nothing is written as, since ln 0 has no value."""


class Run(NamedTuple):
    evidence: Floats
    """(T, K): M_k after each minute."""
    state: Floats
    """(K,): M_k to continue from."""


def fresh(alternatives: int) -> Floats:
    """The state before the first minute: M_k = 0."""
    return np.zeros(alternatives)


def run(
    log_ratios: Floats,
    state: Floats,
    log_ceiling: float,
    active: npt.NDArray[np.bool_] | None = None,
) -> Run:
    """Fold minutes into the evidence.

    `log_ratios` (T, K) is ln L_k of each minute, `log_ceiling` where ln M_k saturates.  Where `active`
    (T, K) is false there was no data: that minute leaves M_k as it is.  Columns do not touch each other, so
    many streams run side by side.
    """
    return run_of(of_log(log_ratios), state, log_ceiling, active)


def of_log(log_ratios: Floats) -> Floats:
    """L of ln L: what is too large for a number is infinite, which is above any ceiling."""
    with np.errstate(over="ignore"):
        return np.asarray(np.exp(log_ratios))


def run_of(
    evidence: Floats, state: Floats, log_ceiling: float, active: npt.NDArray[np.bool_] | None = None
) -> Run:
    """The same of the ratios L_k themselves, in whose place the evidence is left."""
    with np.errstate(over="ignore"):
        highest = np.exp(log_ceiling)
    current = state.copy()
    for minute, moved in enumerate(evidence):
        moved *= current + 1.0
        np.minimum(moved, highest, out=moved)
        if active is not None:
            np.copyto(moved, current, where=~active[minute])
        current = moved
    return Run(evidence, current.copy())


def log_mean(evidence: Floats, starts: Ints | None = None) -> Floats:
    """ln of the mean along axis 1; with `starts`, of each group of columns that begins there."""
    width = evidence.shape[1]
    if starts is None:
        return log(evidence.sum(axis=1) / width)
    return log(np.add.reduceat(evidence, starts, axis=1) / np.diff(np.append(starts, width)))


def log(evidence: Floats) -> Floats:
    """ln M, to nine decimals: machines differ in the last digits of exp, and explain compares texts."""
    return np.asarray(np.round(np.log(np.maximum(evidence, LEAST)), 9))


def ceiling(log_bar: float, averaged: int) -> float:
    """Where to saturate so that any one of `averaged` parts can still lift the mean to the bar alone."""
    return log_bar + float(np.log(averaged)) + SLACK


def first_of_last_episode(log_evidence: Floats, log_bar: float, log_end: float) -> int | None:
    """Index of the minute at which the newest episode reached `log_bar`; an episode ends below `log_end`.

    None where the newest minute belongs to no episode.
    """
    calm = np.flatnonzero(log_evidence < log_end)
    begin = int(calm[-1]) + 1 if len(calm) else 0
    reached = np.flatnonzero(log_evidence[begin:] >= log_bar)
    return begin + int(reached[0]) if len(reached) else None
