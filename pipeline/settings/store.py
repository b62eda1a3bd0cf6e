"""Where the ledger is."""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path


@dataclass(frozen=True, slots=True)
class StoreSettings:
    folder: Path = Path("driftledger-data")
    """Folder of the ledger: catalog and Parquet files."""
