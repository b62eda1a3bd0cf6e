"""Files with times: an answer of Prometheus' API or a dump means what the live collector would have made."""

from __future__ import annotations

import json

import pytest
from hypothesis import given
from hypothesis import strategies as st

from collectors.catalogue import KINDS, Context, File
from collectors.dcgm import recorded
from collectors.dcgm.place import SECOND, Place
from collectors.dcgm.series import Series, scrapes_of
from collectors.dcgm.timeline import Pace, advance
from tests.dcgm.test_collectors_dcgm import NOON

START = 1_790_000_000
GPU = {
    "__name__": "DCGM_FI_DEV_GPU_UTIL",
    "job": "dcgm-exporter",
    "instance": "10.0.0.7:9400",
    "Hostname": "n1",
    "UUID": "GPU-a",
    "gpu": "0",
    "modelName": "NVIDIA L40S",
}
OWN = {
    "service": "dcgm-exporter",
    "namespace": "gpu-operator",
    "pod": "dcgm-exporter-zxgzh",
    "container": "exporter",
}


def answer(*result: dict, kind: str = "matrix") -> bytes:
    return json.dumps({"status": "success", "data": {"resultType": kind, "result": list(result)}}).encode()


def parse(data: bytes, interval_seconds: float = 30.0):
    parsed = recorded.parse(recorded.scrapes(data), cluster="c", interval_seconds=interval_seconds)
    assert parsed.balanced, "a sample went missing from the account"
    return parsed


def rows(data: bytes) -> list[dict]:
    table = parse(data).events.get("gpu")
    return table.to_pylist() if table is not None else []


def test_an_instant_answer_is_one_scrape_at_its_own_time():
    """`curl .../api/v1/query > file` is what a person has at hand: it counts for one interval."""
    (row,) = rows(answer({"metric": GPU, "value": [START + 0.082, "32"]}, kind="vector"))
    assert (row["device"], row["node"], row["util_ratio"]) == ("GPU-a", "n1", 0.32)
    assert (row["time"].timestamp(), row["interval_seconds"]) == (START + 0.082, 30.0)


def test_the_result_alone_is_an_answer():
    """A client such as prometheus-api-client hands over `data.result`, and that is what people keep."""
    result = [{"metric": GPU, "value": [START, "32"]}]
    assert recorded.tells_times(json.dumps(result).encode())
    assert rows(json.dumps(result).encode()) == rows(answer(*result, kind="vector"))


def test_answers_one_after_the_other_are_one_record():
    """A person asks for one metric after the other and appends: all of them are of the same scrape."""
    memory = GPU | {"__name__": "DCGM_FI_DEV_FB_USED"}
    first, second = (answer({"metric": m, "value": [START, "32"]}, kind="vector") for m in (GPU, memory))
    (row,) = rows(first + b"\n" + second + b"\n")
    assert (row["util_ratio"], row["memory_used_bytes"]) == (0.32, 32 * 2**20)
    assert [r.reason for r in parse(first + b"{half").rejected] == ["malformed"]


def test_the_exporters_own_pod_does_not_hold_the_gpu():
    """The operator's labels name the exporter's pod; a GPU that nobody holds must not be billed to it."""
    (idle,) = rows(answer({"metric": GPU | OWN, "value": [START, "1"]}))
    held = GPU | OWN | {"exported_pod": "train-0", "exported_namespace": "ml", "exported_container": "main"}
    (busy,) = rows(answer({"metric": held, "value": [START, "1"]}))
    (honoured,) = rows(
        answer({"metric": GPU | OWN | {"pod": "train-0", "namespace": "ml"}, "value": [START, "1"]})
    )
    monitored = GPU | OWN | {"job": "gpu-operator/dcgm-exporter"}
    annotated = GPU | OWN | {"job": "kubernetes-pods", "pod": "dcgm-exporter-1680-x"}
    for labels in (monitored, annotated):
        alone = {name: value for name, value in labels.items() if name != "service"}
        assert rows(answer({"metric": alone, "value": [START, "1"]}))[0]["pod"] is None
    assert idle["pod"] is None
    assert (busy["namespace"], busy["pod"], busy["container"]) == ("ml", "train-0", "main")
    assert (honoured["namespace"], honoured["pod"]) == ("ml", "train-0")


@given(st.lists(st.integers(1, 200), min_size=1, max_size=12), st.data())
def test_a_range_answer_is_what_the_live_collector_made_of_it(steps, data):
    """History from a file and history from the server are the same seconds, joules and gaps."""
    times = [START + sum(steps[: n + 1]) for n in range(len(steps))]
    joules = sorted(data.draw(st.integers(0, 10**6)) for _ in times)
    energy = GPU | {"__name__": "DCGM_FI_DEV_TOTAL_ENERGY_CONSUMPTION"}
    file = answer(
        {"metric": GPU, "values": [[t, "50"] for t in times]},
        {"metric": energy, "values": [[t, f"{j}"] for t, j in zip(times, joules, strict=True)]},
    )
    series = [
        Series(GPU, [(t * SECOND, 50.0) for t in times]),
        Series(energy, [(t * SECOND, float(j)) for t, j in zip(times, joules, strict=True)]),
    ]
    spacing = max([30, *([min(steps[1:])] if len(steps) > 1 else [])]) * SECOND
    live, _ = advance(
        scrapes_of(series, []),
        Place.beginning((times[0] - 1) * SECOND),
        Pace(spacing, 3 * spacing, 0),
        until=times[-1] * SECOND,
        cluster="c",
    )
    made = parse(file)
    if len(times) > 1:
        assert made.gaps == live.gaps
        assert (made.read, made.used, made.excluded) == (live.read, live.used, live.excluded)
        assert made.events.get("gpu") == live.events.get("gpu")


def test_steps_of_five_minutes_are_no_gaps():
    """`query_range` is asked with the step that the person chose; its answer is not a row of outages."""
    parsed = parse(answer({"metric": GPU, "values": [[START + 300 * n, "50"] for n in (0, 1, 2, 9)]}))
    assert [r["interval_seconds"] for r in parsed.events["gpu"].to_pylist()] == [300.0, 300.0]
    assert [(g["kind"], (g["end"] - g["start"]).total_seconds()) for g in parsed.gaps.to_pylist()] == [
        ("not_scraped", 2_100.0)
    ]


def test_a_dump_with_times_is_many_scrapes_whatever_their_order():
    """promtool dumps series by series, OpenMetrics in seconds with a fraction: no scrape may be lost."""
    labels = 'Hostname="n1",UUID="GPU-a",gpu="0"'
    lines = [f"DCGM_FI_DEV_GPU_UTIL{{{labels}}} {10 + n} {START + 30 * n}.5" for n in (2, 0, 1)]
    found = rows("\n".join([*lines, "# EOF", ""]).encode())
    assert [(r["time"].timestamp(), r["util_ratio"], r["interval_seconds"]) for r in found] == [
        (START + 30.5, 0.11, 30.0),
        (START + 60.5, 0.12, 30.0),
    ]


@pytest.mark.parametrize(("ending", "unit"), [("# EOF\n", 1), ("", 1_000)])
def test_a_whole_number_is_seconds_in_openmetrics_and_milliseconds_else(ending, unit):
    """A factor of 1,000 would put the samples into 1970 or beyond any ledger."""
    text = f'DCGM_FI_DEV_GPU_UTIL{{UUID="GPU-a"}} 10 {START * unit}\n{ending}'
    assert [r["time"].timestamp() for r in rows(text.encode())] == [START]


@pytest.mark.parametrize(
    ("data", "why"),
    [
        (b'{"status":"error","errorType":"bad_data","error":"parse error"}', "it says parse error"),
        (b'{"status":"success","data":{"resultType":"scalar"}}', "it says success"),
        (b'{"status":', "no answer of Prometheus"),
        (answer({"metric": GPU, "value": [START]}), "no [time, value]"),
        (answer({"metric": GPU, "values": [[START, "much"]]}), "no [time, value]"),
        (answer({"metric": GPU, "values": [[10**300, "1"]]}), "no [time, value]"),
        (answer({"metric": GPU, "values": 7}), "no [time, value]"),
        (answer({"metric": ["a"], "value": [START, "1"]}), "labels"),
        (answer({"metric": GPU, "value": [START, "NaN"]}), "GPU-a"),
        (f'DCGM_FI_DEV_GPU_UTIL{{UUID="GPU-a"}} 10 {10**17}\n'.encode(), "no time within reason"),
    ],
)
def test_what_is_no_sample_is_refused_with_its_reason(data, why):
    """A failed query saved to a file must not read as a cluster without GPUs."""
    (refused,) = parse(data).rejected
    assert why in refused.detail


@given(st.binary(max_size=200) | st.text(max_size=200).map(str.encode))
def test_no_content_is_more_than_a_refusal(data):
    """Whatever file is given, the command ends with an account."""
    files = [File("f", data, NOON), File("f", b"{" + data, NOON)]
    for _, parsed in KINDS["dcgm"].read(files, Context("c", 30.0)):
        assert parsed.balanced


def test_a_file_that_tells_its_times_counts_once_whenever_it_is_read():
    """A second `replay` of a copied answer must not double the joules; a bare scrape has no time."""
    undated = KINDS["dcgm"].undated
    assert not undated(answer({"metric": GPU, "value": [START, "1"]}))
    assert not undated(f'# HELP a\nDCGM_FI_DEV_GPU_UTIL{{UUID="GPU-a"}} 10 {START}000\n'.encode())
    assert undated(b'# HELP a\nDCGM_FI_DEV_GPU_UTIL{UUID="GPU-a"} 10\n') and undated(b"") and undated(b"# a")
