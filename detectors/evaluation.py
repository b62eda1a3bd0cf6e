"""Judge of evaluation scores: does an evaluator score lower than when the model was known to be right?

Scores are compared with those of the same evaluator in the same version: a new judge is a new reference.
It warns and never acts, and higher scores never count; `accuracy` acts on answers that fail.
"""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import replace

import numpy as np
import pyarrow as pa
import pyarrow.compute as pc

from detectors import binning, drift
from detectors.codes import Groups
from detectors.dispersion import phi
from detectors.finding import Finding
from detectors.histogram_alternatives import falls
from detectors.minutes import floats
from detectors.parameters import Parameters
from detectors.references import FeatureBins
from detectors.subject import Subject

NAME = "evaluation"
EDGES = tuple(tenth / 10 for tenth in range(1, 10))
"""Tenths of the score, which is 0 to 1: bin i holds EDGES[i-1] < score <= EDGES[i]."""


def judge(minutes: pa.Table, subject: Subject, parameters: Parameters) -> Finding:
    """`minutes` has minute, feature (the evaluator), bin and count, by the minute of the prediction.

    Scores come late, so the newest of them may be old without the version being stale.
    """
    reference = subject.reference
    if reference is None or not reference.evaluators:
        return subject.unjudged(NAME, "no_reference", parameters)
    against = replace(reference, features=reference.evaluators)
    patient = replace(parameters, stale_minutes=parameters.rate_look_back_minutes)
    found = drift.changed(minutes, replace(subject, reference=against), patient, falls)
    return replace(found, detector=NAME)


def bins(labels: pa.Table, places: pa.ChunkedArray, groups: Groups) -> Iterator[FeatureBins]:
    """The scores of each evaluator in `labels`, by name; `places` are the rows of their predictions.

    `labels` has one row a prediction and evaluator; `groups` gathers the predictions by minute.  Scores of
    other predictions do not count.
    """
    scored = pc.and_(pc.is_valid(labels["score"]), pc.is_valid(places))
    rows = labels.select(["evaluator", "score"]).append_column("place", places).filter(scored)
    for name in sorted(pc.unique(rows["evaluator"]).to_pylist()):
        mine = rows.filter(pc.equal(rows["evaluator"], name))
        codes = binning.intervals(np.asarray(EDGES), floats(mine["score"]))
        counts = np.zeros((len(groups), len(EDGES) + 3), np.int64)
        np.add.at(counts, (groups.codes[mine["place"].to_numpy()], codes), 1)
        *regular, missing, unseen = counts.sum(axis=0).tolist()
        yield FeatureBins(name, EDGES, None, tuple(regular), missing, unseen, phi(counts))
