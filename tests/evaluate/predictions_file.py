"""A file of predictions from a seed, with drift in its second half: what evaluate is tried on."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import numpy as np
import pyarrow as pa
import pyarrow.csv
import pyarrow.parquet as pq

ROWS = 12_000
CHUNK = 2_000
COLUMNS = """\
timestamp: time
prediction_id: id
prediction: said
score: score
label: paid
"""


def columns(rows: int, seed: int, *, drift: bool) -> dict[str, Any]:
    """A model of two classes whose scores are bent, over a numeric and a text feature with gaps."""
    rng = np.random.default_rng(seed)
    late = (np.arange(rows) >= rows // 2) & drift
    income = np.round(rng.lognormal(3, 0.5, rows) * np.where(late, 1.3, 1.0), 3)
    country = rng.choice(["AT", "DE", "FR"], rows, p=[0.2, 0.5, 0.3])
    country = np.where(late & (rng.random(rows) < 0.1), "PL", country)
    true = 1 / (1 + np.exp(-(income - 20) / 8 - (country == "DE")))
    score = np.round(true**2, 3)
    income[rng.random(rows) < 0.02] = np.nan
    start = np.datetime64("2026-03-01T00:00:00", "us")
    return {
        "time": start + np.arange(rows) * np.timedelta64(36, "s"),
        "id": np.arange(rows) + (1_000_000 if drift else 0),
        "income": income,
        "country": country,
        "score": score,
        "said": (score >= 0.5).astype(np.int64),
        "paid": (rng.random(rows) < true).astype(np.int64),
    }


def write(folder: Path) -> tuple[Path, Path, Path]:
    """Reference, data and COLUMNS.yaml."""
    reference, data, roles = (folder / name for name in ("reference.parquet", "data.csv", "columns.yaml"))
    pq.write_table(pa.table(columns(ROWS, 1, drift=False)), reference)
    pa.csv.write_csv(pa.table(columns(ROWS, 2, drift=True)), data)
    roles.write_text(COLUMNS, encoding="utf-8")
    return reference, data, roles
