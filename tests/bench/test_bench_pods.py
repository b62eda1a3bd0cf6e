"""How long a day of CPU and memory takes that 10,000 pods use, each measured by the hour."""

from __future__ import annotations

import time
from datetime import datetime, timedelta
from decimal import Decimal
from pathlib import Path

import pytest

from pipeline.answers.cost import cost
from pipeline.answers.window import Window
from pipeline.prices import PriceBook
from pipeline.prices.price import Price
from pipeline.settings.cost import CostRule, Method
from pipeline.store import Store
from tests.recorded import record

pytestmark = pytest.mark.bench

START = datetime(2026, 10, 1)
END = START + timedelta(days=1)
NODES, PODS = 300, 10_000
QUANTITIES = {"cpu": 64_000, "memory": 256 * 2**30}
HOURLY = {"cpu": "0.03", "memory": "0.004"}
BOOK = PriceBook(
    "own", tuple(Price(name, (("resource", name),), Decimal(v), "USD") for name, v in HOURLY.items())
)
DEVICES = f"""
INSERT INTO devices BY NAME
SELECT 'c' AS cluster, 'n' || i || '/' || $name AS device, TIMESTAMP '{START}' AS start, 'n' || i AS node,
    $name AS resource, $quantity::BIGINT AS quantity, TIMESTAMP '{END}' AS time, 1 AS revision
FROM range({NODES}) AS t(i)
"""
ALLOCATIONS = f"""
INSERT INTO allocations BY NAME
SELECT 'c' AS cluster, 'n' || (i % {NODES}) || '/' || $name AS device, '' AS share_id, '' AS claim_uid,
    'p' || i AS consumer_uid, '' AS container, 'ns' || (i % 50) AS namespace, 'team' || (i % 20) AS team,
    'Deployment/w' || (i % 300) AS workload, 'pod' || i AS pod, TIMESTAMP '{START}' AS start,
    1 AS share_units, 50 AS device_units, false AS admin_access, TIMESTAMP '{END}' AS time, 1 AS revision
FROM range({PODS}) AS t(i)
"""
USED = f"""
INSERT INTO process_usage BY NAME
SELECT TIMESTAMP '{START}' + to_hours(h) AS minute, 'c' AS cluster,
    'n' || (i % {NODES}) || '/' || $name AS device, 'ns' || (i % 50) AS namespace, 'pod' || i AS pod,
    3600 * ((i * 7 + h) % 100) / 2000 AS busy_seconds, 3600 AS observed_seconds, 60 AS span_minutes
FROM range({PODS}) AS t(i), range(24) AS u(h)
"""


def test_a_day_of_pods(tmp_path: Path) -> None:
    """A large cluster's teams pay the larger of what they request and use, and nobody waits twice for it."""
    spent = []
    with Store.open(tmp_path) as store:
        with store.transaction() as con:
            for name, quantity in QUANTITIES.items():
                con.execute(DEVICES, {"name": name, "quantity": quantity})
                con.execute(ALLOCATIONS, {"name": name})
                con.execute(USED, {"name": name})
        for _ in range(2):
            began = time.process_time()
            answer = cost(store, Window(START, END), ("team",), BOOK, rule=CostRule(Method.max))
            spent.append(time.process_time() - began)
    cores, gib = NODES * 64, NODES * 256
    total = 24 * (cores * Decimal(HOURLY["cpu"]) + gib * Decimal(HOURLY["memory"]))
    assert answer.total is not None
    assert dict(zip((c.name for c in answer.columns), answer.total, strict=True))["total_cost"] == total
    record(
        "cost of pods' CPU and memory", pods=PODS, first_cpu_s=round(spent[0], 2), cpu_s=round(spent[1], 2)
    )
    assert spent[1] < 1
