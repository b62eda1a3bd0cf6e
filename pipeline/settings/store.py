"""Where the ledger is."""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path
from typing import Annotated

from pipeline.bounds import Bound


@dataclass(frozen=True, slots=True)
class StoreSettings:
    folder: Path = Path("driftledger-data")
    """Folder of the ledger: its catalog and Parquet files, as far as the two below name no other place."""
    catalog: str = ""
    """Empty is a SQLite file in the folder, for one host; postgresql://USER@HOST/DATABASE for several."""
    data: str = ""
    """Empty is a folder beside the SQLite file; else a folder, or s3://BUCKET/PREFIX with AWS_* variables."""
    min_free_bytes: Annotated[int, Bound(0, 1e15)] = 268_435_456
    """Bytes that stay free on a local disk: with less, nothing is written until there is more again."""
