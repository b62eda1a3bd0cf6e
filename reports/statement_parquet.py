"""A statement's charges as Parquet: exact costs and billed amounts, a row a charge of a device.

Its metadata says which statement it is, and `accepted_gaps` (JSON) with which gaps it was closed.
"""

from __future__ import annotations

import json
from io import BytesIO

import pyarrow as pa
import pyarrow.parquet as pq

from pipeline.facts.months import CHARGES
from pipeline.months.charge import to_row
from reports.marker import marker
from reports.statement import Statement


def render(statement: Statement) -> bytes:
    rows = [to_row(charge, statement.month.start) for charge in statement.charges]
    table = pa.Table.from_pylist(rows, schema=CHARGES.schema)
    out = BytesIO()
    about = {"driftledger": marker(statement)}
    if statement.accepted:
        about["accepted_gaps"] = json.dumps(statement.accepted)
    pq.write_table(table.replace_schema_metadata(about), out)
    return out.getvalue()
