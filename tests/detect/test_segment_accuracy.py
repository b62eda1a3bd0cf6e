"""Verdicts by segment: one promise for all of them, and the one that is worse is named."""

from __future__ import annotations

from datetime import timedelta

import numpy as np
import pyarrow as pa
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from detectors import accuracy, segment_accuracy
from detectors.parameters import Parameters
from detectors.references import Reference, SegmentLabels
from tests.detect import judged
from tests.detect.judged import reference, subject
from tests.examples import examples

P = Parameters()
TWENTY = tuple(f"s{i}" for i in range(20))
A_SEGMENT = 2_000
"""Labels of the reference in each."""


def known(**changes: object) -> Reference:
    parts = tuple(SegmentLabels(name, A_SEGMENT, 200, 1.0) for name in TWENTY)
    return reference(segment="channel", segment_labels=parts, **changes)


def served(minutes: int, seed: int, *, worse: dict[str, float] | None = None, each: int = 2) -> pa.Table:
    """`each` labels a minute of each segment, 10 % wrong, in the last tenth of the time as `worse` says."""
    rng, last = np.random.default_rng(seed), minutes // 10
    count = np.full(minutes, each)
    errors = {}
    for name in TWENTY:
        rate = np.r_[np.full(minutes - last, 0.1), np.full(last, (worse or {}).get(name, 0.1))]
        errors[name] = rng.binomial(count, rate)
    return judged.parted(errors, count)


def test_one_bad_segment_of_twenty_is_named_where_the_whole_says_nothing() -> None:
    """Four points more errors in all are noise of the whole, and a disaster for one in twenty customers."""
    minutes = served(1_440, 0, worse={"s3": 0.7})
    found = segment_accuracy.judge(minutes, subject(known()), P)
    assert found.level == "act" and found.evidence["culprits"] == "channel=s3"
    assert found.evidence["channel=s3"] == "act" and found.evidence["channel=s4"] == "ok"
    assert found.since is not None and found.since >= judged.END - timedelta(minutes=144)
    assert found.count == 2_880, "what the verdict is about"
    assert found.evidence["rate"] > found.evidence["bound"] > found.evidence["reference_rate"] == 0.1
    whole = minutes.append_column("predictions", minutes.column("count"))
    assert accuracy.judge(whole, subject(known()), P).level == "ok"


def test_twenty_segments_that_do_not_change_are_as_quiet_as_one_model() -> None:
    """40 days of twenty: each alone would have twenty chances; together at most T / c of them may warn."""
    asked = [(served(1_440, seed), subject(known())) for seed in range(40)]
    levels = [found.level for found in segment_accuracy.judge_all(asked, P)]
    assert levels.count("act") == 0
    assert levels.count("warn") <= 40 * 1_440 / P.warn_minutes


@given(
    worse=st.dictionaries(st.sampled_from(TWENTY), st.floats(0, 1), max_size=20),
    seed=st.integers(0, 2**32 - 1),
)
@settings(max_examples=examples(15))
def test_nothing_is_named_below_the_bar_of_all_together(worse: dict[str, float], seed: int) -> None:
    """A segment's own verdict must not be easier to reach than the promise that it stands under."""
    found = segment_accuracy.judge(served(200, seed, worse=worse), subject(known()), P)
    named = {name for name, level in found.evidence.items() if level in ("warn", "act") and "=" in name}
    assert named == {name for name in str(found.evidence["culprits"]).split(", ") if name}
    assert not named or found.level in ("warn", "act")
    acting = {name for name in named if found.evidence[name] == "act"}
    assert not acting or found.level == "act"


def test_small_unknown_and_nameless_segments_are_not_judged() -> None:
    """A new country has no error rate to be worse than; a few labels tell of nothing, however wrong."""
    many, few = np.full(300, 5), np.r_[np.zeros(299, "i8"), 99]
    parts = [judged.parted({"s0": many * 0}, many)]
    parts += [judged.parted({name: few}, few) for name in ("s1", "new", "")]
    found = segment_accuracy.judge(pa.concat_tables(parts), subject(known()), P)
    assert (found.level, found.evidence["channel=s0"], found.count) == ("ok", "ok", 1_500)
    assert found.evidence["channel=s1"] == found.evidence["channel=s2"] == "not_enough_data"
    assert not {"channel=new", "channel="} & found.evidence.keys()


@pytest.mark.parametrize("labels", [(), (SegmentLabels("", 900, 90, 1.0),), (SegmentLabels("a", 0, 0, 1.0),)])
def test_a_reference_that_counted_no_segment_judges_none(labels: tuple[SegmentLabels, ...]) -> None:
    """One made before segments were judged, or whose segments have no label, says so."""
    old = reference(segment="channel", segment_labels=labels)
    assert segment_accuracy.judge(served(300, 0), subject(old), P).level == "no_reference"
    assert Reference.from_json(old.to_json()) == old


def test_errors_that_come_together_in_a_segment_say_less() -> None:
    minutes = served(1_440, 0, worse={"s3": 0.3})
    bursts = tuple(one._replace(phi=8.0) for one in known().segment_labels)
    plain = segment_accuracy.judge(minutes, subject(known()), P)
    wary = segment_accuracy.judge(minutes, subject(reference(segment="channel", segment_labels=bursts)), P)
    assert (plain.evidence["phi"], wary.evidence["phi"]) == (1.0, 8.0)
    assert wary.log_evidence < plain.log_evidence
