"""Latencies of GenTD26: of the pipeline by pod, and of users' requests by checkpoint."""

from __future__ import annotations

from collections import Counter
from dataclasses import replace

import pyarrow as pa
import pyarrow.compute as pc

from collectors.csv_text import Lines, read_lines
from collectors.csv_values import epoch_times, numbers, present, refuse, utc_times
from collectors.gentd26 import names
from collectors.parsed import Parsed, nothing_read, to_table
from pipeline.events import Rejected

_LONGEST_SECONDS = 86_400.0
_FEATURES = (
    "prompt_length",
    "negative_prompt_length",
    "num_images_per_prompt",
    "num_inference_steps",
    "num_lora",
)
_STATUS = {"SUCCEED": "ok", "FAILED": "error"}
_UNFINISHED = ("PENDING", "PROCESSING")


def pipeline_latencies(data: bytes, cluster: str) -> Parsed:
    """pipeline_inference_data: milliseconds from request to image, by pod and time."""
    lines = read_lines(data, ("timestamp_anon", "value", "container_ip"))
    if isinstance(lines, Rejected):
        return nothing_read(lines.reason, lines.detail)
    found = {
        "timestamp_anon": epoch_times(lines.columns["timestamp_anon"]),
        "value": numbers(lines.columns["value"]),
        "container_ip": present(lines.columns["container_ip"]),
    }
    good, rejected = refuse(lines, found, {"value": (0.0, 1000.0 * _LONGEST_SECONDS)})
    columns = {
        "cluster": cluster,
        "namespace": names.NAMESPACE,
        "workload": names.workloads(found["container_ip"].filter(good)),
        "model": names.MODEL,
        "model_version": names.VERSION,
        "time": found["timestamp_anon"].filter(good),
        "latency_seconds": pc.multiply(found["value"].filter(good), 1e-3),
    }
    table = to_table("inference", columns, lines.read - len(rejected))
    return Parsed(lines.read, table.num_rows, {"inference": table}, rejected=rejected)


def requests(data: bytes, cluster: str) -> Parsed:
    """lora_request_trace: one request each; those that were not finished when it was taken are left out.

    Equal lines are different requests: the trace has no request id and times in whole seconds.
    """
    lines = read_lines(
        data, ("gmt_create", "predict_status", "exec_time_seconds", "checkpoint_model_version_id")
    )
    if isinstance(lines, Rejected):
        return nothing_read(lines.reason, lines.detail)
    unfinished = pc.is_in(lines.columns["predict_status"].combine_chunks(), pa.array(_UNFINISHED))
    left = pc.sum(unfinished, min_count=0).as_py()
    # They need not have a time yet, so they are asked for nothing else.
    ended = replace(
        lines,
        columns=lines.columns.filter(pc.invert(unfinished)),
        row=lines.row.filter(pc.invert(unfinished)),
    )
    status = ended.columns["predict_status"].combine_chunks()
    found = {
        "gmt_create": utc_times(ended.columns["gmt_create"]),
        "exec_time_seconds": numbers(ended.columns["exec_time_seconds"]),
        "predict_status": pc.if_else(pc.is_in(status, pa.array([*_STATUS])), status, None),
    }
    good, rejected = refuse(ended, found, {"exec_time_seconds": (0.0, _LONGEST_SECONDS)})
    table = _request_events(ended, {n: v.filter(good) for n, v in found.items()}, good, cluster)
    excluded = Counter({"unfinished": left} if left else {})
    return Parsed(lines.read, table.num_rows, {"inference": table}, excluded, rejected)


def _request_events(lines: Lines, found: dict[str, pa.Array], kept: pa.Array, cluster: str) -> pa.Table:
    def column(name: str) -> pa.Array:
        return lines.columns[name].combine_chunks().filter(kept)

    version = present(lines.columns["checkpoint_model_version_id"]).filter(kept)
    features = {name: numbers(column(name)) for name in _FEATURES if name in lines.columns.column_names}
    if "predict_type" in lines.columns.column_names:
        features["predict_type"] = column("predict_type")
    columns = {
        "cluster": cluster,
        "namespace": names.NAMESPACE,
        "model": names.REQUEST_MODEL,
        "model_version": pc.fill_null(version, names.VERSION),
        "time": found["gmt_create"],
        "latency_seconds": found["exec_time_seconds"],
        "status": [_STATUS[text] for text in found["predict_status"].to_pylist()],
    }
    if features:
        columns["features"] = pa.StructArray.from_arrays(list(features.values()), names=list(features))
    return to_table("inference", columns, len(version))
