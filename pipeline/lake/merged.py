"""The view of a fact: its rows merged as it says, and closed where nobody saw them end."""

from __future__ import annotations

from pipeline.facts.fact import MOST, Fact, Listing
from pipeline.lake.sql_types import sql_type
from pipeline.wire.types.control import BEGINS

LOST = "ended_quality"
"""In a view that counts once what is told again; one of an older version is made anew."""
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
    if fact.listing is not None:
        return _through_losses(fact, fact.listing, order)
    return f'SELECT * FROM "{fact.name}" QUALIFY row_number() OVER (PARTITION BY {key} ORDER BY {order}) = 1'


def _through_losses(fact: Fact, told: Listing, order: str) -> str:
    """Each list without a memory begins an epoch of its kind: until all was last seen before it, what was
    told before it stands, and from then on what was told since.

    So what is not told again ended there, or when it is told to have ended before; and what is told again in
    other parts (who shared a device before, and whose it was, nobody remembers) counts once.  What is told
    again as it was goes on; a holder that is told under another device since the same start never had the
    first.
    """
    key = ", ".join(f'"{name}"' for name in fact.key_names)
    holder = tuple(name for name in fact.key_names if name not in ("device", "share_id"))
    if len(holder) == 2:  # the inventory: a device is its own
        holder = tuple(fact.key_names)
    key_of_v = ", ".join(f'v."{name}"' for name in fact.key_names)
    values = {
        "start": "greatest(start, clip)",
        "end": 'coalesce("end", least(ended, closed))',
        "start_quality": "CASE WHEN clip > start THEN 'gap' ELSE start_quality END",
        "end_quality": """CASE WHEN "end" IS NOT NULL OR closed IS NULL THEN end_quality
            WHEN ended <= closed THEN ended_quality ELSE 'gap' END""",
    }
    quality = "v.end_quality" if "end_quality" in fact.schema.names else "NULL"
    replaced = ", ".join(f'{sql} AS "{name}"' for name, sql in values.items() if name in fact.schema.names)
    return f"""
WITH begins AS (
    SELECT g.cluster, g.detail AS kind, g."end" AS told, s.time AS "until"
    FROM (SELECT DISTINCT cluster, detail, "end" FROM gaps WHERE kind = '{BEGINS}') AS g
    ASOF LEFT JOIN ({_SEEN}) AS s ON g.cluster = s.cluster AND g."end" > s.time
),
lost AS (
    SELECT cluster, kind, list(told ORDER BY told) AS told, list("until" ORDER BY told) AS "until"
    FROM begins WHERE "until" IS NOT NULL GROUP BY ALL
),
versions AS MATERIALIZED (
    SELECT *, start < since OR "end" IS NULL AND closed IS NOT NULL AS is_concerned
    FROM (
        SELECT * EXCLUDE (spans), spans[epoch] AS since, spans[epoch + 1] AS closed
        FROM (
            SELECT r.* EXCLUDE (kind), l."until" AS spans,
                coalesce(len(list_filter(l.told, lambda t: t <= r.time)), 0) AS epoch
            FROM (SELECT *, {told.kind} AS kind FROM "{fact.name}") AS r
            LEFT JOIN lost AS l ON r.cluster = l.cluster AND r.kind = l.kind
        )
    )
    QUALIFY row_number() OVER (PARTITION BY {key}, epoch ORDER BY {order}) = 1
),
spans AS (
    SELECT v.*,
        EXISTS (SELECT 1 FROM versions AS w WHERE {_goes_on("v", "w", holder, told)}) AS goes_on,
        max(
            CASE WHEN EXISTS (
                SELECT 1 FROM (SELECT cluster, {told.subject} AS subject, epoch FROM versions) AS p
                WHERE p.cluster = v.cluster AND p.subject = v.subject AND p.epoch < v.epoch
            ) AND NOT EXISTS (SELECT 1 FROM versions AS w WHERE {_goes_on("w", "v", holder, told)})
            THEN v.since END
        ) OVER (PARTITION BY {key_of_v} ORDER BY v.epoch) AS clip,
        min(CASE WHEN v."end" < v.since THEN v."end" END) OVER later AS ended,
        arg_min({quality}, CASE WHEN v."end" < v.since THEN v."end" END) OVER later AS ended_quality
    FROM (SELECT *, {told.subject} AS subject FROM versions WHERE is_concerned) AS v
    WINDOW later AS (
        PARTITION BY {key_of_v} ORDER BY v.epoch ROWS BETWEEN 1 FOLLOWING AND UNBOUNDED FOLLOWING
    )
)
SELECT {", ".join(f'"{name}"' for name in fact.schema.names)} FROM versions WHERE is_concerned IS NOT true
UNION ALL BY NAME
SELECT * EXCLUDE (subject, epoch, since, closed, is_concerned, goes_on, clip, ended, ended_quality)
    REPLACE ({replaced})
FROM spans WHERE NOT goes_on AND (clip IS NULL OR "end" IS NULL OR "end" > clip)"""


def _goes_on(before: str, again: str, holder: tuple[str, ...], told: Listing) -> str:
    """SQL: what was open in one epoch is told as it was in the next."""
    same = [f'{before}."{name}" IS NOT DISTINCT FROM {again}."{name}"' for name in holder]
    same += [
        f'({before}."{name}" IS NULL OR {before}."{name}" IS NOT DISTINCT FROM {again}."{name}")'
        for name in told.splits
    ]
    still = f'({again}."end" IS NULL OR {again}."end" >= {again}.since)'
    epochs = f'{before}.epoch + 1 = {again}.epoch AND {before}."end" IS NULL'
    return " AND ".join([epochs, still, *same])
