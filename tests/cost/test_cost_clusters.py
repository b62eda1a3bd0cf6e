"""Any clusters, cards, cuts of cards and prices: each card costs its price times its time, by a plain sum."""

from __future__ import annotations

from collections import defaultdict
from datetime import datetime, timedelta
from decimal import Decimal
from itertools import pairwise
from tempfile import TemporaryDirectory

from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from pipeline.answers.cost import cost
from pipeline.answers.window import Window
from pipeline.prices import PriceBook
from pipeline.prices.price import Price
from tests.cost.test_cost_laws import HOUR_US, SPAN_HOURS, aligned, instants, plain_store, shares
from tests.cost_rows import Row, allocation, at, device
from tests.examples import examples

MODELS = ("NVIDIA L4", "NVIDIA A100-SXM4-40GB")
LAYOUTS = ((), ("1g.5gb",) * 7, ("3g.20gb", "4g.20gb"), ("3g.20gb", "2g.10gb"), ("1g.10gb",) * 4)
WINDOW = Window(at(0), at(SPAN_HOURS))
Span = tuple[datetime, datetime]
Card = tuple[str, str]
"""Cluster and device."""


def spans(edges: list[datetime]) -> list[Span]:
    return [(a, b) for a, b in pairwise(sorted(edges)) if a < b]


@st.composite
def worlds(draw: st.DrawFn) -> tuple[list[Row], dict[Card, tuple[str, list[Span]]], list[Row]]:
    """Versions of devices, each card's model and when it exists, and who holds what."""
    rows: list[Row] = []
    cards: dict[Card, tuple[str, list[Span]]] = {}
    names: list[Card] = []
    for cluster in ("c1", "c2", "c3")[: draw(st.integers(2, 3))]:
        for number in range(draw(st.integers(1, 3))):
            name, model = f"{cluster}-{number}", draw(st.sampled_from(MODELS))
            edges = draw(st.lists(instants, min_size=2, max_size=4, unique=True).map(sorted))
            there = draw(st.sampled_from([spans(edges), [(edges[0], edges[-1])], spans(edges)[::2]]))
            of = {"cluster": cluster, "gpu_model": model, "time": at(SPAN_HOURS)}
            for a, b in there:
                rows.append(device(name, a, b, **of, health=draw(st.sampled_from(["healthy", "unhealthy"]))))
                cuts = [t for t in draw(st.lists(instants, max_size=2)) if a < t < b]
                for turn, (start, end) in enumerate(spans([a, *cuts, b])):
                    for i, profile in enumerate(draw(st.sampled_from(LAYOUTS))):
                        part = f"{name}-mig-{turn}-{i}"
                        rows.append(device(part, start, end, **of, parent_device=name, mig_profile=profile))
                        names.append((cluster, part))
            names.append((cluster, name))
            cards[cluster, name] = model, there
    held = []
    for number in range(draw(st.integers(0, 6))):
        cluster, name = draw(st.sampled_from(names))
        a, b = sorted((draw(instants), draw(instants)))
        one = allocation(name, f"p{number}", a, b, draw(shares), cluster=cluster)
        held.append(one | {"time": at(SPAN_HOURS)})
    # Who knows a cluster to its end: else nothing of it is known after its last fact.
    ends = [device("end", at(SPAN_HOURS), cluster=c, time=at(SPAN_HOURS)) for c in ("c1", "c2", "c3")]
    return rows + ends, cards, held


@st.composite
def books(draw: st.DrawFn) -> tuple[PriceBook, dict[Card, list[tuple[datetime, int]]]]:
    """Prices by cluster and model that change on whole minutes; each with billionths an hour from when on."""
    rows, known = [], {}
    for cluster in ("c1", "c2", "c3"):
        for model in MODELS:
            edges = [datetime(2026, 1, 1), *sorted(draw(st.lists(aligned, max_size=2, unique=True)))]
            prices = [(edge, draw(st.integers(1, 9 * 10**9))) for edge in edges]
            known[cluster, model] = prices
            match = (("cluster", cluster), ("gpu_model", model))
            rows += [
                Price(f"{cluster} {model} {edge}", match, Decimal(nano).scaleb(-9), "USD", edge)
                for edge, nano in prices
            ]
    return PriceBook("drawn", tuple(rows)), known


def plain_sum(there: list[Span], prices: list[tuple[datetime, int]], edges: list[datetime]) -> Decimal:
    """Of each hour and price of any device, cut to the billionth: the smallest part of a bill."""
    total = 0
    for a, b in pairwise(edges):
        inside = sum((max(timedelta(0), min(b, end) - max(a, start)) for start, end in there), timedelta(0))
        nano = [price for edge, price in prices if edge <= a][-1]
        total += nano * (inside // timedelta(microseconds=1)) // HOUR_US
    return Decimal(total).scaleb(-9)


@settings(max_examples=examples(4), deadline=None, suppress_health_check=[HealthCheck.too_slow])
@given(worlds(), books())
def test_every_card_of_every_cluster_costs_its_price_times_its_time(
    world: tuple[list[Row], dict[Card, tuple[str, list[Span]]], list[Row]],
    book: tuple[PriceBook, dict[Card, list[tuple[datetime, int]]]],
) -> None:
    """However cards are cut anew, held and priced: no second is paid twice and none is lost."""
    (rows, cards, held), (prices, known) = world, book
    hours = [at(hour) for hour in range(SPAN_HOURS + 1)]
    changes = {edge for of in known.values() for edge, _ in of if at(0) < edge < at(SPAN_HOURS)}
    edges = sorted({*hours, *changes})
    with TemporaryDirectory() as folder, plain_store(folder, devices=rows, allocations=held) as store:
        answer = cost(store, WINDOW, ("cluster", "device", "pod"), prices)
    found: dict[Card, Decimal] = defaultdict(Decimal)
    for row in answer.named():
        found[row["cluster"], row["device"]] += row["total_cost"] or 0
    for (cluster, name), (model, there) in cards.items():
        assert found[cluster, name] == plain_sum(there, known[cluster, model], edges)
