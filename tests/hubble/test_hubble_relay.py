"""Flows of a whole cluster through the real hubble-relay: they mean what files and the command say."""

from __future__ import annotations

import json
import threading

from collectors.hubble import flows as parser
from collectors.live.hubble import relay_names, relay_nodes
from collectors.live.hubble.completed import completed
from collectors.live.hubble.parameters import HubbleSettings
from collectors.live.hubble.places import Places
from collectors.live.hubble.relay import parse
from collectors.live.hubble.relay_lines import received
from collectors.live.hubble.relay_messages import MASK, descriptor
from collectors.live.hubble.relay_stream import Stream
from detectors import network, network_outcomes
from pipeline.collect.report import Report
from pipeline.rig.hubble import Agent, Relay, messages, observe
from pipeline.rig.tls import certificates
from tests.hubble.hubble_run import Run, flow
from tests.samples import sample
from tests.waiting import until


def recorded() -> list[bytes]:
    """The samples in the order of their time, as an agent's ring has them."""
    lines = [
        line
        for path in sorted(sample("hubble-otel").glob("*.json"))
        for line in path.read_bytes().splitlines()
        if line
    ]
    return sorted(lines, key=lambda line: json.loads(line)["flow"]["time"])


def facts(parsed):
    """Rows of every fact of the flows, without the order in which relay mixes nodes."""
    flows = completed(parsed, Places("", ""), {})[0].events["flow"]
    tables = [flows, *network.fold(flows, {}).values(), *network_outcomes.fold(flows, {}).values()]
    return [sorted(table.to_pylist(), key=lambda row: json.dumps(row, default=str)) for table in tables]


def test_recorded_flows_mean_the_same_by_relay_by_file_and_by_the_real_command(hubble, tmp_path):
    """A cluster that goes from the exporter's files to relay must not change its numbers."""
    lines = recorded()
    hubble.agents[0].add(lines)
    stream, report, answers = Stream(HubbleSettings(relay=hubble.relay.address), 0, masked=True), Report(), []
    until(lambda: answers.extend(stream.answers(report, 0.1)) or len(answers) > len(lines), "all flows", 30)
    stream.close()
    by_relay = parse([received(data) for data in answers], cluster="c")
    by_command = parser.parse(
        "\n".join(hubble.relay.observe("--last", "5000", "-o", "json")).encode(), cluster="c"
    )
    by_file = parser.parse(b"\n".join(lines), cluster="c")
    assert by_relay.used == by_command.used == by_file.used == len(lines)
    assert by_relay.balanced and not by_relay.rejected and by_relay.excluded == {"node_status": 1}
    assert facts(by_relay) == facts(by_file) == facts(by_command)
    assert list(MASK) in hubble.agents[0].masks
    # What the command itself picks by its reading of a flow is as many as our rows say.
    rows = completed(by_file, Places("", ""), {})[0].events["flow"].to_pylist()
    asked = {
        ("--verdict", "DROPPED"): ("verdict", "DROPPED"),
        ("--verdict", "FORWARDED"): ("verdict", "FORWARDED"),
        ("--http-status", "503"): ("http_status", 503),
        ("--from-namespace", "bookinfo"): ("source_namespace", "bookinfo"),
        ("--to-port", "53"): ("destination_port", 53),
    }
    (file := tmp_path / "flows.json").write_bytes(b"\n".join(lines))
    said = {words: len(observe("--input-file", str(file), "-o", "json", *words)) for words in asked}
    ours = {words: sum(row[name] == value for row in rows) for words, (name, value) in asked.items()}
    assert said == ours and ours["--http-status", "503"] > 100


def seen(number, node, zone, seconds, **fields):
    """A flow as one point of one node reports it; its own pod is 10.0.0.1 on n1 and 10.0.0.2 on n2."""
    line = json.loads(flow(number, node, seconds=seconds))
    own = "source" if fields["traffic_direction"] == "EGRESS" else "destination"
    told = {own: {"ID": 7, "namespace": "ml", "pod_name": own}, "node_labels": [f"{ZONE}={zone}"], **fields}
    line["flow"] |= told
    return json.dumps(line).encode()


ZONE = "topology.kubernetes.io/zone"


def test_a_connection_that_both_nodes_report_at_many_points_is_one_between_two_zones(hubble, tmp_path):
    """Traffic between zones is billed: by the events of one connection it would be billed five times."""
    ends = {"IP": {"source": "10.0.0.1", "destination": "10.0.0.2"}}
    ends["l4"] = {"TCP": {"source_port": 5_000, "destination_port": 80, "flags": {"SYN": True}}}
    back = {"IP": {"source": "10.0.0.2", "destination": "10.0.0.9"}, "l4": {"UDP": {"source_port": 1}}}
    out, into = {"traffic_direction": "EGRESS", **ends}, {"traffic_direction": "INGRESS", **ends}
    hubble.agents[1].add([seen(0, "n2", "z2", 0, traffic_direction="EGRESS", **back)])
    run = Run(tmp_path / "state", relay=hubble.relay.address)
    with run():
        run.has(0)
        hubble.agents[0].add([
            seen(1, "n1", "z1", 5, trace_observation_point="FROM_ENDPOINT", **out),
            seen(2, "n1", "z1", 5.1, trace_observation_point="TO_STACK", **out),
            seen(3, "n1", "z1", 5.2, trace_observation_point="TO_NETWORK", **out),
        ])  # fmt: skip
        hubble.agents[1].add([
            seen(4, "n2", "z2", 5.1, trace_observation_point="FROM_NETWORK", **into),
            seen(5, "n2", "z2", 5.2, trace_observation_point="TO_ENDPOINT", **into),
        ])  # fmt: skip
        run.has(1, 2, 3, 4, 5)
    found = network.fold(run.flows(), {})["network_usage"].to_pylist()
    assert sum(row["connections"] for row in found) == 1
    assert [row["class"] for row in found if row["connections"]] == ["cross_zone"]


class Older(Agent):
    """Says of every masked request what relay says of a node that refuses it."""

    def _flows(self, request, context):
        if not request.field_mask.paths:
            yield from super()._flows(request, context)
            return
        told = {"state_change": relay_nodes.ERROR, "node_names": ["n1"], "message": "invalid fieldmask"}
        self.masks.append(list(request.field_mask.paths))
        yield self._classes["observer.GetFlowsResponse"](node_status=told)
        ended = threading.Event()
        if context.add_callback(ended.set):
            ended.wait()


def test_a_node_that_knows_not_all_fields_is_asked_without_a_mask(hubble, tmp_path):
    """A mask with a field of a newer version is refused whole: nothing would ever come."""
    older = Older(name="n1")
    older.start()
    older.add([flow(0)])
    run = Run(tmp_path / "state", relay=older.address)
    with run():
        run.has(0)
    older.stop()
    assert older.masks[0] and not older.masks[-1]
    assert [gap["kind"] for gap in run.gaps()] == ["node_error"]


def test_tls_with_certificates_of_both_sides(hubble, tmp_path):
    """A cluster that demands TLS must not be read by who has no certificate, nor trust any server."""
    pems = certificates(tmp_path)
    relay = Relay(tmp_path / "relay", hubble.agents[0], tls=pems)
    hubble.agents[0].add([flow(0)])
    relay.start()
    tls = {"relay": relay.address, "relay_tls": True, "relay_cafile": str(pems.cafile)}
    own = {"relay_certfile": str(pems.keystore), "relay_keyfile": str(pems.keystore)}
    try:
        for number, refused in enumerate(({}, {"relay_server_name": "elsewhere", **own})):
            run = Run(tmp_path / f"refused{number}", **tls, **refused)
            with run():
                until(lambda run=run: relay.address in str(run.report.not_ready()), "it says so", 30)
            assert not run.turns
        run = Run(tmp_path / "state", **tls, **own, relay_server_name="localhost")
        with run():
            run.has(0)
    finally:
        relay.stop()


def test_names_and_numbers_are_ciliums(hubble):
    """A wrong number would read one field for another without a word."""
    theirs = messages()
    flow_file = theirs["flow.Flow"].DESCRIPTOR.file
    enums = {
        "Verdict": relay_names.VERDICTS,
        "TrafficDirection": relay_names.DIRECTIONS,
        "TraceObservationPoint": relay_names.POINTS,
        "L7FlowType": relay_names.LAYER7,
        "LostEventSource": relay_names.LOST,
        "DropReason": relay_names.DROPS,
    }
    for name, ours in enums.items():
        values = flow_file.enum_types_by_name[name].values
        assert ours == {v.number: v.name for v in values if v.number}, name
    pairs = {
        "Request": "observer.GetFlowsRequest", "Response": "observer.GetFlowsResponse", "Flow": "flow.Flow",
        "NodeStatus": "relay.NodeStatusEvent", "Lost": "flow.LostEvent", "IP": "flow.IP",
        "Layer4": "flow.Layer4", "Flags": "flow.TCPFlags", "Layer7": "flow.Layer7", "Dns": "flow.DNS",
        "Http": "flow.HTTP", "Endpoint": "flow.Endpoint", "Workload": "flow.Workload",
    }  # fmt: skip
    for ours, name in pairs.items():
        fields = theirs[name].DESCRIPTOR.fields_by_name
        for told in descriptor(ours).fields:
            assert fields[told.name].number == told.number, f"{name}.{told.name}"
    for name in ("TCP", "UDP", "SCTP"):
        fields = theirs[f"flow.{name}"].DESCRIPTOR.fields_by_name
        assert (fields["source_port"].number, fields["destination_port"].number) == (1, 2)
    assert theirs["flow.TCP"].DESCRIPTOR.fields_by_name["flags"].number == 3
