"""The fleet page: what is left over of a cut card, and who holds which part of which card."""

from __future__ import annotations

from decimal import Decimal
from pathlib import Path

import pytest

from dashboards import controls
from pipeline.answers.device_shares import device_shares
from pipeline.answers.timeline import newest
from pipeline.answers.window import Window
from tests.cost_rows import allocation, at, device, ledger, minutes
from tests.pages.test_pages import opened, words

HOUR = Window(at(0), at(1))
A100 = "NVIDIA A100-SXM4-40GB"


def test_who_holds_which_part_and_what_is_left_over(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """A card cut into 3g and 2g looks full: 3/14 of it nobody can ask for, and only this page says so."""
    place = {"gpu_model": A100, "provider": "aws", "region": "us-east-1"}
    cut = {"parent_device": "GPU-a", **place}
    devices = [
        device("GPU-a", at(0), at(1), **place),
        device("MIG-3", at(0), at(1), mig_profile="3g.20gb", **cut),
        device("MIG-2", at(0), at(1), mig_profile="2g.10gb", **cut),
        device("GPU-b", at(0), at(1)),
    ]
    held = [
        allocation("MIG-3", "a", at(0), at(1), method="mig"),
        allocation("MIG-2", "b", at(0.25), at(1), method="mig"),
        allocation("GPU-b", "c", at(0), at(0.5), share=(1, 4), method="time-slicing"),
        allocation("GPU-b", "d", at(0), at(1), method="exporter", admin_access=True),
    ]
    usage = minutes("GPU-b", at(0), at(1), 30)
    with ledger(tmp_path, devices=devices, allocations=held, gpu_usage=usage) as store:
        names = ("card", "mig_profile", "method", "share", "hours", "device", "pod")
        rows = [tuple(row[name] for name in names) for row in device_shares(store, HOUR).named()]
    assert rows == [
        ("GPU-a", "2g.10gb", "mig", 1.0, Decimal("0.75"), "MIG-2", "b"),
        ("GPU-a", "3g.20gb", "mig", 1.0, Decimal(1), "MIG-3", "a"),
        ("GPU-b", None, "time-slicing", 0.25, Decimal("0.5"), "GPU-b", "c"),
    ]
    page = opened("gpus", tmp_path, monkeypatch, range=str(HOUR), compare=controls.NOTHING)
    buckets, cards, holders = (element.value for element in page.dataframe)
    hours = dict(zip(buckets["bucket"], buckets["hours"], strict=True))
    assert hours["stranded"] == pytest.approx(3 / 14, abs=1e-6)
    assert "stranded_cost" in cards.columns
    assert holders[["card", "mig_profile", "share", "pod"]].fillna("").values.tolist() == [
        ["GPU-a", "2g.10gb", 1.0, "b"], ["GPU-a", "3g.20gb", 1.0, "a"], ["GPU-b", "", 0.25, "c"],
    ]  # fmt: skip


def test_a_ledger_that_knows_who_holds_cards_is_not_empty(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """With allocation alone there were costs in the terminal, and every page said that nothing was taken.

    Without a price for any of its cards the page of costs ended in a stack trace.
    """
    with ledger(tmp_path, devices=[device("GPU-a", at(0), at(1))]) as store:
        assert newest(store) == at(1)
    page = opened("costs", tmp_path, monkeypatch, range=str(HOUR), compare=controls.NOTHING)
    assert "As of 2026-10-05 01:00Z" in words(page) and "Nothing here has a price" in words(page)
    assert page.dataframe[0].value["unpriced_gpu_hours"].tolist() == [1.0, 1.0]  # its line, and the total
