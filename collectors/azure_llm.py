"""Azure LLM inference traces (CSV: TIMESTAMP, ContextTokens, GeneratedTokens) to `inference` events.

Source: https://github.com/Azure/AzurePublicDataset, AzureLLMInferenceDataset2023 and later; the one of
2025 has the number of images beside.
"""

from __future__ import annotations

import pyarrow.compute as pc

from collectors.csv_text import read_lines
from collectors.csv_values import refuse, utc_times, whole_numbers
from collectors.parsed import Parsed, nothing_read, to_table
from pipeline.events import Rejected

_COLUMNS = ("TIMESTAMP", "ContextTokens", "GeneratedTokens")
_SERVICES = {"code": "azure-llm-code", "multimodal": "azure-lmm-multimodal"}
VERSION = "unknown"
"""The trace does not say which version of the model answered."""


def model_name(file_name: str) -> str:
    """Of the service that a file's name tells; the conversation service otherwise."""
    name = file_name.rpartition("/")[2].lower()
    return next((model for word, model in _SERVICES.items() if word in name), "azure-llm-conv")


def parse(data: bytes, *, model: str, cluster: str) -> Parsed:
    """One event a request, without latency, which the trace does not have.  The unit is a data line."""
    lines = read_lines(data, _COLUMNS)
    if isinstance(lines, Rejected):
        return nothing_read(lines.reason, lines.detail)
    found = {
        "TIMESTAMP": utc_times(lines.columns["TIMESTAMP"]),
        "ContextTokens": whole_numbers(lines.columns["ContextTokens"]),
        "GeneratedTokens": whole_numbers(lines.columns["GeneratedTokens"]),
    }
    good, rejected = refuse(lines, found, {})
    columns = {
        "cluster": cluster,
        "model": model,
        "model_version": VERSION,
        "time": found["TIMESTAMP"].filter(good),
        "tokens_in": found["ContextTokens"].filter(good),
        "tokens_out": found["GeneratedTokens"].filter(good),
    }
    used = pc.sum(good, min_count=0).as_py()
    return Parsed(lines.read, used, {"inference": to_table("inference", columns, used)}, rejected=rejected)
