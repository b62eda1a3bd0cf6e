"""A price CSV in OpenCost's columns, and in columns of our own that say what those cannot."""

from __future__ import annotations

import csv
from io import StringIO

from pipeline.errors import ConfigError
from pipeline.prices import amounts, fields
from pipeline.prices.amounts import Amount
from pipeline.prices.content import Content
from pipeline.prices.match import Match
from pipeline.prices.price import Price
from pipeline.sections import Section
from pipeline.wire.types.cost import RESOURCES

OPENCOST = (
    "EndTimestamp", "InstanceID", "Region", "AssetClass", "InstanceIDField", "InstanceType",
    "MarketPriceHourly", "Version",
)  # fmt: skip
OWN = (
    "Provider", "GpuModel", "GpuCount", "CapacityType", "MigProfile", "Cluster", "Currency", "ValidFrom",
    "ValidTo", "Source", "Os", "CpuCount", "Resource",
)  # fmt: skip
COLUMNS = OPENCOST + OWN
_NEEDED = ("InstanceID", "AssetClass", "InstanceType", "MarketPriceHourly")
_MODEL_LABELS = (
    "gpu.nvidia.com/class",
    "gpu.nvidia.com/model",
    "nvidia.com/gpu.product",
    "nvidia.com/gpu_type",
    "cloud.google.com/gke-accelerator",
    "karpenter.k8s.aws/instance-gpu-name",
    "k8s.amazonaws.com/accelerator",
    "amd.com/gpu.product-name",
)
_TYPE_LABELS = ("node.kubernetes.io/instance-type", "beta.kubernetes.io/instance-type")
_LABELS = "metadata.labels."
_MATCHED = {
    "Cluster": "cluster", "Provider": "provider", "Region": "region", "InstanceType": "instance_type",
    "GpuModel": "gpu_model", "MigProfile": "mig_profile", "CapacityType": "capacity_type",
    "Os": "os", "Resource": "resource",
}  # fmt: skip


class _Skip(Exception):
    """The row prices no kind of GPU; the message says why."""


def parse(text: str, name: str) -> Content:
    """Rows of GPUs and of instances whose GPUs are counted.

    EndTimestamp is not used, nor does OpenCost use it: ValidFrom and ValidTo say when a row holds.  Rows of
    disks, of single machines and of instances of unknown count of GPUs and cores are skipped with the reason.
    """
    try:
        return _content(csv.DictReader(StringIO(text.lstrip("\N{BYTE ORDER MARK}"))), name)
    except csv.Error as error:
        raise ConfigError(name, str(error), "save it as comma-separated text") from error


def _content(lines: csv.DictReader[str], name: str) -> Content:
    header = lines.fieldnames or []
    missing = [column for column in _NEEDED if column not in header]
    unknown = [column for column in header if column not in COLUMNS]
    if missing or unknown:
        raise ConfigError(f"{name}: header", ",".join(header), f"write columns of {','.join(COLUMNS)}")
    prices: list[Price] = []
    skipped: list[tuple[str, str]] = []
    problems: list[ConfigError] = []
    for line in lines:
        row = f"{name}:{lines.line_num}"
        if (line[header[0]] or "").startswith("#") or not any(filter(None, line.values())):
            continue
        try:
            if None in line or None in line.values():
                raise ConfigError(
                    row, "a line of another length", f"write {len(header)} fields, as in the header"
                )
            prices += _prices(Section(row, {k: v.strip() for k, v in line.items() if v.strip()}))
        except _Skip as reason:
            skipped.append((row, str(reason)))
        except ConfigError as problem:
            problems.append(problem)
    return Content(name, tuple(prices), skipped=tuple(skipped), problems=tuple(problems))


def _prices(row: Section) -> tuple[Price, ...]:
    price = _price(row)
    if not row.has("CpuCount"):
        return (price,)
    if row.has("GpuCount") or row.text("AssetClass") == "gpu":
        cores = row.text("CpuCount")
        raise ConfigError(row.key("CpuCount"), cores, "leave it out of a GPU and of an instance with GPUs")
    return price.by_cores()


def _price(row: Section) -> Price:
    cost = _amount(row)
    start, end = fields.validity(row, "ValidFrom", "ValidTo")
    return Price(
        name=row.key("").rstrip("."),
        match=_match(row),
        gpu_hour=cost.gpu_hour,
        currency=fields.currency(row, "Currency", "USD"),
        valid_from=start,
        valid_to=end,
        source=row.text("Source", "") or row.text("Version", ""),
        arithmetic=cost.arithmetic,
    )


def _amount(row: Section) -> Amount:
    kind = row.choice("AssetClass", ("gpu", "node", "pv"), "")
    if kind == "pv":
        raise _Skip("a disk's price")
    hour = amounts.number(row, "MarketPriceHourly")
    if row.has("Resource"):
        row.choice("Resource", RESOURCES, "")
        return Amount(hour, "list", "")
    if kind == "gpu":
        return Amount(hour, "list", "")
    if not _instance_type(row):
        raise _Skip("the price of one machine; name its InstanceType to price its kind")
    if row.has("CpuCount"):
        return amounts.of_cores(hour, amounts.gpu_count(row, "CpuCount", "cores the instance has"))
    if not row.has("GpuCount"):
        remedy = "add the column GpuCount to spread it over them, or CpuCount where it has none"
        raise _Skip(f"an instance's price without its GPUs; {remedy}")
    return amounts.instance(hour, amounts.gpu_count(row, "GpuCount"))


def _match(row: Section) -> Match:
    found = {field: row.text(column, "") for column, field in _MATCHED.items()}
    named = row.text("InstanceID", "")
    found["instance_type"] = _instance_type(row)
    if row.text("AssetClass") == "gpu" and named:
        label = row.text("InstanceIDField", "")
        if label and label.removeprefix(_LABELS) not in _MODEL_LABELS:
            raise _Skip(f"GPUs named by {label}, which is not known to hold their model")
        found["gpu_model"] = found["gpu_model"] or named.replace("_", " ")
    if not any(found.values()):
        raise ConfigError(row.key("InstanceID"), None, "name a GPU model or an InstanceType")
    return tuple((field, value) for field, value in found.items() if value)


def _instance_type(row: Section) -> str:
    """Its column, else what the row is named by where that is the type's label."""
    label = row.text("InstanceIDField", "").removeprefix(_LABELS)
    return row.text("InstanceType", "") or (row.text("InstanceID", "") if label in _TYPE_LABELS else "")
