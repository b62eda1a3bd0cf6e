"""The steps in which a file is folded and judged: the minutes of its rows, or blocks where those are few."""

from __future__ import annotations

from datetime import datetime, timedelta

import numpy as np

from detectors.codes import Integers
from detectors.minutes import MINUTE
from detectors.parameters import Parameters
from pipeline.evaluate.sample import Sample

BLOCK = 100
"""Rows of a block: enough for a histogram of ten bins."""
FEWEST_A_MINUTE = 20
"""Rows of a minute on average, below which blocks are the steps."""
EPOCH = datetime(1970, 1, 1)


def are_minutes(sample: Sample) -> bool:
    """Whether the file has enough rows a minute to be judged by the minute, as a stream is."""
    if sample.times is None:
        return False
    return sample.rows >= FEWEST_A_MINUTE * len(np.unique(sample.times // MINUTE))


def steps(sample: Sample, minutes: bool) -> Integers:
    """The step of each row, (n,), as a minute since 1970; a block is a minute of its own."""
    if minutes and sample.times is not None:
        return sample.times // MINUTE
    return np.arange(sample.rows) // BLOCK


def time(step: int) -> datetime:
    return EPOCH + timedelta(minutes=step)


def note(minutes: bool, parameters: Parameters) -> str:
    """What the stated rates of verdicts are about."""
    step = "a minute" if minutes else f"a block of {BLOCK} rows"
    return (
        f"verdicts look every step, here {step}: a warning is false once in {parameters.warn_minutes:,.0f} "
        f"steps at most on average, a call to act once in {parameters.act_minutes:,.0f}"
    )
