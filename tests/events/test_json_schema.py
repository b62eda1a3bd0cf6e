"""A producer that follows the published JSON Schema is understood; the published files are current."""

from __future__ import annotations

import json
from pathlib import Path

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from jsonschema import Draft202012Validator

from pipeline.events import TYPES, decode
from pipeline.wire import json_schema
from tests.examples import examples
from tests.generated import as_json, message, row

SCHEMAS = Path(__file__).parents[2] / "docs" / "schemas"


@pytest.mark.parametrize("name", sorted(TYPES))
def test_the_published_schema_is_generated_from_the_type(name):
    published = (SCHEMAS / f"{name}.v1.json").read_text(encoding="utf-8")
    assert published == json_schema.text(TYPES[name]), "run: python -m pipeline.wire.json_schema docs/schemas"


@settings(max_examples=examples(60))
@given(st.sampled_from(sorted(TYPES)).flatmap(lambda n: st.tuples(st.just(TYPES[n]), row(TYPES[n]))))
def test_what_the_schema_allows_is_taken(case):
    type_, event = case
    Draft202012Validator(json_schema.schema(type_)).validate(json.loads(as_json(event)))
    assert decode(message(type_, as_json(event))).rejected == ()


@pytest.mark.parametrize("name", sorted(TYPES))
def test_what_the_schema_forbids_is_refused(name):
    type_ = TYPES[name]
    assert list(Draft202012Validator(json_schema.schema(type_)).iter_errors({}))
    assert decode(message(type_, b"{}")).rejected
