"""Energy from the meters: every microjoule has one holder, and carbon says where its number is from."""

from __future__ import annotations

from collections.abc import Iterable
from datetime import timedelta
from decimal import Decimal

import pytest

from pipeline import intensity
from pipeline.answers.answer import Answer, Value
from pipeline.answers.energy import energy
from pipeline.answers.window import Window
from pipeline.errors import ConfigError
from pipeline.store import Batch, Store
from tests import cost_rows
from tests.ledger import START

SPAN = Window(START, START + timedelta(hours=48))
RATES = """
version: grid
intensity:
- {provider: aws, grams_per_kwh: "300", pue: "1.2", source: report, valid_to: 2026-11-25}
- {provider: aws, grams_per_kwh: "100", source: newer report, valid_from: 2026-11-25}
"""


@pytest.fixture(scope="module")
def ledger(tmp_path_factory: pytest.TempPathFactory) -> Iterable[Store]:
    """A card that two share for a day and one holds the next, a free one elsewhere, one without a meter."""
    place = {"provider": "aws", "region": "us-east-1"}
    devices = [cost_rows.device(name, START, **place) for name in ("GPU-a", "GPU-c")]
    devices.append(cost_rows.device("GPU-b", START, provider="own"))
    day = START + timedelta(hours=24)
    half = {"share_units": 1, "device_units": 3}
    held = [
        cost_rows.allocation("GPU-a", "one", START, day, team="one", **half),
        cost_rows.allocation("GPU-a", "two", START, day, team="two", share_units=2, device_units=3),
        cost_rows.allocation("GPU-a", "late", day, team="one"),
    ]
    usage = []
    for hour in range(48):
        at = START + timedelta(hours=hour)
        for name, joules in (("GPU-a", 1_000_000), ("GPU-b", 500_000), ("GPU-c", 0)):
            usage += cost_rows.minutes(name, at, at + timedelta(minutes=1), 30.0, energy_joules=joules)
    with Store.open(tmp_path_factory.mktemp("energy")) as store:
        facts = {"devices": devices, "allocations": held, "gpu_usage": usage}
        store.append(Batch({name: cost_rows.table(name, rows) for name, rows in facts.items()}))
        yield store


def by_team(answer: Answer) -> dict[str, tuple[Value, ...]]:
    return {str(row[0]): row[1:4] for row in answer.rows}


def test_every_joule_has_one_holder(ledger: Store) -> None:
    """A team that is shown less than its meter, or the same watt as its neighbour, will not save any."""
    answer = energy(ledger, SPAN, ("team",))
    found = by_team(answer)
    day = Decimal(24_000_000) / 3_600_000
    assert abs(found["one"][0] - (day / 3 + day)) < Decimal("0.01")
    assert abs(found["two"][0] - day * 2 / 3) < Decimal("0.01") and found["two"][1] == found["two"][0]
    assert answer.total is not None
    assert (
        answer.total[1] == Decimal("20.000000") == (72_000_000 / Decimal(3_600_000)).quantize(Decimal("1e-6"))
    )
    assert sum(row[0] for row in found.values()) == answer.total[1]
    assert answer.total[3] is None and any("energy.intensity" in note for note in answer.notes)
    assert any("1 cards tell no energy" in note for note in answer.notes)


def test_carbon_is_rated_by_place_and_day(ledger: Store) -> None:
    """A grid's number of this year says nothing of the last, and none is not zero."""
    answer = energy(ledger, SPAN, ("device", "day"), intensity.parse(RATES))
    kg = {(row[0], row[1]): row[4] for row in answer.rows}
    first, second = START, START + timedelta(days=1)
    assert kg["GPU-a", first] == Decimal("2.400000") and kg["GPU-a", second] == Decimal("0.666667")
    assert kg["GPU-b", first] is None and answer.total is not None
    assert answer.total[5] == Decimal("6.666667")
    assert any("own unknown" in note for note in answer.notes)
    assert any("300 g × PUE 1.2 (report)" in note for note in answer.notes)


@pytest.mark.parametrize(
    ("row", "key"),
    [
        ('{grams_per_kwh: "-1", source: s}', "grams_per_kwh"),
        ('{grams_per_kwh: "1", pue: "0.9", source: s}', "pue"),
        ('{grams_per_kwh: "1"}', "source"),
        ('{grams_per_kwh: "1", source: s, valid_from: 2026-02-01, valid_to: 2026-01-01}', "valid_to"),
    ],
)
def test_a_wrong_row_is_named(row: str, key: str) -> None:
    """A number without a source cannot be defended."""
    with pytest.raises(ConfigError, match=rf"intensity\[0\]\.{key}"):
        intensity.parse(f"version: t\nintensity:\n- {row}\n")


def test_two_rows_of_one_place_and_day_are_none(ledger: Store) -> None:
    """Which of two holds must not hang on their order."""
    twice = RATES + '- {provider: aws, grams_per_kwh: "9", source: other}\n'
    with pytest.raises(ConfigError, match="two rows hold on 2026-11-24"):
        energy(ledger, SPAN, ("team",), intensity.parse(twice))
