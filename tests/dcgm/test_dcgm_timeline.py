"""Scrapes as samples of devices: each second once, each line accounted for, whatever comes in what order."""

from __future__ import annotations

from collections import defaultdict

import pytest
from hypothesis import given
from hypothesis import strategies as st

from collectors.dcgm.place import FORGET, SECOND, Place, Seen, Target
from collectors.dcgm.timeline import Pace, Scrape, advance
from collectors.exposition import samples
from tests.dcgm.exporter import gpu
from tests.samples import ROOT, sample

PACE = Pace(30 * SECOND, 90 * SECOND, 120 * SECOND)
START = 1_790_000_000 * SECOND


def scrape(second: float, text: str, target: str = "a:9400") -> Scrape:
    lines, malformed = samples(text.encode())
    return Scrape(START + round(second * SECOND), target, lines, tuple(malformed))


def take(*parts: list[Scrape], place: Place | None = None):
    """Parts one after another, each up to its last scrape; what they gave, and the place."""
    place = place or Place.beginning(START - 1)
    given_ = []
    for part in parts:
        until = max((s.time for s in part), default=place.until)
        parsed, place = advance(part, place, PACE, until=until, cluster="c")
        assert parsed.balanced, "a line went missing from the account"
        given_.append(parsed)
    return given_, place


def rows(parsed) -> list[dict]:
    return [row for one in parsed for table in one.events.values() for row in table.to_pylist()]


def gaps(parsed) -> list[dict]:
    return [row for one in parsed for row in one.gaps.to_pylist()]


def length(gap: dict) -> float:
    return (gap["end"] - gap["start"]).total_seconds()


@st.composite
def histories(draw):
    """Scrapes of one device at whole seconds, and its counter, which now and then begins again from 0."""
    steps = draw(st.lists(st.integers(1, 200), min_size=1, max_size=20))
    second, joules, total = 0, 1_000.0, []
    for step in steps:
        reset = draw(st.booleans()) and draw(st.booleans())
        joules = float(draw(st.integers(0, 500))) if reset else joules + draw(st.integers(0, 500))
        second += step
        total.append((second, joules))
    return total


@given(histories())
def test_counted_time_and_gaps_are_the_time_from_the_first_to_the_last_scrape(history):
    """A second neither counted nor said to be missing is one that nobody can bill or question."""
    parsed, _ = take([scrape(second, gpu("GPU-a", joules)) for second, joules in history])
    counted = sum(row["interval_seconds"] for row in rows(parsed))
    assert counted + sum(map(length, gaps(parsed))) == history[-1][0] - history[0][0]


@given(histories())
def test_energy_is_the_sum_of_the_increases_also_through_resets(history):
    """A driver reload sets the counter to nothing: neither a negative bill, nor the whole life again."""
    parsed, _ = take([scrape(second, gpu("GPU-a", joules)) for second, joules in history])
    expected = sum(
        after - before if after >= before else after
        for (then, before), (now, after) in zip(history, history[1:], strict=False)
        if now - then <= 90
    )
    assert sum(row["energy_joules"] for row in rows(parsed)) == pytest.approx(expected)


@given(histories(), st.data())
def test_where_questions_are_cut_and_how_far_they_reach_back_changes_nothing(history, data):
    """The edge of a question is in it or not, by Prometheus's version: a sample counts once."""
    scrapes = [scrape(second, gpu("GPU-a", joules)) for second, joules in history]
    [whole], end = take(scrapes)
    cuts = sorted({*data.draw(st.lists(st.integers(0, len(scrapes)))), len(scrapes)})
    parts, place = [], Place.beginning(START - 1)
    for before, cut in zip([0, *cuts], cuts, strict=False):
        back = place.until - PACE.look_back
        again = [s for s in scrapes[:before] if s.time > back]
        until = scrapes[cut - 1].time if cut else place.until
        parsed, place = advance(
            [*again, *scrapes[before:cut]], Place.of(place.cursor()), PACE, until=until, cluster="c"
        )
        parts.append(parsed)
    assert rows(parts) == rows([whole]) and gaps(parts) == gaps([whole])
    assert sum(part.read for part in parts) == whole.read
    assert place.devices == end.devices


@given(st.lists(st.integers(1, 29), min_size=1, max_size=30))
def test_two_targets_that_scrape_one_gpu_count_its_time_once(offsets):
    """Two Prometheus, or two jobs, on one exporter: each GPU must not be two."""
    scrapes, second = [], 0
    for offset in offsets:
        scrapes += [
            scrape(second, gpu("GPU-a", second)),
            scrape(second + offset, gpu("GPU-a", second), "b:9400"),
        ]
        second += 30
    [parsed], _ = take(scrapes)
    covered = sorted((row["time"].timestamp(), row["interval_seconds"]) for row in rows([parsed]))
    for (then, _), (now, seconds) in zip(covered, covered[1:], strict=False):
        assert now - then == pytest.approx(seconds)
    if covered:
        assert sum(s for _, s in covered) == pytest.approx(covered[-1][0] - START / SECOND)


def test_both_generations_amd_and_vgpu_stand_side_by_side():
    """A cluster in the middle of an upgrade, with other makers' GPUs, is one cluster."""
    amd = (
        'gpu_gfx_activity{gpu_id="0",serial_number="S1",hostname="n3"} 25\n'
        'gpu_energy_consumed{gpu_id="0",serial_number="S1",hostname="n3"} %d000000\n'
    )
    vgpu = 'DCGM_FI_DEV_FB_USED{UUID="GPU-v",modelName="GRID A100-10C",Hostname="n4"} 1024\n'
    parts = [
        [
            scrape(second, gpu("GPU-a", second), "a"),
            scrape(second, gpu("GPU-b", second, renamed=True), "b"),
            scrape(second, amd % second, "c"), scrape(second, vgpu, "d"),
        ]
        for second in (0, 30)
    ]  # fmt: skip
    parsed, _ = take(*parts)
    found = {row["device"]: row for row in rows(parsed)}
    assert {name: row["energy_joules"] for name, row in found.items()} == {
        "GPU-a": 30.0, "GPU-b": 30.0, "S1": 30.0, "GPU-v": None,
    }  # fmt: skip
    assert {name: row["util_ratio"] for name, row in found.items()} == {
        "GPU-a": 0.5, "GPU-b": 0.5, "S1": 0.25, "GPU-v": None,
    }  # fmt: skip


def test_values_that_pods_share_are_taken_once_and_marked():
    """Three pods on one time-sliced GPU are one GPU at 60 %, not three, and its pods' shares are a guess."""
    text = "".join(gpu("GPU-a", 0, 0.6, more=f',pod="p{i}",namespace="n"') for i in range(3))
    parsed, _ = take([scrape(0, text), scrape(30, text)])
    [row] = rows(parsed)
    assert (row["util_ratio"], row["pod"], row["confidence"]) == (0.6, None, "device-duplicated")


def test_a_percentage_is_known_from_the_target_s_past():
    """DCGM 4.6 writes 1 for 1 %: on an idle GPU nothing else says so, and it would be 100 %."""
    text = 'DCGM_FI_DEV_GPU_UTIL_RATIO{UUID="GPU-a"} %d'
    parsed, _ = take([scrape(0, text % 60), scrape(30, text % 1)])
    assert [row["util_ratio"] for row in rows(parsed)] == [0.01]


def test_a_lasting_refusal_is_said_once_a_day():
    """A vGPU that has no power would else write a row every 30 seconds for ever."""
    text = gpu("GPU-a", 0) + 'DCGM_FI_DEV_POWER_USAGE{UUID="GPU-a"} 9223372036854775794\n'
    parsed, _ = take(*([scrape(second, text)] for second in range(0, 90_000, 30)))
    assert [r.reason for one in parsed for r in one.rejected] == ["blank_value", "blank_value"]
    assert sum(one.excluded["repeated_blank_value"] for one in parsed) == 3_000 - 2


def test_samples_behind_counted_ones_are_a_known_loss():
    """What remote write brings out of order cannot be counted any more; who reads the ledger must see it."""
    first = [scrape(second, gpu("GPU-a", second)) for second in (0, 30, 60)]
    late = [scrape(30, gpu("GPU-a", 30) + gpu("GPU-b", 1)), scrape(45, gpu("GPU-a", 45))]
    parsed, _ = take(first, [*first, *late, scrape(90, gpu("GPU-a", 90))])
    assert sum(row["interval_seconds"] for row in rows(parsed)) == 90
    assert parsed[1].excluded["late"] == 4
    assert [(gap["kind"], gap["lost"]) for gap in gaps(parsed)] == [("late_samples", 2)] * 2


def test_a_gap_names_its_node_and_bounds_once_for_all_its_devices():
    """Eight GPUs of a node that was away are one line to read, not eight."""
    text = "".join(gpu(f"GPU-{i}", 0) for i in range(8))
    parsed, _ = take([scrape(0, text), scrape(30, text)], [scrape(200, text), scrape(230, text)])
    [gap] = gaps(parsed)
    assert (gap["source"], gap["kind"], length(gap), gap["detail"]) == (
        "dcgm/n1", "not_scraped", 170.0, "8 devices without samples",
    )  # fmt: skip
    by_device = defaultdict(float)
    for row in rows(parsed):
        by_device[row["device"]] += row["interval_seconds"]
    assert set(by_device.values()) == {60.0}


@pytest.mark.parametrize("file", sorted(ROOT.glob("dcgm/*.prom")) or [ROOT / "dcgm"], ids=lambda f: f.name)
def test_every_line_of_a_real_scrape_is_accounted_for_again_and_again(file):
    """The real exporters' text through the live reader: nothing unexplained, the first time and later."""
    text = sample("dcgm", file.name).read_text()
    parsed, place = take(*([scrape(second, text)] for second in (0, 30, 60)))
    lines = [line for line in text.splitlines() if line.strip() and not line.startswith("#")]
    assert [one.read for one in parsed] == [len(lines)] * 3
    assert not rows(parsed[:1]) and len(rows(parsed)) == 2 * len(place.devices)


@given(st.binary(max_size=300), st.integers(-100, 100))
def test_no_answer_makes_it_raise(body, second):
    """One broken exporter must not stop the collector."""
    lines, malformed = samples(body)
    broken = Scrape(START + second * SECOND, "a:9400", lines, tuple(malformed))
    take([scrape(0, gpu("GPU-a", 0))], [broken], [scrape(130, gpu("GPU-a", 0))])


def test_a_driver_that_began_anew_is_found_and_takes_no_time():
    """What a card used before its counter was reset is in no bill; nobody would see that it is missing."""
    history = [(0, 500), (30, 900), (60, 40), (90, 70)]
    parsed, _ = take([scrape(at, gpu("GPU-a", joules)) for at, joules in history])
    [gap] = gaps(parsed)
    assert gap["kind"] == "energy_reset" and gap["start"] == gap["end"]
    assert "1 energy counters began anew" in gap["detail"]


def test_an_exporter_that_leaves_the_energy_out_once_began_nothing_anew():
    """A gap would say that a card's use is not known, though only its energy is missing."""
    told = [gpu("GPU-a", joules) for joules in (500, 900, 950)]
    told[1] = "".join(line for line in told[1].splitlines(True) if "ENERGY" not in line)
    assert told[1] and told[1] != gpu("GPU-a", 900)
    parsed, _ = take([scrape(30 * number, text) for number, text in enumerate(told)])
    assert len(rows(parsed)) == 2 and gaps(parsed) == []


def test_what_was_silent_for_a_week_is_forgotten():
    """The cursor is written with each turn: cards and exporters of years ago must not fill it."""
    place = Place.beginning(START - 1)
    place.devices = {name: Seen(START + at, "t", {}) for name, at in (("gone", 0), ("there", FORGET))}
    place.targets = {name: Target(START + at, {}) for name, at in (("gone", 0), ("there", FORGET))}
    place.until = START + FORGET + SECOND
    place.forgets(SECOND)
    assert set(place.devices) == set(place.targets) == {"there"}
