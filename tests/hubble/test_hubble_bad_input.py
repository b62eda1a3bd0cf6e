"""What users and broken disks write into flows: a row with its reason, and the next flow counts."""

from __future__ import annotations

import json

from collectors.hubble import flows as hubble
from collectors.live.catalogue import collector
from collectors.live.hubble.parameters import HubbleSettings
from pipeline.collect import turns
from pipeline.collect.doors import Ledger
from pipeline.collect.report import Report
from pipeline.collect.state import State
from pipeline.embedded import Embedded
from pipeline.store import Store
from tests.hubble.hubble_run import flow
from tests.samples import sample


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
