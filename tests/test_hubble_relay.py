"""Flows of a whole cluster through the real hubble-relay: each once, or a gap says what was not had."""

from __future__ import annotations

import json
import time

import pytest

from collectors import hubble as parser
from collectors.live.hubble import relay as relay_module
from collectors.live.hubble import relay_names, relay_nodes, relay_stream
from collectors.live.hubble.completed import completed
from collectors.live.hubble.parameters import HubbleSettings
from collectors.live.hubble.places import Places
from collectors.live.hubble.relay import parse
from collectors.live.hubble.relay_lines import received
from collectors.live.hubble.relay_messages import MASK, descriptor
from collectors.live.hubble.relay_stream import Stream
from detectors import network, network_outcomes
from pipeline.collect.report import Report
from pipeline.rig.hubble import Agent, Relay, messages
from pipeline.rig.tls import certificates
from tests.hubble_run import Run, flow
from tests.samples import sample
from tests.waiting import until


@pytest.fixture
def agents(hubble):
    return hubble.agents


@pytest.fixture
def relay(hubble):
    return hubble.relay


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


def test_recorded_flows_mean_the_same_by_relay_by_file_and_by_the_real_command(agents, relay):
    """A cluster that goes from the exporter's files to relay must not change its numbers."""
    lines = recorded()
    agents[0].add(lines)
    stream, report, answers = Stream(HubbleSettings(relay=relay.address), 0, masked=True), Report(), []
    until(lambda: answers.extend(stream.answers(report, 0.1)) or len(answers) > len(lines), "all flows", 30)
    stream.close()
    by_relay = parse([received(data) for data in answers], cluster="c")
    by_command = parser.parse("\n".join(relay.observe("--last", "5000", "-o", "json")).encode(), cluster="c")
    by_file = parser.parse(b"\n".join(lines), cluster="c")
    assert by_relay.used == by_command.used == by_file.used == len(lines)
    assert by_relay.balanced and not by_relay.rejected and by_relay.excluded == {"node_status": 1}
    assert facts(by_relay) == facts(by_file) == facts(by_command)
    assert list(MASK) in agents[0].masks


def test_relay_that_is_killed_and_comes_back_loses_and_doubles_nothing(agents, relay, tmp_path):
    """Relay is a Deployment of one pod: it moves with every upgrade, while the agents keep their rings."""
    agents[0].add([flow(n, seconds=n) for n in range(3)])
    run = Run(tmp_path / "state", relay=relay.address)
    with run():
        run.has(0, 1, 2)
        until(lambda: not run.report.not_ready(), "it is ready")
        relay.kill()
        agents[0].add([flow(3, seconds=3), flow(4, seconds=4)])
        until(lambda: run.report.not_ready(), "it says what it waits for")
        assert relay.address in str(run.report.not_ready())
        relay.start()
        agents[0].add([flow(5, seconds=5)])
        run.has(3, 4, 5)
        until(lambda: not run.report.not_ready(), "it is ready again")
    assert run.uuids() == [f"u{n}" for n in range(6)] and not run.gaps()


def test_relay_that_hangs_is_said_to_be_silent(agents, relay, tmp_path, monkeypatch):
    """A connection that nobody has closed looks like one without traffic."""
    monkeypatch.setattr(relay_module, "QUIET_SECONDS", 2.5)
    agents[0].add([flow(0)])
    run = Run(tmp_path / "state", relay=relay.address)
    with run():
        run.has(0)
        relay.process.freeze()
        until(lambda: "sent nothing" in str(run.report.remarks()), "a note", 30)
        relay.process.thaw()
        agents[0].add([flow(1, seconds=1)])
        until(lambda: run.report.remarks() == [] and run.uuids() == ["u0", "u1"], "it goes on", 30)


def test_a_collector_that_is_restarted_goes_on_where_it_was(agents, relay, tmp_path):
    """Flows of the time between come from the agents' rings; a clock an hour off on one node hides none."""
    agents[0].add([flow(n, seconds=n / 10) for n in range(40)])
    agents[1].add([flow(100 + n, "n2", seconds=3_600 + n) for n in range(3)])
    run = Run(tmp_path / "state", relay=relay.address)
    with run():
        run.has(*range(40), 100, 101, 102)
    agents[0].add([flow(n, seconds=n / 10) for n in range(40, 45)])
    agents[1].add([flow(103, "n2", seconds=3_603)])
    with run():
        run.has(*range(45), 103)
    assert len(run.uuids()) == 49 and not run.gaps()
    assert sum(t.parsed.excluded["repeated"] for t in run.turns) >= 20


def test_flows_that_an_agent_overwrote_meanwhile_are_a_gap(agents, relay, tmp_path):
    """A ring holds some thousand flows: after a long stop the bill must not look complete."""
    agents[0].add([flow(n, seconds=n) for n in range(3)])
    run = Run(tmp_path / "state", relay=relay.address)
    with run():
        run.has(0, 1, 2)
    agents[0].ring = 5
    agents[0].add([flow(n, seconds=n) for n in range(3, 20)])
    with run():
        run.has(*range(15, 20))
    [gap] = run.gaps()
    assert (gap["source"], gap["kind"]) == ("hubble/n1", "flows_overwritten")
    assert (gap["start"].isoformat(), gap["end"].isoformat()) == (
        "2026-09-01T10:00:02",
        "2026-09-01T10:00:15",
    )
    assert len(run.uuids()) == 8


def states(relay):
    """What relay says of its nodes at the beginning of a request."""
    stream, report = Stream(HubbleSettings(relay=relay.address), 0, masked=True), Report()
    answers = stream.answers(report, 0.2)
    stream.close()
    return {one.status.state for one in map(received, answers) if one.status}


def test_a_node_without_connection_is_a_gap_until_it_is_back(agents, relay, tmp_path, monkeypatch):
    """One node of a hundred that is missing changes every sum a little, and nothing else would say so."""
    monkeypatch.setattr(relay_nodes, "GRACE", 100_000)
    agents[1].stop()
    agents[0].add([flow(0)])
    until(lambda: relay_nodes.UNAVAILABLE in states(relay), "relay has noticed", 30)
    run = Run(tmp_path / "state", relay=relay.address)
    with run():
        run.has(0)
        until(lambda: run.gaps(), "a gap")
        until(lambda: "n2" in str(run.report.remarks()), "a note")
        assert not run.report.not_ready(), "the other node's flows go on"
        agents[1].add([flow(1, "n2")])
        agents[1].start()
        run.has(1)
        until(lambda: "n2" not in str(run.report.remarks()), "the note is gone")
    gap = run.gaps()[0]
    assert (gap["source"], gap["kind"]) == ("hubble/n2", "node_unavailable")
    assert gap["start"] <= gap["end"] and {gap["source"] for gap in run.gaps()} == {"hubble/n2"}


def test_an_agent_that_fails_is_a_gap_and_what_its_ring_had_comes(agents, relay, tmp_path):
    """Agents restart with every upgrade of Cilium; relay tells it late, and asks for old flows again."""
    agents[0].add([flow(0)])
    agents[1].add([flow(1, "n2", seconds=1), flow(2, "n2", seconds=9)])
    run = Run(tmp_path / "state", relay=relay.address)
    with run():
        run.has(0, 1, 2)
        agents[1].stop()
        agents[1].add([flow(3, "n2", seconds=10)])
        agents[1].start()
        run.has(3)
        until(lambda: run.gaps(), "a gap", 30)
        agents[1].add([flow(4, "n2", seconds=11)])
        run.has(4)
    assert run.uuids() == [f"u{n}" for n in range(5)]
    assert [(gap["source"], gap["kind"]) for gap in run.gaps()] == [("hubble/n2", "node_error")]


def test_a_request_that_is_sent_anew_doubles_nothing(agents, relay, tmp_path, monkeypatch):
    """Relay drops a node whose agent ended in order without a word: only a new request asks it again."""
    monkeypatch.setattr(relay_stream, "RENEW_SECONDS", 2.5)  # relay keeps flows for a second to sort them
    agents[0].add([flow(n, seconds=n / 10) for n in range(5)])
    run = Run(tmp_path / "state", relay=relay.address)
    with run():
        run.has(0, 1, 2, 3, 4)
        until(lambda: len(agents[0].masks) >= 2, "a second request", 30)
        agents[0].add([flow(5, seconds=5)])
        run.has(5)
        assert not run.report.not_ready()
    assert run.uuids() == [f"u{n}" for n in range(6)] and not run.gaps()


class Older(Agent):
    """Says of every masked request what relay says of a node that refuses it."""

    def _flows(self, request, context):
        if not request.field_mask.paths:
            yield from super()._flows(request, context)
            return
        told = {"state_change": relay_nodes.ERROR, "node_names": ["n1"], "message": "invalid fieldmask"}
        self.masks.append(list(request.field_mask.paths))
        yield self._classes["observer.GetFlowsResponse"](node_status=told)
        while context.is_active():
            time.sleep(0.02)


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


def test_tls_with_certificates_of_both_sides(agents, tmp_path):
    """A cluster that demands TLS must not be read by who has no certificate, nor trust any server."""
    pems = certificates(tmp_path)
    relay = Relay(tmp_path / "relay", agents[0], tls=pems)
    agents[0].add([flow(0)])
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
