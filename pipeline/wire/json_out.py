"""Canonical tables as JSON: an array of objects, nulls left out, times in ISO 8601 with Z."""

from __future__ import annotations

from typing import Any

import msgspec
import pyarrow as pa


def array(events: pa.Table) -> bytes:
    """The JSON body of a batch, the same meaning as its Arrow body."""
    return msgspec.json.encode([_present(row) for row in events.to_pylist()])


def _present(row: dict[str, Any]) -> dict[str, Any]:
    return {
        k: (_present(v) if isinstance(v, dict) else v) for k, v in row.items() if v is not None and v != {}
    }
