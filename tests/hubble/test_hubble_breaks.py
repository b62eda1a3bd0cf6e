"""Relay, its agents and the collector come and go: each flow counts once, or a gap says what was not had."""

from __future__ import annotations

from collectors.live.hubble import relay as relay_module
from collectors.live.hubble import relay_nodes, relay_stream
from collectors.live.hubble.parameters import HubbleSettings
from collectors.live.hubble.relay_lines import received
from collectors.live.hubble.relay_stream import Stream
from pipeline.collect.report import Report
from tests.hubble.hubble_run import Run, flow
from tests.waiting import until


def test_relay_that_is_killed_and_comes_back_loses_and_doubles_nothing(hubble, tmp_path):
    """Relay is a Deployment of one pod: it moves with every upgrade, while the agents keep their rings."""
    hubble.agents[0].add([flow(n, seconds=n) for n in range(3)])
    run = Run(tmp_path / "state", relay=hubble.relay.address)
    with run():
        run.has(0, 1, 2)
        until(lambda: not run.report.not_ready(), "it is ready")
        hubble.relay.kill()
        hubble.agents[0].add([flow(3, seconds=3), flow(4, seconds=4)])
        until(lambda: run.report.not_ready(), "it says what it waits for")
        assert hubble.relay.address in str(run.report.not_ready())
        hubble.relay.start()
        hubble.agents[0].add([flow(5, seconds=5)])
        run.has(3, 4, 5)
        until(lambda: not run.report.not_ready(), "it is ready again")
    assert run.uuids() == [f"u{n}" for n in range(6)] and not run.gaps()


def test_relay_that_hangs_is_said_to_be_silent(hubble, tmp_path, monkeypatch):
    """A connection that nobody has closed looks like one without traffic."""
    monkeypatch.setattr(relay_module, "QUIET_SECONDS", 2.5)
    hubble.agents[0].add([flow(0)])
    run = Run(tmp_path / "state", relay=hubble.relay.address)
    with run():
        run.has(0)
        hubble.relay.process.freeze()
        until(lambda: "sent nothing" in str(run.report.remarks()), "a note", 30)
        hubble.relay.process.thaw()
        hubble.agents[0].add([flow(1, seconds=1)])
        until(lambda: run.report.remarks() == [] and run.uuids() == ["u0", "u1"], "it goes on", 30)


def test_a_collector_that_is_restarted_goes_on_where_it_was(hubble, tmp_path):
    """Flows of the time between come from the agents' rings; a clock an hour off on one node hides none."""
    hubble.agents[0].add([flow(n, seconds=n / 10) for n in range(40)])
    hubble.agents[1].add([flow(100 + n, "n2", seconds=3_600 + n) for n in range(3)])
    run = Run(tmp_path / "state", relay=hubble.relay.address)
    with run():
        run.has(*range(40), 100, 101, 102)
    hubble.agents[0].add([flow(n, seconds=n / 10) for n in range(40, 45)])
    hubble.agents[1].add([flow(103, "n2", seconds=3_603)])
    with run():
        run.has(*range(45), 103)
    assert len(run.uuids()) == 49 and not run.gaps()
    assert sum(t.parsed.excluded["repeated"] for t in run.turns) >= 20


def test_flows_that_an_agent_overwrote_meanwhile_are_a_gap(hubble, tmp_path):
    """A ring holds some thousand flows: after a long stop the bill must not look complete."""
    hubble.agents[0].add([flow(n, seconds=n) for n in range(3)])
    run = Run(tmp_path / "state", relay=hubble.relay.address)
    with run():
        run.has(0, 1, 2)
    hubble.agents[0].ring = 5
    hubble.agents[0].add([flow(n, seconds=n) for n in range(3, 20)])
    with run():
        run.has(*range(15, 20))
    [gap] = run.gaps()
    assert (gap["source"], gap["kind"]) == ("hubble/n1", "flows_overwritten")
    assert (gap["start"].isoformat(), gap["end"].isoformat()) == (
        "2026-09-01T10:00:02",
        "2026-09-01T10:00:15",
    )
    assert len(run.uuids()) == 8


def states(hubble):
    """What relay says of its nodes at the beginning of a request."""
    stream, report = Stream(HubbleSettings(relay=hubble.relay.address), 0, masked=True), Report()
    answers = stream.answers(report, 0.2)
    stream.close()
    return {one.status.state for one in map(received, answers) if one.status}


def test_a_node_without_connection_is_a_gap_until_it_is_back(hubble, tmp_path, monkeypatch):
    """One node of a hundred that is missing changes every sum a little, and nothing else would say so."""
    monkeypatch.setattr(relay_nodes, "GRACE", 100_000)
    hubble.agents[1].stop()
    hubble.agents[0].add([flow(0)])
    until(lambda: relay_nodes.UNAVAILABLE in states(hubble), "relay has noticed", 30)
    run = Run(tmp_path / "state", relay=hubble.relay.address)
    with run():
        run.has(0)
        until(lambda: run.gaps(), "a gap")
        until(lambda: "n2" in str(run.report.remarks()), "a note")
        assert not run.report.not_ready(), "the other node's flows go on"
        hubble.agents[1].add([flow(1, "n2")])
        hubble.agents[1].start()
        run.has(1)
        until(lambda: "n2" not in str(run.report.remarks()), "the note is gone")
    gap = run.gaps()[0]
    assert (gap["source"], gap["kind"]) == ("hubble/n2", "node_unavailable")
    assert gap["start"] <= gap["end"] and {gap["source"] for gap in run.gaps()} == {"hubble/n2"}


def test_an_agent_that_fails_is_a_gap_and_what_its_ring_had_comes(hubble, tmp_path):
    """Agents restart with every upgrade of Cilium; relay tells it late, and asks for old flows again."""
    hubble.agents[0].add([flow(0)])
    hubble.agents[1].add([flow(1, "n2", seconds=1), flow(2, "n2", seconds=9)])
    run = Run(tmp_path / "state", relay=hubble.relay.address)
    with run():
        run.has(0, 1, 2)
        hubble.agents[1].stop()
        hubble.agents[1].add([flow(3, "n2", seconds=10)])
        hubble.agents[1].start()
        run.has(3)
        until(lambda: run.gaps(), "a gap", 30)
        hubble.agents[1].add([flow(4, "n2", seconds=11)])
        run.has(4)
    assert run.uuids() == [f"u{n}" for n in range(5)]
    assert [(gap["source"], gap["kind"]) for gap in run.gaps()] == [("hubble/n2", "node_error")]


def test_a_request_that_is_sent_anew_doubles_nothing(hubble, tmp_path, monkeypatch):
    """Relay drops a node whose agent ended in order without a word: only a new request asks it again."""
    monkeypatch.setattr(relay_stream, "RENEW_SECONDS", 2.5)  # relay keeps flows for a second to sort them
    hubble.agents[0].add([flow(n, seconds=n / 10) for n in range(5)])
    run = Run(tmp_path / "state", relay=hubble.relay.address)
    with run():
        run.has(0, 1, 2, 3, 4)
        until(lambda: len(hubble.agents[0].masks) >= 2, "a second request", 30)
        hubble.agents[0].add([flow(5, seconds=5)])
        run.has(5)
        assert not run.report.not_ready()
    assert run.uuids() == [f"u{n}" for n in range(6)] and not run.gaps()
