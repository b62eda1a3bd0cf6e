"""Which version a canary is held against, and the minutes of both side by side."""

from __future__ import annotations

from collections.abc import Mapping

import pyarrow as pa
import pyarrow.compute as pc

from detectors.subject import integers, minutes_of

Version = tuple[str, str]
"""Model and version."""


def paired(minutes: Mapping[Version, pa.Table]) -> dict[Version, pa.Table]:
    """The minutes of every version that has a stable one beside it, as `canary.judge` wants them.

    `minutes` are those of `accuracy_minutes`, by version.  Stable is, of the versions that served before, the
    one with the most predictions in the canary's own minutes, of equal ones the oldest.
    """
    by_model: dict[str, list[str]] = {}
    for model, version in sorted(minutes):
        by_model.setdefault(model, []).append(version)
    found = {}
    for model, versions in by_model.items():
        first = {version: minutes_of(minutes[model, version]).min() for version in versions}
        by_age = sorted(versions, key=lambda one: first[one])
        for version in versions:
            older = [one for one in by_age if first[one] < first[version]]
            beside = {one: _beside(minutes[model, version], minutes[model, one]) for one in older}
            traffic = {one: int(integers(rows, "stable_predictions").sum()) for one, rows in beside.items()}
            stable = max(older, key=lambda one: traffic[one], default=None)
            if stable is not None and traffic[stable]:
                name = pa.repeat(pa.scalar(stable), beside[stable].num_rows)
                found[model, version] = beside[stable].append_column("stable", name)
    return found


def _beside(mine: pa.Table, other: pa.Table) -> pa.Table:
    """The canary's minutes, and what the other version did in each; zero where it did nothing."""
    place = pc.index_in(mine["minute"], other["minute"].combine_chunks())
    columns = {"minute": mine["minute"], "errors": mine["errors"], "count": mine["count"]}
    for name in ("predictions", "errors", "count"):
        columns[f"stable_{name}"] = pc.fill_null(other[name].take(place), 0)
    return pa.table(columns)
