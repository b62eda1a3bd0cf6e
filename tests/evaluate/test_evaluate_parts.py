"""Parts of a file of predictions: segments, and a canary beside the stable version."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pyarrow as pa
import pytest

from detectors import canary, rate_ratios
from detectors.parameters import Parameters
from tests.evaluate.evaluating import evaluated, level
from tests.evaluate.predictions_file import COLUMNS, columns

P = Parameters()


def test_a_segment_is_compared_with_itself(tmp_path: Path) -> None:
    """Harm to one country hides in the mean of all."""
    rows = columns(6_000, 3, drift=False)
    of = rows["country"] == "FR"
    rows["paid"] = np.where(of, 1 - rows["said"], rows["paid"])
    found = evaluated(tmp_path, pa.table(rows), COLUMNS + "segments: [country]\n", chunk="6000")
    levels = {segment: verdict["level"] for segment, verdict in found.segments.items()}
    assert levels["country=FR"] == "act"
    assert levels["country=DE"] == levels["country=AT"] == "ok"
    saturated = P.log_act + np.log(len(rate_ratios.GRID))
    assert found.segments["country=FR"]["value"] == pytest.approx(
        saturated + np.log(len(levels)), abs=0.01
    ), "of three segments each has a third of the chance to be wrong"


def test_too_many_segments_are_one(tmp_path: Path) -> None:
    """A column of identities must not make a segment of each row."""
    rows = columns(2_000, 3, drift=False)
    found = evaluated(tmp_path, pa.table(rows), COLUMNS + "segments: [income]\n", chunk="2000")
    assert len(found.segments) <= 22 and "income=(other)" in found.segments


@pytest.mark.parametrize(("worse", "expected"), [("2", "act"), ("1", "ok")])
def test_a_canary_is_judged_beside_the_stable_version(tmp_path: Path, worse: str, expected: str) -> None:
    """What both suffer at once is not the canary's fault, and a better canary is no alarm."""
    rows = columns(4_000, 3, drift=False)
    rows["version"] = np.where(np.arange(4_000) % 3 == 0, "2", "1")
    bad = (rows["version"] == worse) & (np.arange(4_000) % 4 == 0)
    rows["paid"] = np.where(bad, 1 - rows["said"], rows["paid"])
    roles = COLUMNS + "version: version\nstable: '1'\ncanary: '2'\n"
    found = evaluated(tmp_path, pa.table(rows), roles, chunk="4000")
    assert level(found, "2|canary|e_process") == expected


def test_harmless_canaries_are_rarely_blamed() -> None:
    """The stated rate of false alarms, where each minute has its own error rate."""
    rng = np.random.default_rng(5)
    alarms = 0
    for _ in range(200):
        rate = rng.uniform(0.02, 0.4, 60)
        sizes = rng.integers(0, 30, (2, 60))
        wrong = rng.binomial(sizes, rate)
        evidence = canary.log_evidence(wrong[0], sizes[0], wrong[1], sizes[1])
        alarms += evidence.max() >= -np.log(canary.WARN_ALPHA)
    assert alarms <= 10
