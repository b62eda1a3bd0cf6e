"""Events of what models answer, and of what they should have answered."""

from __future__ import annotations

from pipeline.wire.columns import CLUSTER, MOST_SECONDS, MOST_TOKENS, amount, count, string, time
from pipeline.wire.event_type import Column, EventType

SERVING_TIMES = ("latency", "time_to_first_token", "time_per_output_token")

HISTOGRAMS = (
    "otel-exponential", "prometheus-native", "otel-explicit", "prometheus-classic",
    "otel-client-exponential", "otel-client-explicit",
)  # fmt: skip
"""How servers, and at last their clients, say times by bucket: of two for one model the first counts."""

INFERENCE = EventType(
    "inference",
    "One prediction of one model version.",
    "model/hash of prediction_id",
    (
        string("cluster", "name of the cluster"),
        string("namespace", "namespace of the model server"),
        string("workload", "Kind/name of the model server"),
        string("model", "model", required=True),
        string("model_version", "version of the model", required=True),
        string("prediction_id", "identity that a label will name"),
        time("time", "when the prediction was made", required=True),
        amount("latency_seconds", "request to last byte", maximum=MOST_SECONDS),
        amount("time_to_first_token_seconds", "request to first token", maximum=MOST_SECONDS),
        amount("time_per_output_token_seconds", "mean time between tokens", maximum=MOST_SECONDS),
        string("status", "absent is ok", choices=("ok", "error")),
        string("prediction", "predicted class"),
        Column("predicted_value", "float", "predicted number"),
        amount("score", "probability of the positive class, 0 to 1", maximum=1.0),
        amount("confidence", "probability of the predicted class, 0 to 1", maximum=1.0),
        count("tokens_in", "input tokens", maximum=MOST_TOKENS),
        count("tokens_out", "output tokens", maximum=MOST_TOKENS),
        count("tokens_cached", "input tokens served from a cache", maximum=MOST_TOKENS),
        Column("features", "features", "feature name to number or category"),
    ),
)

LABEL = EventType(
    "label",
    "What a prediction should have been; comes whenever it is known.",
    "model/hash of prediction_id",
    (
        string("model", "model", required=True),
        string("prediction_id", "the prediction that it judges", required=True),
        string("label", "true class"),
        Column("value", "float", "true number"),
        amount("score", "evaluation score, 0 to 1", maximum=1.0),
        string("evaluator", "who or what judged, with its version"),
        time("time", "when the label was made", required=True),
        Column("revision", "int", "the highest revision of a label wins; absent is 0", minimum=0),
    ),
)

SERVING = EventType(
    "serving",
    "What a model server counted in the `interval_seconds` that end at `time`: sums, no single requests.",
    "cluster/model",
    (
        CLUSTER,
        string("namespace", "namespace of the model server"),
        string("workload", "Kind/name, or the pod's name where no owner is known"),
        string("model", "model", required=True),
        string("model_version", "version of the model", required=True),
        time("time", "end of the interval", required=True),
        Column("interval_seconds", "float", "length of the interval", True, 1e-6, 86_400.0),
        string(
            "counter",
            "what was counted",
            required=True,
            choices=("requests", "errors", "tokens_in", "tokens_out", "tokens_cached", *SERVING_TIMES),
        ),
        string("at_most", "of a time: counts requests that took at most so many seconds; absent is all"),
        string("histogram", "of a time: counts one bucket, and of what kind", choices=HISTOGRAMS),
        amount("bucket_above_seconds", "of a bucket: what it counts took more than this"),
        amount("bucket_at_most_seconds", "of a bucket: what it counts took at most this; absent is no bound"),
        count("count", "requests or tokens; absent where only seconds are known", maximum=MOST_TOKENS),
        amount("seconds", "sum of the times of all these requests", maximum=1e10),
    ),
)
