"""The sample of features: whole rows, as the reference reads them, drawn evenly, the same everywhere."""

from __future__ import annotations

import json
from dataclasses import replace
from datetime import timedelta

import numpy as np
import pyarrow as pa
from hypothesis import given, settings
from hypothesis import strategies as st

from detectors import feature_samples, row_hash
from detectors.feature_samples import fold, lowest
from detectors.references import Reference
from tests.detect.judged import reference
from tests.examples import examples
from tests.folds.fold_events import NOON, events

ASKING = reference(model="m", sample_rows=3)
RANKS = [0, 5727722511014793655, 2976505205384724198]
WORDS = [13020603013274838756, 3394012004367669963]


def content(rows: pa.Table) -> list[list]:
    return [json.loads(text) for text in rows["content"].to_pylist()]


def sampled(rows: list[dict], known: Reference = ASKING) -> pa.Table:
    return fold(events("inference", *rows), {"m": known})["feature_samples"]


def test_a_model_that_does_not_ask_for_it_keeps_nothing() -> None:
    """Raw values in a ledger are a decision of whoever made the reference, not a default."""
    row = {"features": {"amount": 1.0, "channel": "a"}}
    assert sampled([row], replace(ASKING, sample_rows=0)).num_rows == 0
    assert content(sampled([row])) == [[1.0, "a"]]


def test_a_row_is_kept_as_the_references_bins_read_it() -> None:
    """Numbers sent as text are numbers, and a text that the reference does not list is never kept."""
    rows = [
        {"features": {"amount": "2.50", "channel": "Jane Doe, 12 High Street"}},
        {"features": {"amount": "n/a", "other": "secret"}, "time": NOON + timedelta(seconds=1)},
        {"features": {"amount": float("inf"), "channel": "b"}, "time": NOON + timedelta(seconds=2)},
    ]
    kept = content(sampled(rows))
    assert sorted(kept, key=repr) == [[2.5, "(unseen)"], [None, "b"], [None, None]]
    found = feature_samples.features(ASKING, sampled(rows)["content"].to_pylist())
    assert sorted(found["channel"].take(np.arange(3)).to_pylist()) == ["", "(unseen)", "b"]
    assert sorted(np.isnan(found["amount"]).tolist()) == [False, True, True]


@settings(max_examples=examples(50), deadline=None)
@given(st.lists(st.tuples(st.integers(0, 2), st.integers(0, 12)), max_size=60), st.integers(1, 5))
def test_the_lowest_of_each_group_are_those_of_a_plain_search(rows, most) -> None:
    groups, rank = (np.array([row[at] for row in rows], np.int64) for at in (0, 1))
    found = [(int(groups[place]), int(rank[place])) for place in lowest(groups, rank * 2**58, most)]
    each = [sorted({r for g, r in rows if g == group})[:most] for group in range(3)]
    assert found == [(group, r) for group, ranks in enumerate(each) for r in ranks]


def test_of_many_rows_each_is_as_likely_to_be_kept_as_any_other() -> None:
    """A sample that prefers some rows would show a drift that is none: of 40 tenths 5 % are beyond 2 sd."""
    rng = np.random.default_rng(3)
    kept = np.zeros(10)
    times = np.arange(20_000, dtype=np.int64) * 50_000
    for hour in range(4):
        columns = [
            (times + hour * 3_600_000_000).view(np.uint64),
            row_hash.of_numbers(rng.integers(0, 3, 20_000) * 1.0),
        ]
        places = lowest(np.zeros(20_000, np.int64), row_hash.ranks(columns), 1_000)
        assert len(places) == 1_000
        kept += np.histogram(places, 10, (0, 20_000))[0]
    assert ((kept - 400) ** 2 / 400).sum() < 27.9, "chi-square of 9 degrees of freedom, p = 0.001"


def test_ranks_are_the_same_on_every_machine() -> None:
    """Workers of other processors and a ledger of last year must agree on which rows are the lowest."""
    columns = [np.array([0, 1, 2**62], np.uint64), row_hash.of_numbers(np.array([0.0, -0.0, np.nan]))]
    assert row_hash.ranks(columns).tolist() == RANKS
    assert row_hash.of_texts(["", "é"]).tolist() == WORDS
    again = [np.array([1], np.uint64), row_hash.of_numbers(np.array([0.0]))]
    assert row_hash.ranks(again).tolist() == RANKS[1:2]
