"""Rows of a batch by model, for models that have a reference."""

from __future__ import annotations

from collections.abc import Iterator, Mapping

import numpy as np

from detectors.codes import Rows, Text
from detectors.references import Reference


def referenced(models: Text, references: Mapping[str, Reference]) -> Iterator[tuple[Reference, Rows]]:
    """Each reference with the rows of its model; rows of models without one are in none."""
    for code, model in enumerate(models.values.to_pylist()):
        reference = references.get(model)
        if reference is None:
            continue
        rows = slice(None) if models.size == 1 else np.flatnonzero(models.codes == code)
        if len(models.codes[rows]):
            yield reference, rows
