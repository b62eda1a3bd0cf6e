"""Fold of allocation events: versions of intervals in which a consumer holds a share of a device."""

from __future__ import annotations

from collections.abc import Mapping

import pyarrow as pa

from detectors.references import Reference
from detectors.versions import versions
from pipeline.facts.cost import ALLOCATIONS


def fold(events: pa.Table, references: Mapping[str, Reference]) -> dict[str, pa.Table]:
    """`allocation` events as `allocations`."""
    return {ALLOCATIONS.name: versions(ALLOCATIONS, events)}
