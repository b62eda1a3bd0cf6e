"""`prices refresh` against catalogues of the recorded shapes, served over HTTP: only changes are added."""

from __future__ import annotations

import json
import threading
from collections.abc import Callable, Iterator
from datetime import datetime
from decimal import Decimal
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path
from typing import Any

import pytest
from typer.testing import CliRunner

from pipeline.cli.app import app
from pipeline.errors import ConfigError, PreflightFailed
from pipeline.prices import PriceBook
from pipeline.prices.price import Profile
from pipeline.prices.quote import Quote
from pipeline.settings.up import UpSettings
from pipeline.up.pricing import pricing

AWS = (
    '"FormatVersion","v1.0"\n"Disclaimer","x"\n"Publication Date","2026"\n"Version","1"\n'
    '"OfferCode","AmazonEC2"\n'
    '"SKU","TermType","Unit","PricePerUnit","Currency","Instance Type","Tenancy","Operating System",'
    '"CapacityStatus","Pre Installed S/W","License Model","GPU","Region Code"\n'
    '"A1","OnDemand","Hrs","55.0400000000","USD","p5.48xlarge","Shared","Linux","Used","NA",'
    '"No License required","8","us-east-1"\n'
    '"A2","OnDemand","Hrs","99.0000000000","USD","p5.48xlarge","Shared","Windows","Used","NA",'
    '"No License required","8","us-east-1"\n'
    '"A3","OnDemand","Hrs","55.0400000000","USD","p5.48xlarge","Shared","Windows","Used","NA",'
    '"Bring your own license","8","us-east-1"\n'
    '"A4","OnDemand","Hrs","0.1000000000","USD","m5.large","Shared","Linux","Used","NA",'
    '"No License required","","us-east-1"\n'
)
GPUHUNT = (
    "instance_name,location,price,cpu,memory,gpu_count,gpu_name,gpu_memory,spot,disk_size\n"
    "g2-standard-4,us-central1,0.7069,4,16,1,L4,24,False,\ng2-standard-4,us-central1,0.28,4,16,1,L4,24,True,\n"
    "n2,us-central1,0.1,4,16,0,,,False,\n"
)


def azure(name: str, price: str, meter: str = "x", product: str = "NC") -> dict[str, Any]:
    return {
        "currencyCode": "USD", "retailPrice": float(price), "armRegionName": "eastus", "armSkuName": name,
        "meterName": meter, "skuName": meter, "productName": product, "unitOfMeasure": "1 Hour",
        "type": "Consumption",
    }  # fmt: skip


@pytest.fixture
def served() -> Iterator[dict[str, str]]:
    """Paths and their bodies; `url` is where they are."""
    bodies: dict[str, str] = {}

    class Handler(BaseHTTPRequestHandler):
        def do_GET(self) -> None:
            body = bodies.get(self.path, "").encode()
            self.send_response(200 if body else 503)
            self.end_headers()
            self.wfile.write(body)

        def log_message(self, *_: Any) -> None:
            pass

    server = ThreadingHTTPServer(("127.0.0.1", 0), Handler)
    thread = threading.Thread(target=server.serve_forever, args=(0.05,))
    thread.start()
    bodies["url"] = f"http://127.0.0.1:{server.server_address[1]}"
    yield bodies
    server.shutdown()
    server.server_close()
    thread.join()


def refresh(served: dict[str, str], source: str, into: Path, path: str = "/1") -> str:
    words = ["prices", "refresh", source, "--into", str(into), "--url", served["url"] + path]
    result = CliRunner().invoke(app, words)
    if result.exception is not None:
        raise result.exception
    return result.output


def price(file: Path, *profile: str) -> Decimal | None:
    found = PriceBook.load(file).quote(Profile("c", *profile), datetime(2100, 1, 1), "USD")
    return found.effective if isinstance(found, Quote) else None


def test_azure_is_read_page_by_page_and_only_changes_are_added(
    served: dict[str, str], tmp_path: Path
) -> None:
    """A second run must not double the file, a new price must not touch the old line."""
    into, name = tmp_path / "azure.csv", "Standard_NC48ads_A100_v4"
    first = [azure(name, "7.346"), azure(name, "9", product="NC Windows"), azure("Standard_D2", "1")]
    served["/1"] = json.dumps({"Items": first, "NextPageLink": served["url"] + "/2"})
    served["/2"] = json.dumps({"Items": [azure(name, "1.5", meter="NC48 Spot")], "NextPageLink": None})
    said = refresh(served, "azure", into)
    assert "3 of 3 prices are new" in said and "1 left out: GPUs of the instance are unknown" in said
    assert price(into, "azure", "eastus", name) == Decimal("3.673")
    assert price(into, "azure", "eastus", name, "", "", "spot") == Decimal("0.75")
    assert price(into, "azure", "westus", name) is None
    assert price(into, "azure", "eastus", name, "", "", "on-demand", "", "windows") == Decimal("4.5")
    assert price(into, "azure", "eastus", name, "", "", "spot", "", "windows") is None
    before = into.read_text()
    assert "0 of 3 prices are new" in refresh(served, "azure", into)
    assert into.read_text() == before


def test_a_price_that_changed_is_a_line_more(served: dict[str, str], tmp_path: Path) -> None:
    into, name = tmp_path / "own.csv", "Standard_NC24ads_A100_v4"
    into.write_text(
        "EndTimestamp,InstanceID,Region,AssetClass,InstanceIDField,InstanceType,MarketPriceHourly,Version,Provider,"
        "GpuModel,GpuCount,CapacityType,MigProfile,Cluster,Currency,ValidFrom,ValidTo,Source\n"
        f",,eastus,node,,{name},4,,azure,,1,on-demand,,,USD,2026-01-01,,x\n"
    )
    before = into.read_text()
    served["/1"] = json.dumps({"Items": [azure(name, "3.5")], "NextPageLink": ""})
    refresh(served, "azure", into)
    assert into.read_text().startswith(before) and len(into.read_text().splitlines()) == 3
    old = PriceBook.load(into).quote(Profile("c", "azure", "eastus", name), datetime(2026, 2, 1), "USD")
    assert isinstance(old, Quote) and old.effective == 4
    assert price(into, "azure", "eastus", name) == Decimal("3.5")


class Watching:
    """Three readings, then the end; what was said."""

    def __init__(self) -> None:
        self.left, self.pauses, self.said = 3, [0.0], list[str]()

    def now(self) -> int:
        return 1_700_000_000_000_000 + 3_600_000_000 * len(self.pauses)

    def wait(self, seconds: float) -> bool:
        self.pauses.append(seconds)
        self.left -= 1
        return self.left < 0

    def notes(self, part: str, reason: str) -> None:
        self.said.append(reason)

    def goes_on(self, *parts: str) -> None: ...


def test_up_keeps_prices_as_the_catalogue_has_them(served: dict[str, str], tmp_path: Path) -> None:
    """A catalogue that is away for an hour must end neither the collectors nor the readings after it."""
    into = tmp_path / "aws.csv"
    asked = {"prices_source": "aws", "prices_into": str(into), "prices_url": served["url"] + "/1"}
    job: Callable[[Any], None] = pricing(UpSettings(**asked))
    watch, away = Watching(), Watching()
    served["/1"] = AWS
    job(watch)
    assert (watch.pauses[1:], watch.said) == ([0.0, 86_400.0, 86_400.0, 86_400.0], [])
    assert len(into.read_text().splitlines()) == 3, "the header and two prices, which did not change"
    served["/1"] = ""
    job(away)
    assert away.pauses[2:] == [3_600.0] * 3 and "503" in away.said[0]
    with pytest.raises(ConfigError, match="prices_into"):
        pricing(UpSettings(prices_source="aws"))


def test_aws_and_gpuhunt(served: dict[str, str], tmp_path: Path) -> None:
    served["/1"], served["/2"] = AWS, GPUHUNT
    refresh(served, "aws", tmp_path / "aws.csv")
    refresh(served, "gpuhunt-gcp", tmp_path / "gcp.csv", "/2")
    assert price(tmp_path / "aws.csv", "aws", "us-east-1", "p5.48xlarge") == Decimal("6.88")
    windows = price(
        tmp_path / "aws.csv", "aws", "us-east-1", "p5.48xlarge", "", "", "on-demand", "", "windows"
    )
    assert windows == Decimal("12.375"), "with AWS's licence: a list of both would have neither price"
    assert price(tmp_path / "gcp.csv", "gcp", "us-central1", "g2-standard-4") == Decimal("0.7069")
    assert price(tmp_path / "gcp.csv", "gcp", "us-central1", "g2-standard-4", "", "", "spot") == Decimal(
        "0.28"
    )


@pytest.mark.parametrize("body", ["", "{}", "no JSON", '{"Items": [{}]}'])
def test_a_catalogue_that_fails_writes_nothing(served: dict[str, str], tmp_path: Path, body: str) -> None:
    served["/1"] = body
    with pytest.raises(PreflightFailed):
        refresh(served, "azure", tmp_path / "x.csv")
    assert not (tmp_path / "x.csv").exists()


def test_a_file_of_other_columns_is_left_as_it_is(served: dict[str, str], tmp_path: Path) -> None:
    """A line that does not fit would make the whole book unreadable."""
    into = tmp_path / "own.csv"
    into.write_text("InstanceID,AssetClass,InstanceType,MarketPriceHourly\nT4,gpu,,1\n")
    before, served["/1"] = into.read_text(), AWS
    with pytest.raises(ConfigError, match="fields"):
        refresh(served, "aws", into)
    assert into.read_text() == before


def test_gcp_prices_one_gpu_of_a_known_model_by_region(served: dict[str, str], tmp_path: Path) -> None:
    """A commitment or a model that is not known must not pass for an on-demand price."""

    def sku(description: str, usage: str, nanos: int) -> dict[str, Any]:
        price = {"currencyCode": "USD", "units": "1", "nanos": nanos}
        return {
            "skuId": "A-1", "description": description, "serviceRegions": ["us-central1", "us-east1"],
            "category": {"resourceGroup": "GPU", "usageType": usage},
            "pricingInfo": [{"pricingExpression": {"usageUnit": "h", "tieredRates": [{"unitPrice": price}]}}],
        }  # fmt: skip

    first = [
        sku("Nvidia Tesla T4 GPU running in Americas", "OnDemand", 350_000_000),
        sku("Nvidia X9 GPU running in Americas", "OnDemand", 1),
    ]
    spot = sku("Nvidia Tesla T4 GPU attached to Spot Preemptible VMs running in Americas", "Preemptible", 1)
    served["/1?x"] = json.dumps({"skus": first, "nextPageToken": "a/b"})
    served["/1?x&pageToken=a/b"] = json.dumps(
        {"skus": [spot, sku("Commitment v1: T4", "Commit1Yr", 5)], "nextPageToken": ""}
    )
    said = refresh(served, "gcp", tmp_path / "gcp.csv", "/1?x")
    assert "4 of 4 prices are new" in said and "1 left out: the GPU's model is unknown" in said
    assert price(tmp_path / "gcp.csv", "gcp", "us-east1", "", "Tesla T4") == Decimal("1.35")
    spot_price = price(tmp_path / "gcp.csv", "gcp", "us-east1", "", "Tesla T4", "", "spot")
    assert spot_price == Decimal("1.000000001")
    assert "0 of 4 prices are new" in refresh(served, "gcp", tmp_path / "gcp.csv", "/1?x")


def test_a_file_from_before_windows_goes_on_as_it_is(served: dict[str, str], tmp_path: Path) -> None:
    """A line of one field more would spoil the whole file; a price left out is said."""
    into, name = tmp_path / "own.csv", "Standard_NC24ads_A100_v4"
    columns = "InstanceID,Region,AssetClass,InstanceType,MarketPriceHourly,Provider,GpuModel,GpuCount"
    into.write_text(f"{columns},CapacityType,Currency,ValidFrom,Source\n")
    rows = [azure(name, "3.5"), azure(name, "9", product="NC Windows")]
    served["/1"] = json.dumps({"Items": rows, "NextPageLink": ""})
    said = refresh(served, "azure", into)
    assert "the file has no column Os" in said and len(into.read_text().splitlines()) == 2
    assert price(into, "azure", "eastus", name) == Decimal("3.5")


def test_gpuhunt_has_many_providers(served: dict[str, str], tmp_path: Path) -> None:
    served["/1"] = GPUHUNT
    refresh(served, "gpuhunt-lambdalabs", tmp_path / "x.csv")
    assert price(tmp_path / "x.csv", "lambdalabs", "us-central1", "g2-standard-4") == Decimal("0.7069")
    with pytest.raises(ConfigError, match="gpuhunt-PROVIDER"):
        refresh(served, "gpuhunt", tmp_path / "y.csv")
