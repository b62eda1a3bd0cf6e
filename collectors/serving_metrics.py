"""Which counters of vLLM and Triton the ledger uses, and what each counts."""

from __future__ import annotations

from typing import NamedTuple


class Counted(NamedTuple):
    counter: str
    """As in the event type `serving`."""
    seconds_per_unit: float | None = None
    """Of a sum of times; None is a count."""


def _times(counter: str, name: str) -> dict[str, Counted]:
    """A histogram: cumulative buckets, of which +Inf is the count, and the sum of seconds."""
    return {f"{name}_bucket": Counted(counter), f"{name}_sum": Counted(counter, 1.0)}


COUNTERS: dict[str, Counted] = {
    "vllm:request_success_total": Counted("requests"),
    "vllm:prompt_tokens_total": Counted("tokens_in"),
    "vllm:generation_tokens_total": Counted("tokens_out"),
    "vllm:prefix_cache_hits_total": Counted("tokens_cached"),
    **_times("latency", "vllm:e2e_request_latency_seconds"),
    **_times("time_to_first_token", "vllm:time_to_first_token_seconds"),
    **_times("time_per_output_token", "vllm:time_per_output_token_seconds"),
    **_times("time_per_output_token", "vllm:inter_token_latency_seconds"),
    "nv_inference_request_success": Counted("requests"),
    "nv_inference_request_failure": Counted("errors"),
    "nv_inference_request_duration_us": Counted("latency", 1e-6),
}
"""Exporter metric name to what it counts.  Triton has one sum of times and no buckets."""

RENAMED = ("vllm:time_per_output_token_seconds", "vllm:inter_token_latency_seconds")
"""The same under its old and its new name: versions between have both."""

MODEL = ("model_name", "model")
VERSION = ("model_version", "version")
UNKNOWN = "unknown"
"""vLLM names no version."""
