"""A ledger that an older version wrote is read as it is: by pages that were upgraded first, by `explain`."""

from __future__ import annotations

from datetime import timedelta
from pathlib import Path

from pipeline.answers.cost import cost
from pipeline.answers.window import Window
from pipeline.store import Store
from tests.ledger import write
from tests.pages.overview_scene import END, fill

SPAN = Window(END - timedelta(hours=6), END)


def test_a_reader_needs_no_writer_to_have_come_first(tmp_path: Path) -> None:
    """After an upgrade the pages must not fail until a worker starts, nor old decisions for good."""
    folder = fill(tmp_path)
    with Store.open(folder) as store:
        before = cost(store, SPAN, ("team",))
        with store.transaction() as con:
            con.execute("DROP VIEW devices_merged")
            con.execute("DROP VIEW allocations_merged")
            con.execute("ALTER TABLE devices DROP COLUMN resource")
            con.execute("ALTER TABLE devices DROP COLUMN os")
            con.execute("ALTER TABLE allocations DROP COLUMN labels")
            con.execute("ALTER TABLE gpu_usage DROP COLUMN energy_joules")
            con.execute("DROP VIEW gpu_conditions_merged")
            con.execute("DROP TABLE gpu_conditions")
            con.execute("CREATE VIEW devices_merged AS SELECT * FROM devices")
            con.execute("CREATE VIEW allocations_merged AS SELECT * FROM allocations")
        old = store.snapshot()
    with Store.open(folder, read_only=True) as store:
        assert cost(store, SPAN, ("team",)).rows == before.rows
        assert set(store.rows("gpu_usage")["energy_joules"].to_pylist()) == {0}
        assert store.rows("gpu_conditions").num_rows == 0
    Store.open(folder).close()
    with Store.open(folder, snapshot=old) as store:
        assert cost(store, SPAN, ("team",)).rows == before.rows


def test_a_view_of_an_older_version_is_made_anew_and_an_old_snapshot_keeps_it(tmp_path: Path) -> None:
    """A shared claim that was counted twice is counted once after the upgrade; what was answered stays."""
    with Store.open(tmp_path) as store:
        write(store, allocations=[{"cluster": "c", "device": "d"}])
        with store.transaction() as con:
            older = "SELECT * FROM allocations WHERE claim_uid = 'begins'"
            con.execute(f"CREATE OR REPLACE VIEW allocations_merged AS {older}")
        old = store.snapshot()
        assert store.rows("allocations").num_rows == 0
    with Store.open(tmp_path) as store:
        assert store.rows("allocations").num_rows == 1
    with Store.open(tmp_path, snapshot=old) as store:
        assert store.rows("allocations").num_rows == 0
