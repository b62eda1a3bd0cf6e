"""The prediction as an answer: each workload's cost a month, what it costs now, and the change."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from dataclasses import dataclass, replace
from datetime import datetime, timedelta
from decimal import Decimal
from fractions import Fraction

from collectors.device_products import product
from pipeline.answers.answer import Answer, Column, Value
from pipeline.answers.money import from_nano
from pipeline.predict.devices import BESIDE, Ask, Part
from pipeline.predict.present import Now, money
from pipeline.predict.workloads import HOURS, Workload
from pipeline.prices.book import PriceBook
from pipeline.prices.price import Profile
from pipeline.wire import mig

PRODUCT = "nvidia.com/gpu.product"
_LABELS = {
    "instance_type": ("node.kubernetes.io/instance-type", "beta.kubernetes.io/instance-type"),
    "region": ("topology.kubernetes.io/region",),
    "os": ("kubernetes.io/os", "beta.kubernetes.io/os"),
    "capacity_type": ("karpenter.sh/capacity-type", "eks.amazonaws.com/capacityType"),
}
_PLACES = Decimal("1e-6")


@dataclass(frozen=True, slots=True)
class Asked:
    """What the options say: `profile` where the file is silent, and replicas of a shared GPU."""

    profile: Profile
    replicas: int | None
    currency: str


def predict(
    found: Iterable[Workload], book: PriceBook, asked: Asked, now: datetime, costs: Now | None
) -> Answer:
    """`costs` is None where there is no ledger to compare with."""
    columns = (
        Column("namespace"), Column("workload"), Column("pods", kind="integer"),
        Column("gpus", kind="decimal"), Column("hours", "", "decimal", wide=True), Column("gpu_model"),
        Column("gpu_hour_price", asked.currency, "money", wide=True),
        Column("monthly_cost", asked.currency, "money"), Column("now_monthly_cost", asked.currency, "money"),
        Column("change", asked.currency, "money"),
    )  # fmt: skip
    rows, notes = [], []
    for one in found:
        row, problems = _row(one, book, asked, now, costs)
        rows.append(row)
        notes += [f"{one.namespace} {one.name}: {problem}" for problem in problems]
    if not rows:
        notes.append("nothing in it asks for a GPU or another device")
    notes.append(f"a month is {HOURS} hours; prices: {book.version}")
    sums = [_sum(row[at] for row in rows) for at in (7, 8, 9)]
    total = ("", "", None, None, None, "", None, *sums)
    return Answer(columns, tuple(rows), None, None, tuple(dict.fromkeys(notes)), total)


def _row(
    one: Workload, book: PriceBook, asked: Asked, now: datetime, costs: Now | None
) -> tuple[tuple[Value, ...], list[str]]:
    problems = [one.problem] if one.problem else []
    nano, gpus, models, prices = Fraction(), Fraction(), [], []
    for ask, times in [(a, one.pods or 0) for a in one.asks] + [(a, 1) for a in one.once]:
        profile = _profile(one.labels, ask, asked.profile)
        share, problem = _share(ask, profile, one.labels, asked)
        price, reason = _price(book, profile, now, asked.currency)
        problems += [text for text in (problem, reason if not ask.problem else "") if text]
        nano += ask.number * share * times * (price or 0) * (one.hours or 0)
        if ask.resource not in BESIDE:
            gpus += ask.number * share * times
            models.append(profile.gpu_model)
            prices.append(price)
    known = not problems
    predicted = money(nano) if known else None
    current = None if costs is None else costs.get((one.namespace, one.name), Decimal(0))
    change = None if predicted is None or current is None else predicted - current
    single = prices[0] if len(set(prices)) == 1 else None
    return (
        one.namespace, one.name, one.pods, _decimal(gpus), None if one.hours is None else _decimal(one.hours),
        ", ".join(dict.fromkeys(filter(None, models))) or None, None if single is None else from_nano(single),
        predicted, current, change if costs is not None else predicted,
    ), list(dict.fromkeys(problems))  # fmt: skip


def _profile(labels: Mapping[str, str], ask: Ask, stated: Profile) -> Profile:
    """The file's labels before the options; the device class before the labels."""
    values = {}
    for name, keys in _LABELS.items():
        found = next((labels[key] for key in keys if key in labels), "")
        values[name] = found or getattr(stated, name)
    values["capacity_type"] = values["capacity_type"].lower().replace("_", "-")
    if ask.resource in BESIDE:
        return replace(stated, **values, gpu_model="", resource=ask.resource)
    return replace(
        stated, **values, gpu_model=ask.gpu_model or product(ask.resource, labels) or stated.gpu_model
    )


def _share(ask: Ask, profile: Profile, labels: Mapping[str, str], asked: Asked) -> tuple[Fraction, str]:
    """Of a card; and why it is not known."""
    if ask.problem:
        return Fraction(), ask.problem
    if ask.part is not None:
        return _of_hami(ask.part, profile, labels)
    is_card = ask.resource.startswith("nvidia.com/")
    told = labels.get(PRODUCT, "") if is_card else ""
    if profile_name := ask.profile or told.partition("-MIG-")[2]:
        return mig.share(profile_name, profile.gpu_model) / (ask.replicas or 1), ""
    if ask.replicas:
        return Fraction(1, ask.replicas), ""
    if not (ask.shared or told.endswith("-SHARED")):
        return Fraction(1), ""
    written = labels.get("nvidia.com/gpu.replicas", "")
    replicas = int(written) if written.isdecimal() and int(written) else asked.replicas
    if replicas:
        return Fraction(1, replicas), ""
    return Fraction(), "say into how many replicas a shared GPU is cut with --replicas"


def _of_hami(part: Part, profile: Profile, labels: Mapping[str, str]) -> tuple[Fraction, str]:
    written, gigabytes = labels.get("nvidia.com/gpu.memory", ""), mig.card_gb(profile.gpu_model)
    whole = int(written) if written.isdecimal() else (gigabytes or 0) * 1024
    if part.mebibytes and not whole:
        return Fraction(), "say the GPU's memory with a node selector nvidia.com/gpu.memory in MiB"
    memory = part.mebibytes / whole if part.mebibytes else Fraction()
    return min(max(part.percent / 100, memory), Fraction(1)), ""


def _price(book: PriceBook, profile: Profile, now: datetime, currency: str) -> tuple[int | None, str]:
    span = book.spans(profile, now, now + timedelta(minutes=1), currency)[0]
    if span.nano_per_hour is not None:
        return span.nano_per_hour, ""
    missing = (
        []
        if profile.gpu_model or profile.resource
        else [f"the GPU with --gpu-model (or a node selector {PRODUCT})"]
    )
    missing += [f"--{name}" for name in ("provider", "region") if not getattr(profile, name)]
    remedy = f"; say {', '.join(missing)}" if missing else ""
    return None, f"no price for {profile}{remedy}, or give --prices or --gpu-hour-price"


def _sum(values: Iterable[Value]) -> Decimal | None:
    known = [value for value in values if isinstance(value, Decimal)]
    return sum(known, Decimal(0)) if known else None


def _decimal(value: Fraction) -> Decimal:
    return (Decimal(value.numerator) / value.denominator).quantize(_PLACES)


def beside(book: PriceBook) -> frozenset[str]:
    """Of CPU and memory what the book has a price for: what costs nothing in the ledger is not predicted."""
    return frozenset(BESIDE) & {value for price in book.prices for f, value in price.match if f == "resource"}


def is_incomplete(answer: Answer) -> bool:
    return any(row[7] is None for row in answer.rows)


def change(answer: Answer) -> Decimal:
    found = answer.total[9] if answer.total else None
    return found if isinstance(found, Decimal) else Decimal(0)
