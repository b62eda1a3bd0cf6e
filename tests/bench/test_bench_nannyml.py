"""Our fold against NannyML's univariate drift, same rows, same machine, same run."""

from __future__ import annotations

import json
import os
import subprocess
import time
from pathlib import Path

import numpy as np
import pyarrow as pa
import pyarrow.parquet as pq
import pytest

from detectors import feature_bins
from detectors.reference_build import build
from pipeline.events import TYPES, decode, encode
from tests.bench import batches

PYTHON = Path(os.environ.get("NANNYML_PYTHON", ".venv-nannyml/bin/python"))
BATCHES = 20
pytestmark = pytest.mark.bench


@pytest.mark.skipif(not PYTHON.exists(), reason="NannyML's environment is not there; `make bench` makes it")
def test_the_fold_is_thirty_times_as_fast_as_nannyml_minute_by_minute(tmp_path, record):
    """Four distances a minute of 1,000 rows: our bins of a minute answer all four, so the fold competes."""
    rng = np.random.default_rng(1)
    tables = [batches.inference(rng, i) for i in range(BATCHES)]
    reference = batches.features(20_000, rng)
    pq.write_table(pa.table(reference), tmp_path / "reference.parquet")
    analysis = pa.concat_tables(
        [
            pa.table(dict(zip(reference, t["features"].combine_chunks().flatten(), strict=True)))
            for t in tables
        ]
    )
    pq.write_table(analysis, tmp_path / "analysis.parquet")
    command = [
        str(PYTHON),
        str(Path(__file__).parent / "nannyml_drift.py"),
        str(tmp_path / "reference.parquet"),
        str(tmp_path / "analysis.parquet"),
    ]
    theirs = json.loads(
        subprocess.run(command, capture_output=True, text=True, check=True).stdout.splitlines()[-1]
    )
    ours = _fold_seconds(tables, reference)
    rows = analysis.num_rows
    assert theirs["rows"] == rows
    for configuration, seconds in theirs["seconds"].items():
        record(
            "fold against NannyML",
            nannyml=theirs["version"],
            configuration=configuration,
            nannyml_rows_per_second=rows / seconds,
            fold_rows_per_second=rows / ours,
            ratio=seconds / ours,
        )
    assert theirs["seconds"]["4 x 1000"] / ours >= 30


def _fold_seconds(tables: list[pa.Table], reference: dict[str, np.ndarray]) -> float:
    """CPU seconds, the best of three, to decode the messages and fold their features."""
    known = {"m": build(batches.reference(reference), model="m")}
    messages = [
        encode(TYPES["inference"], t, source="s", sequence=i, time=batches.START)
        for i, t in enumerate(tables)
    ]
    return min(_once(messages, known) for _ in range(3))


def _once(messages, known) -> float:
    start = time.process_time()
    for message in messages:
        feature_bins.fold(decode(message).events, known)
    return time.process_time() - start
