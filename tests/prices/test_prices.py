"""A price book prices what it says, for as long as it says, and nothing else."""

from __future__ import annotations

from datetime import datetime
from decimal import Decimal
from pathlib import Path

import pytest

from pipeline.errors import ConfigError, NotFound
from pipeline.prices import PriceBook
from pipeline.prices.gpu_models import canonical
from pipeline.prices.price import Profile

START, END = datetime(2026, 10, 1), datetime(2026, 11, 1)
A100 = Profile("c", "aws", "us-east-1", "p4d.24xlarge", "NVIDIA A100-SXM4-40GB")


def book(tmp_path: Path, text: str) -> PriceBook:
    file = tmp_path / "prices.yaml"
    file.write_text(text, encoding="utf-8")
    return PriceBook.load(file)


def rows(*lines: str) -> str:
    return "version: test\nprices:\n" + "".join(f"  - {line}\n" for line in lines)


def gpu_hour(found: PriceBook, profile: Profile, currency: str = "USD") -> list[Decimal | None]:
    spans = found.spans(profile, START, END, currency)
    return [None if s.price is None else s.price.gpu_hour for s in spans]


@pytest.mark.parametrize(
    ("product", "name"),
    [
        ("NVIDIA A100-SXM4-80GB", "A100-80GB"),
        ("NVIDIA A100 80GB PCIe", "A100-80GB"),
        ("NVIDIA-A100-SXM4-40GB", "A100-40GB"),
        ("Tesla T4", "T4"),
        ("NVIDIA L4", "L4"),
        ("NVIDIA L40S", "L40S"),
        ("NVIDIA A10G", "A10G"),
        ("Tesla V100-SXM2-16GB", "V100-16GB"),
        ("NVIDIA H100 80GB HBM3", "H100-80GB"),
        ("NVIDIA H100 NVL", "H100-NVL"),
        ("NVIDIA H200", "H200"),
        ("GRID A100-40C", "VGPU A100-40C"),
        ("NVIDIA A40-48Q", "VGPU A40-48Q"),
        ("GRID A100D-1-10C", "VGPU A100D-1-10C"),
        ("nvidia-tesla-a100", "A100-40GB"),
        ("nvidia-h100-mega-80gb", "H100-80GB"),
        ("NVIDIA-RTX-6000-Ada-Generation", "RTX 6000 ADA"),
        ("NVIDIA RTX 6000 Ada Generation", "RTX 6000 ADA"),
        ("Quadro RTX 6000", "RTX 6000"),
        ("NVIDIA-RTX-A6000", "RTX A6000"),
        ("NVIDIA RTX PRO 6000 Blackwell Server Edition", "RTX PRO 6000"),
        ("nvidia-rtx-pro-6000", "RTX PRO 6000"),
        ("NVIDIA-GeForce-RTX-4070-Ti-SUPER", "RTX 4070 TI SUPER"),
        ("AMD_Radeon_PRO_V710", "RADEON PRO V710"),
        ("GenTD26 GPU", "GENTD26 GPU"),
        ("", ""),
    ],
)
def test_one_name_for_a_model(product: str, name: str) -> None:
    """Drivers and price lists write one card in many ways."""
    assert canonical(product) == name


@pytest.mark.parametrize("product", ["GRID A100-40C", "NVIDIA A100-SXM4-40GB-MIG-1g.5gb"])
def test_a_part_of_a_card_never_has_the_price_of_the_card(tmp_path: Path, product: str) -> None:
    """A guest that sees a tenth of an A100 must not be billed for all of it, unless a row says so."""
    profile = Profile(gpu_model=product)
    card = "{match: {gpu_model: A100}, gpu_hour: 3}"
    part = f"{{match: {{gpu_model: {product}}}, gpu_hour: 0.4}}"
    assert gpu_hour(book(tmp_path, rows(card)), profile) == [None]
    assert gpu_hour(book(tmp_path, rows(card, part)), profile) == [Decimal("0.4")]


def test_the_most_specific_row_wins_in_any_order(tmp_path: Path) -> None:
    """The negotiated price of one region must beat the general one wherever it stands in the file."""
    lines = [
        "{gpu_hour: 9}",
        "{match: {gpu_model: a100}, gpu_hour: 4}",
        "{match: {gpu_model: A100-40GB}, gpu_hour: 3}",
        "{match: {gpu_model: A100, region: US-EAST-1}, gpu_hour: 2}",
    ]
    for order in (lines, lines[::-1]):
        found = book(tmp_path, rows(*order))
        assert gpu_hour(found, A100) == [Decimal(2)]
        assert gpu_hour(found, Profile(gpu_model="NVIDIA A100-SXM4-40GB")) == [Decimal(3)]
        assert gpu_hour(found, Profile(gpu_model="NVIDIA A100-SXM4-80GB")) == [Decimal(4)]
        assert gpu_hour(found, Profile()) == [Decimal(9)]


def test_two_rows_that_match_equally_well_name_each_other(tmp_path: Path) -> None:
    """Which of two prices is meant is for a person to say, not for the order of a file."""
    one, other = "{match: {region: us-east-1}, gpu_hour: 1}", "{match: {provider: aws}, gpu_hour: 2}"
    found = book(tmp_path, rows(one, other))
    with pytest.raises(ConfigError, match=r"prices\[0\] and prices\[1\]"):
        found.spans(A100, START, END, "USD")


def test_rows_that_overlap_in_time_are_refused_when_read(tmp_path: Path) -> None:
    same = "match: {gpu_model: T4}, gpu_hour: 1"
    with pytest.raises(ConfigError, match=r"prices\[0\] and prices\[1\]"):
        book(tmp_path, rows(f"{{{same}, valid_from: 2026-01-01}}", f"{{{same}, valid_to: 2026-02-01}}"))
    with pytest.raises(ConfigError, match=r"prices\[0\] and prices\[1\]"):
        book(tmp_path, rows(f"{{{same}, valid_from: 2026-01-01}}", f"{{{same}, valid_from: 2026-01-01}}"))
    book(tmp_path, rows(f"{{{same}, valid_to: 2026-01-01}}", f"{{{same}, valid_from: 2026-01-01}}"))


def test_a_new_price_does_not_change_the_time_before_it(tmp_path: Path) -> None:
    """October must cost in December what it cost in October."""
    old = "{gpu_hour: 2, valid_to: 2026-10-10}"
    new = "{gpu_hour: 3, valid_from: 2026-10-10T06:00Z, valid_to: 2026-10-20}"
    found = book(tmp_path, rows(old, new))
    spans = found.spans(A100, START, END, "USD")
    assert [(s.start.day, s.start.hour, s.price and s.price.gpu_hour) for s in spans] == [
        (1, 0, Decimal(2)), (10, 0, None), (10, 6, Decimal(3)), (20, 0, None),
    ]  # fmt: skip
    assert "does not hold then" in spans[1].reason


def test_amounts_are_what_was_written(tmp_path: Path) -> None:
    """A price that went through a binary fraction is wrong in the last digit of a large bill."""
    written = "0.1000000000000000055511151231257827"
    assert gpu_hour(book(tmp_path, rows(f"{{gpu_hour: {written}}}")), A100) == [Decimal(written)]
    assert gpu_hour(book(tmp_path, rows("{instance_hour: 98.32, gpu_count: 8}")), A100) == [Decimal("12.29")]


def test_another_currency_is_no_price(tmp_path: Path) -> None:
    found = book(tmp_path, rows("{gpu_hour: 2, currency: EUR}"))
    assert gpu_hour(found, A100) == [None]
    assert "prices it in EUR" in found.spans(A100, START, END, "USD")[0].reason
    assert gpu_hour(found, A100, "EUR") == [Decimal(2)]


def test_an_unknown_purchase_option_is_on_demand_and_spot_is_not() -> None:
    """Spot capacity at the list price would be a bill twice too high."""
    bundled = PriceBook.bundled()
    spot = Profile("c", "aws", "us-east-1", "", "NVIDIA L4", "", "spot")
    assert gpu_hour(bundled, Profile("c", "aws", "us-east-1", "", "NVIDIA L4")) == [Decimal("0.8048")]
    assert gpu_hour(bundled, spot) == [None]


def test_the_bundled_book_has_the_common_gpus_of_three_clouds() -> None:
    """A newcomer on a large cloud sees money without writing a price first; every price says its source."""
    bundled = PriceBook.bundled()
    for provider, region, models in (
        ("aws", "us-east-1", "T4 L4 A10G L40S V100-SXM2-16GB A100-SXM4-40GB A100-SXM4-80GB H100 H200"),
        ("gcp", "us-central1", "T4 L4 V100-SXM2-16GB A100-SXM4-40GB A100-SXM4-80GB H100 H200"),
        ("azure", "eastus", "T4 V100-PCIE-16GB A100-SXM4-40GB A100-SXM4-80GB H100 H200"),
    ):
        for model in models.split():
            (price,) = gpu_hour(bundled, Profile("c", provider, region, "", f"NVIDIA {model}"))
            assert price is not None and 0 < price < 20, (provider, model)
    assert all("list price" in p.source and "2025" in p.source for p in bundled.prices)


@pytest.mark.parametrize(
    ("text", "names"),
    [
        ("", "mapping"),
        ("version: 1\nprices: []\n", "prices"),
        (rows("{gpu_hour: -1}"), "prices[0].gpu_hour"),
        (rows("{gpu_hour: NaN}"), "prices[0].gpu_hour"),
        (rows("{gpu_hour: 1e9}"), "prices[0].gpu_hour"),
        (rows("{gpu_hour: 2 dollars}"), "prices[0].gpu_hour"),
        (rows("{gpu_hour: 1, instance_hour: 2}"), "either gpu_hour"),
        (rows("{match: {gpu_model: T4}}"), "either gpu_hour"),
        (rows("{instance_hour: 8}"), "gpu_count"),
        (rows("{instance_hour: 8, gpu_count: 0}"), "gpu_count"),
        (rows("{gpu_hour: 1, currency: dollars}"), "ISO 4217"),
        (rows("{gpu_hour: 1, valid_from: soon}"), "valid_from"),
        (rows("{gpu_hour: 1, valid_from: '2026-10-01T00:00:30Z'}"), "whole minutes"),
        (rows("{gpu_hour: 1, valid_from: 2026-10-02, valid_to: 2026-10-01}"), "valid_to"),
        (rows("{gpu_hour: 1, match: {gpu_modell: T4}}"), "did you mean gpu_model"),
        (rows("{gpu_hours: 1}"), "gpu_hour"),
        ("version: &v x\nprices: [*v]\n", "aliases"),
        ("version: x\n" + "#" * 300_000, "bytes"),
        ("version: [\n", "valid YAML"),
    ],
)
def test_a_wrong_book_names_the_key_and_the_remedy(tmp_path: Path, text: str, names: str) -> None:
    with pytest.raises(ConfigError) as error:
        book(tmp_path, text)
    assert names in str(error.value)


def test_a_book_that_is_not_there(tmp_path: Path) -> None:
    with pytest.raises(NotFound, match="no file"):
        PriceBook.load(tmp_path / "none.yaml")


def test_the_version_changes_with_the_content(tmp_path: Path) -> None:
    """A statement names the book that it was made with; an edited book is another one."""
    assert book(tmp_path, rows("{gpu_hour: 1}")).version != book(tmp_path, rows("{gpu_hour: 2}")).version
