"""The view of a fact: its rows merged as it says, and closed where nobody saw them end."""

from __future__ import annotations

from pipeline.facts.fact import MOST, Fact
from pipeline.lake.sql_types import sql_type
from pipeline.wire.types.control import BEGINS

_SEEN = "SELECT cluster, time FROM allocations UNION ALL SELECT cluster, time FROM devices"


def merged(fact: Fact) -> str:
    """The query that merges the rows of one key as the fact says."""
    key = ", ".join(f'"{n}"' for n in fact.key_names)
    if fact.merge == "append":
        return f'SELECT * FROM "{fact.name}"'
    if fact.merge == "add":
        sums = ", ".join(f'CAST(sum("{f.name}") AS {sql_type(f.type)}) AS "{f.name}"' for f in fact.values)
        return f'SELECT {key}, {sums} FROM "{fact.name}" GROUP BY {key}'
    if fact.merge == "lowest":
        *group, rank = (f'"{n}"' for n in fact.key_names)
        place = f"dense_rank() OVER (PARTITION BY {', '.join(group)} ORDER BY {rank})"
        return f'SELECT DISTINCT * FROM "{fact.name}" QUALIFY {place} <= {MOST}'
    # All values break a tie of revisions, so that the winner does not depend on the order of arrival.
    order = ", ".join(f'"{n}" DESC' for n in ["revision", *(n for n in fact.value_names if n != "revision")])
    newest = (
        f'SELECT * FROM "{fact.name}" QUALIFY row_number() OVER (PARTITION BY {key} ORDER BY {order}) = 1'
    )
    return _closed(fact, newest) if fact.listed_as else newest


def _closed(fact: Fact, newest: str) -> str:
    """Open rows whose kind was listed anew after they were last told end where all was last seen before.

    One whose holder is told under another device since the same start never had this one: it is empty.
    """
    ends = {"end": 'CASE WHEN h.start IS NULL THEN greatest(r.start, "until") ELSE r.start END'}
    ends["end_quality"] = "'gap'"
    replaced = ", ".join(
        f'CASE WHEN "until" IS NULL THEN r."{name}" ELSE {value} END AS "{name}"'
        for name, value in ends.items()
        if name in fact.value_names
    )
    holder = [name for name in fact.key_names if name not in ("device", "share_id")]
    same = " AND ".join(f'h."{name}" = r."{name}"' for name in holder) if len(holder) > 2 else "false"
    columns = ", ".join(f'"{name}"' for name in holder)
    return f"""
WITH begins AS (
    SELECT g.cluster, g.detail AS kind, g."end" AS told, s.time AS "until",
        lag(g."end") OVER (PARTITION BY g.cluster, g.detail ORDER BY g."end") AS since
    FROM (SELECT DISTINCT cluster, detail, "end" FROM gaps WHERE kind = '{BEGINS}') AS g
    ASOF LEFT JOIN ({_SEEN}) AS s ON g.cluster = s.cluster AND g."end" > s.time
),
told AS (
    SELECT {columns}, max(time) AS time FROM "{fact.name}"
    WHERE cluster IN (SELECT cluster FROM begins WHERE "until" IS NOT NULL) GROUP BY ALL
)
SELECT r.* REPLACE ({replaced})
FROM ({newest}) AS r
LEFT JOIN begins AS b ON r.cluster = b.cluster AND {fact.listed_as} = b.kind AND r."end" IS NULL
    AND r.time < b.told AND (b.since IS NULL OR r.time >= b.since)
LEFT JOIN told AS h ON {same} AND h.time >= b.told"""
