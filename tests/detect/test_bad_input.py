"""Input that is not as it should be, taken as a stream: each kind is counted, shown, and told."""

from __future__ import annotations

import json
from collections.abc import Iterator
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from typing import Any

import numpy as np
import pytest

from detectors.reference_build import build
from detectors.references import Reference
from pipeline.answers.drift import drift
from pipeline.answers.models import models
from pipeline.answers.window import Window
from pipeline.embedded import Embedded
from pipeline.events import TYPES, Message, decode
from pipeline.judge import judge
from pipeline.registry import register
from pipeline.store import Store

START = datetime(2026, 11, 24, 12)
HOUR = Window(START, START + timedelta(hours=1))
ROWS = 1_200
REFERENCE_ROWS = 4_000
RNG = np.random.default_rng(7)


def rows(model: str, values: list[Any]) -> list[dict[str, Any]]:
    """Predictions of one feature `x`, evenly over the hour; a value of None is a row that lacks it."""
    found = []
    for n, value in enumerate(values):
        time = START + timedelta(hours=1) * n / len(values)
        row = {
            "model": model, "model_version": "1", "prediction_id": f"{model}-{n}",
            "time": time.replace(tzinfo=UTC).isoformat(), "prediction": "yes", "score": 0.9,
        }  # fmt: skip
        found.append(row if value is None else row | {"features": {"x": value}})
    return found


def labels(model: str, said: list[str], revision: int = 0) -> list[dict[str, Any]]:
    time = (START + timedelta(hours=2)).replace(tzinfo=UTC).isoformat()
    return [
        {"model": model, "prediction_id": f"{model}-{n}", "label": label, "time": time, "revision": revision}
        for n, label in enumerate(said)
    ]


def message(kind: str, sent: list[dict[str, Any]], sequence: int, source: str) -> Message:
    headers = {
        "ce_type": TYPES[kind].ce_type,
        "ce_source": source,
        "ce_sequence": str(sequence),
        "ce_id": f"{source}{sequence}",
    }
    at = int((START + timedelta(hours=3)).replace(tzinfo=UTC).timestamp() * 1e6)
    return Message(
        TYPES[kind].topic,
        "",
        0,
        0,
        at,
        headers | {"content-type": "application/json"},
        json.dumps(sent).encode(),
    )


def reference(model: str, values: list[Any], said: list[str] | None = None) -> Reference:
    """Of a time in which one answer in ten was wrong, or as `said`."""
    truth = said or ["no" if n % 10 == 0 else "yes" for n in range(len(values))]
    events, judged = (
        decode(message(kind, sent, 0, "reference")).events
        for kind, sent in (("inference", rows(model, values)), ("label", labels(model, truth)))
    )
    return build(events, judged, model=model, positive_class="yes", clock=False)


NORMAL = RNG.normal(size=REFERENCE_ROWS).tolist()
COUNTRIES = RNG.choice(["DE", "FR", "IT"], REFERENCE_ROWS, p=[0.5, 0.3, 0.2]).tolist()


@dataclass
class Case:
    reference: list[Any]
    values: list[Any]


CASES = {
    "text-for-numbers": Case(NORMAL, ["n/a"] * ROWS),
    "numbers-as-text": Case(NORMAL, [repr(v) for v in NORMAL[:ROWS]]),
    "numbers-for-text": Case(COUNTRIES, NORMAL[:ROWS]),
    "explosion": Case(COUNTRIES, [f"user-{n}" for n in range(ROWS)]),
    "missing": Case(NORMAL, [None] * ROWS),
    "constant": Case([3.0] * REFERENCE_ROWS, [3.0] * ROWS),
    "constant-moves": Case([3.0] * REFERENCE_ROWS, [3.5] * ROWS),
    "becomes-constant": Case(NORMAL, [0.0] * ROWS),
    "one-class": Case(NORMAL, NORMAL[:ROWS]),
    "no-labels": Case(NORMAL, NORMAL[:ROWS]),
    "strangers": Case(NORMAL, NORMAL[:ROWS]),
    "twice": Case(NORMAL, NORMAL[:ROWS]),
}
RIGHT = ["no" if n % 10 == 0 else "yes" for n in range(ROWS)]
LABELS = {
    "one-class": [labels("one-class", ["yes"] * ROWS)],
    "strangers": [
        labels("nobody", ["no"] * ROWS),
        [row | {"model": "strangers"} for row in labels("nobody", ["no"] * ROWS)],
    ],
    # The correction comes first, the word that it corrects after it.
    "twice": [labels("twice", RIGHT, revision=2), labels("twice", ["no"] * ROWS, revision=1)],
}


@dataclass
class Seen:
    store: Store
    models: dict[str, dict[str, Any]]
    drift: dict[str, dict[str, Any]]
    levels: dict[str, dict[str, str]]


@pytest.fixture(scope="module")
def seen(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Seen]:
    with Store.open(tmp_path_factory.mktemp("lake")) as store:
        for name, case in CASES.items():
            register(store, reference(name, case.reference), START.replace(tzinfo=UTC))
        door = Embedded(store)
        parts = [rows(name, case.values) for name, case in CASES.items()]
        told = [part for each in LABELS.values() for part in each]
        sent = [message("inference", part, n, "s") for n, part in enumerate(parts)]
        sent += [message("label", part, n, "l") for n, part in enumerate(told)]
        assert not door.take(sent).refused
        by_name = {answer: {} for answer in ("models", "drift")}
        for row in models(store, HOUR).named():
            by_name["models"][row["model"]] = row
        for row in drift(store, HOUR).named():
            if row["feature"] == "x":
                by_name["drift"][row["model"]] = row
        levels: dict[str, dict[str, str]] = {}
        for finding in judge(store, HOUR.end):
            levels.setdefault(finding.model, {})[finding.detector] = finding.level
        yield Seen(store, by_name["models"], by_name["drift"], levels)


def test_text_where_numbers_were_is_unseen_and_warns(seen: Seen) -> None:
    """A producer that writes n/a into a number must be found, not end the fold."""
    row = seen.drift["text-for-numbers"]
    assert (row["unseen_rate"], row["missing_rate"], row["psi_level"]) == (1.0, 0.0, "warn")
    assert seen.levels["text-for-numbers"]["drift"] == "warn"


def test_numbers_written_as_text_are_the_same_numbers(seen: Seen) -> None:
    row = seen.drift["numbers-as-text"]
    assert row["unseen_rate"] == row["missing_rate"] == 0.0 and row["psi_level"] == "ok"
    assert seen.levels["numbers-as-text"]["drift"] == "ok"


def test_numbers_where_text_was_are_unseen_categories(seen: Seen) -> None:
    assert seen.drift["numbers-for-text"]["unseen_rate"] == 1.0
    assert seen.levels["numbers-for-text"]["drift"] == "warn"


def test_a_category_explosion_is_bounded_counted_and_alarmed(seen: Seen) -> None:
    """A user id in a feature of countries: one bin a minute, not twelve hundred."""
    assert (seen.drift["explosion"]["unseen_rate"], seen.drift["explosion"]["count"]) == (1.0, ROWS)
    assert seen.levels["explosion"]["drift"] == "warn"
    rows_ = [r for r in seen.store.rows("feature_bins").to_pylist() if r["model"] == "explosion"]
    assert len(rows_) == 60 and {r["bin"] for r in rows_} == {-2}


def test_a_reference_with_too_many_categories_keeps_the_most_frequent() -> None:
    """Fifty have bins, the others are one: a reference and its facts stay small whatever is in the file."""
    known = reference("m", [f"user-{n}" for n in range(REFERENCE_ROWS)])
    (bins,) = known.features
    assert (len(bins.categories), bins.unseen) == (50, REFERENCE_ROWS - 50)


def test_values_that_go_missing_are_counted_and_warn(seen: Seen) -> None:
    assert seen.drift["missing"]["missing_rate"] == 1.0
    assert seen.levels["missing"]["drift"] == "warn"


def test_a_constant_feature_is_quiet_until_it_moves(seen: Seen) -> None:
    """No spread is no error; a step off it is the clearest drift there is, a freeze too."""
    assert (seen.drift["constant"]["psi"], seen.levels["constant"]["drift"]) == (0.0, "ok")
    for moved in ("constant-moves", "becomes-constant"):
        assert (seen.drift[moved]["psi_level"], seen.levels[moved]["drift"]) == ("warn", "warn")


def test_one_class_only_has_an_accuracy_and_no_verdict_of_harm(seen: Seen) -> None:
    row = seen.models["one-class"]
    assert (row["accuracy"], row["labelled"], row["label_coverage"]) == (1.0, ROWS, 1.0)
    assert seen.levels["one-class"]["accuracy"] == "ok"


def test_a_reference_of_one_class_is_made_and_judges(tmp_path: Any) -> None:
    """A model that was never wrong, or whose positive class never came."""
    known = reference("m", NORMAL, ["yes"] * REFERENCE_ROWS)
    assert (known.labelled, known.errors, known.classes) == (REFERENCE_ROWS, 0, ("yes",))
    assert reference("m", NORMAL, ["no"] * REFERENCE_ROWS).errors == REFERENCE_ROWS


def test_without_labels_accuracy_is_unknown_and_never_zero(seen: Seen) -> None:
    row = seen.models["no-labels"]
    assert (row["accuracy"], row["labelled"], row["label_coverage"]) == (None, 0, 0.0)
    assert row["estimated_accuracy"] is not None
    assert seen.levels["no-labels"]["accuracy"] == "not_enough_data"


def test_labels_of_unknown_predictions_wait_and_count_for_nobody(seen: Seen) -> None:
    """They may come before their prediction; a join by wrong ids shows as a coverage of 0."""
    row = seen.models["strangers"]
    assert (row["accuracy"], row["labelled"], row["label_coverage"]) == (None, 0, 0.0)
    assert seen.levels["strangers"]["accuracy"] == "not_enough_data"
    assert "nobody" not in seen.models
    waiting = [r for r in seen.store.rows("labels").to_pylist() if r["prediction_id"] == "nobody-0"]
    assert [r["model"] for r in waiting] == ["nobody", "strangers"]


def test_of_two_labels_the_later_revision_wins_and_the_earlier_is_kept(seen: Seen) -> None:
    """Whichever comes first; what was said before is still there for an audit."""
    row = seen.models["twice"]
    assert (row["accuracy"], row["labelled"]) == (0.9, ROWS)
    assert seen.levels["twice"]["accuracy"] == "ok"
    with seen.store.transaction() as con:
        kept = con.execute(
            "SELECT revision, label FROM labels WHERE prediction_id = 'twice-1' ORDER BY revision"
        ).fetchall()
    assert kept == [(1, "no"), (2, "yes")]


@pytest.mark.parametrize("value", ["NaN", "Infinity", "-Infinity"])
def test_json_that_is_none_is_refused(value: str) -> None:
    """JSON has no NaN: such a body is malformed, and says so."""
    body = message("inference", rows("m", [1.5]), 0, "s")
    decoded = decode(body._replace(value=body.value.replace(b"1.5", value.encode())))
    assert [r.reason for r in decoded.rejected] == ["malformed"]
