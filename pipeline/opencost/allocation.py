"""Allocations: the cost answer's rows, filtered, put together by aggregate and set, in exact numbers."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from datetime import datetime, timedelta
from decimal import Decimal
from functools import lru_cache
from operator import itemgetter
from typing import Any

from pipeline.answers.answer import Answer
from pipeline.answers.cost import cost
from pipeline.answers.cost_table import NOBODYS, own
from pipeline.answers.window import Window
from pipeline.errors import ConfigError
from pipeline.opencost import filters
from pipeline.opencost.parameters import Question
from pipeline.opencost.properties import DIRECT, IDLE, LABELS, dimension, part, properties, value
from pipeline.opencost.sent import BY, missing, sent, unknown
from pipeline.ownership.rules import Ownership
from pipeline.prices.book import PriceBook
from pipeline.settings.cost import Spread
from pipeline.store import Store

ZERO = Decimal(0)
MOST_ENTRIES = 100_000
"""Of all sets of an answer: some 200 MB of JSON."""
_NOBODYS_COSTS = tuple(f"{bucket}_cost" for bucket in NOBODYS)
_READ = (
    "total_cost", "shared_cost", *_NOBODYS_COSTS, "allocated_gpu_hours", "unallocated_gpu_hours",
    "busy_gpu_hours", "unpriced_gpu_hours", "cpu_core_hours", "cpu_used_core_hours",
    "cpu_unmeasured_core_hours", "memory_gib_hours", "memory_used_gib_hours", "memory_unmeasured_gib_hours",
)  # fmt: skip
"""Columns of the cost answer, beside its dimensions."""


@dataclass(slots=True)
class Allocation:
    """Sums of one entry of a set: GPU-hours, and costs in the currency, by resource.

    `idles` are parts of `costs`.
    """

    name: str
    properties: dict[str, Any]
    hours: Decimal = ZERO
    busy_hours: Decimal = ZERO
    core_hours: Decimal = ZERO
    core_hours_used: Decimal = ZERO
    core_hours_unmeasured: Decimal = ZERO
    """Of `core_hours`, those of which nobody measured what was used."""
    memory_gib_hours: Decimal = ZERO
    memory_gib_hours_used: Decimal = ZERO
    memory_gib_hours_unmeasured: Decimal = ZERO
    sent_bytes: int = 0
    network: dict[str, Decimal] = field(default_factory=dict)
    """Cost of what was sent, by class; in `costs` too, as the resource network."""
    costs: dict[str, Decimal] = field(default_factory=dict)
    idles: dict[str, Decimal] = field(default_factory=dict)
    devices: dict[str, str] = field(default_factory=dict)
    """Model by GPU, where one pod has the entry for itself."""
    is_gpu_shared: bool | None = None
    shared: Decimal = ZERO
    unpriced_hours: Decimal = ZERO

    @property
    def total(self) -> Decimal:
        return sum(self.costs.values(), self.shared)


@dataclass(frozen=True, slots=True)
class Prices:
    """What the ledger's time is worth, and whose it is."""

    book: PriceBook
    currency: str
    owners: Ownership


Held = tuple[str, str, str]
"""Cluster, namespace and pod."""
Sets = list[tuple[Window, list[Allocation]]]


def allocations(store: Store, question: Question, prices: Prices) -> tuple[Sets, tuple[str, ...]]:
    """Each set's entries, most expensive first, and what a reader must know of them."""
    dimensions = _dimensions(question)
    sets: list[dict[str, Allocation]] = [{} for _ in question.sets]
    notes: dict[str, None] = {}
    labels = [prop for prop in question.aggregate if dimension(prop) == "labels"]
    labelled: set[str] = set()
    parts = _parts(store) if _is_of_pods(question) else frozenset[Held]()
    for span, time in _questions(question):
        by = (*dimensions, time) if time else dimensions
        answer = cost(store, span, by, prices.book, prices.currency, question.rule, prices.owners)
        notes |= dict.fromkeys(answer.notes)
        for row in _rows(answer, by):
            labelled |= {prop for prop in labels if value(prop, row)}
            start = row[time] if time else span.start
            _take(sets[_place(question.sets, start)], row, question, parts, dimensions)
        _bounded(sum(map(len, sets)))
    unsent, is_all = unknown(store, question)
    told = [] if is_all else [*sent(store, question, prices.book, prices.currency, prices.owners)]
    for place, key, row in told:
        _send(sets[place].setdefault(key, Allocation(key, properties(row, BY))), row)
    ordered = [sorted(entries.values(), key=lambda entry: (-entry.total, entry.name)) for entries in sets]
    return list(zip(question.sets, ordered, strict=True)), (
        *_unknown(question, labelled),
        *(f"{name} moves no cost here" for name in question.unheard),
        *filter(None, [unsent]),
        *missing(told),
        *notes,
    )


def _rows(answer: Answer, by: Sequence[str]) -> Iterator[dict[str, Any]]:
    """What is read of each: to name all columns of ten thousand rows takes as long as to add them up."""
    names = (*by, *_READ)
    places = {column.name: i for i, column in enumerate(answer.columns)}
    read = itemgetter(*(places[name] for name in names))
    return (dict(zip(names, read(row), strict=True)) for row in answer.rows)


def _bounded(entries: int) -> None:
    if entries > MOST_ENTRIES:
        remedy = f"it makes {entries} entries, at most {MOST_ENTRIES}; aggregate more, or ask for fewer sets"
        raise ConfigError("aggregate", "as asked", remedy)


def _dimensions(question: Question) -> tuple[str, ...]:
    """The fewest that the request needs; the namespace tells what nobody held from what somebody did."""
    asked = [dimension(prop) for prop in question.aggregate]
    asked += [dimension(prop) for prop in filters.properties(question.conditions)]
    usual = ["cluster", "namespace", "resource", *(["node"] if question.idle_by_node else [])]
    usual += ["device", "gpu_model"] if _is_of_pods(question) else []
    return tuple(dict.fromkeys(name for name in (*usual, *asked) if name))


def _is_of_pods(question: Question) -> bool:
    """Whether an entry may be one pod's, whose GPUs can be named."""
    return "pod" in question.aggregate


def _questions(question: Question) -> Iterator[tuple[Window, str]]:
    """Windows to ask for, and the dimension of time that cuts each into sets: one, where hours or days do."""
    inner = [part.start for part in question.sets[1:]]
    if not inner:
        yield question.window, ""
    elif all(start.time() == datetime.min.time() for start in inner):
        yield question.window, "day"
    elif all(not start.minute for start in inner):
        yield question.window, "hour"
    else:
        yield from ((part, "") for part in question.sets)


def _place(sets: tuple[Window, ...], start: datetime) -> int:
    """Of the set that holds the hour or day; the first one may begin within it."""
    low, high = 0, len(sets)
    while high - low > 1:
        middle = (low + high) // 2
        low, high = (middle, high) if sets[middle].start <= start else (low, middle)
    return low


def _parts(store: Store) -> frozenset[Held]:
    """Who ever held less than all of a GPU."""
    rows = store.query("gpu_sharers").to_pylist() if store.query("gpu_shares").num_rows else []
    return frozenset((row["cluster"], row["namespace"], row["pod"]) for row in rows)


def _take(
    entries: dict[str, Allocation],
    row: Mapping[str, Any],
    question: Question,
    parts: frozenset[Held],
    dimensions: tuple[str, ...],
) -> None:
    is_idle = row["namespace"] in NOBODYS
    if is_idle:
        row = {**row, **{name: "" for name in row if name in _IDLE_LACKS}}
    if is_idle and not question.include_idle or not all(c.fits(row) for c in question.conditions):
        return
    key = _idle_key(row, question) if is_idle else "/".join(part(p, row) for p in question.aggregate)
    found, entry = properties(row, dimensions), entries.get(key)
    if entry is None:
        entry = entries[key] = Allocation(key, found)
    elif entry.properties != found:
        entry.properties = {k: v for k, v in entry.properties.items() if found.get(k) == v}
    if "device" in row and row["resource"] == "gpu" and not is_idle:
        entry.devices[row["device"]] = row["gpu_model"]
        is_part = (row["cluster"], own(row["namespace"]), own(row["pod"])) in parts
        entry.is_gpu_shared = bool(entry.is_gpu_shared) or is_part
    _add(entry, row, is_idle, question)


_IDLE_LACKS = {"workload", "labels", *DIRECT.values(), *LABELS.values()} - {"cluster", "node"}


def _idle_key(row: Mapping[str, Any], question: Question) -> str:
    return f"{row['cluster']}/{row['node']}/{IDLE}" if question.idle_by_node else IDLE


def _add(entry: Allocation, row: Mapping[str, Any], is_idle: bool, question: Question) -> None:
    """What a holder pays of idle time is in its cost, as OpenCost has it; of shared overhead beside it."""
    total, resource = row["total_cost"] or ZERO, row["resource"]
    if is_idle:
        entry.hours += row["unallocated_gpu_hours"]
        _put(entry.costs, resource, total)
    else:
        shared = row["shared_cost"] or ZERO if question.rule.shared is not Spread.none else ZERO
        entry.shared += shared
        _put(entry.costs, resource, total - shared)
        _put(entry.idles, resource, sum([row[name] or ZERO for name in _NOBODYS_COSTS], ZERO))
        entry.hours += row["allocated_gpu_hours"]
        entry.busy_hours += row["busy_gpu_hours"]
        entry.core_hours += row["cpu_core_hours"]
        entry.core_hours_used += row["cpu_used_core_hours"]
        entry.core_hours_unmeasured += row["cpu_unmeasured_core_hours"]
        entry.memory_gib_hours += row["memory_gib_hours"]
        entry.memory_gib_hours_used += row["memory_used_gib_hours"]
        entry.memory_gib_hours_unmeasured += row["memory_unmeasured_gib_hours"]
    entry.unpriced_hours += row["unpriced_gpu_hours"] or ZERO


def _put(sums: dict[str, Decimal], name: str, amount: Decimal) -> None:
    sums[name] = sums.get(name, ZERO) + amount


def _send(entry: Allocation, row: Mapping[str, Any]) -> None:
    amount = row["cost"] or ZERO
    _put(entry.network, row["class"], amount)
    _put(entry.costs, "network", amount)
    entry.sent_bytes += row["bytes"] or 0


def _unknown(question: Question, found: set[str]) -> Iterator[str]:
    for prop in question.aggregate:
        if dimension(prop) in (None, "labels") and prop not in found:
            yield f"the ledger does not have {prop}: all of it is __unallocated__"


@lru_cache(1_024)
def hours_of(window: Window) -> Decimal:
    """Exact, of a window of whole minutes."""
    return Decimal((window.end - window.start) // timedelta(minutes=1)) / 60
