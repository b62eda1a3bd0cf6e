"""How many data files the newest state of a ledger consists of: what maintenance keeps small."""

from __future__ import annotations

from pipeline.lake.connect import METADATA
from pipeline.store import Store


def data_files(store: Store) -> int:
    with store.transaction() as con:
        sql = f"SELECT count(*) FROM {METADATA}.ducklake_data_file WHERE end_snapshot IS NULL"
        return int(con.execute(sql).fetchall()[0][0])
