"""`driftledger prices` and the examples of docs/prices.md: what is written there is what happens."""

from __future__ import annotations

import json
import re
import shlex
from pathlib import Path

import pytest
from typer.testing import CliRunner

from pipeline.cli.app import app

PAGE = (Path(__file__).parents[2] / "docs" / "prices.md").read_text(encoding="utf-8")


def block(kind: str) -> str:
    found = re.search(rf"```{kind}\n(.*?)```", PAGE, re.DOTALL)
    assert found, kind
    return found[1]


@pytest.fixture
def folder(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    (tmp_path / "prices.yaml").write_text(block("yaml"), encoding="utf-8")
    monkeypatch.chdir(tmp_path)
    return tmp_path


def run(*words: str) -> tuple[int, str]:
    result = CliRunner().invoke(app, ["prices", *words])
    assert result.exception is None or isinstance(result.exception, SystemExit), result.exception
    return result.exit_code, result.output


@pytest.mark.parametrize("line", block("sh").splitlines())
def test_every_command_of_the_page_runs_on_the_book_of_the_page(folder: Path, line: str) -> None:
    code, output = run(*shlex.split(line)[2:])
    assert code == 0, output


def test_the_arithmetic_of_the_page_is_what_explain_says(folder: Path) -> None:
    line = next(line for line in block("sh").splitlines() if "EUR" in line)
    output = run(*shlex.split(line)[2:])[1]
    for step in block("text").strip().splitlines():
        assert step in output


def test_explain_of_the_own_machine_and_the_commitment(folder: Path) -> None:
    """(6 + 1.96 + 2) / 8 a GPU-hour, and (20 + 12) / 8."""
    at = ["--prices", "prices.yaml", "--at", "2026-10-20"]
    assert "effective 1.245 USD" in run("explain", "H100", "--cluster", "lab", *at)[1]
    reserved = run("explain", "H100", "--provider", "aws", "--capacity-type", "reserved", *at)[1]
    assert "list 6.88, contracted 6.192, effective 4 USD" in reserved


def test_explain_says_why_a_row_lost_and_ends_with_7_without_a_price(folder: Path) -> None:
    """A user who finds a device unpriced must see which field keeps the row from it."""
    at = ["--prices", "prices.yaml", "--at", "2026-10-20", "-o", "json"]
    code, output = run("explain", "T4", "--provider", "aws", "--region", "us-east-1", *at)
    answer = json.loads(output)
    assert code == 7
    assert {row["verdict"] for row in answer["rows"]} >= {"region is us-east-1, not eu-west-1"}
    assert any("unpriced: no row of the price book matches" in note for note in answer["notes"])


def test_list_gives_every_row_with_its_time_and_source(folder: Path) -> None:
    answer = json.loads(run("list", "--prices", "prices.yaml", "-o", "json")[1])
    assert [row["gpu_hour"] for row in answer["rows"]][:2] == ["0.600000000", "0.550000000"]
    assert answer["rows"][0]["valid_to"] == answer["rows"][1]["valid_from"] == "2026-10-15T00:00:00Z"
    assert {row["source"] for row in answer["rows"]} == {"contract 4711"}


def test_lint_finds_everything_at_once(tmp_path: Path) -> None:
    """One finding a run would be one run a finding."""
    file = tmp_path / "wrong.yaml"
    file.write_text("""
version: x
source: contract
prices:
  - {match: {gpu_model: T4}, gpu_hour: 1, valid_to: 2026-10-05}
  - {match: {gpu_model: T4}, gpu_hour: 2, valid_from: 2026-10-01}
  - {gpu_hour: 1, valid_from: 2026-10-02, valid_to: 2026-10-01}
  - {match: {region: eu}, gpu_hour: 3, valid_from: 2026-10-01}
  - {gpu_hour: 2 dollars}
""")
    code, output = run("lint", str(file), "-o", "json")
    found = [(row["severity"], row["finding"]) for row in json.loads(output)["rows"]]
    assert code == 6
    assert [kind for kind, _ in found] == ["error", "error", "error", "warning", "warning"]
    for part in (
        "prices[2].valid_to",
        "prices[4].gpu_hour",
        "prices[0] and prices[1]",
        "prices[1] and prices[3]",
    ):
        assert any(part in text for _, text in found), part


def test_lint_counts_what_a_csv_holds_beside_gpus(tmp_path: Path) -> None:
    file = tmp_path / "prices.csv"
    file.write_text(
        "InstanceID,AssetClass,InstanceType,MarketPriceHourly,Source\nT4,gpu,,1,me\npvc,pv,,2,me\n"
    )
    code, output = run("lint", str(file))
    assert code == 0 and "1 rows left out: a disk's price" in output


def test_lint_finds_what_would_be_paid_twice_or_not_at_all(tmp_path: Path) -> None:
    """Network rows that clash end the answer that needs them; a machine's price holds its cores already."""
    file = tmp_path / "twice.yaml"
    file.write_text("""
version: x
source: contract
prices:
  - {match: {instance_type: p5}, instance_hour: 98, gpu_count: 8}
  - {match: {resource: cpu}, unit_hour: 0.03}
  - {match: {instance_type: m5}, instance_hour: 0.4, cpu_count: 8}
network:
  - {class: internet, gib: 0.09, valid_to: 2026-10-05}
  - {class: internet, gib: 0.08, valid_from: 2026-10-01}
""")
    code, output = run("lint", str(file), "-o", "json")
    found = [(row["severity"], row["finding"]) for row in json.loads(output)["rows"]]
    assert code == 6
    assert any(kind == "error" and "network[0] and network[1]" in text for kind, text in found)
    assert any(kind == "warning" and "prices[0] and prices[1]" in text for kind, text in found)
    assert len(found) == 2
