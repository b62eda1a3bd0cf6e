"""What users and broken disks write into flows: a row with its reason, and the next flow counts."""

from __future__ import annotations

import json

from collectors.hubble import flows as hubble
from collectors.live.catalogue import collector
from collectors.live.hubble import matching
from collectors.live.hubble.followed import Opened
from collectors.live.hubble.parameters import HubbleSettings
from pipeline.collect import turns
from pipeline.collect.doors import Ledger
from pipeline.collect.report import Report
from pipeline.collect.state import State
from pipeline.embedded import Embedded
from pipeline.store import Store
from tests.hubble.hubble_run import Run, flow
from tests.samples import sample
from tests.waiting import until


def with_source(number, **source):
    line = json.loads(flow(number))
    line["flow"]["source"] = {"ID": 1, "namespace": "ml", **source}
    return json.dumps(line).encode()


def test_hostile_names_and_half_a_line_are_rows_in_the_ledger(tmp_path):
    """Names are the users': one of 100 kB must neither stop the collector nor become a key of every fact."""
    file = tmp_path / "events.log"
    lines = [
        with_source(1, namespace="n" * 100_000),
        with_source(2, labels=["x=" + "y" * 100_000]),
        with_source(3, namespace="a\0b"),
        b'{"flow":{"time":[]}}',
        b"\xff\xfe",
        with_source(4)[:-20],
    ]
    file.write_bytes(b"\n".join(lines))
    report, account = Report(), []

    def safe(turn):
        account.append(turn.parsed)
        if len(account) == 1:
            file.rename(tmp_path / "events-2026-11-25T16-00-00.001.log")  # nobody writes it any more
            file.write_bytes(flow(5) + b"\n")
        if sum(p.read for p in account) == 7:
            report.stop()

    source = collector("hubble", HubbleSettings(files=str(file), poll_seconds=0.02), "c")
    with Store.open(tmp_path / "ledger") as store, State.open(tmp_path / "state") as state:
        turns.run("hubble", source, state, Ledger(Embedded(store)), report, safe)
        reasons = sorted(store.rows("rejected").column("reason").to_pylist())
        flows = sum(store.rows("network_usage").column("flows").to_pylist())
    assert reasons == ["malformed", "malformed", "nul_character", "text_too_long", "wrong_type"]
    assert flows == 2 and all(p.balanced for p in account)


def test_a_file_without_the_right_to_read_it_is_named_until_it_is_read_and_the_rest_goes_on(
    tmp_path, monkeypatch
):
    """Who mended the right must see that it is mended; the flows of the other file came all the while."""
    denied = tmp_path / "denied.log"
    denied.write_bytes(flow(1) + b"\n")
    (tmp_path / "open.log").write_bytes(flow(2) + b"\n")
    forbidden = {str(denied)}

    def opened(path):
        if path in forbidden:
            raise PermissionError(13, "Permission denied", path)
        return Opened(path)

    monkeypatch.setattr(matching, "Opened", opened)
    run = Run(tmp_path / "state", files=f"{tmp_path}/*.log")
    with run():
        run.has(2)
        until(lambda: run.report.remarks() and not run.report.not_ready(), "the remark", 30)
        [remark] = run.report.remarks()
        assert str(denied) in remark and "Permission denied" in remark and run.uuids() == ["u2"]
        forbidden.clear()
        run.has(1, 2)
        until(lambda: not run.report.remarks(), "no remark", 30)
    assert run.uuids() == ["u1", "u2"]


def test_every_sample_is_parsed_with_nothing_unexplained():
    """The recorded files of real clusters: each line is a flow, none is left out, none is refused."""
    files = sorted(sample("hubble-otel").glob("*.json"))
    assert len(files) >= 5
    for file in files:
        data = file.read_bytes()
        parsed = hubble.parse(data, cluster="c")
        lines = sum(bool(line.strip()) for line in data.splitlines())
        assert (
            (parsed.read, parsed.used) == (lines, lines) and not parsed.excluded and not parsed.gaps.num_rows
        )
        assert not [c for c in parsed.events["flow"].column("verdict").to_pylist() if c == "VERDICT_UNKNOWN"]
