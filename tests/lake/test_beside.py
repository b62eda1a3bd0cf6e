"""Two questions at once are about one state of the ledger: no page adds up what was never there together."""

from __future__ import annotations

from pathlib import Path

import duckdb
import pyarrow as pa
import pytest

from pipeline.store import Store
from tests.gpu_batches import batch, samples


def _counted(rows: pa.Table) -> int:
    """Rows of GPU usage that `status` tells of, of which a batch has twenty."""
    return sum(row["rows"] for row in rows.to_pylist() if row["fact"] == "gpu_usage")


def _beside(store: Store) -> int:
    with store.beside("status_facts") as other:
        return _counted(other())


def test_both_read_one_state_whatever_is_committed_meanwhile(tmp_path: Path) -> None:
    with Store.open(tmp_path) as store, Store.open(tmp_path) as writer:
        writer.append(batch(-1, 0))
        with store.steady():
            assert samples(store) == _beside(store) == 20
            writer.append(batch(0, 1))
            assert samples(store) == _beside(store) == 20, "the second one saw a later state"
        assert samples(store) == _beside(store) == 40


def test_what_a_transaction_wrote_is_seen_by_its_own_questions(tmp_path: Path) -> None:
    with Store.open(tmp_path) as store:
        store.append(batch(-1, 0))
        with store.transaction() as con:
            con.execute("DELETE FROM gpu_usage")
            assert _beside(store) == 0
        assert _beside(store) == 0


def test_a_question_that_is_wrong_says_so_and_the_next_is_answered(tmp_path: Path) -> None:
    with Store.open(tmp_path) as store:
        store.append(batch(-1, 0))
        with pytest.raises(duckdb.Error), store.steady(), store.beside("feature_histograms") as other:
            other()  # without its parameters
        assert _counted(store.query("status_facts")) == _beside(store) == 20


def test_an_error_meanwhile_is_that_error(tmp_path: Path) -> None:
    with Store.open(tmp_path) as store:
        store.append(batch(-1, 0))
        with pytest.raises(ZeroDivisionError), store.steady(), store.beside("status_facts"):
            raise ZeroDivisionError
        assert _beside(store) == 20


def test_a_reader_of_an_older_ledger_sees_on_both_what_came_since(tmp_path: Path) -> None:
    with Store.open(tmp_path) as store:
        store.append(batch(-1, 0))
        with store.transaction() as con:
            con.execute("DROP VIEW gpu_conditions_merged")
            con.execute("DROP TABLE gpu_conditions")
    with Store.open(tmp_path, read_only=True) as store:
        assert _counted(store.query("status_facts")) == _beside(store) == 20
