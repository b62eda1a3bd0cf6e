"""Our fold against NannyML's univariate drift, same rows, same machine, same run."""

from __future__ import annotations

import json
import subprocess
import time
from pathlib import Path
from typing import Any

import numpy as np
import pyarrow as pa
import pyarrow.parquet as pq
import pytest

from detectors import feature_bins
from detectors.reference_build import build
from detectors.references import Reference
from pipeline.events import TYPES, Message, decode, encode
from tests.bench import batches

MESSAGES = 20
ROUNDS = 5
"""The least time of so many rounds counts, theirs and ours."""

pytestmark = pytest.mark.bench


def test_the_fold_is_thirty_times_as_fast_as_nannyml_with_four_distances(tmp_path, record, nannyml):
    """The same rows, that both have in memory; and again where we decode them first, as a worker does.

    Folded all at once, we are 30 times as fast as chunks of 5,000 rows are measured. Decoded and folded
    message by message, 30 times as fast as chunks of 1,000 rows, the minutes that our bins are.
    """
    rng = np.random.default_rng(1)
    tables = [batches.inference(rng, i) for i in range(MESSAGES)]
    reference = batches.features(20_000, rng)
    theirs = _theirs(nannyml, tables, reference, tmp_path)
    ours = _fold_seconds(tables, reference)
    rows = MESSAGES * batches.ROWS
    assert theirs["rows"] == rows
    for configuration, seconds in theirs["seconds"].items():
        record(
            "fold against NannyML",
            nannyml=theirs["version"],
            configuration=configuration,
            nannyml_rows_per_second=rows / seconds,
            **{f"rows_per_second_{name}": rows / spent for name, spent in ours.items()},
            **{f"ratio_{name}": seconds / spent for name, spent in ours.items()},
        )
    assert theirs["seconds"]["4 x 5000"] / ours["folded"] >= 30
    assert theirs["seconds"]["4 x 1000"] / ours["1_at_once"] >= 30


def _theirs(
    python: Path, tables: list[pa.Table], reference: dict[str, np.ndarray], directory: Path
) -> dict[str, Any]:
    """CPU seconds of NannyML by configuration."""
    pq.write_table(pa.table(reference), directory / "reference.parquet")
    sent = pa.concat_tables(tables)["features"].combine_chunks().flatten()
    pq.write_table(pa.table(dict(zip(reference, sent, strict=True))), directory / "analysis.parquet")
    program = Path(__file__).parent / "nannyml_drift.py"
    files = [str(directory / f"{name}.parquet") for name in ("reference", "analysis")]
    command = [str(python), str(program), *files, str(ROUNDS)]
    said = subprocess.run(command, capture_output=True, text=True, check=True).stdout
    found: dict[str, Any] = json.loads(said.splitlines()[-1])
    return found


def _fold_seconds(tables: list[pa.Table], reference: dict[str, np.ndarray]) -> dict[str, float]:
    """CPU seconds to fold decoded features, and to decode and fold them, by how many are folded at once."""
    known = {"m": build(batches.reference(reference), model="m")}
    messages = [
        encode(TYPES["inference"], t, source="s", sequence=i, time=batches.START)
        for i, t in enumerate(tables)
    ]
    decoded = pa.concat_tables([decode(message).events for message in messages])
    return {"folded": min(_folded(decoded, known) for _ in range(ROUNDS))} | {
        f"{together}_at_once": min(_decoded_and_folded(messages, known, together) for _ in range(ROUNDS))
        for together in (1, MESSAGES)
    }


def _folded(events: pa.Table, known: dict[str, Reference]) -> float:
    start = time.process_time()
    feature_bins.fold(events, known)
    return time.process_time() - start


def _decoded_and_folded(messages: list[Message], known: dict[str, Reference], together: int) -> float:
    """What `Ingest.step` does with as many messages: each is decoded, then all are folded as one table."""
    start = time.process_time()
    for first in range(0, len(messages), together):
        decoded = [decode(message).events for message in messages[first : first + together]]
        feature_bins.fold(pa.concat_tables(decoded), known)
    return time.process_time() - start
