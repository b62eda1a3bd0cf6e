"""A ledger for the overview: two GPUs, a model whose version 2 is rolled back, and hostile names."""

from __future__ import annotations

from dataclasses import replace
from datetime import UTC, timedelta
from decimal import Decimal
from pathlib import Path

from pipeline.actuator.deployment import PATH
from pipeline.actuator.patching import written
from pipeline.registry import register
from pipeline.store import Batch, Store
from tests import cost_rows
from tests.act.deciding import decided
from tests.detect.judged import categorical, numeric, reference
from tests.ledger import START, Life, write

END = START + timedelta(hours=3)
HOSTILE = '![x](http://198.51.100.7/a.png)<img src="http://198.51.100.7/b.png">'
"""A name that asks the reader's browser for pictures from elsewhere."""
SELDOM = "seldom"
"""A feature of version 1 of too few events to be compared."""

GPU = {"gpu_model": "NVIDIA L4", "provider": "aws", "region": "us-east-1", "instance_type": "g6.xlarge"}


def fill(folder: Path) -> Path:
    """Write the ledger; ends at END."""
    with Store.open(folder) as store:
        _gpus(store)
        life = (
            Life()
            .serve("1", 0, 120, error=0.05)
            .serve("2", 120, 30, error=0.4)
            .serve("1", 150, 30, error=0.05)
        )
        facts = life.facts()
        for name in ("prediction_sums", "latency_bins"):
            facts[name].append({**facts[name][-1], "model": HOSTILE, "model_version": HOSTILE})
        for row in facts["prediction_sums"]:
            row |= {"estimated_count": row["count"], "estimated_correct": Decimal(19 * row["count"]) / 20}
        facts["findings"] = _verdicts()
        other = facts["feature_bins"][-1]
        for feature, count in ((HOSTILE, 300), (SELDOM, 100)):
            held = {**other, "feature": feature}
            facts["feature_bins"] += [{**held, "bin": b, "count": count * (b + 1)} for b in range(2)]
        write(store, **facts, actions=_steps())
        named = replace(categorical(HOSTILE), categories=(HOSTILE, "plain"), counts=(500, 500))
        features = (numeric("amount"), named, categorical(SELDOM))
        register(store, reference(features=features), START.replace(tzinfo=UTC))
    return folder


def _verdicts() -> list[dict[str, object]]:
    """Of version 2: good at first, then called for an act; moved from the first look; a refuted estimate."""
    told = {"model": "fraud", "model_version": "2", "content": "{}"}
    at = {"accuracy": ((125, "ok"), (147, "act")), "drift": ((146, "warn"),), "estimate": ((135, "invalid"),)}
    return [
        {**told, "detector": name, "time": START + timedelta(minutes=m), "level": level}
        for name, verdicts in at.items()
        for m, level in verdicts
    ]


def _gpus(store: Store) -> None:
    devices = [cost_rows.device(name, START, **GPU) for name in ("GPU-a", "GPU-b")]
    held = cost_rows.allocation("GPU-a", "pod", START, team=HOSTILE, model="fraud", model_version="1")
    usage = cost_rows.minutes("GPU-a", START, END, 30.0, active=40.0, idle_held=20.0)
    usage += cost_rows.minutes("GPU-b", START, END, 0.0)
    facts = {"devices": devices, "allocations": [held], "gpu_usage": usage}
    store.append(Batch({name: cost_rows.table(name, rows) for name, rows in facts.items()}))


def _steps() -> list[dict[str, object]]:
    step = {
        "action_id": "5f1c0ffee", "kind": "rollback", "cluster": "c", "namespace": "ns", "model": "fraud",
        "workload": "Deployment/fraud", "model_version": "2", "to_version": "1", "detail": HOSTILE,
    }  # fmt: skip
    action = decided()
    written_down = {"proposed": action.evidence, "executed": written(action, PATH, annotated=True)}
    at = {"proposed": 148, "executed": 149, "verified": 151}
    return [
        {**step, "state": s, "time": START + timedelta(minutes=m), "evidence": written_down.get(s, "")}
        for s, m in at.items()
    ]
