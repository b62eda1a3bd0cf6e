"""Inference batches as a collector writes them: 5,000 rows, 10 features, one model, from a seed."""

from __future__ import annotations

import numpy as np
import pyarrow as pa

ROWS = 5_000
FEATURES = 10
START = 1_790_000_000_000_000
SPAN_SECONDS = 300
COUNTRIES = np.array(["DE", "FR", "GB", "IT", "ES", "PL", "NL", "BE", "SE", "AT", "DK", "FI"])


def features(rows: int, rng: np.random.Generator, width: int = FEATURES) -> dict[str, np.ndarray]:
    return {f"f{i}": rng.normal(size=rows) for i in range(width)}


def inference(rng: np.random.Generator, batch: int, width: int = FEATURES, texts: int = 0) -> pa.Table:
    """One message's worth of events, spread over five minutes; `texts` features more are categories."""
    values = {name: pa.array(drawn) for name, drawn in features(ROWS, rng, width).items()}
    values |= {f"c{i}": pa.array(rng.choice(COUNTRIES, ROWS)) for i in range(texts)}
    moments = START + np.sort(rng.integers(0, SPAN_SECONDS * 1_000_000, ROWS))
    constant = np.zeros(ROWS, dtype=np.int32)

    def same(text: str) -> pa.DictionaryArray:
        return pa.DictionaryArray.from_arrays(pa.array(constant), pa.array([text]))

    return pa.table(
        {
            "cluster": same("c"),
            "namespace": same("n"),
            "workload": same("Deployment/m"),
            "model": same("m"),
            "model_version": same("1"),
            "prediction_id": [f"{batch:04x}-{i:06x}" for i in range(ROWS)],
            "time": pa.array(moments, pa.timestamp("us", "UTC")),
            "latency_seconds": rng.lognormal(-2, 0.5, ROWS),
            "prediction": pa.array(rng.choice(["yes", "no"], ROWS)).dictionary_encode(),
            "score": rng.random(ROWS),
            "features": pa.StructArray.from_arrays(list(values.values()), names=list(values)),
        }
    )


def reference(values: dict[str, np.ndarray]) -> pa.Table:
    """Events of a time in which the model was right: what a reference is built from."""
    rows = len(next(iter(values.values())))
    moments = pa.array(np.full(rows, START), pa.timestamp("us", "UTC"))
    measures = pa.StructArray.from_arrays([pa.array(v) for v in values.values()], names=list(values))
    return pa.table({"time": moments, "features": measures})
