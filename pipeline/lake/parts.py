"""Parts of answers, kept beside the ledger under a name of all they follow from; to lose one costs time."""

from __future__ import annotations

import os
import secrets
import shutil
import time
from collections.abc import Collection
from contextlib import suppress
from dataclasses import dataclass
from pathlib import Path

import pyarrow as pa
import pyarrow.parquet as pq

from pipeline.lake.location import Location

FOLDER = "answers"
UNREAD_SECONDS = 14 * 86_400
"""A part that nobody has read for so long is deleted."""
_TOUCHED_SECONDS = 86_400


@dataclass(frozen=True, slots=True)
class Parts:
    """A file a part.  A name is never given to something else, so nothing here can be out of date."""

    folder: Path
    min_free_bytes: int

    @classmethod
    def of(cls, location: Location) -> Parts:
        return cls(location.folder / FOLDER, location.min_free_bytes)

    def read(self, name: str, unasked: Collection[str]) -> pa.Table | None:
        """Its columns but those `unasked`; None where it is not kept, or can no longer be read."""
        path = self._path(name)
        try:
            with pq.ParquetFile(path) as file:
                columns = [column for column in file.schema_arrow.names if column not in unasked]
                found = file.read(columns=columns, use_threads=False)
            if time.time() - path.stat().st_mtime > _TOUCHED_SECONDS:
                os.utime(path)
        except (OSError, pa.ArrowException):
            return None
        return found

    def write(self, name: str, rows: pa.Table) -> None:
        """Whole or not at all; not where the folder cannot be written or its disk is nearly full."""
        path = self._path(name)
        new = path.with_suffix(f".{secrets.token_hex(4)}")
        with suppress(OSError):
            path.parent.mkdir(parents=True, exist_ok=True)
            if shutil.disk_usage(path.parent).free < self.min_free_bytes + rows.nbytes:
                return
            try:
                pq.write_table(rows, new, compression="zstd")
                new.replace(path)
            finally:
                new.unlink(missing_ok=True)

    def forget(self, now: float) -> int:
        """Files deleted that were not read for long, at `now`, seconds since 1970."""
        old = [p for p in self.folder.glob("*/*") if now - p.stat().st_mtime > UNREAD_SECONDS]
        for path in old:
            path.unlink(missing_ok=True)
        return len(old)

    def _path(self, name: str) -> Path:
        return self.folder / name[:2] / f"{name}.parquet"
