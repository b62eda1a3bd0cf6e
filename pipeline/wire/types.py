"""Every event type on the wire: its topic, its columns with units and bounds, its Arrow schema."""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import Literal

import pyarrow as pa

Kind = Literal["string", "int", "float", "bool", "time", "features"]

MICROSECONDS_UTC = pa.timestamp("us", tz="UTC")

# What no device or request exceeds: sums of a minute then fit the integers and decimals of the ledger.
MOST_BYTES = 1e14
MOST_WATTS = 1e5
MOST_JOULES = 1e10
MOST_SECONDS = 1e6
MOST_TOKENS = 1e13

_ARROW: dict[Kind, pa.DataType] = {
    "string": pa.string(),
    "int": pa.int64(),
    "float": pa.float64(),
    "bool": pa.bool_(),
    "time": MICROSECONDS_UTC,
    "features": pa.struct([]),
}


@dataclass(frozen=True, slots=True)
class Column:
    """One field of an event: `minimum` and `maximum` are inclusive and in the column's unit."""

    name: str
    kind: Kind
    doc: str
    required: bool = False
    minimum: float | None = None
    maximum: float | None = None
    choices: tuple[str, ...] = ()

    @property
    def arrow(self) -> pa.Field:
        return pa.field(self.name, _ARROW[self.kind], nullable=not self.required)


@dataclass(frozen=True, slots=True)
class EventType:
    """A kind of event, the unit of a topic; `key` names what orders its messages."""

    name: str
    doc: str
    key: str
    columns: tuple[Column, ...]
    by_name: dict[str, Column] = field(init=False, repr=False, compare=False)

    def __post_init__(self) -> None:
        object.__setattr__(self, "by_name", {c.name: c for c in self.columns})

    @property
    def topic(self) -> str:
        return f"driftledger.{self.name}"

    @property
    def ce_type(self) -> str:
        return f"driftledger.{self.name}.v1"

    @property
    def schema(self) -> pa.Schema:
        """The canonical Arrow schema; a `features` struct has one child per feature of the batch."""
        return pa.schema([c.arrow for c in self.columns])


def _string(name: str, doc: str, *, required: bool = False, choices: tuple[str, ...] = ()) -> Column:
    return Column(name, "string", doc, required, choices=choices)


def _count(name: str, doc: str, *, required: bool = False, maximum: float | None = None) -> Column:
    return Column(name, "int", doc, required, minimum=0, maximum=maximum)


def _amount(name: str, doc: str, *, required: bool = False, maximum: float | None = None) -> Column:
    return Column(name, "float", doc, required, minimum=0.0, maximum=maximum)


def _time(name: str, doc: str, *, required: bool = False) -> Column:
    return Column(name, "time", doc, required)


_CLUSTER = _string("cluster", "name of the cluster", required=True)
_REVISION = Column("revision", "int", "grows with each version of the same object; the highest wins", True)
_QUALITY = ("exact", "observed", "gap")

GPU = EventType(
    "gpu",
    "One sample of one device: what it did in the `interval_seconds` that end at `time`.",
    "cluster/node",
    (
        _CLUSTER,
        _string("node", "node that holds the device", required=True),
        _string("device", "device identity: GPU UUID, MIG UUID, or driver/pool/device", required=True),
        _string("parent_device", "the physical device of a partition"),
        _string("gpu_model", "product name, for example NVIDIA A100-SXM4-80GB"),
        _string("mig_profile", "MIG profile, for example 1g.10gb"),
        _time("time", "end of the sampled interval", required=True),
        Column("interval_seconds", "float", "length of the sampled interval", True, 1e-6, 86_400.0),
        _amount("util_ratio", "share of the interval in which the device computed, 0 to 1", maximum=1.0),
        _amount("memory_used_bytes", "device memory in use", maximum=MOST_BYTES),
        _amount("memory_total_bytes", "device memory", maximum=MOST_BYTES),
        _amount("power_watts", "mean power over the interval", maximum=MOST_WATTS),
        _amount("energy_joules", "energy of the interval; wins over power_watts", maximum=MOST_JOULES),
        _string("namespace", "namespace of the pod that holds the device"),
        _string("pod", "pod that holds the device"),
        _string("container", "container that holds the device"),
        _count("xid", "last XID error code; 0 is none"),
        _string(
            "confidence", "how the value was obtained", choices=("measured", "device-duplicated", "estimated")
        ),
    ),
)

DEVICE = EventType(
    "device",
    "One version of one device of the inventory: it exists from `start` to `end`.",
    "cluster/node",
    (
        _CLUSTER,
        _string("node", "node that holds the device"),
        _string("device", "device identity, as in gpu and allocation", required=True),
        _string("parent_device", "the physical device of a partition"),
        _string("driver", "DRA driver or device plugin resource"),
        _string("pool", "DRA pool"),
        _string("uuid", "vendor UUID"),
        _string("gpu_model", "product name"),
        _string("mig_profile", "MIG profile"),
        _amount("memory_bytes", "device memory", maximum=MOST_BYTES),
        _string("provider", "cloud or site, as in the price book"),
        _string("region", "region, as in the price book"),
        _string("zone", "zone"),
        _string("instance_type", "instance type of the node"),
        _string("capacity_type", "purchase option", choices=("on-demand", "spot", "reserved")),
        _time("start", "first instant at which the device exists", required=True),
        _time("end", "first instant at which it no longer exists; absent while it exists"),
        _time("time", "when this version was observed", required=True),
        _REVISION,
    ),
)

ALLOCATION = EventType(
    "allocation",
    "One version of one interval in which a consumer holds a share of a device.",
    "cluster/claim or cluster/pod/device",
    (
        _CLUSTER,
        _string("node", "node that holds the device"),
        _string("device", "device identity, as in gpu and device", required=True),
        _string("share_id", "DRA shareID or replica id when the device is shared"),
        _string("claim_uid", "uid of the ResourceClaim"),
        _string("claim", "name of the ResourceClaim"),
        _string("consumer_uid", "uid of the pod (or PodGroup, or claim without consumer)", required=True),
        _string("namespace", "namespace of the consumer"),
        _string("pod", "pod"),
        _string("container", "container"),
        _string("workload", "Kind/name of the workload, for example Deployment/fraud"),
        _string("team", "owner; absent is unowned"),
        _string("model", "model served by the workload"),
        _string("model_version", "version of the model"),
        _string(
            "method",
            "how the share is made",
            choices=("whole", "mig", "time-slicing", "mps", "dra-shared", "dra-partition"),
        ),
        Column("share_units", "int", "units held; the share is share_units / device_units", minimum=0),
        Column("device_units", "int", "units of the whole device", minimum=1),
        Column("admin_access", "bool", "monitoring access: seen, never billed"),
        _time("start", "first instant held", required=True),
        _time("end", "first instant no longer held; absent while held"),
        _string("start_quality", "how well start is known", choices=_QUALITY),
        _string("end_quality", "how well end is known", choices=_QUALITY),
        _time("time", "when this version was observed", required=True),
        _REVISION,
    ),
)

FLOW = EventType(
    "flow",
    "One network flow event seen by one node.",
    "cluster/source workload",
    (
        _CLUSTER,
        _string("node", "node that saw the flow"),
        _time("time", "when it was seen", required=True),
        _string("uuid", "identity of the flow event"),
        _string(
            "verdict", "FORWARDED, DROPPED, ERROR, AUDIT, REDIRECTED, TRACED or TRANSLATED", required=True
        ),
        _string("direction", "INGRESS or EGRESS; absent is unknown", choices=("INGRESS", "EGRESS")),
        Column("is_reply", "bool", "reply direction of its connection; absent is unknown"),
        _string("protocol", "TCP, UDP, SCTP, ICMPv4, ICMPv6, DNS, HTTP or another L7 name"),
        Column("opens_connection", "bool", "a TCP SYN without ACK"),
        _string("source_namespace", "namespace"),
        _string("source_workload", "Kind/name, or the pod's name where no owner is known"),
        _string("source_pod", "pod"),
        _string("source_ip", "IP address"),
        _string("source_node", "node"),
        _string("source_zone", "zone"),
        _string("source_region", "region"),
        _string("destination_namespace", "namespace"),
        _string("destination_workload", "Kind/name, or the pod's name where no owner is known"),
        _string("destination_pod", "pod"),
        _string("destination_ip", "IP address"),
        _string("destination_node", "node"),
        _string("destination_zone", "zone"),
        _string("destination_region", "region"),
        _count("destination_port", "port"),
        _string("drop_reason", "why it was dropped"),
        _count("http_status", "HTTP status of a response"),
        _amount("latency_seconds", "L7 latency of a response", maximum=MOST_SECONDS),
        _amount("bytes", "bytes, where a source knows them", maximum=MOST_BYTES),
        _string("bytes_method", "source of bytes"),
    ),
)

INFERENCE = EventType(
    "inference",
    "One prediction of one model version.",
    "model/hash of prediction_id",
    (
        _string("cluster", "name of the cluster"),
        _string("namespace", "namespace of the model server"),
        _string("workload", "Kind/name of the model server"),
        _string("model", "model", required=True),
        _string("model_version", "version of the model", required=True),
        _string("prediction_id", "identity that a label will name"),
        _time("time", "when the prediction was made", required=True),
        _amount("latency_seconds", "request to last byte", maximum=MOST_SECONDS),
        _amount("time_to_first_token_seconds", "request to first token", maximum=MOST_SECONDS),
        _amount("time_per_output_token_seconds", "mean time between tokens", maximum=MOST_SECONDS),
        _string("status", "absent is ok", choices=("ok", "error")),
        _string("prediction", "predicted class"),
        Column("predicted_value", "float", "predicted number"),
        _amount("score", "probability of the positive class, 0 to 1", maximum=1.0),
        _amount("confidence", "probability of the predicted class, 0 to 1", maximum=1.0),
        _count("tokens_in", "input tokens", maximum=MOST_TOKENS),
        _count("tokens_out", "output tokens", maximum=MOST_TOKENS),
        _count("tokens_cached", "input tokens served from a cache", maximum=MOST_TOKENS),
        Column("features", "features", "feature name to number or category"),
    ),
)

LABEL = EventType(
    "label",
    "What a prediction should have been; comes whenever it is known.",
    "model/hash of prediction_id",
    (
        _string("model", "model", required=True),
        _string("prediction_id", "the prediction that it judges", required=True),
        _string("label", "true class"),
        Column("value", "float", "true number"),
        _amount("score", "evaluation score, 0 to 1", maximum=1.0),
        _string("evaluator", "who or what judged, with its version"),
        _time("time", "when the label was made", required=True),
        Column("revision", "int", "the highest revision of a label wins; absent is 0", minimum=0),
    ),
)

ACTION = EventType(
    "action",
    "A decision to act, or a step in carrying it out.",
    "cluster/target",
    (
        _string("action_id", "identity of the decision", required=True),
        _time("time", "when", required=True),
        _string(
            "state",
            "step of the action",
            required=True,
            choices=("proposed", "approved", "refused", "executed", "verified", "undone", "failed"),
        ),
        _string("kind", "what is done, for example rollback", required=True),
        _string("policy", "name of the rule that decided"),
        _CLUSTER,
        _string("namespace", "namespace of the target"),
        _string("workload", "Kind/name of the target"),
        _string("model", "model concerned"),
        _string("model_version", "version acted against"),
        _string("to_version", "version returned to"),
        Column("snapshot", "int", "lake snapshot that the decision read", minimum=0),
        _string("evidence", "JSON: every input of the decision"),
        _string("detail", "in words"),
    ),
)

OUTCOME = EventType(
    "outcome",
    "What an action changed, measured afterwards.",
    "cluster/target",
    (
        _string("action_id", "identity of the decision", required=True),
        _time("time", "when measured", required=True),
        _string("state", "result", required=True, choices=("helped", "no-change", "harmed", "unknown")),
        _string("evidence", "JSON: metric before and after, with counts"),
        _string("detail", "in words"),
    ),
)

GAP = EventType(
    "gap",
    "What a source knows that it missed: lost flow events, a failed scrape, a relist after 410.",
    "cluster/source",
    (
        _CLUSTER,
        _string("source", "collector and place, for example hubble/node-7", required=True),
        _string("kind", "why, for example lost_events", required=True),
        _time("start", "first instant that is incomplete", required=True),
        _time("end", "first instant that is complete again", required=True),
        _count("lost", "events lost; absent is unknown"),
        _string("detail", "in words"),
    ),
)

REJECTED = EventType(
    "rejected",
    "A message or a row of one that could not be taken, with the reason.",
    "topic/partition",
    (
        _string("topic", "topic of the message", required=True),
        _string("topic_id", "UUID of the topic"),
        Column("partition", "int", "partition", True, minimum=0),
        Column("offset", "int", "offset", True, minimum=0),
        Column("row", "int", "row of the batch; absent is the whole message", minimum=0),
        _string("reason", "reason code", required=True),
        _string("detail", "in words"),
        _string("head", "first kilobyte of the message, base64"),
        _time("time", "append time of the message", required=True),
    ),
)

TYPES: dict[str, EventType] = {
    t.name: t for t in (ALLOCATION, DEVICE, GPU, FLOW, INFERENCE, LABEL, ACTION, OUTCOME, GAP, REJECTED)
}
