"""A reference out of the ledger's own minutes: what a team has that never kept a training set."""

from __future__ import annotations

from datetime import UTC, timedelta
from pathlib import Path

import pytest
from typer.testing import CliRunner

from pipeline.answers.window import Window
from pipeline.cli.app import app
from pipeline.errors import ConfigError, NotFound
from pipeline.reference_window import Built, reference
from pipeline.registry import register
from pipeline.store import Store
from tests.detect import judged
from tests.ledger import MINUTE, START, Life, write

DAY = Window(START, START + timedelta(days=1))


@pytest.fixture(scope="module")
def life() -> Life:
    return Life().serve("1", 0, 60, error=0.1).serve("2", 60, 10, error=0.9)


@pytest.fixture(scope="module")
def folder(tmp_path_factory: pytest.TempPathFactory, life: Life) -> Path:
    found = tmp_path_factory.mktemp("ledger")
    with Store.open(found) as ledger:
        register(ledger, judged.reference(), START.replace(tzinfo=UTC))
        write(ledger, **life.facts())
    return found


def build(folder: Path, model: str = "fraud", **given) -> Built:
    with Store.open(folder, read_only=True) as ledger:
        return reference(ledger, given.pop("window", DAY), model=model, **given)


def test_it_counts_what_the_version_did_in_the_window(folder: Path, life: Life) -> None:
    """Bins as they were, counts and errors of version 1's first half hour, and nothing of version 2."""
    half = Window(START, START + 30 * MINUTE)
    built = build(folder, window=half, model_version="1", positive_class="yes")
    made = built.reference
    (amount, channel) = made.features
    mine = [r for r in life.feature_bins if r["minute"] < half.end and r["model_version"] == "1"]
    assert amount.edges == judged.EDGES
    assert list(amount.counts) == [sum(r["count"] for r in mine if r["bin"] == b) for b in range(10)]
    assert sum(channel.counts) + channel.missing == 0
    wrong = [r["label"] == "no" for r in life.labels[:600]]
    assert (made.labelled, made.errors, built.predictions) == (600, sum(wrong), 600)
    assert made.reference.startswith("fraud@") and built.notes == ()


def test_without_a_first_reference_there_are_no_bins_and_a_note_says_so(tmp_path: Path, life: Life) -> None:
    with Store.open(tmp_path) as ledger:
        facts = life.facts()
        write(ledger, prediction_sums=facts["prediction_sums"][:5])
    built = build(tmp_path)
    assert built.reference.features == () and built.reference.labelled == 0
    assert len(built.notes) == 2 and "first reference" in built.notes[0]


def test_a_wrong_name_names_what_there_is(folder: Path) -> None:
    with pytest.raises(NotFound, match="there served fraud"):
        build(folder, "frod")
    with pytest.raises(NotFound, match="there served 1, 2"):
        build(folder, model_version="3")
    with pytest.raises(ConfigError, match="the labels say no, yes"):
        build(folder, positive_class="ja")


def test_the_command_registers_it(folder: Path) -> None:
    span = "2026-11-24..2026-11-25"
    said = ["reference", "create", "fraud", "--window", span, "--model-version", "1", "--store", str(folder)]
    done = CliRunner().invoke(app, said)
    assert done.exit_code == 0, done.output
    assert "registered now" in done.output and "rests on   1,200 predictions" in done.output
    both = CliRunner().invoke(app, [*said, "events.jsonl"])
    assert isinstance(both.exception, ConfigError)
