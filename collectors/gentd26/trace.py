"""The GenTD26 trace (alibaba/clusterdata, cluster-trace-v2026-GenAI) as events of the ledger."""

from __future__ import annotations

from collections.abc import Callable, Mapping

from collectors.csv_text import count_lines
from collectors.gentd26.gpu import DUTY, MEMORY, gpu_tables
from collectors.gentd26.requests import pipeline_latencies, requests
from collectors.parsed import Parsed, left_out, nothing_read

NOT_USED = frozenset(
    {
        "qps", "queue_size", "queue_rt", "pipeline_update_latency", "basemodel_update_latency",
        "base_model_update_latency", "lora_update_latency", "controlnet_latency_data", "pod_memory_util",
        "model_predict_data", "data_trace_processed",
    }
)  # fmt: skip
"""Tables that say nothing about cost or quality that the others do not say better."""

_REQUESTS: dict[str, Callable[[bytes, str], Parsed]] = {
    "pipeline_inference_data": pipeline_latencies,
    "lora_request_trace": requests,
}


def table_name(file_name: str) -> str:
    """The table that a file holds: pod_gpu_duty_cycle of pod_gpu_duty_cycle_anon.tar.gz."""
    stem = file_name.rpartition("/")[2].partition(".")[0]
    return stem.removesuffix("_anon").removesuffix("_raw")


def parse(tables: Mapping[str, bytes], *, cluster: str) -> dict[tuple[str, ...], Parsed]:
    """Events by the tables that they rest on; duty cycle and memory of a pod make one sample together.

    The unit counted is a data line of a table.  The trace names no node, GPU or namespace: constants
    stand for them (`gentd26_names`).
    """
    parsed: dict[tuple[str, ...], Parsed] = {}
    gpu = tuple(name for name in (DUTY, MEMORY) if name in tables)
    if gpu:
        parsed[gpu] = gpu_tables({name: tables[name] for name in gpu}, cluster)
    for name in sorted(tables.keys() - {DUTY, MEMORY}):
        parsed[(name,)] = _one_table(name, tables[name], cluster)
    return parsed


def _one_table(name: str, data: bytes, cluster: str) -> Parsed:
    if name in _REQUESTS:
        return _REQUESTS[name](data, cluster)
    if name in NOT_USED:
        return left_out(f"{name}_not_used", count_lines(data))
    return nothing_read("unknown_table", f"{name[:80]}: not a table of GenTD26")
