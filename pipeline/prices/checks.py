"""Where rows contradict each other: findings that name both rows and the remedy."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Callable, Hashable, Iterable, Iterator
from itertools import combinations
from typing import TypeVar

from pipeline.errors import ConfigError
from pipeline.prices.discount import Discount
from pipeline.prices.gpu_models import canonical
from pipeline.prices.match import Dated, Match, overlaps, same
from pipeline.prices.network import NetworkPrice
from pipeline.prices.price import Price
from pipeline.prices.rates import Rate

D = TypeVar("D", Price, Discount, NetworkPrice)
T = TypeVar("T")


def overlapping(
    prices: Iterable[Price], discounts: Iterable[Discount], rates: Iterable[Rate]
) -> Iterator[ConfigError]:
    """Rows that can never be told apart: a book that holds such is refused."""
    yield from _twice(prices, Price.identity)
    yield from _twice(discounts, lambda d: same(d.match))
    for a, b in _pairs(rates, lambda r: (r.base, r.quote, r.valid_from)):
        remedy = "both hold from the same instant; leave one of them out"
        yield ConfigError(f"{a.name} and {b.name}", f"{a.base} to {a.quote}", remedy)


def network(rows: Iterable[NetworkPrice]) -> Iterator[ConfigError]:
    """Rows for the same traffic at the same time: an answer that needs one of them is refused."""
    yield from _twice(rows, NetworkPrice.identity)


def counted_twice(rows: Iterable[Price]) -> Iterator[ConfigError]:
    """A price of a whole machine beside a price of its cores or memory: together more than the machine."""
    prices = list(rows)
    whole = [p for p in prices if p.arithmetic and "resource" not in dict(p.match)]
    parts = [p for p in prices if dict(p.match).get("resource") in ("cpu", "memory") and p.gpu_hour]
    for a in whole:
        for b in parts:
            if a.name != b.name and _both_match(a.match, b.match) and overlaps(a, b):
                remedy = (
                    "a node that both match costs more than the machine; give the second a match of machines "
                    "without GPUs, or price GPUs alone with gpu_hour"
                )
                yield ConfigError(f"{a.name} and {b.name}", f"{dict(a.match)} and {dict(b.match)}", remedy)


def _twice(rows: Iterable[D], key: Callable[[D], Hashable]) -> Iterator[ConfigError]:
    for a, b in _pairs(rows, key):
        if overlaps(a, b):
            yield ConfigError(
                f"{a.name} and {b.name}",
                dict(a.match),
                "both match the same devices at the same time; "
                "end the first with valid_to where the second starts with valid_from",
            )


def _pairs(rows: Iterable[T], key: Callable[[T], Hashable]) -> Iterator[tuple[T, T]]:
    alike: dict[Hashable, list[T]] = defaultdict(list)
    for row in rows:
        alike[key(row)].append(row)
    for group in alike.values():
        yield from combinations(group, 2)


def ambiguous(rows: Iterable[Price] | Iterable[Discount]) -> Iterator[ConfigError]:
    """Rows that some device could match equally well; the book holds until such a device is there."""
    shapes: dict[frozenset[str], list[Price | Discount]] = defaultdict(list)
    for row in rows:
        shapes[frozenset(field for field, _ in row.match)].append(row)
    for one, other in combinations(shapes, 2):
        if len(one) == len(other):
            pairs = ((a, b) for a in shapes[one] for b in shapes[other])
            yield from (_equally_well(a, b) for a, b in pairs if _clash(a, b))


def _clash(a: Price | Discount, b: Price | Discount) -> bool:
    alike = not isinstance(a, Price) or not isinstance(b, Price) or a.currency == b.currency
    if isinstance(a, Price) and isinstance(b, Price):
        alike = alike and bool(a.bought_gpus) == bool(b.bought_gpus) and _resource(a) == _resource(b)
    return alike and _both_match(a.match, b.match) and overlaps(a, b)


def _resource(price: Price) -> str:
    """Of which it is: a GPU's price is never a core's."""
    return dict(price.match).get("resource", "gpu")


def _both_match(a: Match, b: Match) -> bool:
    """Whether one device can match both, each as exactly as the other."""
    theirs = dict(b)
    return all(_agree(field, value, theirs[field]) for field, value in a if field in theirs)


def _agree(field: str, a: str, b: str) -> bool:
    if field == "gpu_model":
        return canonical(a) == canonical(b)
    return a.lower() == b.lower()


def _equally_well(a: Dated, b: Dated) -> ConfigError:
    name = f"{getattr(a, 'name', '')} and {getattr(b, 'name', '')}"
    remedy = "a device can match both equally well; give one of them one more field"
    return ConfigError(name, f"{dict(a.match)} and {dict(b.match)}", remedy)
