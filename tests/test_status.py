"""Status tells at a glance whether the numbers can be trusted, and its exit code tells a script."""

from __future__ import annotations

import json
from datetime import timedelta
from decimal import Decimal
from pathlib import Path

import pyarrow as pa
from typer.testing import CliRunner

from pipeline.answers.status import COLUMNS, WRONG, is_incomplete, status
from pipeline.cli.app import app
from pipeline.facts.catalogue import FACTS
from pipeline.prices import PriceBook
from pipeline.store import Batch, Store
from tests.cost_rows import allocation, at, device, ledger, minutes

PRICED = PriceBook.flat(Decimal(1), "USD")
NAMES = [c.name for c in COLUMNS]


def healthy(folder: Path, **more: list[dict[str, object]]) -> Store:
    return ledger(
        folder,
        devices=[device("a", at(0), time=at(1))],
        allocations=[allocation("a", "x", at(0), None, time=at(1))],
        gpu_usage=minutes("a", at(0), at(1), 30, observed_seconds=45),
        **more,
    )


def test_every_source_shows_how_old_its_newest_fact_is(tmp_path: Path) -> None:
    """A collector that died yesterday must be seen before its numbers are believed."""
    with healthy(tmp_path) as store:
        answer = status(store, at(1) + timedelta(minutes=5), PRICED)
        rows = {row[1]: dict(zip(NAMES, row, strict=True)) for row in answer.rows}
        assert {name: row["rows"] for name, row in rows.items()} == {
            "allocations": 1,
            "devices": 1,
            "gpu_usage": 60,
        }
        assert {row["age"] for row in rows.values()} == {5}
        assert answer.as_of == at(1)
        assert answer.completeness == Decimal("0.75")
        assert f"lake snapshot {store.snapshot()}" in answer.notes
        assert not is_incomplete(answer)


def test_partitions_of_which_nobody_knows_the_size_are_named(tmp_path: Path) -> None:
    """Their card is split by a guess, and who pays for it cannot see that in a sum."""
    parts = [
        device(name, at(0), time=at(1), parent_device="a", mig_profile=profile)
        for name, profile in (("m1", "1g.6gb"), ("m2", "9x.20gb"), ("m3", ""))
    ]
    with ledger(tmp_path, devices=[device("a", at(0), time=at(1)), *parts]) as store:
        said = "\n".join(status(store, at(1), PRICED).notes)
        assert "as m2, have the mig_profile '9x.20gb', which is not known: each counts as 1/7" in said
        assert "as m3, have no mig_profile: each counts as all" in said and "m1" not in said


def test_what_was_refused_missing_or_unpriced_is_a_row_and_an_exit_code(tmp_path: Path) -> None:
    """A script that bills at midnight must stop when something is missing."""
    refused = [
        {"topic": "driftledger.gpu", "topic_id": "t", "partition": 0, "offset": i, "reason": "out_of_range"}
        | {"detail": "util_ratio 7", "head": "", "time": at(1)}
        for i in range(3)
    ]  # fmt: skip
    lost = {"cluster": "c", "source": "hubble", "kind": "lost", "start": at(0), "end": at(1), "lost": 41}
    with healthy(tmp_path, rejected=refused, gaps=[lost | {"detail": ""}]) as store:
        answer = status(store, at(2), PriceBook("empty", ()))
        rows = {row[0]: dict(zip(NAMES, row, strict=True)) for row in answer.rows}
        assert (rows["rejected"]["name"], rows["rejected"]["rows"]) == ("out_of_range", 3)
        assert rows["rejected"]["detail"] == "for example driftledger.gpu: util_ratio 7"
        assert rows["gap"]["detail"] == "lost 41"
        assert "NVIDIA L4" in str(rows["unpriced"]["detail"])
        assert is_incomplete(answer)
    result = CliRunner().invoke(app, ["status", "--store", str(tmp_path), "-o", "json"])
    assert result.exit_code == 7
    assert json.loads(result.stdout)["completeness"] == "0.7500"


def test_a_card_that_is_known_by_its_partitions_alone_is_one_that_has_no_price(tmp_path: Path) -> None:
    """A node whose cards are all cut lists no card: what it costs would be missing without a word."""
    parts = [
        device(f"{card}-{n}", at(0), time=at(1), parent_device=card, gpu_model="A100", mig_profile="1g.5gb")
        for card in ("x", "y")
        for n in (0, 1)
    ]
    whole = device("y", at(0), time=at(1), gpu_model="A100")
    with ledger(tmp_path, devices=[*parts, whole]) as store:
        answer = status(store, at(2), PriceBook("empty", ()))
        rows = [dict(zip(NAMES, row, strict=True)) for row in answer.rows]
    assert [(r["name"], r["rows"]) for r in rows if r["kind"] == "unpriced"] == [("A100", 2)]


def test_every_kind_of_fact_shows(tmp_path: Path) -> None:
    """A table that status leaves out can stop growing without anybody seeing it."""
    once = {
        name: {f.name: at(0) if pa.types.is_timestamp(f.type) else None for f in fact.schema}
        for name, fact in FACTS.items()
    }
    with Store.open(tmp_path) as store:
        rows = {n: pa.Table.from_pylist([row], schema=FACTS[n].schema) for n, row in once.items()}
        store.append(Batch(rows))
        shown = {row[0] if row[0] in WRONG else row[1] for row in status(store, at(0)).rows}
    assert shown >= FACTS.keys() - {"gaps"} | {"gap"}


def test_a_healthy_ledger_exits_with_zero(tmp_path: Path) -> None:
    with healthy(tmp_path):
        pass
    result = CliRunner().invoke(app, ["status", "--store", str(tmp_path), "--gpu-hour-price", "2"])
    assert result.exit_code == 0, result.output


def test_an_empty_ledger_has_a_status(tmp_path: Path) -> None:
    with Store.open(tmp_path) as store:
        answer = status(store, at(0))
        assert (answer.rows, answer.as_of, answer.completeness) == ((), None, None)


def test_the_cost_command_prints_money_as_text_with_its_currency(tmp_path: Path) -> None:
    """A program that reads a price as a float is wrong by a cent in the end."""
    with healthy(tmp_path):
        pass
    arguments = ["--store", str(tmp_path), "--by", "pod,team", "--gpu-hour-price", "2.10", "-o", "json"]
    result = CliRunner().invoke(app, ["cost", *arguments])
    assert result.exit_code == 0, result.output
    (row,) = json.loads(result.stdout)["rows"]
    assert (row["pod"], row["team"], row["currency"]) == ("x", "team-x", "USD")
    assert (row["total_cost"], row["used_cost"]) == ("2.100000000", "1.050000000")


def test_a_cost_without_a_price_is_unknown_and_sets_the_exit_code(tmp_path: Path) -> None:
    """A report that is read by a script must not pass for whole, nor show zero, where a price is missing."""
    with healthy(tmp_path):
        pass
    result = CliRunner().invoke(app, ["cost", "--store", str(tmp_path), "-o", "json"])
    assert result.exit_code == 7, result.output
    assert json.loads(result.stdout)["total"]["total_cost"] is None


def test_the_cost_command_refuses_two_sources_of_prices(tmp_path: Path) -> None:
    arguments = ["--store", str(tmp_path), "--prices", "x.yaml", "--gpu-hour-price", "2"]
    result = CliRunner().invoke(app, ["cost", *arguments])
    assert "either a price book or one price" in str(result.exception)
