"""Byte counters of three sources as flows: each byte for its sender, once, with the source that told it."""

from __future__ import annotations

import pytest

from collectors.counter_growth import Counts
from collectors.dcgm.timeline import Scrape
from collectors.exposition import samples
from collectors.network.counters import advance_bytes
from collectors.network.owners import Owners, owners
from detectors import network

START = 1_790_000_040_000_000
"""The beginning of a minute."""
TOLD = (
    {"created_by_kind": "ReplicaSet", "created_by_name": "api-7f", "pod": "api-7f-x", "node": "n1"},
    {"created_by_kind": "<none>", "created_by_name": "<none>", "pod": "bare", "node": "n1"},
    {"created_by_kind": "DaemonSet", "created_by_name": "agent", "pod": "agent-1", "host_network": "true"},
)
KNOWN = owners(
    [
        *({"__name__": "kube_pod_info", "namespace": "ml", **pod} for pod in TOLD),
        {"__name__": "kube_replicaset_owner", "namespace": "ml", "replicaset": "api-7f",
         "owner_kind": "Deployment", "owner_name": "api"},
    ]
)  # fmt: skip
CADVISOR = 'container_network_transmit_bytes_total{{namespace="ml",interface="{i}",pod="{p}"}} {n}\n'
OBI = (
    'obi_network_flow_bytes_total{{obi_ip="10.0.0.{node}",k8s_src_node_ip="10.0.0.1",k8s_src_namespace="ml",'
    'k8s_src_name="api-7f-x",k8s_src_owner_name="api",k8s_dst_namespace="db",k8s_dst_owner_name="pg",'
    'k8s_dst_owner_type="StatefulSet",src_zone="a",dst_zone="b"}} {n}\n'
)
RETINA = (
    'networkobservability_adv_forward_bytes{{direction="{d}",source_namespace="ml",source_podname="api-7f-x",'
    'source_workload_kind="unknown",destination_ip="93.184.216.34",destination_podname="unknown"}} {n}\n'
)


def sent(*texts: str, known: Owners = KNOWN, seconds: int = 30):
    """Scrapes that follow each other, as minutes of network usage and what was left out."""
    scrapes = [
        Scrape(START + at * seconds * 1_000_000, "t", samples(text.encode())[0])
        for at, text in enumerate(texts)
    ]
    parsed, counts = advance_bytes(scrapes, Counts(), known, cluster="c")
    again, _ = advance_bytes(scrapes, Counts.of(counts.cursor()), known, cluster="c")
    assert parsed.balanced and again.read == 0, "what comes again is read once"
    if "flow" not in parsed.events:
        return [], parsed
    return network.fold(parsed.events["flow"], {})["network_usage"].to_pylist(), parsed


def brief(rows):
    return sorted((r["namespace"], r["workload"], r["class"], r["method"], r["bytes"]) for r in rows)


def test_each_source_tells_its_own_bytes_of_the_same_workload() -> None:
    """Three agents see one transfer: their sum would bill it three times, one without its name not at all."""
    both = [
        CADVISOR.format(i="eth0", p="api-7f-x", n=n)
        + OBI.format(node=1, n=n)
        + RETINA.format(d="egress", n=n)
        for n in (5, 905)
    ]
    rows, _ = sent(*both)
    assert brief(rows) == [
        ("ml", "Deployment/api", "cross_zone", "obi", 900),
        ("ml", "Deployment/api", "internet", "retina", 900),
        ("ml", "Deployment/api", "unknown", "cadvisor", 900),
    ]
    assert [(r["flows"], r["connections"]) for r in rows] == [(0, 0)] * 3, "a counter is no flow"


@pytest.mark.parametrize(
    ("text", "why"),
    [
        (OBI.format(node=2, n="{n}"), "other_side"),
        (OBI.format(node=1, n="{n}").replace("obi_ip", "x"), "sender_unknown"),
        (RETINA.format(d="ingress", n="{n}"), "other_side"),
        (CADVISOR.format(i="lo", p="bare", n="{n}"), "loopback"),
        (CADVISOR.format(i="eth0", p="", n="{n}"), "no_pod"),
        (CADVISOR.format(i="eth0", p="agent-1", n="{n}"), "host_network"),
        (CADVISOR.format(i="ens5", p="other", n="{n}") + CADVISOR.format(i="veth1", p="other", n="{n}"),
         "host_network"),
    ],
)  # fmt: skip
def test_bytes_that_are_not_the_pods_own_are_left_out_by_name(text: str, why: str) -> None:
    """The receiver's report of the same bytes, or a node's traffic under each of its agents, would double."""
    rows, parsed = sent(*(text.replace("{n}", str(n)) for n in (1, 2)))
    assert rows == [] and set(parsed.excluded) == {why}


def test_a_pod_whose_owner_nobody_tells_has_its_own_name() -> None:
    """Without kube-state-metrics the bytes are there all the same."""
    rows, _ = sent(*(CADVISOR.format(i="eth0", p="bare", n=n) for n in (0, 9)), known=Owners())
    assert brief(rows) == [("ml", "bare", "unknown", "cadvisor", 9)]
    rows, _ = sent(*(CADVISOR.format(i="eth0", p="bare", n=n) for n in (0, 9)))
    assert brief(rows) == [("ml", "Pod/bare", "unknown", "cadvisor", 9)]


def test_bytes_of_an_hour_are_spread_over_it_and_a_reset_is_a_gap() -> None:
    """All in the last minute they would be a burst that never was, at another price."""
    text = CADVISOR.format(i="eth0", p="bare", n="{n}")
    rows, parsed = sent(*(text.replace("{n}", str(n)) for n in (7, 1_000_006, 4)), seconds=3_600)
    assert sum(r["bytes"] for r in rows) == 999_999 + 4 and len({r["minute"] for r in rows}) == 120
    assert max(r["bytes"] for r in rows) == 16_667
    assert [g["kind"] for g in parsed.gaps.to_pylist()] == ["counter_reset"]
