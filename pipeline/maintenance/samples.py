"""Samples of features stay as small as they are asked to be, and no longer than they may be kept."""

from __future__ import annotations

from dataclasses import replace
from datetime import timedelta
from functools import partial

import duckdb

from pipeline.facts.fact import MOST
from pipeline.facts.models import FEATURE_SAMPLES
from pipeline.lake.merged import merged
from pipeline.maintenance.shift import Shift

HOUR = timedelta(hours=1)
TABLE = FEATURE_SAMPLES.name
_ROWS = replace(FEATURE_SAMPLES, name="crowded_rows")
"""Merged alone: to merge all to find those of a few hours takes seconds."""
_GROUP = ", ".join(FEATURE_SAMPLES.key_names[:-1])


def thin(shift: Shift) -> tuple[int, str]:
    """Rows deleted: past `maintenance.sample_days`, and those of ended hours that the merged view leaves out.

    What comes for such an hour later is beside the others until the next round.
    """
    fewer = shift.changed(partial(_thinned, shift))
    return (0, f"busy, left for the next round: {TABLE}") if fewer is None else (fewer, "")


def _thinned(shift: Shift, con: duckdb.DuckDBPyConnection) -> int:
    until = shift.started - timedelta(days=shift.settings.sample_days)
    fewer = 0
    if con.execute(f"SELECT 1 FROM {TABLE} WHERE hour < $until LIMIT 1", {"until": until}).fetchone():
        gone = con.execute(f"DELETE FROM {TABLE} WHERE hour < $until", {"until": until}).fetchone()
        fewer += int(gone[0]) if gone else 0
    con.execute(
        f"CREATE OR REPLACE TEMP TABLE crowded AS SELECT {_GROUP}, count(*) AS held FROM {TABLE} "
        f"WHERE hour <= $ended GROUP BY {_GROUP} HAVING count(*) > max({MOST})",
        {"ended": shift.started - HOUR},
    )
    held = con.execute("SELECT sum(held) FROM crowded").fetchone()
    if held and held[0]:
        fewer += int(held[0]) - _replaced(con)
    con.execute("DROP TABLE crowded")
    return fewer


def _replaced(con: duckdb.DuckDBPyConnection) -> int:
    """Rows that the crowded hours have now: those of the merged view."""
    crowded = f"({_GROUP}) IN (SELECT ({_GROUP}) FROM crowded)"
    con.execute(f"CREATE OR REPLACE TEMP TABLE {_ROWS.name} AS SELECT * FROM {TABLE} WHERE {crowded}")
    con.execute(f"DELETE FROM {TABLE} WHERE {crowded}")
    left = con.execute(f"INSERT INTO {TABLE} BY NAME {merged(_ROWS)}").fetchone()
    con.execute(f"DROP TABLE {_ROWS.name}")
    return int(left[0]) if left else 0
