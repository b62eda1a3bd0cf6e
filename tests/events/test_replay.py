"""`driftledger replay` on real files: every unit is accounted for, and twice changes nothing."""

import gzip
import io
import json
import sys
import tarfile
from collections import Counter
from contextlib import nullcontext
from datetime import UTC, datetime, timedelta

import pytest

from collectors.catalogue import KINDS
from pipeline.cli.app import main
from pipeline.cli.replay import Kind
from pipeline.facts.catalogue import FACTS
from pipeline.store import Store
from tests.samples import sample

SCRAPE = 'DCGM_FI_DEV_GPU_UTIL{UUID="GPU-a",Hostname="n1",modelName="NVIDIA L4"} 50\n'
FLOW = '{"flow":{"time":"2026-09-01T10:00:00Z","verdict":"FORWARDED","source":{"pod_name":"a"}}}\n'
AT = ("--time", "2026-11-01T00:00:00Z")


class Ledger:
    """The command on one folder, as a user types it."""

    def __init__(self, folder, capsys):
        self.folder = folder
        self._capsys = capsys

    def replay(self, kind, *arguments):
        """Exit code and the account of each file."""
        code = self._run("replay", kind, *map(str, arguments), "-o", "json", "--store", str(self.folder))
        outcomes = json.loads(self._capsys.readouterr().out)
        assert all(o["balanced"] for o in outcomes)
        return code, outcomes

    def text(self, *arguments):
        code = self._run("replay", *map(str, arguments), "--store", str(self.folder))
        return code, self._capsys.readouterr()

    def rows(self, fact):
        with Store.open(self.folder, read_only=True) as store:
            return store.rows(fact).to_pylist()

    def everything(self):
        with Store.open(self.folder, read_only=True) as store, store.steady():
            return {name: store.rows(name) for name in FACTS}

    @staticmethod
    def _run(*arguments):
        with pytest.raises(SystemExit) as stopped:
            main(arguments)
        return stopped.value.code


@pytest.fixture
def ledger(tmp_path, capsys):
    return Ledger(tmp_path / "ledger", capsys)


def total(outcomes, name):
    sums = Counter()
    for outcome in outcomes:
        sums.update(outcome[name])
    return +sums


def test_the_command_knows_every_kind():
    assert {k.value for k in Kind} == KINDS.keys() | {"events"}


def test_every_real_flow_is_in_the_facts(ledger):
    """Flows in = flows and drops in the facts, to the last one."""
    code, outcomes = ledger.replay("hubble", f"{sample('hubble-otel')}/*.json")
    rows = ledger.rows("network_usage")
    assert code == 0 and sum(o["read"] for o in outcomes) == 1488
    assert sum(r["flows"] + r["dropped"] for r in rows) == 1488
    assert sum(r["connections"] for r in rows) == 54


def test_every_real_scrape_is_in_the_facts_or_rejected(ledger):
    code, outcomes = ledger.replay("dcgm", f"{sample('dcgm')}/*.prom", *AT)
    assert code == 7 and total(outcomes, "rejected") == {"malformed": 18}
    assert total(outcomes, "events") == {"gpu": 4}
    assert sum(r["samples"] for r in ledger.rows("gpu_usage")) == 4
    rejected = ledger.rows("rejected")
    assert len(rejected) == 18 and {r["reason"] for r in rejected} == {"malformed"}
    name = "v1.35_viettel-ai-platform_accelerator_metrics.prom"
    assert all(r["detail"].startswith(name) and r["topic"].startswith("replay/dcgm/") for r in rejected)


def test_real_claims_meet_their_devices_and_a_copied_file_counts_once(ledger):
    """Two of the sample files are the same: the GPU must not be held twice."""
    code, outcomes = ledger.replay("dra", f"{sample('dra')}/*.json", *AT, "--cluster", "prod")
    assert code == 0 and [o["already_in_the_ledger"] for o in outcomes] == [False, False, False, True]
    [held] = ledger.rows("allocations")
    devices = {d["device"]: d for d in ledger.rows("devices")}
    assert len(devices) == 6 and devices[held["device"]]["gpu_model"] == "GRID A100-10C"
    assert held["cluster"] == "prod"


def test_objects_older_than_the_ledger_takes_are_visible(ledger):
    """A skeleton claim says 2005: its row is refused by the ledger, counted, and the exit code says so."""
    code, outcomes = ledger.replay(
        "dra", sample("k8s-api-testdata", "HEAD.resource.k8s.io.v1.ResourceClaim.json")
    )
    assert code == 7 and total(outcomes, "refused") == {"time_out_of_range": 1}
    assert [r["reason"] for r in ledger.rows("rejected")] == ["time_out_of_range"]


def test_every_object_of_the_kubernetes_tests_is_accounted_for(ledger):
    """`balanced` is asserted of each file; what is not an allocation is named, and so is what is too old."""
    code, outcomes = ledger.replay("dra", f"{sample('k8s-api-testdata')}/*")
    assert code == 7 and sum(o["read"] for o in outcomes) >= len(outcomes) == 13
    assert not total(outcomes, "rejected")
    assert total(outcomes, "excluded").keys() <= {"not_an_allocation", "owner_context", "pool_incomplete"}


def test_every_azure_request_is_in_the_facts(ledger):
    code, [outcome] = ledger.replay("azure-llm", sample("azure-llm-2023", "AzureLLMInferenceTrace_conv.csv"))
    rows = ledger.rows("prediction_sums")
    assert code == 0 and outcome["events"] == {"inference": 19_366}
    assert (sum(r["count"] for r in rows), sum(r["tokens_in"] for r in rows)) == (19_366, 22_361_870)


def test_gentd26_in_the_ledger(ledger):
    folder = sample("alibaba-gentd26")
    code, outcomes = ledger.replay("gentd26", f"{folder}/*.gz", folder / "lora_request_trace.csv")
    assert code == 0 and len(outcomes) == 11
    assert total(outcomes, "events") == {
        "allocation": 147,
        "device": 147,
        "gpu": 161_415,
        "inference": 61_211,
    }
    assert total(outcomes, "excluded")["mac_resource_fork"] == 1
    assert sum(r["samples"] for r in ledger.rows("gpu_usage")) == 161_415
    assert sum(r["count"] for r in ledger.rows("latency_bins")) == 61_211
    before = ledger.everything()
    code, again = ledger.replay("gentd26", f"{folder}/pod_gpu*.gz", folder / "lora_request_trace.csv")
    assert code == 0 and all(o["already_in_the_ledger"] for o in again), "a part of the files is known too"
    assert ledger.everything() == before


def test_a_second_replay_changes_nothing_and_says_so(ledger):
    """The one thing that a person who is not sure whether they did it already must be able to trust."""
    arguments = [(kind, f"{sample(folder)}/*", *AT) for kind, folder in
                 (("hubble", "hubble-otel"), ("dra", "dra"), ("dcgm", "dcgm"))]  # fmt: skip
    for one in arguments:
        ledger.replay(*one)
    before = ledger.everything()
    for one in arguments:
        _, outcomes = ledger.replay(*one)
        assert not total(outcomes, "events") and not total(outcomes, "facts")
    assert ledger.everything() == before
    code, shown = ledger.text(*arguments[0])
    assert code == 0 and shown.out.count("already in the ledger: all") == 5


def test_a_replay_that_was_stopped_goes_on_where_it_was(ledger, tmp_path, monkeypatch):
    """Ctrl-C in the middle of a long trace, then the same command again: the ledger as if never stopped."""
    monkeypatch.setattr("pipeline.replay.kinds.CHUNK_ROWS", 100)
    path = sample("hubble-otel", "basic-sample-400-tcp-flows.json")

    def stop(_name, done, _total):
        if done == 200:
            raise KeyboardInterrupt

    with monkeypatch.context() as stopping:
        stopping.setattr("pipeline.replay.report.progress", lambda: nullcontext(stop))
        ledger.text("hubble", path)
    assert sum(r["flows"] for r in ledger.rows("network_usage")) == 200
    code, [outcome] = ledger.replay("hubble", path)
    assert (code, outcome["duplicates"], outcome["events"]) == (0, 200, {"flow": 200})
    whole = Ledger(tmp_path / "whole", ledger._capsys)
    whole.replay("hubble", path)
    assert whole.rows("network_usage") == ledger.rows("network_usage")


def test_the_account_is_printed_for_people(ledger, tmp_path):
    (tmp_path / "a\x1b[2J.prom").write_text(SCRAPE + "DCGM_FI_DEV_SM_CLOCK 1\nbroken\n")
    code, shown = ledger.text("dcgm", tmp_path / "*.prom", *AT)
    assert code == 7 and "\x1b" not in shown.out
    assert "read 3 = used 1 + excluded 1 + rejected 1" in shown.out
    assert "excluded: metric_not_used 1" in shown.out and "rejected: malformed 1" in shown.out
    assert "events: gpu 1" in shown.out and "gpu_usage 1" in shown.out
    assert shown.err == "", "no progress bar where nobody watches"


def test_an_empty_file_is_a_rejected_row(ledger, tmp_path):
    """An exporter that writes nothing is a fault to see, not a quiet success."""
    for name, content in enumerate(
        (b"", b"\n \n", b"# HELP only\n", gzip.compress(b"", mtime=0) + gzip.compress(b" ", mtime=0))
    ):
        (tmp_path / f"{name}.prom").write_bytes(content)
    code, outcomes = ledger.replay("dcgm", tmp_path / "*.prom", *AT)
    assert code == 7 and total(outcomes, "rejected") == {"empty_file": 4}
    rows = ledger.rows("rejected")
    assert [(r["reason"], r["row"]) for r in rows] == [("empty_file", None)] * 4


def test_garbage_of_any_kind_is_refused_with_a_reason_and_once(ledger, tmp_path):
    (tmp_path / "x").write_bytes(b"\x00\xff{[garbage,\n" * 3)
    for kind in sorted(KINDS.keys() | {"events"}):
        kept = len(ledger.rows("rejected")) if ledger.folder.exists() else 0
        code, outcomes = ledger.replay(kind, tmp_path / "x")
        assert code == 7 and total(outcomes, "rejected").total() == len(ledger.rows("rejected")) - kept > 0
    before = ledger.everything()
    assert {ledger.replay(kind, tmp_path / "x")[0] for kind in ("dcgm", "dra", "events")} == {7}
    assert ledger.everything() == before


def packed(name, content, **others):
    buffer = io.BytesIO()
    with tarfile.open(fileobj=buffer, mode="w:gz") as tar:
        for member, data in {name: content, **others}.items():
            info = tarfile.TarInfo(member)
            info.size = len(data)
            tar.addfile(info, io.BytesIO(data))
    return buffer.getvalue()


def test_archives_and_standard_input_are_the_same_content(ledger, tmp_path, monkeypatch):
    """How a file is packed says nothing about what is in it."""
    (tmp_path / "plain.json").write_text(FLOW)
    (tmp_path / "packed.json.gz").write_bytes(gzip.compress(FLOW.encode()))
    (tmp_path / "both.tar.gz").write_bytes(packed("f.json", FLOW.encode(), **{"._f.json": b"mac"}))
    monkeypatch.setattr(sys, "stdin", io.TextIOWrapper(io.BytesIO(FLOW.encode())))
    (tmp_path / "windows.json").write_bytes(FLOW.encode("utf-16"))
    files = [tmp_path / n for n in ("plain.json", "packed.json.gz", "both.tar.gz", "windows.json")]
    code, outcomes = ledger.replay("hubble", *files, "-")
    assert code == 0 and total(outcomes, "events") == {"flow": 1}
    assert [o["duplicates"] for o in outcomes if o["read"] and o["used"]] == [0, 1, 1, 1, 1]
    assert total(outcomes, "excluded") == {"mac_resource_fork": 1}


@pytest.mark.parametrize("cut", [5, 40])
def test_a_cut_off_archive_is_refused(ledger, tmp_path, cut):
    (tmp_path / "x.gz").write_bytes(gzip.compress(FLOW.encode() * 50)[:-cut])
    code, [outcome] = ledger.replay("hubble", tmp_path / "x.gz")
    assert code == 7 and outcome["rejected"] == {"malformed": 1}


def test_the_same_scrape_at_another_time_is_another_sample(ledger, tmp_path):
    """An idle GPU's scrapes are equal to the byte: they are still one sample each."""
    (tmp_path / "s.prom").write_text(SCRAPE)
    for minute in ("00", "01", "01"):
        ledger.replay(
            "dcgm", tmp_path / "s.prom", "--time", f"2026-11-01T00:{minute}:00Z", "--interval", "60"
        )
    rows = ledger.rows("gpu_usage")
    assert [float(r["busy_seconds"]) for r in rows] == [30, 30]


@pytest.mark.parametrize(
    ("arguments", "code", "words"),
    [
        (("hubble", "/nowhere/*.json"), 3, "no such file"),
        (("hubble", "/"), 3, "is a folder"),
        (("unknown", "x"), 2, "unknown"),
        (("dcgm", "x", "--time", "noon"), 2, "ISO 8601"),
    ],
)
def test_wrong_use_is_a_sentence_and_an_exit_code(ledger, arguments, code, words):
    found, shown = ledger.text(*arguments)
    assert found == code and words in shown.err and "Traceback" not in shown.err
    assert not ledger.folder.exists(), "a typing error must not make a ledger"


def event(**attributes):
    now = datetime.now(UTC) - timedelta(hours=1)
    data = {"cluster": "c", "node": "n", "device": "g", "time": now.isoformat(), "interval_seconds": 30}
    return {"specversion": "1.0", "type": "driftledger.gpu.v1", "data": data} | attributes


def test_events_keep_their_own_identity_or_get_the_files(ledger, tmp_path):
    """Two files that overlap, as log rotation makes them, count their common lines once."""
    numbered = [event(source="s", id=f"i{n}", sequence=str(n)) for n in range(4)]
    anonymous = event(data=[event()["data"]] * 2)
    first, second = tmp_path / "1.jsonl", tmp_path / "2.jsonl"
    first.write_text("\n".join(map(json.dumps, [*numbered[:3], anonymous])))
    second.write_text(json.dumps(numbered[1:]))  # CloudEvents' batch
    code, [one, two] = ledger.replay("events", first, second)
    assert code == 0 and (one["read"], one["events"]) == (4, {"gpu": 5})
    assert (two["read"], two["events"], two["duplicates"]) == (3, {"gpu": 1}, 2)
    before = ledger.everything()
    _, again = ledger.replay("events", first, second)
    assert all(o["already_in_the_ledger"] for o in again) and ledger.everything() == before


def test_bad_event_lines_are_refused_and_the_rest_is_kept(ledger, tmp_path):
    future = (datetime.now(UTC) + timedelta(days=40 * 365)).isoformat()
    lines = [
        json.dumps(event()),
        "{",
        json.dumps(event(type="driftledger.unheard-of.v1")),
        json.dumps(event(source="s", id="1", sequence="minus one")),
        json.dumps(event(data={"cluster": "c"})),
        json.dumps(event(data=event()["data"] | {"interval_seconds": -1})),
        json.dumps(event(data=event()["data"] | {"time": future})),
        json.dumps(event(data=[])),
    ]
    (tmp_path / "x").write_text("\n".join(lines))
    code, [outcome] = ledger.replay("events", tmp_path / "x")
    assert code == 7 and outcome["read"] == 8 and outcome["events"] == {"gpu": 1}
    assert outcome["rejected"] == {"malformed": 1, "unknown_type": 1, "bad_header": 1}
    assert outcome["refused"] == {"missing_field": 1, "out_of_range": 1, "time_out_of_range": 1, "empty": 1}
    assert Counter(r["reason"] for r in ledger.rows("rejected")) == outcome["rejected"] | outcome["refused"]
    before = ledger.everything()
    code, [again] = ledger.replay("events", tmp_path / "x")
    assert code == 7 and again["refused_before"] == outcome["refused"], (
        "a script that tries again must see it"
    )
    assert not again["refused"] and ledger.everything() == before


def test_a_file_whose_rows_were_refused_is_not_taken_the_second_time_either(ledger):
    path = sample("k8s-api-testdata", "HEAD.resource.k8s.io.v1.ResourceClaim.json")
    ledger.replay("dra", path)
    code, shown = ledger.text("dra", path)
    assert code == 7 and "refused before: time_out_of_range 1" in shown.out
