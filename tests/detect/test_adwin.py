"""ADWIN is River's: the same rows alarm, so what is compared with is the published detector."""

from __future__ import annotations

import numpy as np
import pytest

from detectors import adwin

RIVERS = {
    0: [8223, 12223],
    1: [8319, 12287],
    2: [8415, 12191],
    3: [8383, 12159],
    4: [8127, 12383],
    5: [8095, 12287],
}
"""Alarms of river.drift.ADWIN() of River 0.26.1 on the streams below, by seed."""


def stream(seed: int) -> np.ndarray:
    """20,000 rows that rise at the 8,000th and fall at the 12,000th: errors, or numbers of any size."""
    rng = np.random.default_rng(seed)
    parts = (8_000, 4_000, 8_000)
    if seed < 4:
        return (rng.random(20_000) < np.repeat([0.1, 0.2, 0.05], parts)).astype(float)
    rng.random(20_000)
    return rng.normal(np.repeat([0.0, 0.5, 0.2], parts), 1)


@pytest.mark.parametrize("seed", RIVERS)
def test_the_rows_that_alarm_are_rivers(seed: int) -> None:
    found = list(adwin.alarms(stream(seed)))
    assert [place for place, _ in found] == RIVERS[seed]
    assert [rise for _, rise in found] == [True, False]


def test_only_a_rise_is_told() -> None:
    assert np.flatnonzero(adwin.flagged(stream(0))).tolist() == [8223]
