"""Lines of a bill against days of the ledger's nodes: each amount has one name, and the sums are exact."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from datetime import date
from decimal import Decimal, localcontext
from enum import StrEnum

from pipeline.reconcile.bill import Line

ZERO = Decimal(0)
_NANO = Decimal("1e-9")
HOURS_OF_A_DAY = 24
"""More hours of a node's day are of its cores, its GPUs or its licences, as Google bills a machine."""
_DIGITS = 60
"""More than any sum of amounts has, so that no addition rounds."""


class Category(StrEnum):
    matched = "matched"
    hours_differ = "hours_differ"
    """The bill's hours of the node less the ledger's, at the ledger's price."""
    price_differs = "price_differs"
    """The bill's one price of an hour less the ledger's, for the bill's hours."""
    unexplained = "unexplained"
    """What is left where the bill has several prices of the node's hours, none of an hour, or hours of its
    parts; or the ledger lacks the price of some of its devices."""
    unpriced = "unpriced"
    """The ledger knows the node, and no price of it."""
    no_such_node = "no_such_node"
    """A GPU instance that is no node of the ledger on that day."""
    not_in_bill = "not_in_bill"
    currency_differs = "currency_differs"
    longer_than_a_day = "longer_than_a_day"
    """A charge that no day can be given to."""
    not_gpu = "not_gpu"
    """Other services, other instances, taxes, fees and credits."""


@dataclass(frozen=True, slots=True)
class NodeDay:
    """What the ledger has of a node on a day; `cost` is None where it has no price at all."""

    hours: Decimal
    cost: Decimal | None
    is_whole: bool = True
    """Whether all its devices have a price."""


@dataclass(frozen=True, slots=True)
class Part:
    """An amount of the bill and of the ledger with one name; what they differ by is bill - ledger."""

    day: date
    sku: str
    resource: str
    node: str
    category: Category
    currency: str
    bill: Decimal
    ledger: Decimal


Key = tuple[date, str]


def compare(
    lines: Iterable[Line], nodes: Mapping[Key, NodeDay], names: Mapping[str, str], currency: str
) -> list[Part]:
    """Parts whose bill sums to the lines, and whose ledger sums to the nodes; `names` are nodes by resource.

    A resource is a node by `names`, or by its own name or the last part of it.
    """
    known = {node for _, node in nodes}
    found: list[Part] = []
    billed: dict[Key, list[Line]] = defaultdict(list)
    unclear: dict[Key, list[Line]] = defaultdict(list)
    with localcontext(prec=_DIGITS):
        for line in lines:
            node = node_of(line.resource, names, known)
            category = _alone(line, node, nodes, currency)
            if category is None:
                billed[line.day, node].append(line)
            elif category is Category.not_gpu and line.is_usage and (line.day, node) in nodes:
                unclear[line.day, node].append(line)
            else:
                found.append(_part(line, node, category))
        for key, of_node in unclear.items():
            if key in billed:  # beside its hours: what it sent, its disks
                found += [_part(line, key[1], Category.not_gpu) for line in of_node]
                continue
            found += [
                _part(line, key[1], Category.longer_than_a_day) for line in of_node if not line.is_of_one_day
            ]
            if of_day := [line for line in of_node if line.is_of_one_day]:
                billed[key] = of_day
        for key, of_node in billed.items():
            found += _node_day(key, of_node, nodes[key], currency)
        for (day, node), left in nodes.items():
            if (day, node) not in billed and left.cost:
                found.append(Part(day, "", "", node, Category.not_in_bill, currency, ZERO, left.cost))
    return found


def node_of(resource: str, names: Mapping[str, str], known: set[str]) -> str:
    """Azure writes the name in capitals here and there; a node has none."""
    last = resource.rpartition("/")[2]
    for name in (resource, last, last.lower()):
        if name and (name in names or name in known):
            return names.get(name, name)
    return ""


def _alone(line: Line, node: str, nodes: Mapping[Key, NodeDay], currency: str) -> Category | None:
    """Its name where it is compared with nothing of the ledger."""
    if line.currency != currency:
        return Category.currency_differs
    is_node = line.is_usage and line.hours is not None
    if not is_node or not (node or line.is_gpu):
        return Category.not_gpu
    if not line.is_of_one_day:
        return Category.longer_than_a_day
    return None if (line.day, node) in nodes else Category.no_such_node


def _part(line: Line, node: str, category: Category) -> Part:
    return Part(line.day, line.sku, line.resource, node, category, line.currency, line.cost, ZERO)


def _node_day(key: Key, lines: list[Line], ours: NodeDay, currency: str) -> list[Part]:
    """bill = ledger + difference of hours x ledger's price + the rest: the price's, where there is one."""
    if ours.cost is None:
        return [_part(line, key[1], Category.unpriced) for line in lines]
    bill = sum((line.cost for line in lines), ZERO)
    billed = sum((line.hours or ZERO for line in lines), ZERO)
    has_hours = all(line.hours is not None for line in lines) and billed <= HOURS_OF_A_DAY
    hours = billed - ours.hours if has_hours else ZERO
    by_hours = (hours * ours.cost / ours.hours).quantize(_NANO) if ours.hours else ZERO
    is_price = has_hours and ours.is_whole and len({line.sku for line in lines}) == 1
    rest = Category.price_differs if is_price else Category.unexplained
    amounts = {
        Category.matched: (ours.cost, ours.cost),
        Category.hours_differ: (by_hours, ZERO),
        rest: (bill - ours.cost - by_hours, ZERO),
    }
    first = lines[0]
    return [
        Part(key[0], first.sku, first.resource, key[1], category, currency, *amount)
        for category, amount in amounts.items()
        if any(amount)
    ]
