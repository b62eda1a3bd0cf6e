"""Allocations: the cost answer's rows, filtered, put together by aggregate and set, in exact numbers."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field
from datetime import datetime, timedelta
from decimal import Decimal
from typing import Any

from pipeline.answers.cost import cost
from pipeline.answers.cost_table import NOBODYS
from pipeline.answers.window import Window
from pipeline.errors import ConfigError
from pipeline.opencost import filters
from pipeline.opencost.parameters import Question
from pipeline.opencost.properties import DIRECT, IDLE, LABELS, dimension, part, plain, value
from pipeline.opencost.sent import sent, unknown
from pipeline.ownership.rules import Ownership
from pipeline.prices.book import PriceBook
from pipeline.settings.cost import Spread
from pipeline.store import Store
from pipeline.wire.labels import load

ZERO = Decimal(0)
MOST_ENTRIES = 100_000
"""Of all sets of an answer: some 200 MB of JSON."""
_SHOWN = ("cluster", "node", "namespace", "controller", "controllerKind", "pod", "container", "providerID")
_NOT_A_LABEL = {"cluster", "node", "namespace", "pod", "workload"}
_LABEL_NAMES = [name for name in dict.fromkeys(LABELS.values()) if name not in _NOT_A_LABEL]


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
    network: defaultdict[str, Decimal] = field(default_factory=lambda: defaultdict(Decimal))
    """Cost of what was sent, by class; in `costs` too, as the resource network."""
    costs: defaultdict[str, Decimal] = field(default_factory=lambda: defaultdict(Decimal))
    idles: defaultdict[str, Decimal] = field(default_factory=lambda: defaultdict(Decimal))
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
        for row in answer.named():
            labelled |= {prop for prop in labels if value(prop, row)}
            start = row[time] if time else span.start
            _take(sets[_place(question.sets, start)], row, question, parts)
        _bounded(sum(map(len, sets)))
    unsent, is_all = unknown(store, question)
    told = () if is_all else sent(store, question, prices.book, prices.currency, prices.owners)
    for place, key, row in told:
        _send(sets[place].setdefault(key, Allocation(key, _properties(row))), row)
    ordered = [sorted(entries.values(), key=lambda entry: (-entry.total, entry.name)) for entries in sets]
    return list(zip(question.sets, ordered, strict=True)), (
        *_unknown(question, labelled),
        *(f"{name} moves no cost here" for name in question.unheard),
        *filter(None, [unsent]),
        *notes,
    )


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
    rows = store.query("gpu_sharers").to_pylist()
    return frozenset((row["cluster"], row["namespace"], row["pod"]) for row in rows)


def _take(
    entries: dict[str, Allocation], row: Mapping[str, Any], question: Question, parts: frozenset[Held]
) -> None:
    is_idle = row["namespace"] in NOBODYS
    if is_idle:
        row = {**row, **{name: "" for name in row if name in _IDLE_LACKS}}
    if is_idle and not question.include_idle or not all(c.fits(row) for c in question.conditions):
        return
    key = _idle_key(row, question) if is_idle else "/".join(part(p, row) for p in question.aggregate)
    is_new = key not in entries
    entry = entries.setdefault(key, Allocation(key, {}))
    if "device" in row and row["resource"] == "gpu" and not is_idle:
        entry.devices[row["device"]] = row["gpu_model"]
        is_part = (row["cluster"], row["namespace"], row["pod"]) in parts
        entry.is_gpu_shared = bool(entry.is_gpu_shared) or is_part
    _add(entry, row, is_idle, question)
    found = _properties(row)
    known = found if is_new else entry.properties
    entry.properties = {k: v for k, v in known.items() if found.get(k) == v}


_IDLE_LACKS = {"workload", "labels", *DIRECT.values(), *LABELS.values()} - {"cluster", "node"}


def _idle_key(row: Mapping[str, Any], question: Question) -> str:
    return f"{row['cluster']}/{row['node']}/{IDLE}" if question.idle_by_node else IDLE


def _add(entry: Allocation, row: Mapping[str, Any], is_idle: bool, question: Question) -> None:
    """What a holder pays of idle time is in its cost, as OpenCost has it; of shared overhead beside it."""
    total = row["total_cost"] or ZERO
    shared = ZERO
    if question.rule.shared is not Spread.none and not is_idle:
        shared = row["shared_cost"] or ZERO
    if not is_idle:
        entry.idles[row["resource"]] += sum((row[f"{bucket}_cost"] or ZERO for bucket in NOBODYS), ZERO)
    entry.hours += row["unallocated_gpu_hours"] if is_idle else row["allocated_gpu_hours"]
    entry.busy_hours += ZERO if is_idle else row["busy_gpu_hours"]
    entry.costs[row["resource"]] += total - shared
    entry.shared += shared
    if not is_idle:
        entry.core_hours += row["cpu_core_hours"]
        entry.core_hours_used += row["cpu_used_core_hours"]
        entry.core_hours_unmeasured += row["cpu_unmeasured_core_hours"]
        entry.memory_gib_hours += row["memory_gib_hours"]
        entry.memory_gib_hours_used += row["memory_used_gib_hours"]
        entry.memory_gib_hours_unmeasured += row["memory_unmeasured_gib_hours"]
    entry.unpriced_hours += row["unpriced_gpu_hours"] or ZERO


def _send(entry: Allocation, row: Mapping[str, Any]) -> None:
    amount = row["cost"] or ZERO
    entry.network[row["class"]] += amount
    entry.costs["network"] += amount
    entry.sent_bytes += row["bytes"] or 0


def _properties(row: Mapping[str, Any]) -> dict[str, Any]:
    found: dict[str, Any] = {prop: text for prop in _SHOWN if (text := value(prop, row))}
    labels = {name: text for name in _LABEL_NAMES if name in row and (text := value(f"label:{name}", row))}
    annotations: dict[str, str] = {}
    for name, text in load(str(row.get("labels") or "")).items():
        kind, _, key = name.partition(".")
        (labels if kind == "label" else annotations)[plain(key)] = text
    return {
        **found,
        **({"labels": labels} if labels else {}),
        **({"annotations": annotations} if annotations else {}),
    }


def _unknown(question: Question, found: set[str]) -> Iterator[str]:
    for prop in question.aggregate:
        if dimension(prop) in (None, "labels") and prop not in found:
            yield f"the ledger does not have {prop}: all of it is __unallocated__"


def hours_of(window: Window) -> Decimal:
    """Exact, of a window of whole minutes."""
    return Decimal((window.end - window.start) // timedelta(minutes=1)) / 60
