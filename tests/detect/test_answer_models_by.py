"""`driftledger models --by`: traffic and latency of each place where a model version is served."""

from __future__ import annotations

from collections.abc import Iterator

import numpy as np
import pytest

from detectors import exponential
from pipeline.answers.models import models
from pipeline.answers.served import DIMENSIONS
from pipeline.errors import ConfigError
from pipeline.store import Store
from tests.detect.test_answer_models import HOUR, QUANTILES, named
from tests.ledger import MINUTE, START, write

Place = tuple[str, str, str]
SLOW: Place = ("a", "shop", "Deployment/slow")
TWIN: Place = ("b", "shop", "Deployment/slow")
QUICK: Place = ("a", "shop", "Deployment/quick")
NAMELESS: Place = ("a", "", "")
MEDIANS = {SLOW: 3.0, TWIN: 2.0, QUICK: 0.05, NAMELESS: 0.4}


@pytest.fixture(scope="module")
def values() -> dict[Place, np.ndarray]:
    """Latencies of version 1 by where it is served; each place has another number of them."""
    random = np.random.default_rng(3)
    return {
        place: median * random.lognormal(0, 0.7, 400 + 100 * i)
        for i, (place, median) in enumerate(MEDIANS.items())
    }


@pytest.fixture(scope="module")
def served(tmp_path_factory: pytest.TempPathFactory, values: dict[Place, np.ndarray]) -> Iterator[Store]:
    bins, sums = [], []
    for place, seconds in values.items():
        key = {"model": "fraud", "model_version": "1", **dict(zip(DIMENSIONS, place, strict=True))}
        for minute, part in enumerate(np.array_split(seconds, 5)):
            at = {**key, "minute": START + minute * MINUTE}
            sums.append({**at, "count": len(part), "errors": int((part > 1).sum())})
            bins += [{**at, "metric": "latency", "scale": 5, "bucket": int(b), "count": 1}
                     for b in exponential.index(part)]  # fmt: skip
    with Store.open(tmp_path_factory.mktemp("served")) as store:
        write(store, prediction_sums=sums, latency_bins=bins)
        yield store


def test_percentiles_of_each_place_are_those_of_its_own_requests(
    served: Store, values: dict[Place, np.ndarray]
) -> None:
    """One slow pod among quick ones is what a reader looks for; the others must not water it down."""
    rows = {tuple(row[d] for d in DIMENSIONS): row for row in named(models(served, HOUR, DIMENSIONS))}
    assert set(rows) == {tuple(name or "unknown" for name in place) for place in values}
    for place, seconds in values.items():
        row = rows[tuple(name or "unknown" for name in place)]
        assert (row["requests"], row["errors"]) == (len(seconds), (seconds > 1).sum())
        for name, q in QUANTILES.items():
            exact = np.quantile(seconds, q, method="inverted_cdf")
            assert row[name] == pytest.approx(exact, rel=0.01083), (place, name)


def test_a_dimension_that_is_not_asked_for_is_summed_over(
    served: Store, values: dict[Place, np.ndarray]
) -> None:
    """The same workload in two clusters is one row by workload, with the percentiles of both together."""
    rows = {row["workload"]: row for row in named(models(served, HOUR, ["workload"]))}
    assert list(rows) == ["Deployment/quick", "Deployment/slow", "unknown"]
    both = np.r_[values[SLOW], values[TWIN]]
    assert rows["Deployment/slow"]["requests"] == len(both)
    exact = np.quantile(both, 0.9, method="inverted_cdf")
    assert rows["Deployment/slow"]["latency_p90"] == pytest.approx(exact, rel=0.01083)


@pytest.mark.parametrize("by", [[d] for d in DIMENSIONS] + [list(DIMENSIONS), list(reversed(DIMENSIONS))])
def test_rows_of_any_grouping_sum_to_the_version(served: Store, by: list[str]) -> None:
    """Whatever it is split by, no request is lost or counted twice."""
    answer = models(served, HOUR, by)
    assert [c.name for c in answer.columns][: 2 + len(by)] == ["model", "model_version", *by]
    [whole] = named(models(served, HOUR))
    for name in ("requests", "errors"):
        assert sum(row[name] for row in named(answer)) == whole[name]
    keys = [row[: 2 + len(by)] for row in answer.rows]
    assert keys == sorted(set(keys))


def test_an_unknown_or_repeated_dimension_is_a_clear_error(served: Store) -> None:
    with pytest.raises(ConfigError, match="cluster, namespace, workload"):
        models(served, HOUR, ["pod"])
    with pytest.raises(ConfigError, match="once"):
        models(served, HOUR, ["cluster", "cluster"])
