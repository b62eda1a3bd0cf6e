"""Histograms of model servers through Prometheus, classic and native: each request once, in its bucket."""

from __future__ import annotations

from collections import Counter
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from collectors.counter_growth import Counts
from collectors.dcgm.series import Series, scrapes_of
from collectors.dcgm.timeline import Native, Scrape
from collectors.exposition import samples
from collectors.live.dcgm.parameters import DcgmSettings
from collectors.live.dcgm.prometheus import Prometheus
from collectors.serving_counters import advance_counts
from detectors import serving
from detectors.exponential import bounds

START = 1_790_000_000_000_000
NAME = "vllm:e2e_request_latency_seconds"
LES = ("0.5", "1.0", "+Inf")
EDGES = ((0.0, 0.5), (0.5, 1.0), (1.0, None))
LABELS = {"model_name": "llama", "pod": "p", "namespace": "ml"}


def classic(second: int, counts: list[int], target: str = "a:8000") -> Scrape:
    upto = [sum(counts[: i + 1]) for i in range(len(counts))]
    said = ",".join(f'{key}="{value}"' for key, value in LABELS.items())
    text = "".join(f'{NAME}_bucket{{{said},le="{le}"}} {n}\n' for le, n in zip(LES, upto, strict=True))
    return Scrape(START + second * 1_000_000, target, samples(text.encode())[0])


def native(second: int, cells: dict[tuple[float, float], int], **changed: Any) -> Scrape:
    """As the HTTP API tells it: only buckets that hold something, numbers as texts."""
    buckets = [[0, repr(low), repr(high), str(n)] for (low, high), n in sorted(cells.items()) if n]
    content = {"count": str(sum(cells.values())), "sum": "7.5", "buckets": buckets} | changed
    return Scrape(START + second * 1_000_000, "a:8000", [], histograms=(Native(NAME, LABELS, content),))


def take(*parts: list[Scrape]) -> tuple[list[dict[str, Any]], Any]:
    """Each part as one look, through the cursor as it is kept."""
    counts, found, parsed = Counts(), [], None
    for part in parts:
        parsed, counts = advance_counts(part, Counts.of(counts.cursor()), cluster="c")
        assert parsed.balanced
        found += parsed.events["serving"].to_pylist() if "serving" in parsed.events else []
    return found, parsed


def held(found: list[dict[str, Any]]) -> dict[tuple[float, float | None], int]:
    sums: Counter[tuple[float, float | None]] = Counter()
    for row in found:
        if row["histogram"]:
            sums[row["bucket_above_seconds"], row["bucket_at_most_seconds"]] += row["count"]
    return dict(sums)


steps = st.lists(st.lists(st.integers(0, 5), min_size=3, max_size=3), min_size=1, max_size=10)


@given(steps, st.data())
def test_classic_buckets_count_their_growth_wherever_questions_are_cut(steps, data) -> None:
    """A bucket that stands still is an edge of the next one; who asks again counts nothing again."""
    total, scrapes = [0, 0, 0], []
    for i, more in enumerate([[0, 0, 0], *steps]):
        total = [a + b for a, b in zip(total, more, strict=True)]
        scrapes.append(classic(30 * i, total))
    cut = data.draw(st.integers(0, len(scrapes)))
    back = data.draw(st.integers(0, cut))
    found, _ = take(scrapes[:cut], scrapes[back:])
    assert held(found) == {edges: n for edges, n in zip(EDGES, total, strict=True) if n}


@given(steps, st.data())
def test_native_buckets_count_their_growth_wherever_questions_are_cut(steps, data) -> None:
    """A bucket that was not there before held nothing before; the sum of all is told beside them."""
    edges = [bounds(bucket) for bucket in (-3, 0, 40)]
    total, scrapes = [0, 0, 0], []
    for i, more in enumerate([[0, 0, 0], *steps]):
        total = [a + b for a, b in zip(total, more, strict=True)]
        scrapes.append(native(30 * i, dict(zip(edges, total, strict=True))))
    cut = data.draw(st.integers(0, len(scrapes)))
    back = data.draw(st.integers(0, cut))
    found, _ = take(scrapes[:cut], scrapes[back:])
    assert held(found) == {pair: n for pair, n in zip(edges, total, strict=True) if n}
    assert sum(r["count"] for r in found if not r["histogram"]) == sum(total)
    assert {r["histogram"] for r in found} <= {"prometheus-native", None}


def test_a_native_histogram_that_halves_its_resolution_goes_on() -> None:
    """Prometheus does so where a limit of buckets is reached; its old counts must not be counted again."""
    fine = {bounds(0, 4): 3, bounds(1, 4): 2}
    found, parsed = take([native(0, fine)], [native(30, {bounds(0, 3): 6, bounds(9, 3): 1})])
    assert held(found) == {bounds(0, 3): 1, bounds(9, 3): 1} and parsed.gaps.num_rows == 0


def test_a_server_that_begins_anew_has_counted_what_it_holds() -> None:
    found, parsed = take([native(0, {bounds(0): 9})], [native(30, {bounds(0): 2})])
    assert held(found) == {bounds(0): 2}
    assert parsed.gaps["kind"].to_pylist() == ["counter_reset"]


def test_bounds_of_a_classic_histogram_in_a_native_one_stay_as_they_are() -> None:
    """`convert_classic_histograms_to_nhcb` keeps vLLM's bounds, which are no exponential ones."""
    before, after = ({(0.3, 0.5): n, (2.0, 2.5): n} for n in (1, 5))
    found, _ = take([native(0, before)], [native(30, after)])
    assert held(found) == {(0.3, 0.5): 4, (2.0, 2.5): 4}
    assert {r["histogram"] for r in found} == {"prometheus-classic", None}


def test_bounds_that_look_exponential_until_another_bucket_fills_count_once() -> None:
    """SGLang's bounds: (1, 2] alone looks like scale 0.  When (4, 6] fills, nothing began anew."""
    cells = [(0, 0, 0), (100, 0, 0), (105, 5, 0), (105, 5, 6), (105, 6, 6)]
    edges = ((1.0, 2.0), (2.0, 4.0), (4.0, 6.0))
    scrapes = [native(30 * i, dict(zip(edges, n, strict=True))) for i, n in enumerate(cells)]
    found, parsed = take(scrapes)
    assert parsed.gaps.num_rows == 0
    assert sum(r["count"] for r in found if not r["histogram"]) == 117
    assert held(found) == {(1.0, 2.0): 105, (2.0, 4.0): 6, (4.0, 6.0): 6}


def test_a_label_that_is_too_long_is_refused() -> None:
    scrape = native(0, {bounds(0): 1})
    (told,) = scrape.histograms
    told = told._replace(labels=LABELS | {"pod": "p" * 513})
    parsed, _ = advance_counts([scrape._replace(histograms=(told,))], Counts(), cluster="c")
    assert [(r.reason, r.detail) for r in parsed.rejected] == [
        ("malformed", f"{NAME}: a label of more than 512")
    ]


def test_a_histogram_that_is_scraped_in_both_forms_counts_once() -> None:
    """`scrape_classic_histograms` keeps both; neither the buckets nor their sum may double."""
    both = [
        classic(second, [n, 0, 0])._replace(histograms=native(second, {bounds(0): n}).histograms)
        for second, n in ((0, 0), (30, 4))
    ]
    found, parsed = take(both[:1], both[1:])
    assert held(found) == {bounds(0): 4}
    assert sum(r["count"] for r in found if not r["histogram"]) == 4
    assert parsed.excluded["superseded"] == 3


def test_hours_without_a_scrape_keep_their_sums_and_lose_their_buckets() -> None:
    """What is spread over hours could stand beside requests that were logged in one of them."""
    found, parsed = take([classic(0, [0, 0, 0])], [classic(7_200, [4, 0, 0])])
    assert held(found) == {} and [r["count"] for r in found] == [4]
    assert parsed.gaps["kind"].to_pylist() == ["buckets_too_long"]


@pytest.mark.parametrize(
    "content",
    [
        {"buckets": [[0, "x", "1", "1"]]},
        {"buckets": [[0, "0.5"]]},
        {"buckets": [[0, "-2", "-1", "4"]]},
        {"buckets": [[0, "1", "2", "-4"]]},
        {"sum": None},
    ],
)
def test_what_is_no_histogram_is_refused_once_a_day(content: dict[str, Any]) -> None:
    bad = native(0, {bounds(0): 1}, **content)
    parsed, counts = advance_counts([bad], Counts(), cluster="c")
    assert [r.reason for r in parsed.rejected] == ["malformed"]
    parsed, _ = advance_counts([bad._replace(time=bad.time + 30_000_000)], counts, cluster="c")
    assert parsed.read == 0


def test_buckets_reach_the_ledger_by_the_minute() -> None:
    """An interval of 90 s over three minutes: each bucket is spread, none is lost or below zero."""
    found, _ = take([classic(0, [0, 0, 0])], [classic(90, [5, 3, 1])])
    from collectors.parsed import to_table

    columns = {name: [row[name] for row in found] for name in found[0]}
    rows = serving.fold(to_table("serving", columns, len(found)), {})["latency_counts"].to_pylist()
    sums: Counter[tuple[float, float]] = Counter()
    for row in rows:
        assert row["count"] > 0 and (row["metric"], row["histogram"]) == ("latency", "prometheus-classic")
        sums[row["above_seconds"], row["at_most_seconds"]] += row["count"]
    assert dict(sums) == {(0.0, 0.5): 5, (0.5, 1.0): 3, (1.0, float("inf")): 1}


def test_the_api_tells_samples_and_histograms_side_by_side() -> None:
    """One target at one instant is one scrape, whichever form its series have."""
    content = native(0, {bounds(0): 1}).histograms[0].content
    series = [
        Series({"__name__": "vllm:prompt_tokens_total", "instance": "a"}, [(START, 1.0)]),
        Series({"__name__": NAME, "instance": "a", "model_name": "m"}, [], ((START, content),)),
    ]
    (scrape,) = scrapes_of(series, [], by=("instance",))
    assert (len(scrape.lines), len(scrape.histograms)) == (1, 1)
    assert scrape.histograms[0].labels == {"instance": "a", "model_name": "m"}


RECORDED = [{
    "metric": {"__name__": NAME, "instance": "a:8000", "job": "vllm", "model_name": "llama"},
    "histograms": [
        [1795683007.477, {"count": "8", "sum": "7.5", "buckets": [
            [3, "-0", "0", "2"], [0, "1", "1.0905077326652577", "3"],
            [0, "1.0905077326652577", "1.189207115002721", "2"],
            [0, "5.65685424949238", "6.168843301631763", "1"]]}],
        [1795683017.477, {"count": "14", "sum": "12.25", "buckets": [
            [3, "-0", "0", "2"], [0, "1", "1.0905077326652577", "5"],
            [0, "1.0905077326652577", "1.189207115002721", "2"], [0, "1.8340080864093422", "2", "4"],
            [0, "5.65685424949238", "6.168843301631763", "1"]]}],
        [1795683027.477, {"count": "17", "sum": "20", "buckets": [
            [3, "-0", "0", "3"], [0, "1", "1.189207115002721", "8"], [0, "1.6817928305074288", "2", "4"],
            [0, "5.65685424949238", "6.727171322029715", "2"]]}],
    ],
}]  # fmt: skip
"""What Prometheus 2.42.0 answers of a histogram of schema 3 that comes down to schema 2."""


def test_what_a_real_prometheus_answers_is_read(monkeypatch: pytest.MonkeyPatch) -> None:
    """A series that has histograms has no values; half the resolution and a zero bucket are among them."""
    source = Prometheus(DcgmSettings(prometheus_url="http://127.0.0.1:9"))
    monkeypatch.setattr(source, "_ask", lambda query, parameters: RECORDED)
    start = 1_795_683_000_000_000
    series = source.samples([NAME], start, start + 60_000_000)
    assert [len(one.histograms) for one in series] == [3] and series[0].points == []
    assert [len(one.histograms) for one in source.samples([NAME], start, start + 20_000_000)] == [2]
    found, parsed = take(scrapes_of(series, [], by=("instance",)))
    assert [(r["count"], r["seconds"]) for r in found if not r["histogram"]] == [(6, 4.75), (3, 7.75)]
    buckets = [(r["time"].second, r["count"]) for r in found if r["histogram"]]
    assert sorted(buckets) == [(17, 2), (17, 4), (27, 1), (27, 1), (27, 1)]
    assert parsed.excluded == {"begins_an_interval": 1} and parsed.gaps.num_rows == 0
