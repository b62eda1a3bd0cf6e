"""Everything that a turn found as one table a type: checked, and with its cluster."""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence

import pyarrow as pa
import pyarrow.compute as pc

from collectors.live.inference.found import Found, Row
from collectors.live.inference.rules import Rule, Rules
from collectors.live.inference.tables import united
from collectors.parsed import Parsed
from pipeline.events import TYPES, Decoded, EventType, Rejected
from pipeline.wire import features, rows


def parsed(found: Found, rules: Rules, cluster: str, now: int, parts: Iterable[Found] = ()) -> Parsed:
    """`now`, microseconds since 1970 UTC, is what times of events are held against.

    `parts`, which `found` took first and in this order, lose the rows that are refused here, and have why.
    """
    parts = list(parts)
    rejected = list(found.rejected)
    tables: dict[str, list[pa.Table]] = {}
    for name, table in found.tables:
        tables.setdefault(name, []).append(table)
    for name, listed in found.rows.items():
        checked = rows.check(Decoded(TYPES[name], _table(TYPES[name], listed, rules, cluster)), now)
        # A row's number in the turn means nothing to the sender, and the detail names its column.
        refused = {refusal.row: Rejected(refusal.reason, refusal.detail) for refusal in checked.rejected}
        rejected += refused.values()
        if refused:
            _tell(name, refused, parts)
        tables.setdefault(name, []).append(checked.events)
    events = {name: _with_cluster(united(parts), cluster) for name, parts in tables.items()}
    used = sum(table.num_rows for table in events.values())
    read = used + found.excluded.total() + len(rejected)
    return Parsed(read, used, events, found.excluded, tuple(rejected))


def _tell(name: str, refused: Mapping[int | None, Rejected], parts: Iterable[Found]) -> None:
    begin = 0
    for part in parts:
        listed = part.rows.get(name, [])
        places = range(begin, begin + len(listed))
        part.rejected += [refused[place] for place in places if place in refused]
        part.rows[name] = [row for place, row in zip(places, listed, strict=True) if place not in refused]
        begin = places.stop


def _table(type_: EventType, listed: Sequence[Row], rules: Rules, cluster: str) -> pa.Table:
    default: Row = {"cluster": cluster} if "cluster" in type_.by_name else {}
    rule = {model: rules.of(model) for model in {row.get("model") for row in listed}}
    kept = [default | _row(row, rule[row.get("model")]) for row in listed]
    arrays = []
    for column in type_.columns:
        values = [row.get(column.name) for row in kept]
        made = features.struct(values) if column.kind == "features" else pa.array(values, column.arrow.type)
        arrays.append(made)
    return pa.table(arrays, names=[c.name for c in type_.columns])


def _row(row: Row, rule: Rule) -> Row:
    """Features of a row were reduced when it was read, before it waited anywhere."""
    found = rule.visible(row)
    return found | _named(rule, found.get("model_version"))


def _named(rule: Rule, version: object) -> Row:
    named: Row = {"model": rule.model} if rule.model else {}
    if rule.version and version in (None, "unknown"):
        named["model_version"] = rule.version
    return named


def _with_cluster(table: pa.Table, cluster: str) -> pa.Table:
    if "cluster" not in table.column_names:
        return table
    at = table.column_names.index("cluster")
    return table.set_column(at, "cluster", pc.fill_null(table.column(at).cast(pa.string()), cluster))
