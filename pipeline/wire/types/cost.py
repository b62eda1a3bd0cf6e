"""Events of what workloads hold and use: GPUs, the inventory, allocations, network flows."""

from __future__ import annotations

from pipeline.wire.columns import (
    CLUSTER,
    MOST_BYTES,
    MOST_ERRORS,
    MOST_JOULES,
    MOST_SECONDS,
    MOST_WATTS,
    REVISION,
    amount,
    count,
    string,
    time,
)
from pipeline.wire.event_type import Column, EventType

RESOURCES = ("gpu", "cpu", "memory", "volume", "load_balancer")
"""What has a price: a node's GPUs one by one, all of its CPUs, all of its memory; and what is in no node."""

_QUALITY = ("exact", "observed", "gap")

GPU = EventType(
    "gpu",
    "One sample of one device: what it did in the `interval_seconds` that end at `time`.",
    "cluster/node",
    (
        CLUSTER,
        string("node", "node that holds the device", required=True),
        string("device", "device identity: GPU UUID, MIG UUID, or driver/pool/device", required=True),
        string("parent_device", "the physical device of a partition"),
        string("gpu_model", "product name, for example NVIDIA A100-SXM4-80GB"),
        string("mig_profile", "MIG profile, for example 1g.10gb"),
        time("time", "end of the sampled interval", required=True),
        Column("interval_seconds", "float", "length of the sampled interval", True, 1e-6, 86_400.0),
        amount("util_ratio", "share of the interval in which the device computed, 0 to 1", maximum=1.0),
        amount("memory_used_bytes", "device memory in use", maximum=MOST_BYTES),
        amount("memory_total_bytes", "device memory", maximum=MOST_BYTES),
        amount("power_watts", "mean power over the interval", maximum=MOST_WATTS),
        amount("energy_joules", "energy of the interval; wins over power_watts", maximum=MOST_JOULES),
        string("namespace", "namespace of the pod that holds the device"),
        string("pod", "pod that holds the device"),
        string("container", "container that holds the device"),
        count("xid", "last XID error code; 0 is none"),
        count("xid_errors", "XID errors of the interval, at least", maximum=MOST_ERRORS),
        count("ecc_corrected", "memory errors of the interval that were corrected", maximum=MOST_ERRORS),
        count("ecc_uncorrected", "memory errors of the interval that were not", maximum=MOST_ERRORS),
        count("rows_remapped", "memory rows replaced in the interval after such errors", maximum=MOST_ERRORS),
        count("throttle_reasons", "why clocks are held back: NVML's bits, or 0", maximum=2.0**52),
        string(
            "confidence", "how the value was obtained", choices=("measured", "device-duplicated", "estimated")
        ),
    ),
)

DEVICE = EventType(
    "device",
    "One version of one device of the inventory: it exists from `start` to `end`.",
    "cluster/node",
    (
        CLUSTER,
        string("node", "node that holds the device"),
        string("device", "device identity, as in gpu and allocation", required=True),
        string("resource", "what it is of its node or cluster; absent is gpu", choices=RESOURCES),
        count("quantity", "of a cpu its millicores, of a memory or volume its bytes", maximum=MOST_BYTES),
        string("parent_device", "the physical device of a partition"),
        string("driver", "DRA driver or device plugin resource"),
        string("pool", "DRA pool"),
        string("uuid", "vendor UUID"),
        string("gpu_model", "product name"),
        string("mig_profile", "MIG profile"),
        amount("memory_bytes", "device memory", maximum=MOST_BYTES),
        string("provider", "cloud or site, as in the price book"),
        string("region", "region, as in the price book"),
        string("zone", "zone"),
        string("instance_type", "instance type of the node"),
        string("capacity_type", "purchase option", choices=("on-demand", "spot", "reserved")),
        string(
            "health",
            "whether it can be allocated; absent is healthy",
            choices=("healthy", "unhealthy", "unschedulable"),
        ),
        time("start", "first instant at which the device exists as this row says", required=True),
        time("end", "first instant at which it no longer does; absent while it does"),
        time("time", "when this version was observed", required=True),
        REVISION,
    ),
)

ALLOCATION = EventType(
    "allocation",
    "One version of one interval in which a consumer holds a share of a device.",
    "cluster/claim or cluster/pod/device",
    (
        CLUSTER,
        string("node", "node that holds the device"),
        string("device", "device identity, as in gpu and device", required=True),
        string("share_id", "DRA shareID or replica id when the device is shared"),
        string("claim_uid", "uid of the ResourceClaim"),
        string("claim", "name of the ResourceClaim"),
        string("consumer_uid", "uid of the pod (or PodGroup, or claim without consumer)", required=True),
        string("namespace", "namespace of the consumer"),
        string("pod", "pod"),
        string("container", "container"),
        string("workload", "Kind/name of the workload, for example Deployment/fraud"),
        string("workload_revision", "revision of the workload's template, as its controller names it"),
        string("team", "owner; absent is unowned"),
        string("model", "model served by the workload"),
        string("model_version", "version of the model"),
        string(
            "method",
            "how the share is made",
            choices=("whole", "mig", "time-slicing", "mps", "dra-shared", "dra-partition"),
        ),
        Column("share_units", "int", "units held; the share is share_units / device_units", minimum=0),
        Column("device_units", "int", "units of the whole device", minimum=1),
        Column("admin_access", "bool", "monitoring access: seen, never billed"),
        time("start", "first instant held", required=True),
        time("end", "first instant no longer held; absent while held"),
        string("start_quality", "how well start is known", choices=_QUALITY),
        string("end_quality", "how well end is known", choices=_QUALITY),
        time("time", "when this version was observed", required=True),
        REVISION,
    ),
)

FLOW = EventType(
    "flow",
    "One network flow event seen by one node.",
    "cluster/source workload",
    (
        CLUSTER,
        string("node", "node that saw the flow"),
        time("time", "when it was seen", required=True),
        string("uuid", "identity of the flow event"),
        string(
            "verdict", "FORWARDED, DROPPED, ERROR, AUDIT, REDIRECTED, TRACED or TRANSLATED", required=True
        ),
        string("direction", "INGRESS or EGRESS; absent is unknown", choices=("INGRESS", "EGRESS")),
        Column("is_reply", "bool", "reply direction of its connection; absent is unknown"),
        string("protocol", "TCP, UDP, SCTP, ICMPv4, ICMPv6, DNS, HTTP or another L7 name"),
        Column("opens_connection", "bool", "a TCP SYN without ACK, unless it is known to repeat another"),
        string("source_namespace", "namespace"),
        string("source_workload", "Kind/name, or the pod's name where no owner is known"),
        string("source_pod", "pod"),
        string("source_ip", "IP address"),
        string("source_node", "node"),
        string("source_zone", "zone"),
        string("source_region", "region"),
        count("source_port", "port"),
        string("destination_namespace", "namespace"),
        string("destination_workload", "Kind/name, or the pod's name where no owner is known"),
        string("destination_pod", "pod"),
        string("destination_ip", "IP address"),
        string("destination_node", "node"),
        string("destination_zone", "zone"),
        string("destination_region", "region"),
        Column("destination_internal", "bool", "its address is known to be ours, though it is a public one"),
        count("destination_port", "port"),
        string("drop_reason", "why it was dropped"),
        count("http_status", "HTTP status of a response"),
        count("dns_rcode", "code of a DNS response; 0 is no error, absent is no response"),
        amount("latency_seconds", "L7 latency of a response", maximum=MOST_SECONDS),
        amount("bytes", "bytes, where a source knows them", maximum=MOST_BYTES),
        string("bytes_method", "source of bytes"),
    ),
)
