"""What a histogram grew by between tellings, in whatever form its buckets let it be told."""

from __future__ import annotations

from collections import Counter
from math import inf

from hypothesis import given, settings
from hypothesis import strategies as st

from collectors.histogram import Bucket, Histogram, bounded, buckets, explicit, exponential, grown
from collectors.histogram_growth import Growth, Told, growth
from tests.examples import examples

CLASSIC = (0.0, 0.25, 0.5, 1.0, 2.0, 4.0, 6.0, 10.0, 16.0, 64.0, inf)
FINE = (*(2.0 ** (i / 128) for i in range(9)), 1.5, 2.0, inf)
"""Of scale 7, which is finer than what is kept, until 1.5 is one of them."""
Edges = tuple[float, float]


@st.composite
def lives(draw: st.DrawFn, bounds: tuple[float, ...]) -> list[dict[Edges, int]]:
    """Some layout of buckets, and in each step what more some of them hold."""
    inner = draw(st.lists(st.sampled_from(bounds), min_size=2, unique=True))
    layout = list(zip(sorted(inner), sorted(inner)[1:], strict=False))
    more = st.dictionaries(st.sampled_from(layout), st.integers(1, 9), max_size=3)
    return draw(st.lists(more, min_size=1, max_size=6))


def told(time: int, held: dict[Edges, int]) -> Told:
    parts = (Bucket(low, None if high == inf else high, n) for (low, high), n in held.items())
    return Told(time, bounded(parts, float(sum(held.values()))))


def grew(steps: list[dict[Edges, int]]) -> tuple[list[Growth], Counter[Edges]]:
    """The growths from an empty telling on, and what is held in the end."""
    held: Counter[Edges] = Counter()
    before, found = told(0, held), []
    for time, step in enumerate(steps, start=1):
        held.update(step)
        now = told(time, held)
        more = growth(before, now)
        if isinstance(more, Growth):
            found.append(more)
        before = now
    return found, held


@given(lives(CLASSIC))
@settings(max_examples=examples(100))
def test_what_only_grows_counts_once_in_its_bucket(steps: list[dict[Edges, int]]) -> None:
    """Which buckets are filled decides the form; that it changes must count nothing again."""
    found, held = grew(steps)
    counted: Counter[Edges] = Counter()
    for more in found:
        assert not more.began_anew
        for low, high, n in buckets(more.histogram):
            counted[round(low, 9), inf if high is None else round(high, 9)] += n
    assert counted == held
    assert sum(more.histogram.seconds or 0 for more in found) == held.total()


@given(lives(FINE))
@settings(max_examples=examples(100))
def test_what_is_finer_than_is_kept_counts_once_too(steps: list[dict[Edges, int]]) -> None:
    """Four buckets of scale 7 are kept as one of scale 5, until they are told by their bounds."""
    found, held = grew(steps)
    assert not any(more.began_anew for more in found)
    assert sum(more.histogram.count for more in found) == held.total()


def test_a_count_that_fell_began_anew_in_either_form() -> None:
    """A server that was started again has counted all that it holds, whatever form that has."""
    fine, other = (1.0, 2**0.5), Bucket(4.0, 6.0, 3)
    alone, beside = bounded([Bucket(*fine, 5)]), bounded([Bucket(*fine, 4), other])
    assert (alone.scale, beside.scale) == (1, None), "two forms of one series"
    assert grown(alone, beside) is None
    assert grown(beside, bounded([Bucket(*fine, 9)])) is None
    zeros = bounded([Bucket(0.0, 0.0, 1), Bucket(*fine, 5)])
    assert grown(zeros, bounded([Bucket(*fine, 5), other])) is None
    assert grown(alone, bounded([Bucket(*fine, 6), other])) == Histogram(
        None, {}, [(*fine, 1), (4.0, 6.0, 3)]
    )


def test_bounds_are_no_numbers_of_buckets() -> None:
    """(0, 1] is another bucket than number 0 of scale 1, and than number 1 of scale 0."""
    held = explicit([1.0], [5, 0])
    for scale, cell in ((0, 1), (1, 0), (0, 0)):
        assert grown(exponential(scale, {cell: 5}), held) is None


def test_an_empty_histogram_began_nothing_anew() -> None:
    """A server that has not served yet is told without buckets, which is any form."""
    now = bounded([Bucket(0.3, 0.5, 2)])
    assert grown(bounded([]), now) == now == Histogram(None, {}, [(0.3, 0.5, 2)])


def test_bounds_that_lie_as_far_apart_as_numbers_can_are_read() -> None:
    """A server says what it likes; a ratio beyond all numbers is no scale, and no end of the collector."""
    assert bounded([Bucket(5e-324, 1e308, 1)]).bounded == [(5e-324, 1e308, 1)]


def test_bounds_that_double_keep_one_name_whatever_holds_something():
    """Rows of two kinds of one series would hide each other for hours: the objective would miss requests."""
    first, later = bounded([Bucket(1.0, 2.0, 7)]), bounded([Bucket(1.0, 2.0, 7), Bucket(4.0, 6.0, 1)])
    assert first.scale is later.scale is None


def test_a_bucket_above_all_numbers_has_no_upper_bound():
    """A sender may name any bucket; it must not end the receiver."""
    for scale, cell in ((0, 1023), (0, 5_000), (-10, 0), (-10, 3)):
        (one,) = buckets(exponential(scale, {cell: 2}))
        assert one.at_most is None and one.above < inf
    assert next(buckets(exponential(0, {-5_000: 1}))) == Bucket(0.0, 0.0, 1)
