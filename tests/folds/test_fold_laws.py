"""Laws that every fold keeps, whatever the events: order, splits, schema, counts and null keys."""

from __future__ import annotations

from collections import defaultdict
from datetime import UTC, datetime, timedelta

import pyarrow as pa
import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from detectors.folds import FOLDS
from detectors.references import FeatureBins, Reference
from pipeline.events import TYPES
from pipeline.facts.catalogue import FACTS
from pipeline.facts.fact import MOST, Fact
from pipeline.wire.features import struct
from tests.examples import examples

WHEN = datetime(2026, 10, 1, 12, tzinfo=UTC)
FEW = {
    "string": st.sampled_from(["", "a", "b", "yes", "no", "10.0.0.1", "8.8.8.8"]),
    "int": st.integers(0, 5),
    "float": st.sampled_from([0.0, 0.1, 0.5, 0.7, 1.0]),
    "bool": st.booleans(),
    "time": st.integers(0, 300_000_000).map(lambda us: WHEN - timedelta(microseconds=us)),
    "features": st.dictionaries(
        st.sampled_from(["x", "c"]),
        st.one_of(st.sampled_from([0.0, 0.5, 3.0]), st.sampled_from(["a", "3", "z"])),
    ),
}
REFERENCES = {
    model: Reference(
        reference=f"{model}@1", model=model, positive_class=positive,
        features=(FeatureBins("x", (0.1, 0.5), None, (5, 5, 5), 0, 0, 1.0),
                  FeatureBins("c", None, ("3", "a"), (5, 5), 0, 0, 1.0)),
        score_edges=(0.3,), score_counts=(5, 5), calibrator_x=(0.0, 0.5, 1.0), calibrator_y=(0.1, 0.3, 0.9),
        labelled=10, errors=1, phi_errors=1.0, latency_objective_seconds=None, latency_budget=0.01,
        sample_rows=3,
    )
    for model, positive in {"a": "yes", "b": None}.items()
}  # fmt: skip

quick = settings(max_examples=examples(40), deadline=None, suppress_health_check=[HealthCheck.too_slow])


def _value(column):
    values = st.sampled_from(column.choices) if column.choices else FEW[column.kind]
    if column.name == "interval_seconds":
        values = st.sampled_from([1e-6, 0.5, 15.0, 90.5])
    return values if column.required else st.none() | values


def rows_of(name):
    columns = TYPES[name].columns
    return st.lists(st.tuples(*(_value(c) for c in columns)), max_size=12)


def table(name, rows, dictionary=False, chunks=1) -> pa.Table:
    """Rows in the type's canonical schema, with the chosen encoding of text and number of chunks."""
    columns = []
    for place, column in enumerate(TYPES[name].columns):
        values = [row[place] for row in rows]
        if column.kind == "features":
            columns.append(struct([v or {} for v in values]))
            continue
        array = pa.array(values, column.arrow.type)
        columns.append(array.dictionary_encode() if dictionary and column.kind == "string" else array)
    whole = pa.table(columns, names=[c.name for c in TYPES[name].columns])
    size = max(1, -(-len(rows) // chunks))
    return pa.concat_tables([whole.slice(start, size) for start in range(0, len(rows), size)] or [whole])


def folded(name, events) -> dict[str, list[dict]]:
    """Fact rows by fact name, whichever fold makes them."""
    found = defaultdict(list)
    for fold in FOLDS[name]:
        for fact, rows in fold(events, REFERENCES).items():
            found[fact] += rows.to_pylist()
    return found


def _order(value):
    return (value is not None, str(type(value)), value if value is not None else 0)


def merged(facts: dict[str, list[dict]]) -> dict[str, list[tuple]]:
    """What the ledger says: sums of added facts, the winning version of others, in a fixed order."""
    return {name: _merged(FACTS[name], rows) for name, rows in facts.items()}


def _merged(fact: Fact, rows: list[dict]) -> list[tuple]:
    if fact.merge == "append":
        return sorted((tuple(row.values()) for row in rows), key=lambda r: [_order(v) for v in r])
    if fact.merge == "lowest":
        groups = defaultdict(set)
        for row in rows:
            groups[tuple(row[k] for k in fact.key_names[:-1])].add(tuple(row[n] for n in fact.schema.names))
        rank, most = (fact.schema.names.index(n) for n in (fact.key_names[-1], MOST))
        ranked = (sorted(group, key=lambda r: r[rank]) for group in groups.values())
        return sorted(row for group in ranked for row in group[: group[0][most]])
    by_key = defaultdict(list)
    for row in rows:
        by_key[tuple(row[k] for k in fact.key_names)].append(tuple(row[v] for v in fact.value_names))
    if fact.merge == "add":
        return sorted((*key, *map(sum, zip(*values, strict=True))) for key, values in by_key.items())
    revision = fact.value_names.index("revision")
    winners = [
        (*key, *max(values, key=lambda v: (v[revision], [_order(x) for x in v])))
        for key, values in by_key.items()
    ]
    return sorted(winners, key=lambda r: [_order(v) for v in r])


@pytest.mark.parametrize("name", sorted(FOLDS))
@quick
@given(data=st.data())
def test_how_events_are_split_into_batches_changes_nothing(name, data):
    rows = data.draw(rows_of(name))
    cut = data.draw(st.integers(0, len(rows)))
    together = folded(name, table(name, rows))
    parts = [folded(name, table(name, part)) for part in (rows[:cut], rows[cut:])]
    apart = {fact: parts[0][fact] + parts[1][fact] for fact in together}
    assert merged(apart) == merged(together)


@pytest.mark.parametrize("name", sorted(FOLDS))
@quick
@given(data=st.data())
def test_order_encoding_and_chunks_of_events_change_nothing(name, data):
    rows = data.draw(rows_of(name))
    shuffled = data.draw(st.permutations(rows))
    expected = merged(folded(name, table(name, rows)))
    assert merged(folded(name, table(name, shuffled, dictionary=True, chunks=3))) == expected
    assert merged(folded(name, table(name, shuffled, chunks=2))) == expected


@pytest.mark.parametrize("name", sorted(FOLDS))
@quick
@given(data=st.data())
def test_rows_have_the_schema_of_their_fact_one_row_a_key_and_no_null_key(name, data):
    events = table(name, data.draw(rows_of(name)), dictionary=data.draw(st.booleans()))
    for fold in FOLDS[name]:
        for fact_name, rows in fold(events, REFERENCES).items():
            fact = FACTS[fact_name]
            assert rows.schema.equals(fact.schema)
            rows.validate(full=True)
            if fact.merge == "append":
                continue
            keys = [tuple(row[k] for k in fact.key_names) for row in rows.to_pylist()]
            assert not any(part is None for key in keys for part in key)
            if fact.merge in ("add", "lowest"):
                assert len(keys) == len(set(keys))


@pytest.mark.parametrize("name", sorted(FOLDS))
def test_no_events_make_empty_facts(name):
    for fold in FOLDS[name]:
        for fact_name, rows in fold(TYPES[name].schema.empty_table(), REFERENCES).items():
            assert rows.schema.equals(FACTS[fact_name].schema)
            assert rows.num_rows == 0


@quick
@given(rows=rows_of("inference"))
def test_every_prediction_is_counted_once_in_each_histogram_it_belongs_to(rows):
    events = table("inference", rows)
    facts = folded("inference", events)
    sent = events.to_pylist()
    referenced = [e for e in sent if e["model"] in REFERENCES]
    assert sum(r["count"] for r in facts["prediction_sums"]) == len(sent)
    for feature in ("x", "c"):
        assert sum(r["count"] for r in facts["feature_bins"] if r["feature"] == feature) == len(referenced)
    scored = [e for e in referenced if e["score" if e["model"] == "a" else "confidence"] is not None]
    assert sum(r["count"] for r in facts["score_bins"]) == len(scored)
    timed = [e for e in sent if e["latency_seconds"] is not None]
    assert sum(r["count"] for r in facts["latency_bins"] if r["metric"] == "latency") == len(timed)
    assert len(facts["predictions"]) == sum(bool(e["prediction_id"]) for e in sent)


@quick
@given(rows=rows_of("flow"))
def test_every_flow_is_counted_as_sent_or_dropped(rows):
    found = folded("flow", table("flow", rows))["network_usage"]
    assert sum(r["flows"] + r["dropped"] for r in found) == len(rows)


@pytest.mark.parametrize(
    "name", ["allocation", "device", "label", "action", "outcome", "alert", "rejected", "gap"]
)
@quick
@given(data=st.data())
def test_every_version_becomes_one_row(name, data):
    rows = data.draw(rows_of(name))
    assert [len(found) for found in folded(name, table(name, rows)).values()] == [len(rows)]
