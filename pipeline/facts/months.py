"""Facts of month end: months that were closed, what they charged, what was booked, disputed and delivered."""

from __future__ import annotations

import pyarrow as pa

from pipeline.facts.fact import TIME, Fact, columns

HOURS = pa.decimal128(18, 6)
MONEY = pa.decimal128(38, 9)

LINE = ("team", "cost_centre", "environment", "namespace", "workload", "model", "model_version")
PLACE = ("cluster", "device", "gpu_model")
HOURS_OF = ("allocated", "active", "idle_held", "busy", "unallocated", "unpriced")
"""What the GPU-hours of a charge are hours of."""
BUCKETS = ("used", "workload_idle", "shared", "cluster_idle", "stranded", "unhealthy")
"""What the cost of a charge is a cost of."""

CLOSINGS = Fact(
    "closings",
    "Months that were closed: each names the one before it by its hash.",
    "append",
    (*columns("month", of=TIME), *columns("hash")),
    (
        *columns("time", of=TIME),
        *columns("snapshot", of=pa.int64()),
        *columns("previous", "currency", "price_book", "rule", "inputs", "header", "program", "actor"),
    ),
)

CHARGES = Fact(
    "charges",
    "What a closed month charged; `charge_month` is when the usage was, `month` whose statement it is on.",
    "append",
    (
        *columns("month", "charge_month", of=TIME),
        *columns("kind", "reference"),
        *columns(*LINE, *PLACE),
    ),
    (
        *columns("currency"),
        *columns(*(f"{name}_hours" for name in HOURS_OF), of=HOURS),
        *columns(*(f"{name}_cost" for name in BUCKETS), "amount", of=MONEY),
        *columns("detail"),
    ),
)

ADJUSTMENTS = Fact(
    "adjustments",
    "Amounts that a person books for a team; the next month that is closed charges them.",
    "append",
    columns("adjustment_id"),
    (
        *columns("time", "charge_month", of=TIME),
        *columns("team", "category", "currency"),
        *columns("amount", of=MONEY),
        *columns("reason", "actor"),
    ),
)

REPLIES = Fact(
    "replies",
    "What a team says to its statement of a closed month: accepted, disputed or settled.",
    "append",
    (*columns("month", of=TIME), *columns("team"), *columns("time", of=TIME)),
    columns("state", "reason", "actor", "hash"),
)

DELIVERIES = Fact(
    "deliveries",
    "Each attempt to hand a closed month's statements to a target; `files` are their SHA-256.",
    "append",
    (*columns("month", of=TIME), *columns("target"), *columns("time", of=TIME)),
    (*columns("state"), *columns("attempt", of=pa.int64()), *columns("detail", "hash", "files")),
)
