"""Facts of the pipeline itself: what it concluded and did, what it refused and what it missed."""

from __future__ import annotations

import pyarrow as pa

from pipeline.facts.fact import MODEL, SERVER, TIME, Fact, columns

FINDINGS = Fact(
    "findings",
    "What a detector concluded at a tick, with its evidence.",
    "append",
    (*columns("time", of=TIME), *columns("detector"), *MODEL),
    (
        *columns("level"),
        *columns("since", of=TIME),
        *columns("snapshot", of=pa.int64()),
        *columns("content"),
    ),
)

ACTIONS = Fact(
    "actions",
    "Decisions and their steps, one row a state.",
    "highest",
    columns("action_id", "state"),
    (
        *columns("time", of=TIME),
        *columns("kind", "policy"),
        *SERVER,
        *MODEL,
        *columns("to_version"),
        *columns("snapshot", of=pa.int64()),
        *columns("evidence", "detail"),
        *columns("revision", of=pa.int64()),
    ),
)

COUNTED_BY = Fact(
    "counted_by",
    "What the costs were counted by on which steps of ladders rest: prices, rule, owners and budgets.",
    "append",
    columns("identity"),
    (*columns("time", of=TIME), *columns("content")),
)

OUTCOMES = Fact(
    "outcomes",
    "What actions changed.",
    "highest",
    columns("action_id"),
    (
        *columns("time", of=TIME),
        *columns("state", "evidence", "detail"),
        *columns("revision", of=pa.int64()),
    ),
)

REVISIONS = Fact(
    "revisions",
    "States of watched targets, each from its time on.",
    "append",
    (*columns("time", of=TIME), *SERVER, *columns("uid")),
    (
        *columns("generation", "number", of=pa.int64()),
        *MODEL,
        *columns("template_hash", "config", "detail"),
    ),
)

ALERTS = Fact(
    "alerts",
    "Verdicts that were told to somebody: the newest state of each.",
    "highest",
    columns("alert_id"),
    (
        *columns("time", of=TIME),
        *columns("state", "detector"),
        *MODEL,
        *columns("level"),
        *columns("since", of=TIME),
        *columns("evidence", "detail"),
        *columns("revision", of=pa.int64()),
    ),
)

ALERT_DELIVERIES = Fact(
    "alert_deliveries",
    "Which receiver took which state of an alert (by its time), and when.",
    "append",
    (*columns("alert_id", "receiver"), *columns("alerted", of=TIME)),
    columns("time", of=TIME),
)

REJECTED = Fact(
    "rejected",
    "Messages and rows that could not be taken.",
    "append",
    (*columns("topic", "topic_id"), *columns("partition", "offset", "row", of=pa.int64())),
    (*columns("reason", "detail", "head"), *columns("time", of=TIME)),
)

REPAIRS = Fact(
    "repairs",
    "Refusals that were taken after all: a row, or without one the whole message, and in which round.",
    "append",
    (*columns("topic", "topic_id"), *columns("partition", "offset", "row", of=pa.int64())),
    (*columns("round", of=pa.int64()), *columns("time", of=TIME)),
)

GAPS = Fact(
    "gaps",
    "What is known to be missing: lost events, failed scrapes, relists.",
    "append",
    (*columns("cluster", "source", "kind"), *columns("start", "end", of=TIME)),
    (*columns("lost", of=pa.int64()), *columns("detail")),
)
