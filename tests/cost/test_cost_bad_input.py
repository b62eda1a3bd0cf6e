"""Contradictions in events and prices, through the commands: each is named, and the sum stays the bill."""

from __future__ import annotations

import json
from decimal import Decimal
from pathlib import Path
from typing import Any

from typer.testing import CliRunner

from pipeline.answers.cost_notes import told
from pipeline.cli.app import app
from pipeline.errors import ConfigError
from tests.conformance.asking import events
from tests.conformance.case import Case, busy, card, pod


def run(*words: str) -> tuple[int, str]:
    done = CliRunner().invoke(app, list(words))
    return done.exit_code, done.output


def book(folder: Path, *prices: str) -> str:
    path = folder / "prices.yaml"
    lines = ["version: own", "currency: USD", "prices:", *(f"  - {price}" for price in prices)]
    path.write_text("\n".join(lines) + "\n")
    return str(path)


def test_contradictions_in_events_are_named_and_the_sum_is_still_the_bill(tmp_path: Path) -> None:
    """A device with two owners, over 100 %, with energy below zero: nobody pays twice, all can be found."""
    bad: list[dict[str, Any]] = [{**busy("GPU-1", 0.5), "energy_joules": -5.0}, busy("GPU-2", 1.5)]
    devices, held = [card("GPU-1"), card("GPU-2")], [pod("a", "GPU-1"), pod("b", "GPU-1"), pod("c", "GPU-2")]
    case = Case("lab", "", devices, held, {}, "", "", seen=[busy("GPU-1", 0.25), *bad])
    (tmp_path / "events.jsonl").write_text(events([case]))
    store = ["--store", str(tmp_path / "ledger")]
    code, said = run("replay", "events", str(tmp_path / "events.jsonl"), *store)
    assert code == 7, said
    code, said = run("rejected", "list", *store, "-o", "json")
    (refused,) = json.loads(said)["rows"]
    wrong = "row 1: energy_joules is below 0; row 2: util_ratio is above 1"
    assert (refused["rows"], refused["detail"]) == (2, wrong)
    code, said = run("cost", *store, "--by", "pod", "--prices", book(tmp_path, 'gpu_hour: "7"'), "-o", "json")
    assert code == 0
    answer = json.loads(said)
    assert Decimal(answer["total"]["total_cost"]) == 14
    assert {row["pod"]: Decimal(row["total_cost"]) for row in answer["rows"]} == {
        "a": Decimal("3.5"), "b": Decimal("3.5"), "c": Decimal(7),
    }  # fmt: skip
    assert any(note.endswith("scaled to it: lab/GPU-1 by ml/a, ml/b") for note in answer["notes"])
    prices = book(tmp_path, 'gpu_hour: "7"')
    with open(prices, "a") as file:
        file.write('rates:\n  - {from: USD, to: CHF, rate: "0.8", valid_from: 2100-01-01}\n')
    code, said = run("cost", *store, "--prices", prices, "--currency", "CHF", "-o", "json")
    assert code == 7, "a price in a currency without a rate for that day is no price"
    assert any("rate" in note and "CHF" in note for note in json.loads(said)["notes"]), said
    for word, why in (("EUR", "write USD, CHF, or add a rate from USD to EUR"), ("euro", "ISO 4217")):
        done = CliRunner().invoke(app, ["cost", *store, "--prices", prices, "--currency", word])
        assert isinstance(done.exception, ConfigError)
        assert f"--currency: '{word}' is not valid" in str(done.exception) and why in str(done.exception)


def test_contradictions_in_prices_are_refused_with_both_rows(tmp_path: Path) -> None:
    """A price that holds twice, or ends before it begins, would make the bill depend on chance."""
    same = "match: {gpu_model: H100}, gpu_hour: 7"
    found = book(tmp_path, f"{{{same}, valid_from: 2026-01-01}}", f"{{{same}, valid_to: 2026-02-01}}")
    code, said = run("prices", "lint", found)
    assert code == 6 and "prices[0]" in said and "prices[1]" in said and "valid_to" in said
    found = book(tmp_path, f"{{{same}, valid_from: 2026-10-02, valid_to: 2026-10-01}}")
    code, said = run("prices", "lint", found)
    assert code == 6 and "prices[0].valid_to" in said


def test_hours_in_a_sentence_are_as_a_person_says_them() -> None:
    """`1.000000 GPU-hours` on a statement is a number for a program."""
    for hours, said in (
        ("1", "1"),
        ("0.25", "0.25"),
        ("12.345678", "12.3"),
        ("1234.5", "1,234"),
        ("1000", "1,000"),
    ):
        assert told(Decimal(hours)) == said
    assert told(Decimal("0.000278")) == "less than 0.01", "a second is not nothing"
