"""Events of the demo's cluster for any span: inventory, holdings, GPU samples, flows, predictions, labels.

Everything follows from the span and a random generator, so a seed gives the same month every time.
"""

from __future__ import annotations

from datetime import UTC, datetime, timedelta

import numpy as np
import numpy.typing as npt
import pyarrow as pa

from pipeline.demo.cluster import CLUSTER, GPUS, HOLDINGS, PATHS, PROVIDER, REGION, Gpu, Holding
from pipeline.demo.models import Answers, DemoModel
from pipeline.wire.event_type import MICROSECONDS_UTC

Rng = np.random.Generator
Micros = npt.NDArray[np.int64]

_NODES = {g.device: g.node for g in GPUS}

SERVER = {"tumour-screen": "clinic", "digit-reader": "post"}
"""Namespace of each model's Deployment, which has the model's name."""


def micros(moment: datetime) -> int:
    """Microseconds since 1970 of a UTC moment."""
    return (moment - datetime(1970, 1, 1, tzinfo=UTC)) // timedelta(microseconds=1)


def times(values: Micros) -> pa.Array:
    return pa.array(values, MICROSECONDS_UTC)


def devices(start: datetime) -> pa.Table:
    rows = [
        {
            "cluster": CLUSTER,
            "node": g.node,
            "device": g.device,
            "uuid": g.device,
            "gpu_model": g.gpu_model,
            "memory_bytes": g.memory_bytes,
            "provider": PROVIDER,
            "region": REGION,
            "zone": g.zone,
            "instance_type": g.instance_type,
            "capacity_type": "on-demand",
            "start": start,
            "time": start,
            "revision": 1,
        }
        for g in GPUS
    ]
    return pa.Table.from_pylist(rows)


def allocations(start: datetime, versions: dict[str, str]) -> pa.Table:
    """Every holding, open-ended from `start`; `versions` says which version each model's workload serves."""
    return pa.Table.from_pylist(
        [_allocation(h, start, start, versions.get(h.model, ""), None) for h in HOLDINGS]
    )


def rollout(model: str, old: tuple[str, datetime], new: str, moment: datetime) -> pa.Table:
    """The holdings of a model's pods change hands at `moment`: from version `old` (held since) to `new`."""
    version, since = old
    moved = [h for h in HOLDINGS if h.model == model]
    ended = [_allocation(h, since, moment, version, moment) for h in moved]
    return pa.Table.from_pylist(ended + [_allocation(h, moment, moment, new, None) for h in moved])


def _allocation(
    holding: Holding, start: datetime, seen: datetime, version: str, end: datetime | None
) -> dict[str, object]:
    pod = f"{holding.pod}-{start:%m%d%H%M}"
    return {
        "cluster": CLUSTER,
        "node": _NODES[holding.device],
        "device": holding.device,
        "consumer_uid": f"uid-{pod}",
        "share_id": holding.pod if holding.units < holding.of_units else "",
        "namespace": holding.namespace,
        "pod": pod,
        "container": "main",
        "workload": holding.workload,
        "team": holding.team,
        "model": holding.model,
        "model_version": version,
        "method": holding.method,
        "share_units": holding.units,
        "device_units": holding.of_units,
        "start": start,
        "end": end,
        "start_quality": "exact",
        "end_quality": "exact" if end else None,
        "time": seen,
        "revision": 2 if end else 1,
    }


def gpu_samples(start: datetime, end: datetime, step: timedelta, rng: Rng) -> pa.Table:
    """One sample a device every `step`, each covering the step that ends with it."""
    width = step // timedelta(microseconds=1)
    ends = np.arange(micros(start) + width, micros(end) + 1, width)
    return pa.concat_tables([_samples(gpu, ends, step.total_seconds(), rng) for gpu in GPUS])


def _samples(gpu: Gpu, ends: Micros, seconds: float, rng: Rng) -> pa.Table:
    day = (ends % 86_400_000_000) / 86_400_000_000
    load = gpu.duty * (1.0 + 0.35 * np.sin(2 * np.pi * (day - 0.3))) + rng.normal(0, 0.04, len(ends))
    util = np.clip(load, 0.0, 1.0) if gpu.duty else np.zeros(len(ends))
    count = len(ends)
    return pa.table(
        {
            "cluster": [CLUSTER] * count,
            "node": [gpu.node] * count,
            "device": [gpu.device] * count,
            "gpu_model": [gpu.gpu_model] * count,
            "time": times(ends),
            "interval_seconds": np.full(count, seconds),
            "util_ratio": util,
            "memory_used_bytes": np.full(count, gpu.memory_bytes * 0.8),
            "memory_total_bytes": np.full(count, gpu.memory_bytes),
            "power_watts": 60.0 + 300.0 * util,
        }
    )


def flows(start: datetime, end: datetime, every: timedelta, rng: Rng) -> pa.Table:
    """New connections along each of the demo's paths, one an interval, and the bytes of two workloads."""
    width = every // timedelta(microseconds=1)
    moments = np.arange(micros(start), micros(end), width)
    paths = [_path(path, moments + rng.integers(0, width, len(moments))) for path in PATHS]
    totals = _totals(moments, every // timedelta(seconds=1))
    return pa.concat_tables([*paths, totals], promote_options="default")


def _totals(moments: Micros, seconds: int) -> pa.Table:
    """What the network interfaces of two workloads count: bytes, and not where they went."""
    rate = {("clinic", "Deployment/tumour-screen"): 40_000, ("post", "Deployment/address-llm"): 150_000}
    rows = [
        {"cluster": CLUSTER, "verdict": "FORWARDED", "direction": "EGRESS", "source_namespace": namespace,
         "source_workload": workload, "is_reply": False, "opens_connection": False,
         "bytes": float(each * seconds), "bytes_method": "cadvisor"}
        for (namespace, workload), each in rate.items()
    ]  # fmt: skip
    tables = [pa.Table.from_pylist([row] * len(moments)) for row in rows]
    return pa.concat_tables([table.append_column("time", times(moments)) for table in tables])


def _path(path: tuple[str, str, str, str, str, str], moments: Micros) -> pa.Table:
    workload, namespace, zone, pod, ip, destination_zone = path
    constant = {
        "cluster": CLUSTER,
        "verdict": "FORWARDED",
        "direction": "EGRESS",
        "protocol": "TCP",
        "source_namespace": namespace,
        "source_workload": workload,
        "source_zone": zone,
        "source_region": REGION,
        "destination_ip": ip,
        "destination_pod": pod or None,
        "destination_zone": destination_zone or None,
        "destination_region": REGION if destination_zone else None,
    }
    columns = {k: pa.array([v] * len(moments), pa.string()) for k, v in constant.items()}
    flags = {"is_reply": [False] * len(moments), "opens_connection": [True] * len(moments)}
    return pa.table({**columns, **flags, "time": times(moments)})


def predictions(
    model: DemoModel, version: str, start: datetime, end: datetime, per_minute: int, rng: Rng
) -> tuple[pa.Table, pa.Table]:
    """(inference events, their labels with the moment each becomes known) for one version's traffic."""
    count = per_minute * int((end - start).total_seconds() // 60)
    span = micros(end) - micros(start)
    moments = np.sort(micros(start) + rng.integers(0, span, count))
    answers = model.answer(version, moments, rng)
    ids = [f"{model.name}-{moment:x}-{n:x}" for n, moment in enumerate(moments.tolist())]
    return _inference(model, version, moments, ids, answers, rng), _labels(model, moments, ids, answers, rng)


def _inference(
    model: DemoModel, version: str, moments: Micros, ids: list[str], answers: Answers, rng: Rng
) -> pa.Table:
    count = len(moments)
    measures = [pa.array(answers.features[:, i]) for i in range(len(model.feature_names))]
    binary = model.positive_class is not None
    return pa.table(
        {
            "cluster": [CLUSTER] * count,
            "namespace": [SERVER[model.name]] * count,
            "workload": [f"Deployment/{model.name}"] * count,
            "model": [model.name] * count,
            "model_version": [version] * count,
            "prediction_id": ids,
            "time": times(moments),
            "latency_seconds": rng.lognormal(-3.2, 0.35, count),
            "prediction": pa.array(answers.prediction.tolist()),
            "score" if binary else "confidence": answers.probability,
            "features": pa.StructArray.from_arrays(measures, names=list(model.feature_names)),
        }
    )


def _labels(model: DemoModel, moments: Micros, ids: list[str], answers: Answers, rng: Rng) -> pa.Table:
    """A person confirms nine of ten predictions, half a minute to three minutes later."""
    known = rng.random(len(ids)) < 0.9
    late = moments + rng.integers(30_000_000, 180_000_000, len(ids))
    every = pa.table(
        {
            "model": [model.name] * len(ids),
            "prediction_id": ids,
            "label": pa.array(answers.truth.tolist()),
            "evaluator": ["person"] * len(ids),
            "time": times(late),
        }
    )
    return every.filter(pa.array(known)).sort_by("time")


def reference_rows(model: DemoModel, before: datetime, count: int, seed: int) -> tuple[pa.Table, pa.Table]:
    """(inference events, their labels) of version 1 in the day before the demo's past begins."""
    rng = np.random.default_rng([seed, len(model.name)])
    per_minute = max(count // 1440, 1)
    return predictions(model, "1", before - timedelta(days=1), before, per_minute, rng)
