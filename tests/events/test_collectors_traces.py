"""Public traces as CSV: the Azure LLM requests and GenTD26's serving system."""

import tarfile
from datetime import datetime, timedelta

import pytest
from hypothesis import given
from hypothesis import strategies as st

from collectors import azure_llm
from collectors.gentd26 import trace as gentd26
from collectors.gentd26.gpu import DUTY, MEMORY
from tests.samples import sample


def test_every_azure_request_becomes_an_event():
    path = sample("azure-llm-2023", "AzureLLMInferenceTrace_conv.csv")
    parsed = azure_llm.parse(path.read_bytes(), model=azure_llm.model_name(str(path)), cluster="c")
    table = parsed.events["inference"]
    assert parsed.balanced and (parsed.read, table.num_rows, len(parsed.rejected)) == (19_366, 19_366, 0)
    assert (sum(table["tokens_in"].to_pylist()), sum(table["tokens_out"].to_pylist())) == (
        22_361_870,
        4_088_665,
    )
    first = table.slice(0, 1).to_pylist()[0]
    assert (first["model"], first["tokens_in"], first["tokens_out"]) == ("azure-llm-conv", 374, 44)
    assert first["time"].replace(tzinfo=None) == datetime(2023, 11, 16, 18, 15, 46, 680590)
    assert first["latency_seconds"] is None, "the trace has none: 0 would be a lie"


def test_bad_azure_lines_are_refused_by_reason_and_the_rest_is_kept():
    text = (
        b"\xef\xbb\xbfTIMESTAMP,ContextTokens,GeneratedTokens\r\n2023-02-31 00:00:00,1,2\r\n"
        b"2024-05-10 00:00:00.009930+00:00,1,2\n2023-01-31 00:00:00,,2\n\n\xff,2,3\n1,2\n"
        b"2023-01-31 00:00:00,-1,2\n2023-01-31 00:00:00.1234567,1,2"
    )
    parsed = azure_llm.parse(text, model="m", cluster="c")
    assert parsed.balanced and parsed.used == 2
    assert [(r.row, r.reason) for r in parsed.rejected] == [
        (0, "wrong_type"),
        (2, "missing_field"),
        (3, "malformed"),
        (4, "malformed"),
        (5, "wrong_type"),
    ]
    other = azure_llm.parse(b"a,b\n1,2\n", model="m", cluster="c")
    assert [r.reason for r in other.rejected] == ["missing_field"] and other.balanced


@pytest.mark.parametrize(
    "text",
    [
        'TIMESTAMP,ContextTokens,GeneratedTokens\n2024-05-10 02:00:00+02:00,7,8\n',
        'TIMESTAMP,ContextTokens,GeneratedTokens\n2024-05-09T18:30:00-0530,7,8\n',
        'TIMESTAMP,ContextTokens,GeneratedTokens\n2024-05-10 00:00:00,7.0,8.\n',
        '"TIMESTAMP","ContextTokens","GeneratedTokens"\r\n"2024-05-10 00:00:00","7","8"\r\n',
        ',GeneratedTokens, TIMESTAMP, ContextTokens\n0, 8, 2024-05-10 00:00:00.000, 7\n',
    ],
    ids=["its own zone", "another form of it", "pandas with gaps", "quotes", "other order"],
)  # fmt: skip
def test_what_tools_make_of_a_table_is_still_it(text):
    parsed = azure_llm.parse(text.encode(), model="m", cluster="c")
    [row] = parsed.events["inference"].to_pylist()
    assert row["time"].replace(tzinfo=None) == datetime(2024, 5, 10)
    assert (row["tokens_in"], row["tokens_out"], parsed.rejected) == (7, 8, ())


def test_another_trace_is_refused_with_the_line_that_shows_what_it_is():
    parsed = azure_llm.parse(b"Timestamp,Model,Request tokens\n5,ChatGPT,472\n", model="m", cluster="c")
    [rejected] = parsed.rejected
    assert rejected.detail == (
        "no column TIMESTAMP, ContextTokens, GeneratedTokens in the first line, "
        "which is: Timestamp,Model,Request tokens"
    )


def test_a_model_is_named_by_its_service():
    names = ("AzureLLMInferenceTrace_code.csv", "x/AzureLMMInferenceTrace_multimodal.csv", "conv_1week.csv")
    assert [azure_llm.model_name(n) for n in names] == [
        "azure-llm-code", "azure-lmm-multimodal", "azure-llm-conv"
    ]  # fmt: skip


@pytest.fixture(scope="module")
def trace():
    tables = {}
    for path in sorted(sample("alibaba-gentd26").iterdir()):
        if path.suffix == ".csv":
            tables[gentd26.table_name(path.name)] = path.read_bytes()
        elif path.suffix == ".gz":
            with tarfile.open(path) as tar:
                for member in tar:
                    if not member.name.startswith("._"):
                        tables[gentd26.table_name(member.name)] = tar.extractfile(member).read()
    return gentd26.parse(tables, cluster="c")


def test_every_line_of_every_gentd26_table_is_used_or_left_out_by_name(trace):
    account = {
        "+".join(names): (p.read, p.used, dict(p.excluded), len(p.rejected)) for names, p in trace.items()
    }
    assert account == {
        f"{DUTY}+{MEMORY}": (157_417 + 161_413, 318_830, {}, 0),
        "pipeline_inference_data": (34_421, 34_421, {}, 0),
        "lora_request_trace": (26_823, 26_790, {"unfinished": 33}, 0),
        **{
            name: (n, 0, {f"{name}_not_used": n}, 0)
            for name, n in {
                "basemodel_update_latency": 7_531,
                "data_trace_processed": 68_195,
                "lora_update_latency": 27_415,
                "model_predict_data": 6_254,
                "qps": 24_627,
                "queue_rt": 23_478,
                "queue_size": 1_434,
            }.items()
        },
    }
    assert all(p.balanced for p in trace.values())


def test_duty_and_memory_of_a_pod_are_one_sample(trace):
    """157,415 pairs, 2 samples of duty alone and 3,998 of memory alone."""
    table = trace[DUTY, MEMORY].events["gpu"]
    assert table.num_rows == 157_415 + 2 + 3_998
    assert table["util_ratio"].null_count == 3_998 and table["memory_used_bytes"].null_count == 2
    first = table.slice(0, 1).to_pylist()[0]
    assert first["interval_seconds"] == 57 and first["memory_used_bytes"] == 21_619_802_112


def test_presence_gives_a_device_and_an_interval_a_run(trace):
    """144 pods; three of them were away for 40 minutes, 5 hours and 10 hours, which nobody pays for."""
    events = trace[DUTY, MEMORY].events
    assert (events["device"].num_rows, events["allocation"].num_rows) == (147, 147)
    assert len(set(events["device"]["device"].to_pylist())) == 144
    spans = [
        {(r["start"], r["end"], r["device"]) for r in events[t].to_pylist()} for t in events if t != "gpu"
    ]
    assert spans[0] == spans[1], "a GPU exists while its pod does, and no longer"
    rows = events["allocation"].to_pylist()
    hours = sum((r["end"] - r["start"]).total_seconds() for r in rows) / 3600
    assert hours == pytest.approx(2555.9117, abs=1e-4)
    assert hours >= events["gpu"].num_rows * 57 / 3600, "every sample lies in an interval"
    assert {r["workload"] == f"Pod/{r['pod']}" for r in rows} == {True}


def test_latencies_are_seconds_by_pod(trace):
    table = trace[("pipeline_inference_data",)].events["inference"]
    assert len(set(table["workload"].to_pylist())) == 132
    assert max(table["latency_seconds"].to_pylist()) == pytest.approx(90.741)
    allocated = set(trace[DUTY, MEMORY].events["allocation"]["workload"].to_pylist())
    assert set(table["workload"].to_pylist()) <= allocated, "latency and cost must join"


def test_requests_keep_status_checkpoint_and_features(trace):
    table = trace[("lora_request_trace",)].events["inference"]
    statuses = table["status"].to_pylist()
    assert (statuses.count("ok"), statuses.count("error")) == (26_392, 398)
    first = table.slice(0, 1).to_pylist()[0]
    assert (first["model_version"], first["latency_seconds"]) == ("M0000", 32.0)
    assert first["features"]["predict_type"] == "TXT_2_IMG" and first["features"]["prompt_length"] == 63.0
    assert table["model_version"].to_pylist().count("unknown") <= 25


START = 1_662_858_720


def duty(*samples):
    lines = [f"{v},{START + 57 * i}.0,{pod}" for pod, i, v in samples]
    return {DUTY: "\n".join(["value,timestamp_anon,container_ip", *lines]).encode()}


def test_a_gap_of_two_samples_is_bridged_and_a_longer_one_ends_the_interval():
    at = [0, 1, 4, 8]
    parsed = gentd26.parse(duty(*(("a", i, 5) for i in at), ("b", 9, 5)), cluster="c")[(DUTY,)]
    rows = [r for r in parsed.events["allocation"].to_pylist() if r["pod"] == "a"]
    start = datetime(2022, 9, 11, 1, 12)
    spans = [(r["start"].replace(tzinfo=None), r["end"].replace(tzinfo=None)) for r in rows]
    step = timedelta(seconds=57)
    assert spans == [(start - step, start + 4 * step), (start + 7 * step, start + 8 * step)]
    assert [(r["start_quality"], r["end_quality"]) for r in rows] == [("gap", "gap"), ("gap", "observed")]


def test_odd_samples_are_named():
    """A pod with two values at one time has one GPU; a value over 100 % is no utilisation."""
    bad = duty(("a", 0, 5), ("a", 0, 7), ("a", 1, 101), ("a", 2, -1), ("a", 3, "x"), ("NULL", 4, 5))
    parsed = gentd26.parse(bad, cluster="c")[(DUTY,)]
    assert parsed.balanced and parsed.excluded == {"duplicate_sample": 1}
    assert [r.reason for r in parsed.rejected] == [
        "out_of_range",
        "out_of_range",
        "wrong_type",
        "missing_field",
    ]
    assert parsed.events["gpu"]["util_ratio"].to_pylist() == [0.05], "the first value stands"


def test_a_request_that_is_not_finished_need_not_have_a_time():
    text = b"""gmt_create,predict_status,exec_time_seconds,checkpoint_model_version_id
2024-11-15 16:57:50,PROCESSING,,
2024-11-15 16:57:50,SUCCEED,32.0,M0000
2024-11-15 16:57:50,SUCCEED,,M0000
"""
    parsed = gentd26.parse({"lora_request_trace": text}, cluster="c")[("lora_request_trace",)]
    assert (parsed.read, parsed.used, parsed.excluded) == (3, 1, {"unfinished": 1})
    assert [(r.row, r.reason) for r in parsed.rejected] == [(2, "missing_field")]


def test_a_foreign_table_is_refused():
    [parsed] = gentd26.parse({"secrets": b"a\n1\n"}, cluster="c").values()
    assert [r.reason for r in parsed.rejected] == ["unknown_table"] and parsed.balanced


HEADERS = {
    DUTY: "value,timestamp_anon,container_ip",
    MEMORY: "value,timestamp_anon,container_ip",
    "pipeline_inference_data": "timestamp_anon,value,container_ip",
    "lora_request_trace": "gmt_create,predict_status,exec_time_seconds,checkpoint_model_version_id,num_lora",
    "qps": "timestamp_anon,value",
}
CELL = st.sampled_from(
    [
        "",
        "NULL",
        "1",
        "-1",
        "1e999",
        "nan",
        "1662858720.0",
        "1e300",
        "2024-11-15 16:57:50",
        "2024-13-01 00:00:00",
        "SUCCEED",
        "FAILED",
        "PENDING",
        "a",
        "9" * 20,
        "\u00e9",
        '"',
        "1662858720.5",
    ]
)


@given(st.dictionaries(st.sampled_from(sorted(HEADERS)), st.lists(st.lists(CELL, max_size=6), max_size=6)))
def test_no_cells_make_it_raise(tables):
    data = {
        name: "\n".join([HEADERS[name], *(",".join(row) for row in rows)]).encode()
        for name, rows in tables.items()
    }
    assert all(p.balanced for p in gentd26.parse(data, cluster="c").values())


@given(st.sampled_from(sorted(HEADERS)), st.binary(max_size=200))
def test_random_bytes_do_not_make_it_raise(name, data):
    assert all(p.balanced for p in gentd26.parse({name: data}, cluster="c").values())
    assert azure_llm.parse(data, model="m", cluster="c").balanced


def test_a_first_line_that_is_no_csv_refuses_the_file():
    """A quote, and a carriage return within a line, as binary files have: the reader of CSV raised."""
    data = b'TIMESTAMP,"Context\rTokens,GeneratedTokens\n1,2,3\n'
    parsed = azure_llm.parse(data, model="m", cluster="c")
    assert [r.reason for r in parsed.rejected] == ["missing_field"] and parsed.balanced
    [parsed] = gentd26.parse({DUTY: b'"a"\r"b"'}, cluster="c").values()
    assert [r.reason for r in parsed.rejected] == ["missing_field"] and parsed.balanced
