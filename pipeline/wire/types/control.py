"""Events that the pipeline writes of itself: what it did, what came of it, what it missed or refused."""

from __future__ import annotations

from pipeline.wire.columns import CLUSTER, count, string, time
from pipeline.wire.event_type import Column, EventType

ACTION = EventType(
    "action",
    "A decision to act, or a step in carrying it out.",
    "cluster/target",
    (
        string("action_id", "identity of the decision", required=True),
        time("time", "when", required=True),
        string(
            "state",
            "step of the action",
            required=True,
            choices=(
                *("proposed", "granted", "denied", "approved", "refused", "executed", "verified"),
                *("undone", "failed"),
            ),
        ),
        string("kind", "what is done, for example rollback", required=True),
        string("policy", "name of the rule that decided"),
        CLUSTER,
        string("namespace", "namespace of the target"),
        string("workload", "Kind/name of the target"),
        string("model", "model concerned"),
        string("model_version", "version acted against"),
        string("to_version", "version returned to"),
        Column("snapshot", "int", "lake snapshot that the decision read", minimum=0),
        string("evidence", "JSON: every input of the decision"),
        string("detail", "in words"),
    ),
)

REVISION = EventType(
    "revision",
    "The state that a watched target has from now on: its generation and what it runs, by hash.",
    "cluster/target",
    (
        time("time", "when it was first seen so", required=True),
        CLUSTER,
        string("namespace", "namespace of the target", required=True),
        string("workload", "Kind/name of the target", required=True),
        string("uid", "identity of the object", required=True),
        Column("generation", "int", "generation of its spec", True, minimum=0),
        Column("number", "int", "number of the revision that keeps the state; 0 is none", minimum=0),
        string("model", "model that it serves, by the rule; a glob where the rule has one"),
        string("model_version", "version that it runs"),
        string("template_hash", "SHA-256 of what a rollback would put back", required=True),
        string("config", "JSON: hash of each ConfigMap that one of its states uses"),
        string("detail", "what putting the state back would not bring back, in words"),
    ),
)

ALERT = EventType(
    "alert",
    "A verdict that somebody should know of began, rose to act, or ended.",
    "model",
    (
        string("alert_id", "identity of the episode, from its beginning to its end", required=True),
        time("time", "when the judge said so", required=True),
        string("state", "firing or resolved", required=True, choices=("firing", "resolved")),
        string("detector", "what was judged, for example accuracy", required=True),
        string("model", "model concerned", required=True),
        string("model_version", "version concerned"),
        string("level", "the verdict, for example warn or act", required=True),
        time("since", "minute at which the evidence reached the level"),
        string("evidence", "JSON: the finding, with its bars and numbers"),
        string("detail", "in words"),
    ),
)

OUTCOME = EventType(
    "outcome",
    "What an action changed, measured afterwards.",
    "cluster/target",
    (
        string("action_id", "identity of the decision", required=True),
        time("time", "when measured", required=True),
        string("state", "result", required=True, choices=("helped", "no-change", "harmed", "unknown")),
        string("evidence", "JSON: metric before and after, with counts"),
        string("detail", "in words"),
    ),
)

BEGINS = "begins"
"""Kind of a gap: a collector without memory listed all objects of the kind in `detail`, at `end`."""

GAP = EventType(
    "gap",
    "What a source knows that it missed: lost flow events, a failed scrape, a relist after 410.",
    "cluster/source",
    (
        CLUSTER,
        string("source", "collector and place, for example hubble/node-7", required=True),
        string("kind", "why, for example lost_events", required=True),
        time("start", "first instant that is incomplete", required=True),
        time("end", "first instant that is complete again", required=True),
        count("lost", "events lost; absent is unknown"),
        string("detail", "in words"),
    ),
)

REJECTED = EventType(
    "rejected",
    "A message or a row of one that could not be taken, with the reason.",
    "topic/partition",
    (
        string("topic", "topic of the message", required=True),
        string("topic_id", "UUID of the topic"),
        Column("partition", "int", "partition", True, minimum=0),
        Column("offset", "int", "offset", True, minimum=0),
        Column("row", "int", "row of the batch; absent is the whole message", minimum=0),
        string("reason", "reason code", required=True),
        string("detail", "in words"),
        string("head", "first kilobyte of the message, base64"),
        time("time", "append time of the message", required=True),
    ),
)
