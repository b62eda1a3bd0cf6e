"""Hubble flows as JSON lines: real files, both shapes, other export events, hostile lines."""

import json
import time

import pytest
from hypothesis import given
from hypothesis import strategies as st

from collectors.hubble import gathered, lines
from collectors.hubble.flows import parse
from collectors.parsed import GAPS_SCHEMA
from pipeline.events import TYPES
from pipeline.facts.control import GAPS
from tests.samples import sample

REAL = {
    "basic-sample-10-flows.json": (10, 1, {"TCP": 10}, {"INGRESS": 8, "EGRESS": 2}),
    "basic-sample-330-dns-flows.json": (330, 0, {"DNS": 330}, {"EGRESS": 330}),
    "basic-sample-348-http-flows.json": (348, 0, {"HTTP": 348}, {"EGRESS": 348}),
    "basic-sample-400-tcp-flows.json": (
        400,
        70,
        {"TCP": 335, "HTTP": 65},
        {"EGRESS": 275, "INGRESS": 75, None: 50},
    ),
    "basic-sample-400-udp-flows.json": (400, 0, {"UDP": 252, "DNS": 148}, {"EGRESS": 326, None: 74}),
}


def counts(values):
    return {v: values.count(v) for v in set(values)}


@pytest.mark.parametrize("name", REAL)
def test_every_real_flow_becomes_an_event(name):
    flows, opened, protocols, directions = REAL[name]
    parsed = parse(sample("hubble-otel", name).read_bytes(), cluster="c")
    table = parsed.events["flow"]
    assert parsed.balanced and not parsed.rejected and not parsed.excluded
    assert (parsed.read, table.num_rows) == (flows, flows)
    assert sum(table["opens_connection"].to_pylist()) == opened
    assert counts(table["protocol"].to_pylist()) == protocols
    assert counts(table["direction"].to_pylist()) == directions
    assert table.schema == TYPES["flow"].schema


def test_places_are_told_only_for_endpoints_on_the_observing_node():
    """A zone charge needs both ends' places; a guess about the far end would invent one."""
    table = parse(sample("hubble-otel", "basic-sample-10-flows.json").read_bytes(), cluster="c").events[
        "flow"
    ]
    row = table.to_pylist()[2]
    assert row["destination_node"] == row["node"] == "gke-ilya-otel-demo-1-ilya-otel-demo-1-6114bb84-zr1l"
    assert row["source_node"] is None, "Prometheus ran elsewhere"
    assert (row["source_pod"], row["source_namespace"]) == ("prometheus-6655946b9f-hx9ln", "istio-system")
    assert (row["source_ip"], row["destination_port"]) == ("10.0.1.4", 15090)


def test_latency_and_status_of_http_responses():
    table = parse(sample("hubble-otel", "basic-sample-348-http-flows.json").read_bytes(), cluster="c").events[
        "flow"
    ]
    statuses = counts(table["http_status"].to_pylist())
    assert {200, 503} <= set(statuses)
    known = [s for s in table["latency_seconds"].to_pylist() if s is not None]
    assert known and all(0 < s < 60 for s in known)


FLOW = (
    '{"time":"2026-09-01T10:00:00.123456789Z","verdict":"FORWARDED","IP":{"source":"10.0.0.1",'
    '"destination":"8.8.8.8"},"l4":{"TCP":{"source_port":1,"destination_port":443,"flags":{"SYN":true}}},'
    '"source":{"ID":7,"namespace":"ml","pod_name":"web-1","workloads":[{"name":"web","kind":"Deployment"}]},'
    '"destination":{"identity":2,"labels":["reserved:world"]},"node_name":"prod/n1","is_reply":false,'
    '"node_labels":["topology.kubernetes.io/region=eu","topology.kubernetes.io/zone=eu-a"],'
    '"traffic_direction":"EGRESS","uuid":"u1","future":{"bytes":[1,2]}}'
)


def test_the_bare_shape_and_the_export_shape_mean_the_same():
    """Older commands print the flow without its envelope."""
    bare = parse(FLOW.encode(), cluster="c").events["flow"]
    wrapped = parse(f'{{"flow":{FLOW},"node_name":"prod/n1","time":"x"}}'.encode(), cluster="c").events[
        "flow"
    ]
    assert bare.equals(wrapped)
    [row] = bare.to_pylist()
    assert (row["source_workload"], row["node"], row["source_node"]) == ("Deployment/web", "n1", "n1")
    assert (row["source_zone"], row["source_region"]) == ("eu-a", "eu")
    assert row["destination_zone"] is None and row["destination_node"] is None
    assert row["opens_connection"] and row["time"].microsecond == 123456


def test_what_is_no_flow_is_left_out_by_name_and_losses_are_kept():
    """Lost events make every network number incomplete; they must not vanish with the line."""
    lost = '{"source":"HUBBLE_RING_BUFFER","num_events_lost":"1234"}'
    lines = [
        f'{{"lost_events":{lost},"node_name":"n1","time":"2026-09-01T10:00:00Z"}}',
        '{"node_status":{"state_change":"NODE_CONNECTED"},"node_name":"n1"}',
        '{"agent_event":{"type":"AGENT_STARTED"}}',
        '{"debug_event":{}}',
        "",
        f'{{"flow":{FLOW}}}',
    ]
    parsed = parse("\n".join(lines).encode(), cluster="c")
    assert parsed.balanced and (parsed.read, parsed.used) == (5, 1)
    assert parsed.excluded == {"lost_events": 1, "node_status": 1, "agent_event": 1, "debug_event": 1}
    [gap] = parsed.gaps.to_pylist()
    assert (gap["lost"], gap["source"], gap["detail"]) == (1234, "hubble/n1", "HUBBLE_RING_BUFFER")
    assert parsed.gaps.schema == GAPS_SCHEMA == GAPS.schema


def flow(**fields):
    return {"flow": {"time": "2026-09-01T10:00:00Z", "verdict": "FORWARDED", **fields}}


def test_numbers_stand_for_what_is_newer_than_the_command_that_wrote_them():
    """An older `hubble` has no name for a newer verdict or reason: it is a flow all the same."""
    line = flow(verdict=7, drop_reason_desc=210, traffic_direction="EGRESS", trace_observation_point=12)
    parsed = parse(json.dumps(line).encode(), cluster="c")
    [row] = parsed.events["flow"].to_pylist()
    assert (row["verdict"], row["drop_reason"], row["direction"]) == ("7", "210", "EGRESS")


def test_a_flow_without_verdict_and_address_is_one_where_the_exporter_calls_it_so():
    """A field mask or aggregation leaves out what it is not told to write."""
    line = {"flow": {"time": "2026-09-01T10:00:00Z", "source": {"pod_name": "a"}, "aggregate": {}}}
    parsed = parse(json.dumps(line).encode(), cluster="c")
    assert (parsed.used, parsed.rejected) == (1, ())


@pytest.mark.parametrize("protocol", ["ICMPv6", "SCTP", "VRRP", "IGMP"])
def test_every_transport_is_named(protocol):
    parsed = parse(json.dumps(flow(l4={protocol: {"type": 1}})).encode(), cluster="c")
    assert parsed.events["flow"]["protocol"].to_pylist() == [protocol]


@pytest.mark.parametrize(
    "written",
    [
        lambda flows: b"\xef\xbb\xbf" + "\n".join(map(json.dumps, flows)).encode(),
        lambda flows: json.dumps(flows, indent=2).encode(),
        lambda flows: "\r\n".join(json.dumps(f["flow"], indent=2) for f in flows).encode(),
    ],
    ids=["byte order mark", "jq -s", "jq .flow"],
)
def test_flows_that_went_through_other_hands_are_the_same(written):
    flows = [flow(uuid=str(n), l4={"TCP": {"destination_port": n}}) for n in range(3)]
    parsed = parse(written(flows), cluster="c")
    assert (parsed.read, parsed.used, parsed.rejected) == (3, 3, ())
    assert parsed.events["flow"]["destination_port"].to_pylist() == [0, 1, 2]


def test_spread_flows_are_taken_up_to_where_they_are_broken():
    whole = json.dumps(flow(), indent=1)
    parsed = parse(f"{whole}\n{whole[:60]}".encode(), cluster="c")
    assert parsed.balanced and parsed.used == 1 and parsed.rejected


@pytest.mark.parametrize(
    ("line", "reason"),
    [
        ("not json", "malformed"),
        ("[" * 50_000, "wrong_type"),
        ('{"flow":' * 50_000, "malformed"),
        ('{"flow":{"verdict":"FORWARDED"}}', "missing_field"),
        ('{"level":"info","time":"2026-09-01T10:00:00Z"}', "missing_field"),
        ('{"flow":{"time":"yesterday","verdict":"DROPPED"}}', "wrong_type"),
        (
            '{"flow":{"time":"2026-09-01T10:00:00Z","verdict":"A","l4":{"TCP":{"destination_port":1e30}}}}',
            "wrong_type",
        ),
        ('{"flow":{"time":"2026-09-01T10:00:00Z","verdict":["A"]}}', "wrong_type"),
        ("\udcff", "malformed"),
        ('{"flow":{"time":"2026-09-01T10:00:00Z","verdict":"A","source":{"ID":"7"}}}', "wrong_type"),
        ('{"flow":{"time":"2026-09-01T10:00:00Z","verdict":"A","destination":7}}', "wrong_type"),
        ('{"flow":{"time":"2026-09-01T10:00:00Z","verdict":"A","node_labels":{"a":"b"}}}', "wrong_type"),
        (
            '{"flow":{"time":"2026-09-01T10:00:00Z","verdict":"A","source":{"pod_name":"\udcff"}}}',
            "malformed",
        ),
        ('{"flow":{"time":"yesterday","verdict":"A","source":[],"destination":[]}}', "wrong_type"),
    ],
)
def test_a_bad_line_is_refused_and_its_neighbours_are_kept(line, reason):
    data = f"{FLOW}\n{line}\n{FLOW}".encode("utf-8", "surrogateescape")
    parsed = parse(data, cluster="c")
    assert parsed.balanced and parsed.used == 2
    assert [(r.reason, r.row) for r in parsed.rejected] == [(reason, 1)]


def test_a_refused_endpoint_is_named_with_its_place():
    """Someone has to find the one wrong key in a line of a thousand bytes."""
    line = '{"flow":{"time":"2026-09-01T10:00:00Z","verdict":"A","destination":{"ID":"7"}}}'
    [rejected] = parse(line.encode(), cluster="c").rejected
    assert rejected.detail == "Expected `int`, got `str` - at `$.flow.destination.ID`"


PLACE = "topology.kubernetes.io/zone=eu-"
ENDPOINTS = (
    '{"ID":7,"namespace":"ml","pod_name":"web-1"}',
    '{"ID":7, "namespace":"ml","pod_name":"web-1"}',
    '{"identity":1}',
    '{"pod_name":"\\u00e9","workloads":[{"name":"w"}]}',
    '{"pod_name":"w-1","workloads":[{}]}',
    '{"namespace":"a\\u0000b","pod_name":null}',
    "{}",
    "null",
    '{"ID":"7"}',
    "[1]",
)
LABELS = (f'["{PLACE}a"]', f'["{PLACE}b"]', "[]", "null", "[null]")


NODES = ('"n"', '"prod/n"', '"prod/"')
PARTS = {"source": ENDPOINTS, "destination": ENDPOINTS, "node_labels": LABELS, "node_name": NODES}


@given(
    st.lists(st.tuples(*[st.sampled_from((None, *some)) for some in PARTS.values()]), max_size=12),
    st.sampled_from((1, 300, lines._RUN_BYTES)),
)
def test_what_a_line_means_does_not_depend_on_its_neighbours(rows, run_bytes):
    """Many lines are packed at once: no flow may get the endpoint, place or refusal of another."""
    told = []
    for row in rows:
        keys = "".join(
            f',"{key}":{value}' for key, value in zip(PARTS, row, strict=True) if value is not None
        )
        told.append(f'{{"flow":{{"time":"2026-09-01T10:00:00Z","verdict":"A"{keys}}}}}'.encode())
    with pytest.MonkeyPatch.context() as patched:
        patched.setattr(lines, "_RUN_BYTES", run_bytes)
        together = parse(b"\n".join(told), cluster="c")
    alone = [parse(line, cluster="c") for line in told]
    assert together.events["flow"].to_pylist() == [r for p in alone for r in p.events["flow"].to_pylist()]
    assert together.rejected == tuple(r._replace(row=i) for i, p in enumerate(alone) for r in p.rejected)


def test_a_text_is_what_the_line_says_whatever_is_in_it(monkeypatch):
    """Texts wait side by side, NUL after each: one with a NUL may neither be cut nor move its neighbours."""
    monkeypatch.setattr(gathered, "_TABLE_FLOWS", 8_192)
    pods = ["a", "\0", "", "b\0c", None, "\0\0", "\u00e9"]
    for run in (pods, [*pods, *["x"] * 9_000, *pods]):
        lines = [json.dumps(flow(source={"pod_name": pod}, uuid=str(i))) for i, pod in enumerate(run)]
        table = parse("\n".join(lines).encode(), cluster="c").events["flow"]
        assert table["source_pod"].to_pylist() == [pod or None for pod in run]
        assert table["uuid"].to_pylist() == [str(i) for i in range(len(run))]


def test_the_first_owner_names_the_workload_and_the_pod_where_none_is_told():
    """One file replayed by two versions must fall into the same rows."""
    told = ([{"name": "w", "kind": "Job"}, {"name": "x"}], [{"name": "w"}], [{}], [], None)
    lines = [json.dumps(flow(source={"pod_name": "p", "workloads": owners})) for owners in told]
    table = parse("\n".join(lines).encode(), cluster="c").events["flow"]
    assert table["source_workload"].to_pylist() == ["Job/w", "w", None, "p", "p"]


def test_a_table_ends_before_its_texts_are_too_long_for_a_column(monkeypatch):
    """Names are the users': many long ones in one file may not overflow what a column's offsets can hold."""
    monkeypatch.setattr(gathered, "_TABLE_CHARACTERS", 2**20)
    pods = [f"{i}" + "x" * 300_000 for i in range(8)]
    data = "\n".join(json.dumps(flow(source={"pod_name": pod})) for pod in pods).encode()
    column = parse(data, cluster="c").events["flow"]["source_pod"]
    assert column.num_chunks > 1 and column.to_pylist() == pods


def test_what_is_null_is_as_what_is_left_out():
    """Other tools that a line goes through write every key."""
    ports = {"source_port": None, "destination_port": 0, "flags": None}
    ends = {"ID": 1, "namespace": None, "pod_name": None, "workloads": None}
    line = flow(
        l4={"TCP": ports}, source=ends, IP={"source": None}, uuid=None, is_reply=None, node_labels=None,
        traffic_direction=None, drop_reason_desc=None, l7={"latency_ns": None, "http": {"code": None}},
    )  # fmt: skip
    parsed = parse(f"{json.dumps(line)}\n{FLOW}".encode(), cluster="c")
    row = parsed.events["flow"].to_pylist()[0]
    known = {k: v for k, v in row.items() if v is not None and k not in ("time", "cluster", "verdict")}
    assert known == {"protocol": "HTTP", "opens_connection": False, "destination_port": 0}


@given(st.data())
def test_no_bytes_make_it_raise(data):
    text = bytearray(f'{FLOW}\n{{"flow":{FLOW}}}\n'.encode())
    for _ in range(data.draw(st.integers(1, 8))):
        at = data.draw(st.integers(0, len(text) - 1))
        text[at : at + data.draw(st.integers(0, 3))] = data.draw(st.binary(max_size=4))
    assert parse(bytes(text), cluster="c").balanced


def test_flows_are_decoded_at_the_speed_of_a_busy_cluster():
    """A tenth of the measured speed, so that a slow machine passes and a change by an order does not."""
    data = b"".join(p.read_bytes() for p in sorted(sample("hubble-otel").glob("*.json"))) * 10
    parse(data, cluster="c")
    start = time.process_time()
    parsed = parse(data, cluster="c")
    assert parsed.read / (time.process_time() - start) > 28_000
