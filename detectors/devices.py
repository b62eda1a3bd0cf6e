"""Fold of device events: each is a version of a device of the inventory."""

from __future__ import annotations

from collections.abc import Mapping

import pyarrow as pa

from detectors.references import Reference
from detectors.versions import versions
from pipeline.facts.cost import DEVICES


def fold(events: pa.Table, references: Mapping[str, Reference]) -> dict[str, pa.Table]:
    """`device` events as `devices`; memory in whole bytes."""
    return {DEVICES.name: versions(DEVICES, events)}
