"""Facts of how models do: latency, traffic, distributions, predictions and their labels."""

from __future__ import annotations

import pyarrow as pa

from pipeline.facts.fact import COUNT, MINUTE, MODEL, NANO, SECONDS, SERVER, TIME, Fact, columns

LATENCY_BINS = Fact(
    "latency_bins",
    "Base-2 exponential histogram of a minute: bucket i counts values in (base^i, base^(i+1)] seconds, "
    "base = 2^(2^-scale); the zero bucket is ZERO_BUCKET.",
    "add",
    (*MINUTE, *SERVER, *MODEL, *columns("metric"), *columns("scale", "bucket", of=pa.int32())),
    COUNT,
)
ZERO_BUCKET = -(2**31)

PREDICTION_SUMS = Fact(
    "prediction_sums",
    "Traffic of a model version in a minute, with the confusion sums that CBPE estimates.",
    "add",
    (*MINUTE, *SERVER, *MODEL, *columns("reference")),
    (
        *COUNT,
        *columns("errors", "tokens_in", "tokens_out", "tokens_cached", "estimated_count", of=pa.int64()),
        *columns("latency_seconds", of=SECONDS),
        *columns(
            "estimated_correct", "estimated_tp", "estimated_fp", "estimated_fn", "estimated_tn", of=NANO
        ),
    ),
)

SERVING_COUNTERS = Fact(
    "serving_counters",
    "What model servers counted in a minute: requests, errors, tokens, and of times how many were at most so "
    "long ('' is all) with their sum.  Predictions that were logged one by one are in it: never add both.",
    "add",
    (*MINUTE, *SERVER, *MODEL, *columns("counter", "at_most")),
    (*COUNT, *columns("seconds", of=SECONDS)),
)

LATENCY_COUNTS = Fact(
    "latency_counts",
    "Times that model servers counted in a minute by bucket: so many took more than above_seconds, at most "
    "at_most_seconds, infinity where there is no bound.  What is logged one by one, in latency_bins, goes "
    "before it: counted_latency.sql says which of all counts.",
    "add",
    (
        *MINUTE, *SERVER, *MODEL, *columns("metric", "histogram"),
        *columns("above_seconds", "at_most_seconds", of=pa.float64()),
    ),
    COUNT,
)  # fmt: skip

FEATURE_BINS = Fact(
    "feature_bins",
    "Histogram of a feature in a minute over the bins of a reference; -1 is missing, -2 unseen category.",
    "add",
    (*MINUTE, *MODEL, *columns("reference", "feature"), *columns("bin", of=pa.int32())),
    COUNT,
)
MISSING_BIN = -1
UNSEEN_BIN = -2

SCORE_BINS = Fact(
    "score_bins",
    "Histogram of the score in a minute over the bins of a reference.",
    "add",
    (*MINUTE, *MODEL, *columns("reference"), *columns("bin", of=pa.int32())),
    COUNT,
)

FEATURE_SAMPLES = Fact(
    "feature_samples",
    "Events of an hour whose features are kept: those of lowest rank, a hash of their time and values.  "
    "`content` is a JSON array of the features that the reference has, in its order.",
    "lowest",
    (*columns("hour", of=TIME), *MODEL, *columns("reference"), *columns("rank", of=pa.int64())),
    (*columns("rows_an_hour", of=pa.int64()), *columns("time", of=TIME), *columns("content")),
)

REFERENCE_SAMPLES = Fact(
    "reference_samples",
    "Rows that a reference was made of, in the order of time: what later rows are compared with.",
    "append",
    (*columns("reference"), *columns("row", of=pa.int64())),
    columns("content"),
)

PREDICTIONS = Fact(
    "predictions",
    "Predictions that may still get a label; a model and prediction_id name one prediction.",
    "highest",
    columns("model", "prediction_id"),
    (
        *columns("time", of=TIME),
        *columns("model_version", "prediction"),
        *columns("predicted_value", "score", "confidence", of=pa.float64()),
        *columns("revision", of=pa.int64()),
        *columns("segment"),
    ),
)

LABELS = Fact(
    "labels",
    "Labels, however late; the highest revision of a model, prediction and evaluator wins.",
    "highest",
    columns("model", "prediction_id", "evaluator"),
    (
        *columns("time", of=TIME),
        *columns("label"),
        *columns("value", "score", of=pa.float64()),
        *columns("revision", of=pa.int64()),
    ),
)

REFERENCES = Fact(
    "references",
    "Registered references: bins, calibrator and baselines of a model, as canonical JSON, never changed; a "
    "frozen one stays in use when others are registered.",
    "highest",
    columns("reference"),
    (
        *columns("model", "content"),
        *columns("time", of=TIME),
        *columns("revision", of=pa.int64()),
        *columns("frozen", of=pa.bool_()),
    ),
)
