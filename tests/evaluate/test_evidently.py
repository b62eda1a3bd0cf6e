"""Distances beside Evidently's: equal where its conventions are ours, and told apart where they are not."""

from __future__ import annotations

import json
from pathlib import Path

import numpy as np
import pyarrow.parquet as pq
import pytest

from detectors import distances
from tests.evaluate.evaluating import Numbers, numbers, run
from tests.evaluate.predictions_file import CHUNK, ROWS, columns, write

FIGURES = json.loads((Path(__file__).parent / "evidently_figures.json").read_text(encoding="utf-8"))[
    "figures"
]
"""Of the same files, by `python -m tests.evaluate.evidently_golden` in Evidently's environment."""
CHUNKS = range(ROWS // CHUNK)
NATS = np.sqrt(np.log(2))
"""A Jensen-Shannon distance in base e, of one in base 2."""


@pytest.fixture(scope="module")
def found(tmp_path_factory: pytest.TempPathFactory) -> Numbers:
    """Without the labels, which are not compared here."""
    folder = tmp_path_factory.mktemp("evidently")
    reference, data, roles = write(folder)
    pq.write_table(pq.read_table(reference).drop_columns(["paid"]), reference)
    roles.write_text("{timestamp: time, prediction_id: id, ignore: [said, paid]}", encoding="utf-8")
    asked = ("--reference", reference, "--data", data, "--columns", roles, "--chunk", str(CHUNK))
    return numbers(run(*asked, "-o", "json"))


def ours(found: Numbers, name: str) -> list[float]:
    return [found[(chunk, name)]["value"] for chunk in CHUNKS]


def test_the_normed_wasserstein_distance_is_evidentlys(found: Numbers) -> None:
    """Its drift threshold of 0.1 standard deviations means the same here."""
    for column in ("income", "score"):
        mine = ours(found, f"{column}|normed_wasserstein|rows")
        assert mine == pytest.approx(FIGURES[f"{column}|wasserstein"], rel=1e-9)


def test_texts_are_compared_as_evidently_does(found: Numbers) -> None:
    """The Jensen-Shannon distance in another base; the PSI to rounding until a category is new."""
    mine = np.array(ours(found, "country|jensen_shannon_distance|rows"))
    assert mine * NATS == pytest.approx(FIGURES["country|jensenshannon"], rel=1e-9)
    psi, theirs = ours(found, "country|psi|bins"), FIGURES["country|psi"]
    assert psi[:3] == pytest.approx(theirs[:3], rel=1e-9)
    # Of a new category the share of 0.0001 is put in place of zero by both; ours sum to 1 again.
    assert psi[3:] == pytest.approx(theirs[3:], rel=1e-3)


def test_numbers_differ_by_their_bins_alone() -> None:
    """Evidently bins both samples together by Sturges' rule: over its bins our formulas give its figures."""
    before, data = (columns(ROWS, seed, drift=seed == 2) for seed in (1, 2))
    for column in ("income", "score"):
        then = before[column][np.isfinite(before[column])]
        for chunk in CHUNKS:
            part = data[column][chunk * CHUNK : (chunk + 1) * CHUNK]
            now = part[np.isfinite(part)]
            edges = np.histogram_bin_edges(np.concatenate([then, now]), "sturges")
            counts = [np.histogram(sample, edges)[0] for sample in (then, now)]
            distance = distances.jensen_shannon_distance(*counts) * NATS
            assert distance == pytest.approx(FIGURES[f"{column}|jensenshannon"][chunk], rel=1e-9)
            if all(count.all() for count in counts):
                assert distances.psi(*counts) == pytest.approx(FIGURES[f"{column}|psi"][chunk], rel=1e-9)
