"""Places and connections of flows: what a cloud bills as traffic between zones, and each connection once."""

from __future__ import annotations

import json
from datetime import timedelta

import pytest
from hypothesis import given
from hypothesis import strategies as st

from collectors.hubble import flows as hubble
from collectors.live.clocks import Clocks, note_skew
from collectors.live.hubble import connections
from collectors.live.hubble.collector import collector
from collectors.live.hubble.completed import completed
from collectors.live.hubble.connections import once
from collectors.live.hubble.parameters import HubbleSettings
from collectors.live.hubble.places import Places
from detectors import network
from pipeline.errors import ConfigError
from tests.folds.fold_events import NOON, events
from tests.hubble.hubble_run import Run, flow
from tests.samples import sample

TOPOLOGY = "topology.kubernetes.io"
NODES = {
    "items": [
        {
            "metadata": {"name": name, "labels": {"topology.kubernetes.io/zone": zone}},
            "spec": {"podCIDR": pods},
            "status": {"addresses": [{"type": "InternalIP", "address": address}]},
        }
        for name, zone, pods, address in (
            ("n1", "z1", "10.1.0.0/24", "192.168.0.1"),
            ("n2", "z2", "10.2.0.0/24", "34.1.2.3"),
        )
    ]
}


@pytest.fixture
def places(tmp_path):
    file = tmp_path / "nodes.json"
    file.write_text(json.dumps(NODES))
    return Places(str(file), "203.0.113.0/24, 10.9.0.0/16=r9/z9, 10.9.7.0/24=r9/z1")


def filled(places, *flows):
    return places.fill(events("flow", *flows)).to_pylist()


def classes(table):
    return [row["class"] for row in network.fold(table, {})["network_usage"].to_pylist()]


@pytest.mark.parametrize(
    ("address", "expected"),
    [
        ("10.1.0.9", "same_zone"),
        ("10.2.0.9", "cross_zone"),
        ("::ffff:10.2.0.9", "cross_zone"),
        ("34.1.2.3", "cross_zone"),
        ("34.1.2.4", "internet"),
        ("203.0.113.7", "unknown"),
        ("10.9.1.1", "cross_zone"),
        ("10.9.7.1", "same_zone"),
        ("10.77.0.1", "unknown"),
    ],
)
def test_a_far_end_gets_its_place_from_its_address(places, address, expected):
    """Hubble tells the zone of the observing node only; without the far end nothing could be billed."""
    flow = {"source_ip": "10.1.0.5", "source_node": "n1", "destination_ip": address}
    assert classes(places.fill(events("flow", flow))) == [expected]


def test_traffic_between_regions_is_told_from_the_live_collector_on(tmp_path):
    """The dearest class within a cloud; a zone of the same name in another region is not the same zone."""
    nodes = json.loads(json.dumps(NODES))
    for item, region in zip(nodes["items"], ("eu", "us"), strict=True):
        item["metadata"]["labels"] = {f"{TOPOLOGY}/zone": "a", f"{TOPOLOGY}/region": region}
    (tmp_path / "nodes.json").write_text(json.dumps(nodes))
    line = json.loads(flow(1))
    line["flow"] |= {"IP": {"source": "10.1.0.5", "destination": "10.2.0.9"}}
    (tmp_path / "events.log").write_bytes(json.dumps(line).encode() + b"\n")
    run = Run(tmp_path / "state", files=f"{tmp_path}/events.log", nodes=f"{tmp_path}/nodes.json")
    with run():
        run.has(1)
    [row] = run.flows().to_pylist()
    assert [row[f"{end}_region"] for end in ("source", "destination")] == ["eu", "us"]
    assert classes(run.flows()) == ["cross_region"]


def test_what_a_node_tells_of_its_own_pods_serves_the_flows_of_others(places):
    """With relay every pod's node is seen; a pod that moved is where it was seen last, not where it began."""
    own = {"source_ip": "10.200.0.1", "source_node": "n2"}
    far = {"source_ip": "10.1.0.5", "source_node": "n1", "destination_ip": "10.200.0.1"}
    assert filled(places, own, far)[1]["destination_zone"] == "z2"
    assert filled(places, {**own, "source_node": "n1"}, far)[1]["destination_zone"] == "z1"


def test_a_new_nodes_file_is_read_and_half_of_one_is_not(places, tmp_path):
    """Autoscaled nodes come and go while the collector runs."""
    file = tmp_path / "nodes.json"
    file.write_text("{")
    assert filled(places, {"destination_ip": "10.2.0.1"})[0]["destination_node"] == "n2"
    fresh = json.dumps(NODES).replace("10.2.0.0/24", "10.3.0.0/24")
    file.write_text(fresh + " " * 10)
    assert filled(places, {"destination_ip": "10.3.0.1"})[0]["destination_node"] == "n2"


@pytest.mark.parametrize(
    ("settings", "key"),
    [
        (HubbleSettings(), "hubble.files and hubble.relay"),
        (HubbleSettings(files="/a", relay="b:1"), "hubble.files and hubble.relay"),
        (HubbleSettings(files="/a", networks="10.0.0.1/8"), "hubble.networks"),
        (HubbleSettings(files="/a", nodes="/nowhere"), "hubble.nodes"),
        (HubbleSettings(relay="relay"), "hubble.relay"),
        (HubbleSettings(relay="r:1", relay_cafile="/a"), "hubble.relay_cafile"),
        (HubbleSettings(relay="r:1", relay_tls=True, relay_cafile="/nowhere"), "hubble.relay_cafile"),
        (HubbleSettings(relay="r:1", relay_tls=True, relay_certfile="/dev/null"), "hubble.relay_certfile"),
    ],
)
def test_a_wrong_setting_is_named(settings, key):
    """A collector that starts with a typing error would bill for months in the wrong class."""
    with pytest.raises(ConfigError) as error:
        collector(settings, "c")
    assert error.value.key == key


class Noted:
    """A watch that remembers its notes."""

    def __init__(self):
        self.lacking = {}

    def notes(self, part, reason):
        self.lacking[part] = reason

    def goes_on(self, *parts):
        for part in parts:
            self.lacking.pop(part, None)


def test_a_clock_that_is_an_hour_ahead_is_noted_until_it_is_right():
    """Its flows lie in minutes that nobody looks at yet: traffic seems to be missing."""
    now = int(NOON.timestamp() * 1e6)
    early, right = NOON + timedelta(hours=1), NOON + timedelta(seconds=2)
    clocks, watch = Clocks("flow", "node", "hubble"), Noted()
    clocks.told(
        {"flow": events("flow", {"node": "n1", "time": early}, {"node": "n2", "time": right})}, now, watch
    )
    [reason] = watch.lacking.values()
    assert "n1 by 60 min" in reason and "n2" not in reason
    clocks.told({"flow": events("flow", {"node": "n2", "time": right})}, now, watch)
    assert watch.lacking, "another node's flows are no sign"
    clocks.told({"flow": events("flow", {"node": "n1", "time": right})}, now, watch)
    clocks.told({"flow": events("flow", {"node": "n2", "time": right}).slice(0, 0)}, now, watch)
    assert not watch.lacking


def test_a_right_clock_does_not_take_back_what_another_collector_of_the_process_said():
    """All of a process say it in one report; Prometheus's clock is looked at before each of its turns."""
    now = int(NOON.timestamp() * 1e6)
    flows = {"flow": events("flow", {"node": "n1", "time": NOON + timedelta(hours=1)})}
    watch = Noted()
    Clocks("flow", "node", "hubble").told(flows, now, watch)
    note_skew("Prometheus", now, now, watch)
    assert ["n1 by 60 min" in reason for reason in watch.lacking.values()] == [True]
    note_skew("Prometheus", now + 3_600 * 10**6, now, watch)
    assert len(watch.lacking) == 2


SYN = {
    "opens_connection": True, "is_reply": False, "direction": "EGRESS", "protocol": "TCP",
    "source_ip": "10.0.0.1", "source_port": 1, "destination_ip": "10.0.0.2", "destination_port": 80,
}  # fmt: skip


def counted(table):
    return sum(row["connections"] for row in network.fold(table, {})["network_usage"].to_pylist())


def test_a_connection_that_several_points_report_counts_once_also_over_a_restart():
    """Up to fifteen events tell of one connection; the window is in the cursor, which is JSON."""
    first, window = once(
        events("flow", SYN, SYN, {**SYN, "direction": "INGRESS"}, {**SYN, "source_port": 2}), {}
    )
    assert counted(first) == 2
    again, _ = once(events("flow", SYN, {**SYN, "source_port": 3}), json.loads(json.dumps(window)))
    assert counted(again) == 1


def test_a_connection_to_a_service_counts_once_and_as_its_pods():
    """Its SYN is seen towards the service's address, then towards the pod that was chosen; so is a retry."""
    pod = {**SYN, "destination_ip": "10.0.0.3", "destination_port": 8080, "destination_pod": "api-1"}
    table, window = once(events("flow", SYN, pod, SYN, pod), {})
    assert [row["opens_connection"] for row in table.to_pylist()] == [False, True, False, False]
    cut, window = once(events("flow", SYN), {})
    after, _ = once(events("flow", pod), json.loads(json.dumps(window)))
    assert counted(cut) == 1 and counted(after) == 0
    later = {**pod, "time": NOON.replace(second=5)}
    assert counted(once(events("flow", SYN, later), {})[0]) == 2
    assert counted(once(events("flow", SYN, {**pod, "source_port": 2}), {})[0]) == 2


def test_the_same_ports_later_are_another_connection():
    later = NOON.replace(minute=1)
    table, window = once(events("flow", SYN, {**SYN, "time": later}), {})
    assert counted(table) == 2 and sum(not key.startswith("~") for key in window) == 1


def test_a_dropped_opening_does_not_hide_the_one_that_came_through():
    table, _ = once(events("flow", {**SYN, "verdict": "DROPPED"}, SYN), {})
    assert counted(table) == 1


def test_what_is_remembered_is_bounded(monkeypatch):
    """A port scan must not fill the cursor, which is written with each turn."""
    monkeypatch.setattr(connections, "MOST", 5)
    _, window = once(events("flow", *({**SYN, "source_port": port} for port in range(50))), {})
    assert len(window) == 5


@given(st.lists(st.tuples(st.integers(1, 4), st.integers(0, 200)), max_size=30), st.data())
def test_where_turns_are_cut_does_not_change_what_counts(rows, data):
    """A restart between any two events leaves the number of connections as it is."""
    rows.sort(key=lambda row: row[1])
    flows = [
        {**SYN, "source_port": port, "time": NOON.replace(minute=s // 60, second=s % 60)} for port, s in rows
    ]
    if not flows:
        return
    whole, _ = once(events("flow", *flows), {})
    cut = data.draw(st.integers(0, len(flows)))
    total, window = 0, {}
    for part in (flows[:cut], flows[cut:]):
        if part:
            table, window = once(events("flow", *part), window)
            total += counted(table)
    assert total == counted(whole)


def test_the_recorded_connections_are_counted_once():
    """70 SYN events of the samples' TCP file; its addresses and ports say how many connections those are."""
    data = sample("hubble-otel", "basic-sample-400-tcp-flows.json").read_bytes()
    parsed = hubble.parse(data, cluster="c")
    truth = set()
    for line in data.splitlines():
        flow = json.loads(line)["flow"]
        tcp = flow.get("l4", {}).get("TCP", {})
        flags = tcp.get("flags", {})
        opens = flags.get("SYN") and not flags.get("ACK") and not flow.get("is_reply")
        if opens and flow.get("traffic_direction") == "EGRESS" and flow["verdict"] != "DROPPED":
            address = flow["IP"]
            truth.add(
                (address["source"], tcp["source_port"], address["destination"], tcp["destination_port"])
            )
    before = counted(parsed.events["flow"])
    after, _ = completed(parsed, Places("", ""), {})
    assert after.balanced and counted(after.events["flow"]) == len(truth) < before


RETINA = (
    '{"flow":{"time":"2026-09-01T10:00:00Z","verdict":"FORWARDED","traffic_direction":"EGRESS",'
    '"trace_observation_point":"%s","extensions":%s}}'
)


@pytest.mark.parametrize(
    ("point", "extensions", "expected"),
    [
        (
            "TO_STACK",
            '{"@type":"x/utils.RetinaMetadata","bytes":100,"previously_observed_bytes":"900"}',
            1000.0,
        ),
        ("TO_STACK", '{"@type":"x/google.protobuf.Struct","value":{"bytes":64}}', 64.0),
        ("TO_NETWORK", '{"bytes":100}', None),
        ("TO_STACK", '{"bytes":"many"}', None),
        ("TO_STACK", '{"bytes":[1]}', None),
        ("TO_STACK", '{"other":1}', None),
        ("TO_STACK", "null", None),
    ],
)
def test_retinas_bytes_are_taken_once_with_their_method(point, extensions, expected):
    """The same packet is reported at the pod and at the node's interface; twice its bytes would be billed."""
    parsed = hubble.parse((RETINA % (point, extensions)).encode(), cluster="c")
    [row] = parsed.events["flow"].to_pylist()
    assert parsed.balanced and row["bytes"] == expected
    assert row["bytes_method"] == (None if expected is None else "retina")
