"""Counters of model servers: what they grew by, once, through restarts, repeats and two scrapers."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from collectors.counter_growth import Counts
from collectors.dcgm.timeline import Scrape
from collectors.exposition import samples
from collectors.serving_counters import advance_counts
from detectors import serving

START = 1_790_000_000_000_000
VLLM = """
vllm:request_success_total{{model_name="llama",finished_reason="stop",pod="p",namespace="ml"}} {n}
vllm:request_success_total{{model_name="llama",finished_reason="length",pod="p",namespace="ml"}} {n}
vllm:generation_tokens_total{{model_name="llama",pod="p",namespace="ml"}} {n}00
vllm:e2e_request_latency_seconds_bucket{{model_name="llama",le="0.5",pod="p",namespace="ml"}} {n}
vllm:e2e_request_latency_seconds_bucket{{model_name="llama",le="+Inf",pod="p",namespace="ml"}} {n}0
vllm:e2e_request_latency_seconds_sum{{model_name="llama",pod="p",namespace="ml"}} {n}.5
"""
TRITON = """
nv_inference_request_success{{model="resnet",version="3"}} {n}
nv_inference_request_failure{{model="resnet",version="3",reason="OTHER"}} {n}
nv_inference_request_duration_us{{model="resnet",version="3"}} {n}000000
"""


def scrape(second: int, text: str, target: str = "a:8000") -> Scrape:
    return Scrape(START + second * 1_000_000, target, samples(text.encode())[0])


def take(*parts, counts=None):
    counts, found, gaps = counts or Counts(), [], []
    for part in parts:
        parsed, counts = advance_counts(part, Counts.of(counts.cursor()), cluster="c")
        assert parsed.balanced
        found += parsed.events["serving"].to_pylist() if "serving" in parsed.events else []
        gaps += parsed.gaps.to_pylist()
    return found, gaps


def _bucket(row):
    """Kind and bounds of a bucket; None of a sum."""
    kind = row["histogram"]
    return kind and (kind, row["bucket_above_seconds"], row["bucket_at_most_seconds"])


def told(found):
    return {
        (r["model"], r["model_version"], r["counter"], _bucket(r)): (r["count"], r["seconds"]) for r in found
    }


def test_vllm_and_triton_say_the_same_in_one_form():
    """Two servers, one question: how many requests, tokens and seconds."""
    found, gaps = take(*([scrape(s, (VLLM + TRITON).format(n=n))] for s, n in ((0, 1), (30, 4))))
    assert told(found) == {
        ("llama", "unknown", "requests", None): (6, None),
        ("llama", "unknown", "tokens_out", None): (300, None),
        ("llama", "unknown", "latency", ("prometheus-classic", 0.0, 0.5)): (3, None),
        ("llama", "unknown", "latency", ("prometheus-classic", 0.5, None)): (27, None),
        ("llama", "unknown", "latency", None): (30, 3.0),
        ("resnet", "3", "requests", None): (3, None),
        ("resnet", "3", "errors", None): (3, None),
        ("resnet", "3", "latency", None): (None, 3.0),
    }
    assert gaps == [] and {(r["workload"], r["namespace"]) for r in found if r["model"] == "llama"} == {
        ("p", "ml")
    }


@pytest.mark.parametrize("named", ["ray_vllm_", "ray_vllm:"])
def test_a_vllm_that_ray_serves_says_the_same_under_its_names(named: str) -> None:
    """Ray Serve is how many run vLLM on several nodes: its models would have no traffic at all."""
    own, by_ray = (
        take(*([scrape(s, text.format(n=n))] for s, n in ((0, 1), (30, 4))))[0]
        for text in (VLLM, VLLM.replace("vllm:", named))
    )
    assert by_ray == own and len(own) == 5


@st.composite
def histories(draw):
    value, total = 0, []
    for second in range(0, 30 * draw(st.integers(1, 15)), 30):
        value = draw(st.integers(0, 50)) if draw(st.integers(0, 4)) == 4 else value + draw(st.integers(0, 50))
        total.append((second, value))
    return total


@given(histories(), st.data())
def test_tokens_are_the_sum_of_the_increases_wherever_questions_are_cut(history, data):
    """A restarted server counts from 0: its tokens are neither negative nor counted twice."""
    scrapes = [scrape(s, f'vllm:prompt_tokens_total{{model_name="m"}} {n}') for s, n in history]
    cut = data.draw(st.integers(0, len(scrapes)))
    back = data.draw(st.integers(0, cut))
    found, gaps = take(scrapes[:cut], scrapes[back:])
    steps = list(zip([n for _, n in history], [n for _, n in history][1:], strict=False))
    assert sum(r["count"] for r in found) == sum(b - a if b >= a else b for a, b in steps)
    assert len(gaps) == sum(b < a for a, b in steps)


def test_two_jobs_that_scrape_one_server_count_it_once():
    """A ServiceMonitor beside a PodMonitor must not double the tokens."""
    line = 'vllm:prompt_tokens_total{{model_name="m",job="{job}"}} {n}'
    scrapes = [scrape(s, line.format(job=job, n=s)) for s, job in ((0, "a"), (7, "b"), (30, "a"), (37, "b"))]
    found, _ = take(scrapes)
    assert sum(r["count"] for r in found) == 37


def test_a_time_under_its_old_and_new_name_counts_once():
    """A vLLM between two names of one histogram must not answer twice."""
    names = "time_per_output_token_seconds", "inter_token_latency_seconds"
    text = "".join(f'vllm:{name}_bucket{{{{model_name="m",le="+Inf"}}}} {{n}}\n' for name in names)
    found, _ = take([scrape(0, text.format(n=0)), scrape(30, text.format(n=5))])
    above = ("prometheus-classic", 0.0, None)
    assert told(found) == {
        ("m", "unknown", "time_per_output_token", None): (5, None),
        ("m", "unknown", "time_per_output_token", above): (5, None),
    }


def test_what_cannot_be_counted_is_a_row_with_its_reason_once_a_day():
    """NaN, a negative count and a hostile label must neither stop the rest nor fill the ledger."""
    text = (
        'vllm:prompt_tokens_total{model_name="m"} NaN\nvllm:generation_tokens_total{model_name="m"} -1\n'
        f'vllm:prompt_tokens_total{{model_name="{"x" * 100_000}"}} 1\nvllm:prompt_tokens_total 4\n'
    )
    parsed, counts = advance_counts([scrape(s, text) for s in (0, 30, 60)], Counts(), cluster="c")
    assert [r.reason for r in parsed.rejected] == [
        "not_finite",
        "out_of_range",
        "text_too_long",
        "missing_field",
    ]
    parsed, _ = advance_counts([scrape(60, text), scrape(90, text)], counts, cluster="c")
    assert parsed.read == 0 and len(str(counts.cursor())) < 2_000


def test_counts_of_an_hour_that_nobody_looked_are_spread_over_it():
    """All in one minute they would be a burst that never was."""
    line = 'vllm:prompt_tokens_total{{model_name="m"}} {n}'
    parsed, counts = advance_counts([scrape(0, line.format(n=0))], Counts(), cluster="c")
    parsed, _ = advance_counts([scrape(3600, line.format(n=36_001))], counts, cluster="c")
    rows = serving.fold(parsed.events["serving"], {})["serving_counters"].to_pylist()
    assert sum(r["count"] for r in rows) == 36_001 and max(r["count"] for r in rows) <= 601
    assert rows[0]["seconds"] == pytest.approx(0)


@pytest.mark.parametrize(("hours", "counted"), [(24, 5), (25, 0)])
def test_counts_of_more_than_a_day_are_a_gap_with_its_bounds(hours: int, counted: int) -> None:
    """Spread over a week they would be load of days that had none; left out without a word, free requests."""
    line = 'vllm:prompt_tokens_total{{model_name="m"}} {n}'
    found, gaps = take([scrape(0, line.format(n=0))], [scrape(hours * 3600, line.format(n=5))])
    assert sum(r["count"] for r in found) == counted
    assert [(g["kind"], (g["end"] - g["start"]).total_seconds() / 3600) for g in gaps] == (
        [] if counted else [("counts_too_long", hours)]
    )
