"""Which counters and histograms of model servers the ledger uses, and what each counts."""

from __future__ import annotations

from typing import NamedTuple


class Counted(NamedTuple):
    counter: str
    """As in the event type `serving`."""
    seconds_per_unit: float | None = None
    """Of a sum of times; None is a count."""


class Timed(NamedTuple):
    counter: str
    """A time of the event type `serving`."""
    seconds_per_unit: float = 1.0


_RAY = ("ray_vllm_", "ray_vllm:")
"""Before the names of a vLLM that Ray serves, in its newer and older versions, instead of `vllm:`."""


def _by_ray(name: str) -> tuple[str, ...]:
    """All names of a metric."""
    own = name.removeprefix("vllm:")
    return (name,) if own == name else (name, *(f"{before}{own}" for before in _RAY))


_HISTOGRAMS: dict[str, Timed] = {
    "vllm:e2e_request_latency_seconds": Timed("latency"),
    "vllm:time_to_first_token_seconds": Timed("time_to_first_token"),
    "vllm:time_per_output_token_seconds": Timed("time_per_output_token"),
    "vllm:inter_token_latency_seconds": Timed("time_per_output_token"),
    "sglang:e2e_request_latency_seconds": Timed("latency"),
    "sglang:time_to_first_token_seconds": Timed("time_to_first_token"),
    "sglang:time_per_output_token_seconds": Timed("time_per_output_token"),
    "sglang:inter_token_latency_seconds": Timed("time_per_output_token"),
    "nv_inference_first_response_histogram_ms": Timed("time_to_first_token", 1e-3),
    "request_predict_seconds": Timed("latency"),
}
HISTOGRAMS = {name: of for told, of in _HISTOGRAMS.items() for name in _by_ray(told)}
"""Histogram to what it times: of vLLM, SGLang, Triton (of decoupled models) and KServe's own servers."""


def _parts(name: str, of: Timed) -> dict[str, Counted]:
    """The counters of a classic histogram: cumulative buckets, of which +Inf is the count, and the sum."""
    return {f"{name}_bucket": Counted(of.counter), f"{name}_sum": Counted(of.counter, of.seconds_per_unit)}


_COUNTERS: dict[str, Counted] = {
    "vllm:request_success_total": Counted("requests"),
    "vllm:prompt_tokens_total": Counted("tokens_in"),
    "vllm:generation_tokens_total": Counted("tokens_out"),
    "vllm:prefix_cache_hits_total": Counted("tokens_cached"),
    "sglang:num_requests_total": Counted("requests"),
    "sglang:prompt_tokens_total": Counted("tokens_in"),
    "sglang:generation_tokens_total": Counted("tokens_out"),
    "nv_inference_request_success": Counted("requests"),
    "nv_inference_request_failure": Counted("errors"),
    "nv_inference_request_duration_us": Counted("latency", 1e-6),
    **{name: counted for base, of in _HISTOGRAMS.items() for name, counted in _parts(base, of).items()},
}
COUNTERS = {name: counted for told, counted in _COUNTERS.items() for name in _by_ray(told)}
"""Exporter metric name to what it counts.  Triton has one sum of whole times and no buckets of them."""

RENAMED = {
    f"{server}time_per_output_token_seconds": f"{server}inter_token_latency_seconds"
    for server in ("vllm:", "sglang:", *_RAY)
}
"""The same under its old and its new name: versions between have both."""

MODEL = ("model_name", "model")
VERSION = ("model_version", "version")
UNKNOWN = "unknown"
"""vLLM names no version."""


def base(name: str) -> str:
    """The histogram that a counter is part of."""
    return name.removesuffix("_bucket").removesuffix("_sum")
