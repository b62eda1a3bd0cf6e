"""What a judge looks at: one model version over one window, against what is known to be right."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import TypeAlias

import numpy as np
import numpy.typing as npt
import pyarrow as pa

from detectors.finding import Finding, Level
from detectors.parameters import Parameters
from detectors.references import Reference


@dataclass(frozen=True, slots=True)
class Subject:
    """[start, end) is UTC without zone; `reference` is None where none is registered for the model."""

    model: str
    model_version: str
    reference: Reference | None
    start: datetime
    end: datetime

    def unjudged(
        self,
        detector: str,
        level: Level,
        parameters: Parameters,
        count: int = 0,
        **evidence: float | int | str,
    ) -> Finding:
        """A finding that says why there is no verdict; its evidence is ln 1."""
        return Finding(
            detector, self.model, self.model_version, level, self.start, self.end, count,
            0.0, parameters.log_warn, parameters.log_act, None, dict(evidence),
        )  # fmt: skip

    def is_stale(self, newest: np.datetime64, parameters: Parameters) -> bool:
        """Whether the newest minute with traffic is too old to say anything of now."""
        last: datetime = newest.astype("datetime64[us]").item()
        return self.end - last > timedelta(minutes=parameters.stale_minutes)


Asked: TypeAlias = tuple[pa.Table, Subject]
"""What a judge is asked of one version: its minutes, and what they are held against."""


def integers(table: pa.Table, name: str) -> npt.NDArray[np.int64]:
    column = table.column(name)
    if not pa.types.is_int64(column.type):
        column = column.cast(pa.int64())
    return np.asarray(column.to_numpy())


def minutes_of(table: pa.Table, name: str = "minute") -> npt.NDArray[np.datetime64]:
    return np.asarray(table.column(name).to_numpy())
