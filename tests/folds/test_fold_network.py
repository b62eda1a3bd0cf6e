"""Network minutes: the class decides the price, and one connection is one connection."""

from __future__ import annotations

from decimal import Decimal

import pytest

from detectors import network, network_outcomes
from detectors.network_classes import is_public
from tests.folds.fold_events import events

SOURCE = {"source_namespace": "ns", "source_workload": "Deployment/a"}


def usage(*flows):
    return network.fold(events("flow", *({**SOURCE, **f} for f in flows)), {})["network_usage"].to_pylist()


@pytest.mark.parametrize(
    ("flow", "expected"),
    [
        ({"destination_ip": "8.8.8.8"}, "internet"),
        ({"destination_ip": "2606:4700::1111"}, "internet"),
        ({"destination_ip": "8.8.8.8", "destination_pod": "p"}, "unknown"),
        ({"destination_ip": "10.1.2.3"}, "unknown"),
        ({"destination_ip": "100.64.0.7"}, "unknown"),
        ({"destination_ip": "169.254.20.10"}, "unknown"),
        ({"destination_ip": "127.0.0.1"}, "unknown"),
        ({"destination_ip": "::ffff:10.0.0.1"}, "unknown"),
        ({"destination_ip": "224.0.0.1"}, "unknown"),
        ({"destination_ip": "not an address"}, "unknown"),
        ({}, "unknown"),
        ({"source_zone": "z1", "destination_zone": "z1"}, "same_zone"),
        ({"source_zone": "z1", "destination_zone": "z2"}, "cross_zone"),
        ({"source_zone": "z1", "destination_zone": "z2", "source_region": "r", "destination_region": "r"},
         "cross_zone"),
        ({"source_zone": "a", "destination_zone": "a", "source_region": "r1", "destination_region": "r2"},
         "cross_region"),
        ({"source_region": "r", "destination_region": "r"}, "unknown"),
        ({"source_node": "n", "destination_node": "n", "destination_ip": "8.8.8.8"}, "same_zone"),
    ],
)  # fmt: skip
def test_the_class_follows_from_addresses_and_places(flow, expected):
    assert [row["class"] for row in usage(flow)] == [expected]


def test_only_addresses_of_the_internet_are_public():
    assert [is_public(ip) for ip in ("1.1.1.1", "192.168.0.1", "", "1.1.1")] == [True, False, False, False]


def test_a_connection_seen_on_both_nodes_and_answered_counts_once():
    opening = {"opens_connection": True, "bytes": 100.0, "bytes_method": "retina"}
    (row,) = usage(
        {**opening, "direction": "EGRESS", "is_reply": False},
        {**opening, "direction": "INGRESS", "is_reply": False},
        {
            "direction": "EGRESS",
            "is_reply": True,
            "bytes": 7.0,
            "bytes_method": "retina",
            "opens_connection": False,
        },
    )
    assert (row["flows"], row["connections"], row["bytes"], row["method"]) == (3, 1, 107, "retina")


def test_bytes_stand_beside_the_method_that_told_them_and_are_never_added_to_another():
    """cAdvisor, OBI and Retina see the same traffic: their sum would bill it three times."""
    told = [("cadvisor", 900.0), ("obi", 850.0), ("retina", 10.0), ("obi", 50.0), (None, None)]
    rows = usage(*({"direction": "EGRESS", "bytes": n, "bytes_method": method} for method, n in told))
    found = {row["method"]: (row["flows"], row["bytes"]) for row in rows}
    assert found == {"cadvisor": (1, 900), "obi": (2, 900), "retina": (1, 10), "": (1, 0)}


def test_a_dropped_flow_is_neither_a_flow_nor_a_connection():
    (row,) = usage({"verdict": "DROPPED", "direction": "EGRESS", "opens_connection": True, "bytes": 9.0})
    assert (row["flows"], row["connections"], row["dropped"], row["bytes"]) == (0, 0, 1, 0)


def test_other_verdicts_are_traffic():
    (row,) = usage(*({"verdict": v} for v in ("FORWARDED", "REDIRECTED", "TRANSLATED", "AUDIT")))
    assert row["flows"] == 4


def test_flows_count_for_the_workload_that_sends():
    (row,) = usage({"destination_workload": "Deployment/b", "direction": "INGRESS"})
    assert (row["namespace"], row["workload"]) == ("ns", "Deployment/a")


def test_a_public_address_that_is_ours_is_not_the_internet():
    """Clusters exist whose nodes have public addresses; their traffic inside is not billed as egress."""
    (row,) = usage({"destination_ip": "8.8.8.8", "destination_internal": True})
    assert row["class"] == "unknown"


def outcomes(*flows):
    found = network_outcomes.fold(events("flow", *({**SOURCE, **f} for f in flows)), {})["network_outcomes"]
    names = ("workload", "protocol", "outcome", "events", "timed", "latency_seconds")
    return sorted(tuple(row[name] for name in names) for row in found.to_pylist())


def test_responses_and_drops_count_for_the_workload_that_can_mend_them():
    """A team looks for its own 503s, its own failed look-ups and its own denied packets."""
    client = {"destination_workload": "Deployment/b", "destination_namespace": "ns"}
    response = {"protocol": "HTTP", "http_status": 503, **client}
    found = outcomes(
        {**response, "latency_seconds": 0.25},
        {**response, "latency_seconds": 0.5},
        response,
        {"protocol": "DNS", "dns_rcode": 3, "latency_seconds": 1e-6, **client},
        {"protocol": "TCP", "verdict": "DROPPED", "drop_reason": "POLICY_DENIED"},
        {"protocol": "TCP", "verdict": "DROPPED"},
        {"protocol": "TCP"},
    )
    assert found == [
        ("Deployment/a", "HTTP", "503", 3, 2, Decimal("0.75")),
        ("Deployment/a", "TCP", "dropped ", 1, 0, 0),
        ("Deployment/a", "TCP", "dropped POLICY_DENIED", 1, 0, 0),
        ("Deployment/b", "DNS", "3", 1, 1, Decimal("0.000001")),
    ]
