"""Facts of what workloads hold and use: GPUs, the inventory, allocations, the network."""

from __future__ import annotations

import pyarrow as pa

from pipeline.facts.fact import MINUTE, MODEL, SECONDS, TIME, Fact, Listing, columns

GPU_USAGE = Fact(
    "gpu_usage",
    "What a device did in a minute.  busy = utilisation x time; active = time with utilisation > 0; "
    "idle_held = time with utilisation 0 while memory is held; observed = time with a known utilisation.",
    "add",
    (*MINUTE, *columns("cluster", "node", "device")),
    (
        *columns("observed_seconds", "busy_seconds", "active_seconds", "idle_held_seconds", of=SECONDS),
        *columns("memory_byte_seconds", of=pa.int64()),
        *columns("energy_joules", of=SECONDS),
        *columns("samples", of=pa.int64()),
    ),
)

PROCESS_USAGE = Fact(
    "process_usage",
    "What the processes of a pod did on a device in an hour, of which `minute` is the first: busy = "
    "utilisation x time, observed = time with a known utilisation.  It splits the work of a device that "
    "several hold; of a node's CPUs and memory it is what the pod used, as a part of all that the node has.",
    "add",
    (*MINUTE, *columns("cluster", "device", "namespace", "pod")),
    (*columns("busy_seconds", "observed_seconds", of=SECONDS),),
)

GPU_CONDITIONS = Fact(
    "gpu_conditions",
    "What was wrong or uncertain with a device in a minute: errors by kind (code: the XID) with their least "
    "count, throttled clocks (code: NVML's bit), devices that failed and values that pods share, with their "
    "time.",
    "add",
    (*MINUTE, *columns("cluster", "node", "device", "kind"), *columns("code", of=pa.int64())),
    (*columns("count", of=pa.int64()), *columns("seconds", of=SECONDS)),
)

ALLOCATIONS = Fact(
    "allocations",
    "Interval versions: who holds share_units / device_units of a device in [start, end).",
    "highest",
    (
        *columns("cluster", "device", "share_id", "claim_uid", "consumer_uid", "container"),
        *columns("start", of=TIME),
    ),
    (
        *columns("end", of=TIME),
        *columns("node", "claim", "namespace", "pod", "workload", "workload_revision", "team"),
        *MODEL,
        *columns("labels", "method"),
        *columns("share_units", "device_units", of=pa.int64()),
        *columns("admin_access", of=pa.bool_()),
        *columns("start_quality", "end_quality"),
        *columns("time", of=TIME),
        *columns("revision", of=pa.int64()),
    ),
    Listing(
        "CASE WHEN claim_uid <> '' THEN 'resourceclaims' WHEN starts_with(device, 'volume/') THEN "
        "'persistentvolumeclaims' WHEN starts_with(device, 'load_balancer/') THEN 'services' ELSE 'pods' END",
        "CASE WHEN claim_uid <> '' THEN claim_uid ELSE consumer_uid END",
        ("share_units", "device_units", "team", "labels"),
    ),
)

DEVICES = Fact(
    "devices",
    "Device inventory, one row a version; a device exists in [start, end).  A node's CPUs and memory, a "
    "volume and a load balancer are devices too: `resource`, of `quantity`.",
    "highest",
    (*columns("cluster", "device"), *columns("start", of=TIME)),
    (
        *columns("end", of=TIME),
        *columns("node", "parent_device", "driver", "pool", "uuid", "gpu_model", "mig_profile"),
        *columns("resource"),
        *columns("memory_bytes", "quantity", of=pa.int64()),
        *columns("provider", "region", "zone", "instance_type", "capacity_type", "health", "os"),
        *columns("time", of=TIME),
        *columns("revision", of=pa.int64()),
    ),
    Listing(
        "CASE WHEN coalesce(pool, '') <> '' THEN 'resourceslices' WHEN resource = 'volume' THEN "
        "'persistentvolumeclaims' WHEN resource = 'load_balancer' THEN 'services' ELSE 'nodes' END",
        "device",
        ("health", "quantity", "parent_device"),
    ),
)

NETWORK_USAGE = Fact(
    "network_usage",
    "Flows of a workload by network class in a minute; connections count each TCP connection once.",
    "add",
    (*MINUTE, *columns("cluster", "namespace", "workload", "class", "method")),
    columns("flows", "connections", "dropped", "bytes", of=pa.int64()),
)

NETWORK_OUTCOMES = Fact(
    "network_outcomes",
    "What became of a workload's traffic in a minute: HTTP responses that it gave and DNS responses that it "
    "got, by code, and packets of it that were dropped, by reason.  `timed` of the `events` have a latency.",
    "add",
    (*MINUTE, *columns("cluster", "namespace", "workload", "protocol", "outcome")),
    (*columns("events", "timed", of=pa.int64()), *columns("latency_seconds", of=SECONDS)),
)
