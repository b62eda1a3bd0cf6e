"""Catalogues as the clouds really write them, read from files: which rows are a price of a node."""

from __future__ import annotations

import gzip
import json
from datetime import datetime
from decimal import Decimal
from io import BytesIO
from pathlib import Path
from typing import Any
from zipfile import ZipFile

import pytest

from pipeline.errors import PreflightFailed
from pipeline.prices.book import PriceBook
from pipeline.prices.price import Profile
from pipeline.prices.sources.catalogue import named
from pipeline.prices.sources.fetch import ONLY_NAMED, pages
from pipeline.prices.sources.offer import Offer, Page
from tests.prices.test_prices_refresh import azure, price, refresh

FILE = {"url": ""}


def read(source: str, content: str | dict[str, Any]) -> Page:
    found = named(source)
    assert found is not None
    return found.parse((content if isinstance(content, str) else json.dumps(content)).encode())


def of(offers: tuple[Offer, ...]) -> list[tuple[str, str, str, int, Decimal, str]]:
    return [(o.instance_type, o.capacity_type, o.os, o.gpus, o.hour, o.currency) for o in offers]


def test_azure_sells_cloud_services_under_the_name_of_a_size(tmp_path: Path) -> None:
    """With them every size has two prices, and so none; a price that ended or has not begun is none now."""
    name = "Standard_NC24ads_A100_v4"
    items = [
        azure(name, "3.673", product="Virtual Machines NCA100v4 Series"),
        azure(name, "4.1", product="NCA100v4 Series Cloud Services"),
        azure(name, "4.2", product="Virtual Machines NCA100v4 Series CloudServices"),
        azure(name, "3.9", product="Virtual Machines NCA100v4 Series")
        | {"effectiveStartDate": "2023-01-01T00:00:00Z", "effectiveEndDate": "2024-01-01T00:00:00Z"},
        azure(name, "2.9", product="Virtual Machines NCA100v4 Series")
        | {"effectiveStartDate": "2090-01-01T00:00:00Z"},
        azure("Standard_NV6ads_A10_v5", "0.454") | {"skuName": "NV6ads A10 v5 Spot"},
        azure("Standard_ND128isr_GB300_v6", "0"),
    ]
    file = tmp_path / "page.json"
    file.write_text("\ufeff" + json.dumps({"Items": items, "NextPageLink": "https://x.invalid/2"}), "utf-8")
    said = refresh(FILE, "azure", tmp_path / "own.csv", str(file))
    assert price(tmp_path / "own.csv", "azure", "eastus", name) == Decimal("3.673")
    spot = price(tmp_path / "own.csv", "azure", "eastus", "Standard_NV6ads_A10_v5", "", "", "spot")
    assert spot == Decimal("0.454"), "a sixth of a card is one device of its node"
    for left in (
        "2 left out: no virtual machine",
        "2 left out: a price of another time",
        "1 left out: a price of zero",
    ):
        assert left in said
    assert f"1 left out: {ONLY_NAMED}" in said


def test_of_two_prices_of_azure_the_newer_holds(tmp_path: Path) -> None:
    rows = [
        azure("Standard_NC40ads_H100_v5", text) | {"effectiveStartDate": since}
        for text, since in (("6.98", "2024-08-01T00:00:00Z"), ("6.5", "2025-08-01T00:00:00Z"))
    ]
    (tmp_path / "page.json").write_text(json.dumps({"Items": rows}))
    refresh(FILE, "azure", tmp_path / "own.csv", str(tmp_path / "page.json"))
    assert price(tmp_path / "own.csv", "azure", "eastus", "Standard_NC40ads_H100_v5") == Decimal("6.5")


AWS_COLUMNS = (
    "SKU,OfferTermCode,TermType,Unit,PricePerUnit,Currency,Instance Type,Tenancy,Operating System,"
    "CapacityStatus,Pre Installed S/W,License Model,GPU,Region Code,MarketOption"
)


def aws_line(kind: str, hour: str, instance: str, gpu: str, market: str, currency: str = "USD") -> str:
    fixed = "Shared,Linux,Used,NA,No License required"
    return f"A,B,{kind},Hrs,{hour},{currency},{instance},{fixed},{gpu},r,{market}"


def test_a_capacity_block_of_aws_is_no_price_of_an_hour() -> None:
    """Its hours cost nothing in the list, since they are paid when it is reserved: p5 had two prices."""
    lines = [
        aws_line("OnDemand", "55.04", "p5.48xlarge", "8", "OnDemand"),
        aws_line("OnDemand", "0.0", "p5.48xlarge", "8", "CapacityBlock"),
        aws_line("Reserved", "30", "p5.48xlarge", "8", "OnDemand"),
        aws_line("OnDemand", "1.2", "g6f.xlarge", "0.125", "OnDemand"),
        aws_line("OnDemand", "21.5", "trn1.32xlarge", "", "OnDemand"),
        aws_line("OnDemand", "40", "g5.xlarge", "1", "OnDemand", "CNY"),
    ]
    preamble = "\ufeff" + "".join(f'"{name}","x"\r\n' for name in ("FormatVersion", "Disclaimer", "Version"))
    found = read("aws", preamble + "\r\n".join([AWS_COLUMNS, *lines, ""]))
    assert of(found.offers) == [
        ("p5.48xlarge", "on-demand", "", 8, Decimal("55.04"), "USD"),
        ("g6f.xlarge", "on-demand", "", 1, Decimal("1.2"), "USD"),
        ("trn1.32xlarge", "on-demand", "", 16, Decimal("21.5"), "USD"),
        ("g5.xlarge", "on-demand", "", 1, Decimal("40"), "CNY"),
    ]
    assert sum(found.skipped.values()) == 2


ATTRIBUTES = {
    "instanceType": "g4dn.12xlarge", "tenancy": "Shared", "operatingSystem": "Linux",
    "capacitystatus": "Used", "preInstalledSw": "NA", "licenseModel": "No License required",
    "gpu": "4", "regionCode": "cn-north-1",
    "marketoption": "OnDemand",
}  # fmt: skip
TERM = {"S.T": {"priceDimensions": {"S.T.R": {"unit": "Hrs", "pricePerUnit": {"CNY": "38.5"}}}}}


@pytest.mark.parametrize("form", ["offer file", "get-products", "one a line of a list"])
def test_the_json_of_aws_says_the_same(form: str) -> None:
    entry = {"product": {"sku": "S", "attributes": ATTRIBUTES}, "terms": {"OnDemand": TERM, "Reserved": TERM}}
    whole: Any = {
        "formatVersion": "v1.0",
        "products": {"S": {"sku": "S", "attributes": ATTRIBUTES}},
        "terms": {"OnDemand": {"S": TERM}, "Reserved": {"S": TERM}},
    }
    content = {
        "offer file": whole, "get-products": {"PriceList": [json.dumps(entry)]},
        "one a line of a list": [entry]
    }[form]  # fmt: skip
    found = read("aws", json.dumps(content))
    assert of(found.offers) == [("g4dn.12xlarge", "on-demand", "", 4, Decimal("38.5"), "CNY")]
    assert sum(found.skipped.values()) == 1, "the reserved term"


def sku(description: str, units: Any = "1", usage: str = "OnDemand", **more: Any) -> dict[str, Any]:
    amount = {"currencyCode": "USD", "nanos": 5} | ({"units": units} if units else {})
    return {
        "skuId": "A", "description": description, "serviceRegions": ["us-central1"],
        "category": {"resourceGroup": "GPU", "usageType": usage},
        "pricingInfo": [{"pricingExpression": {"usageUnit": "h", "tieredRates": [{"unitPrice": amount}]}}],
    } | more  # fmt: skip


def test_google_names_newer_cards_in_other_ways(tmp_path: Path) -> None:
    """An H100 Mega costs more than an H100; what is scheduled or reserved is no list price."""
    skus = [
        sku("Nvidia H100 80GB GPU running in Americas", "9"),
        sku("Nvidia H100 80GB Mega GPU running in Americas", "10"),
        sku("H200 141GB GPU attached to Spot Preemptible VMs running in Americas", "3", "Preemptible"),
        sku("A4 Nvidia B200 (1 gpu slice) running in Americas", "16"),
        sku("Spot Preemptible A4 Nvidia B200 (1 gpu slice) running in Americas", "4"),
        sku("RTX 6000 96GB running in Americas", None),
        sku("Nvidia H100 Mega 80GB GPU attached to DWS Defined Duration VMs running in Americas", "4"),
        sku("Reserved Nvidia H100 80GB Mega GPU in Americas", "0"),
        sku("Nvidia Tesla T4 GPU running in Americas", pricingInfo=[]),
    ]
    (tmp_path / "skus.json.gz").write_bytes(gzip.compress(json.dumps({"skus": skus}).encode()))
    own = tmp_path / "own.csv"
    said = refresh(FILE, "gcp", own, str(tmp_path / "skus.json.gz"))
    assert "2 left out: neither on-demand nor spot" in said and "1 left out: not one price an hour" in said
    nano = Decimal("5e-9")

    def asked(machine: str, model: str, capacity: str = "on-demand") -> Decimal | None:
        return price(own, "gcp", "us-central1", machine, model, "", capacity)

    assert asked("a3-highgpu-8g", "NVIDIA H100 80GB HBM3") == 9 + nano
    assert asked("a3-megagpu-8g", "nvidia-h100-mega-80gb") == 10 + nano
    assert asked("a3-ultragpu-8g", "NVIDIA H200", "spot") == 3 + nano
    assert asked("a4-highgpu-8g", "NVIDIA B200") == 16 + nano
    assert asked("a4-highgpu-8g", "nvidia-b200", "spot") == 4 + nano
    assert asked("g4-standard-48", "NVIDIA RTX PRO 6000 Blackwell Server Edition") == nano


def test_google_prices_cores_and_memory_of_a_family_beside_its_gpus(tmp_path: Path) -> None:
    """An a2-highgpu-1g costs its A100, twelve cores and 85 GiB: the GPU's price alone is 80 % of the bill."""

    def unit(description: str, group: str, unit: str, nanos: int, usage: str = "OnDemand") -> dict[str, Any]:
        price = {"currencyCode": "USD", "units": "0", "nanos": nanos}
        told = [{"pricingExpression": {"usageUnit": unit, "tieredRates": [{"unitPrice": price}]}}]
        of = {"resourceGroup": group, "usageType": usage}
        return sku(description, None) | {"category": of, "pricingInfo": told}

    skus = [
        unit("A2 Instance Core running in Americas", "CPU", "h", 31_611_000),
        unit("A2 Instance Ram running in Americas", "RAM", "GiBy.h", 4_237_000),
        unit("Spot Preemptible A2 Instance Core running in Americas", "CPU", "h", 12_000_000, "Preemptible"),
        unit("N1 Predefined Instance Ram running in Americas", "N1Standard", "GiBy.h", 4_237_000),
        unit("A2 Custom Instance Core running in Americas", "CPU", "h", 1),
        unit("Commitment v1: A2 Cpu in Americas for 1 Year", "CPU", "h", 1, "Commit1Yr"),
        unit("Sole Tenancy A2 Instance Core running in Americas", "CPU", "h", 1),
        unit("A2 Instance Ram running in Americas", "RAM", "h", 9),
    ]
    (tmp_path / "skus.json").write_text(json.dumps({"skus": skus}))
    own = tmp_path / "own.csv"
    said = refresh(FILE, "gcp", own, str(tmp_path / "skus.json"))
    assert "3 left out: no GPU, core or memory" in said and "1 left out: not one price an hour" in said
    book = PriceBook.load(own)

    def asked(machine: str, resource: str, capacity: str = "on-demand") -> Decimal | None:
        profile = Profile("", "gcp", "us-central1", machine, "", "", capacity, resource)
        (span,) = book.spans(profile, datetime(2100, 1, 1), datetime(2100, 1, 2), "USD")
        return None if span.price is None else span.price.gpu_hour

    assert asked("a2-highgpu-1g", "cpu") == Decimal("0.031611")
    assert asked("a2-highgpu-1g", "memory") == Decimal("0.004237")
    assert asked("a2-ultragpu-8g", "cpu", "spot") == Decimal("0.012")
    assert asked("a2-ultragpu-8g", "memory", "spot") is None, "the nearest wrong price is none"
    assert asked("n1-standard-4", "memory") == Decimal("0.004237") and asked("n1-standard-4", "cpu") is None
    assert asked("a2-highgpu-1g", "") is None and asked("a20-highgpu-1g", "cpu") is None
    assert "\n0 of 4 prices are new" in refresh(FILE, "gcp", own, str(tmp_path / "skus.json"))
    old = tmp_path / "old.csv"
    old.write_text(own.read_text().splitlines()[0].removesuffix(",Resource") + "\n")
    assert "4 left out: the file has no column Resource" in refresh(
        FILE, "gcp", old, str(tmp_path / "skus.json")
    )


def test_gpuhunt_says_the_zone_where_google_prices_a_region() -> None:
    text = (
        "instance_name,location,price,cpu,memory,gpu_count,gpu_name,gpu_memory,spot,disk_size,gpu_vendor,flags\n"
        "g2-standard-4,europe-west4-a,0.7,4,16,1,L4,24.0,False,,nvidia,\n"
        "g2-standard-4,europe-west4-b,0.70,4,16,1.0,L4,24.0,True,,nvidia,\n"
        "e2,europe-west4-b,0.1,4,16,,,,False,,,\n"
    )
    google, other = read("gpuhunt-gcp", text), read("gpuhunt-nebius", text)
    packed = BytesIO()
    with ZipFile(packed, "w") as catalogue:
        catalogue.writestr("gcp.csv", text)
    found = named("gpuhunt-gcp")
    assert found is not None and found.parse(packed.getvalue()) == google
    assert {offer.region for offer in google.offers} == {"europe-west4"} and len(google.offers) == 2
    assert other.offers[0].region == "europe-west4-a" and google.skipped["no GPU"] == 1


@pytest.mark.parametrize(
    "body", [b"\x1f\x8b broken", b"[1]", b'{"skus": [{}]}', b'{"skus": [{"pricingInfo": []}]}']
)
def test_a_file_that_is_no_catalogue_is_one_sentence(tmp_path: Path, body: bytes) -> None:
    source = named("gcp")
    assert source is not None
    (tmp_path / "x").write_bytes(body)
    for path in (tmp_path / "x", tmp_path / "none", tmp_path):
        with pytest.raises(PreflightFailed, match=str(path)):
            pages(str(path), source.parse)
