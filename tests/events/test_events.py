"""A producer's message is read as it was meant, and no message whatsoever stops the pipeline."""

from __future__ import annotations

import base64
import json
import struct
import subprocess
import sys

import numpy as np
import pyarrow as pa
import pytest
from hypothesis import given
from hypothesis import strategies as st

from pipeline.events import MAX_MESSAGE_BYTES, TYPES, Decoded, Message, decode, encode
from pipeline.wire import limits
from tests.generated import NOW, as_json, batches
from tests.generated import message as event_message

ARROW = "application/vnd.apache.arrow.stream"


@given(batches())
def test_json_and_arrow_bodies_of_a_batch_mean_the_same(batch):
    type_, rows = batch
    from_json = decode(event_message(type_, as_json(rows)))
    assert from_json.rejected == ()
    assert from_json.events.num_rows == len(rows)
    from_arrow = decode(encode(type_, from_json.events, source="s", sequence=1, time=NOW))
    again = decode(encode(type_, from_json.events, source="s", sequence=1, time=NOW, body="json"))
    for decoded in (from_arrow, again):
        assert decoded.rejected == ()
        assert _meaning(decoded) == _meaning(from_json)


def _meaning(decoded: Decoded):
    """Rows without absent values: a feature that no row has is no feature."""
    return [
        {
            k: {a: b for a, b in v.items() if b is not None} if isinstance(v, dict) else v
            for k, v in row.items()
        }
        for row in decoded.events.to_pylist()
    ]


@given(batches())
def test_a_single_object_is_a_batch_of_one(batch):
    type_, rows = batch
    one = decode(event_message(type_, as_json(rows[0])))
    assert one.rejected == () and one.events.num_rows == 1


@given(batches(), st.data())
def test_every_mutation_of_a_valid_message_is_taken_or_refused_but_never_raises(batch, data):
    type_, rows = batch
    whole = decode(event_message(type_, as_json(rows))).events
    body = data.draw(st.sampled_from(["arrow", "json"]))
    message = encode(type_, whole, source="s", sequence=1, time=NOW, body=body)
    value = bytearray(message.value)
    for at, byte in data.draw(
        st.lists(st.tuples(st.integers(0, len(value) - 1), st.integers(0, 255)), max_size=6)
    ):
        value[at] = byte
    cut = data.draw(st.integers(0, len(value)))
    for mutated in (bytes(value), bytes(value[:cut])):
        _accounts(decode(message._replace(value=mutated)))


def _accounts(decoded: Decoded) -> None:
    """Something is said of every message: rows, or a reason."""
    assert decoded.events.num_rows or decoded.rejected
    if decoded.type is not None and decoded.events.num_rows:
        assert [c for c in decoded.events.column_names] == [c.name for c in decoded.type.columns]


@given(
    st.binary(max_size=2_000),
    st.sampled_from(sorted(TYPES)),
    st.sampled_from(
        [
            "application/json",
            "application/vnd.apache.arrow.stream",
            "application/cloudevents+json",
            "text/plain",
            "",
        ]
    ),
)
def test_random_bytes_are_refused_with_a_reason(value, name, content_type):
    decoded = decode(event_message(TYPES[name], value, content_type))
    assert decoded.events.num_rows == 0
    assert decoded.rejected and all(r.reason for r in decoded.rejected)


_DEEP = st.recursive(
    st.none() | st.booleans() | st.floats() | st.text(max_size=5) | st.integers(),
    lambda inner: st.lists(inner, max_size=4) | st.dictionaries(st.text(max_size=5), inner, max_size=4),
    max_leaves=20,
)


@given(_DEEP, st.sampled_from(sorted(TYPES)))
def test_any_json_document_is_refused_or_taken(document, name):
    _accounts(decode(event_message(TYPES[name], json.dumps(document).encode())))


_GOOD = {"model": "m", "model_version": "1", "time": "2026-09-21T00:00:00Z"}


@pytest.mark.parametrize(
    ("change", "reason"),
    [
        ({"model": None}, "missing_field"),
        ({"model": 7}, "wrong_type"),
        ({"time": "2026-09-21T00:00:00"}, "wrong_type"),
        ({"time": "1986-09-21T00:00:00Z"}, "time_out_of_range"),
        ({"time": "2066-09-21T00:00:00Z"}, "time_out_of_range"),
        ({"latency_seconds": -0.5}, "out_of_range"),
        ({"score": 1.5}, "out_of_range"),
        ({"tokens_in": -1}, "out_of_range"),
        ({"tokens_in": 2**70}, "wrong_type"),
        ({"tokens_in": 2.5}, "wrong_type"),
        ({"tokens_in": 1e300}, "wrong_type"),
        ({"tokens_in": "2"}, "wrong_type"),
        ({"status": "fine"}, "unknown_value"),
        ({"model": "m" * 100_000}, "text_too_long"),
        ({"model": "m\0"}, "nul_character"),
        ({"features": {"x": [1]}}, "wrong_type"),
    ],
)
def test_a_bad_row_is_named_and_its_neighbours_are_kept(change, reason):
    rows = [_GOOD, _GOOD | change, _GOOD]
    decoded = decode(event_message(TYPES["inference"], json.dumps(rows).encode()))
    assert [(r.reason, r.row) for r in decoded.rejected] == [(reason, 1)]
    assert decoded.events.num_rows == 2


@pytest.mark.parametrize(
    "text", [b"\\ud83d", b"\\udc00\\ud83d", b"a\\\\\\uD83D", b"\xff", b"\xed\xa0\x80"], ids=repr
)
def test_a_text_that_is_no_unicode_loses_its_own_row_alone(text):
    """JavaScript and Python write half of an emoji as an escape: a batch of thousands was refused for one."""
    good = [
        json.dumps(_GOOD | {"prediction_id": name}, ensure_ascii=ascii).encode()
        for name, ascii in (("\U0001f600", True), ("\U0001f600", False), ("\\ud83d", True))
    ]
    bad = good[0].replace(b"\\ud83d\\ude00", text)
    decoded = decode(event_message(TYPES["inference"], b"[" + b", ".join([*good, bad, bad, *good]) + b"]"))
    assert [(r.reason, r.row) for r in decoded.rejected] == [("malformed", 3), ("malformed", 4)]
    assert decoded.events["prediction_id"].to_pylist() == ["\U0001f600", "\U0001f600", "\\ud83d"] * 2
    alone = decode(event_message(TYPES["inference"], bad))
    assert [r.reason for r in alone.rejected] == ["malformed"]


@pytest.mark.parametrize("written", ["12.0", "1.2e1", "120E-1"])
@pytest.mark.parametrize("form", ["%s", "[%s]"])
def test_a_whole_number_may_be_written_as_json_schema_allows(form, written):
    """What tables with gaps become: pandas makes the integers of such a column floats."""
    row = json.dumps(_GOOD)[:-1] + f', "tokens_in": {written}}}'
    decoded = decode(event_message(TYPES["inference"], (form % row).encode()))
    assert not decoded.rejected
    assert decoded.events["tokens_in"].to_pylist() == [12]


@pytest.mark.parametrize(
    ("change", "reason"),
    [
        ({"counter": "requests"}, "unknown_value"),
        ({"histogram": "summary"}, "unknown_value"),
        ({"interval_seconds": 3_601}, "out_of_range"),
        ({"bucket_above_seconds": -1}, "out_of_range"),
        ({"bucket_at_most_seconds": 0.05}, "ends_before_start"),
    ],
)
def test_a_bucket_is_of_a_time_and_of_an_hour_at_most(change, reason):
    """What is spread further could stand in an hour without the logged requests that it counts again."""
    good = {"cluster": "c", "model": "m", "model_version": "1", "time": _GOOD["time"], "interval_seconds": 60}
    good |= {"counter": "latency", "histogram": "otel-explicit", "count": 3}
    good |= {"bucket_above_seconds": 0.1, "bucket_at_most_seconds": 0.5}
    decoded = decode(event_message(TYPES["serving"], json.dumps([good, good | change]).encode()))
    assert [(r.reason, r.row) for r in decoded.rejected] == [(reason, 1)]
    assert decoded.events.num_rows == 1


def test_long_samples_of_one_message_cannot_fill_the_memory_with_minutes():
    row = {
        "cluster": "c",
        "node": "n",
        "device": "d",
        "time": "2026-09-21T00:00:00Z",
        "interval_seconds": 86_400,
    }
    decoded = decode(event_message(TYPES["gpu"], json.dumps([row] * 400).encode()))
    assert decoded.events.num_rows * 1_441 <= limits.MAX_SAMPLED_MINUTES
    assert {r.reason for r in decoded.rejected} == {"too_large"}
    assert decoded.events.num_rows + len(decoded.rejected) == 400


def test_an_interval_that_ends_before_it_starts_is_refused():
    row = {
        "cluster": "c",
        "device": "d",
        "consumer_uid": "u",
        "start": "2026-09-21T01:00:00Z",
        "end": "2026-09-21T00:00:00Z",
        "time": "2026-09-21T01:00:00Z",
        "revision": 1,
    }
    decoded = decode(event_message(TYPES["allocation"], json.dumps(row).encode()))
    assert [r.reason for r in decoded.rejected] == ["ends_before_start"]


def test_not_a_number_in_an_arrow_column_is_refused_by_row():
    events = decode(
        event_message(TYPES["inference"], json.dumps([_GOOD | {"latency_seconds": 1.0}] * 2).encode())
    ).events
    at = events.column_names.index("latency_seconds")
    events = events.set_column(at, "latency_seconds", pa.array([1.0, float("nan")]))
    decoded = decode(encode(TYPES["inference"], events, source="s", sequence=1, time=NOW))
    assert [(r.reason, r.row) for r in decoded.rejected] == [("not_finite", 1)]


@pytest.mark.parametrize(
    ("value", "reason"),
    [
        (b"", "empty"),
        (b"[]", "empty"),
        (b"{", "malformed"),
        (b"NaN", "malformed"),
        (b"[" * 500_000, "wrong_type"),
        (b'{"model":' + b"[" * 100_000, "malformed"),
        (b" " * (MAX_MESSAGE_BYTES + 1), "too_large"),
    ],
)
def test_whole_messages_that_cannot_be_read_have_one_reason(value, reason):
    decoded = decode(event_message(TYPES["inference"], value))
    assert decoded.events.num_rows == 0
    assert [r.reason for r in decoded.rejected] in (
        [reason],
        ["wrong_type"] if reason == "malformed" else [reason],
    )


@given(batches(), st.data())
def test_a_key_that_stands_twice_counts_with_its_last_value(batch, data):
    type_, rows = batch
    key, last = data.draw(st.sampled_from(sorted(rows[0].items(), key=lambda item: item[0])))
    first = data.draw(st.sampled_from([None, "a", 1, True, last]))
    members = [(k, as_json(v)) for k, v in rows[0].items()]
    at = data.draw(st.integers(0, list(rows[0]).index(key)))
    members.insert(at, (key, as_json(first)))
    text = b",".join(b"%b:%b" % (as_json(k), v) for k, v in members)
    twice = decode(event_message(type_, b"{%b}" % text))
    once = decode(event_message(type_, as_json(rows[0])))
    assert twice.rejected or _meaning(twice) == _meaning(once)
    assert not twice.rejected or first is not last, "the same twice is no fault"


def test_an_unknown_type_is_refused_even_on_a_known_topic():
    message = event_message(TYPES["gpu"], b"{}", ce_type="driftledger.gpu.v9")
    assert [r.reason for r in decode(message).rejected] == ["unknown_type"]


def test_a_topic_names_the_type_of_a_message_without_headers():
    message = Message("driftledger.inference", "id", 0, 0, NOW, {}, json.dumps(_GOOD).encode())
    assert decode(message).events.num_rows == 1


def test_unknown_keys_are_ignored():
    assert (
        decode(
            event_message(TYPES["inference"], json.dumps(_GOOD | {"new": {"deep": [1]}}).encode())
        ).rejected
        == ()
    )


def test_a_structured_event_means_what_its_binary_form_means():
    event = {
        "specversion": "1.0",
        "type": "driftledger.inference.v1",
        "source": "s",
        "id": "1",
        "sequence": "1",
        "time": "2026-09-21T00:00:00Z",
        "data": _GOOD,
    }
    message = Message(
        "t", "id", 0, 0, NOW, {"content-type": "application/cloudevents+json"}, json.dumps(event).encode()
    )
    binary = decode(event_message(TYPES["inference"], json.dumps(_GOOD).encode()))
    assert decode(message).events.equals(binary.events)


def test_a_structured_event_carries_arrow_as_base64():
    table = _inference_table(pa.array(["m"] * 2))
    event = {
        "specversion": "1.0",
        "type": "driftledger.inference.v1",
        "source": "s",
        "id": "1",
        "datacontenttype": ARROW,
        "data_base64": base64.b64encode(_stream(table)).decode(),
    }
    headers = {"content-type": "application/cloudevents+json"}
    decoded = decode(Message("t", "id", 0, 0, NOW, headers, json.dumps(event).encode()))
    assert decoded.rejected == () and decoded.events["model"].to_pylist() == ["m", "m"]
    not_base64 = decode(
        Message("t", "id", 0, 0, NOW, headers, json.dumps(event | {"data_base64": "%"}).encode())
    )
    assert [r.reason for r in not_base64.rejected] == ["malformed"]


def _bomb(compression: str, size: int) -> bytes:
    """A small compressed stream that unpacks to `size` bytes."""
    column = pa.array(["a" * 1_000] * (size // 1_000))
    table = pa.table({"model": column, "model_version": column, "cluster": column})
    sink = pa.BufferOutputStream()
    with pa.ipc.new_stream(
        sink, table.schema, options=pa.ipc.IpcWriteOptions(compression=compression)
    ) as writer:
        writer.write_table(table)
    return sink.getvalue().to_pybytes()


@pytest.mark.parametrize("compression", ["lz4", "zstd"])
def test_a_decompression_bomb_is_refused_before_it_is_unpacked(compression):
    bomb = _bomb(compression, 20_000_000)
    assert len(bomb) < MAX_MESSAGE_BYTES
    before = pa.total_allocated_bytes()
    decoded = decode(event_message(TYPES["inference"], bomb, "application/vnd.apache.arrow.stream"))
    assert [r.reason for r in decoded.rejected] == ["too_large"]
    assert pa.total_allocated_bytes() - before < limits.MAX_EXPANDED_BYTES


def test_a_stream_that_lies_about_its_sizes_is_refused():
    value = bytearray(_bomb("zstd", 1_000_000))
    at = value.find(struct.pack("<q", 1_000_000))
    assert at > 0
    value[at : at + 8] = struct.pack("<q", 2**62)
    decoded = decode(event_message(TYPES["inference"], bytes(value), "application/vnd.apache.arrow.stream"))
    assert [r.reason for r in decoded.rejected] == ["too_large"]


_MEASURE = """
import json, resource, sys
from pipeline.events import MAX_MESSAGE_BYTES, TYPES, Message, decode
type_, value = TYPES[sys.argv[2]], sys.stdin.buffer.read()
content_type = sys.argv[1]
message = Message(type_.topic, "", 0, 0, 1_790_000_000_000_000, {"content-type": content_type}, value)
decode(message._replace(value=b'{"model":"m"}', headers={}))
before = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss
decode(message)
print((resource.getrusage(resource.RUSAGE_SELF).ru_maxrss - before) * 1024)
"""


def _worst_cases():
    wide = "{" + ",".join(f'"f{i}":{i}' for i in range(2_000)) + "}"
    rows = (MAX_MESSAGE_BYTES - 2) // 3
    yield pytest.param(b"[" + b",".join([b"{}"] * rows) + b"]", "application/json", id="smallest rows")
    yield pytest.param(
        b"[" + b",".join([b"{}"] * (limits.MAX_ROWS - 1)) + b"]", "application/json", id="most rows"
    )
    features = [f'{{"features":{wide}}}'] * (MAX_MESSAGE_BYTES // (len(wide) + 20))
    yield pytest.param(("[" + ",".join(features) + "]").encode(), "application/json", id="widest rows")
    sparse = [f'{{"features":{{"f{i % 2000}":1}}}}' for i in range(35_000)]
    yield pytest.param(("[" + ",".join(sparse) + "]").encode(), "application/json", id="sparse features")
    yield pytest.param(_bomb("zstd", 11_000_000), ARROW, id="expanded arrow")
    for name, columns in _unfolding():
        yield pytest.param(_stream(pa.table(columns)), ARROW, id=name)


def _unfolding():
    """Tables of a few kilobytes that are hundreds of megabytes once every row has a value of its own."""
    rows = 200_000
    first = pa.array(np.zeros(rows, np.int32))
    once = pa.DictionaryArray.from_arrays(first, pa.array(["a" * 1_500]))
    yield "one long text as a feature", {"features": pa.StructArray.from_arrays([once], ["a"])}
    nulls = [pa.nulls(rows)] * 250
    names = [f"f{i}" for i in range(250)]
    yield "features that are null", {"features": pa.StructArray.from_arrays(nulls, names)}
    yield "repeated views", {"model": _views(rows)}
    by_views = pa.StructArray.from_arrays([_views(rows)], ["a"])
    yield "repeated views as a feature", {"features": by_views}


def _views(rows: int) -> pa.Array:
    """The same text of 2,400 bytes in every row, kept once."""
    one = pa.array(["a" * 2_400], pa.string_view())
    views, data = one.buffers()[1].to_pybytes()[:16], one.buffers()[2]
    return pa.Array.from_buffers(pa.string_view(), rows, [None, pa.py_buffer(views * rows), data])


def _stream(table: pa.Table) -> bytes:
    sink = pa.BufferOutputStream()
    options = pa.ipc.IpcWriteOptions(compression="zstd")
    with pa.ipc.new_stream(sink, table.schema, options=options) as writer:
        writer.write_table(table)
    return sink.getvalue().to_pybytes()


@pytest.mark.parametrize(("value", "content_type"), list(_worst_cases()))
def test_memory_of_one_message_is_bounded_by_the_stated_multiple(value, content_type):
    assert len(value) <= MAX_MESSAGE_BYTES
    assert _peak_bytes(value, content_type, "inference") <= limits.MEMORY_MULTIPLE * MAX_MESSAGE_BYTES


def test_memory_is_bounded_for_a_type_of_many_text_columns():
    """Each column alone is within the bound of a message; all together are many times that."""
    columns = {c.name: _views(12_500) for c in TYPES["allocation"].columns if c.kind == "string"}
    value = _stream(pa.table(columns))
    assert _peak_bytes(value, ARROW, "allocation") <= limits.MEMORY_MULTIPLE * MAX_MESSAGE_BYTES
    refused = decode(event_message(TYPES["allocation"], value, ARROW)).rejected
    assert [one.reason for one in refused] == ["too_large"]


def _peak_bytes(value: bytes, content_type: str, type_: str) -> int:
    command = [sys.executable, "-c", _MEASURE, content_type, type_]
    return int(subprocess.run(command, input=value, capture_output=True, check=True).stdout)


def test_a_text_that_unfolds_too_far_is_refused_and_a_usual_one_is_kept():
    reasons = [
        decode(event_message(TYPES["inference"], _stream(pa.table(columns)), ARROW)).rejected[0].reason
        for _, columns in _unfolding()
    ]
    assert reasons == ["too_large"] * 4
    usual = _inference_table(_views(1_000))
    kept = decode(event_message(TYPES["inference"], _stream(usual), ARROW))
    assert kept.rejected == () and kept.events["model"].to_pylist() == ["a" * 2_400] * 1_000


def _inference_table(model: pa.Array) -> pa.Table:
    moments = pa.array(np.full(len(model), NOW), pa.timestamp("us", "UTC"))
    constant = pa.array(["x"] * len(model))
    names = ("cluster", "namespace", "workload", "model_version", "prediction_id", "prediction")
    return pa.table({**dict.fromkeys(names, constant), "model": model, "time": moments})


@pytest.mark.parametrize("index", [pa.int8(), pa.int32()])
def test_a_required_text_that_is_null_within_its_dictionary_is_missing(index):
    model = pa.DictionaryArray.from_arrays(pa.array([0, 1, None, 0], index), pa.array(["m", None]))
    decoded = decode(event_message(TYPES["inference"], _stream(_inference_table(model)), ARROW))
    assert [(r.reason, r.row) for r in decoded.rejected] == [("missing_field", 1), ("missing_field", 2)]
    assert decoded.events["model"].to_pylist() == ["m", "m"]
