"""Language models: how answers end, how long they are, what evaluators say, each against a reference."""

from __future__ import annotations

import json
from datetime import UTC, datetime
from pathlib import Path

import numpy as np
import pyarrow as pa
import pytest

from collectors.live.inference import openai
from collectors.live.inference.rules import Rules
from detectors import evaluation, feature_bins
from detectors.answer_endings import ENDINGS
from detectors.drift import judge as drift_judge
from detectors.parameters import Parameters
from detectors.reference_build import build
from detectors.references import Reference
from detectors.subject import Subject
from pipeline.answers.drift import drift
from pipeline.answers.window import Window
from pipeline.judge import judge
from pipeline.policy.rules import TRIGGERS
from pipeline.registry import register
from pipeline.store import Batch, Store
from pipeline.wire import features as wire_features
from tests.ledger import MINUTE, START, write

P = Parameters()
MINUTES, A_MINUTE = 60, 20


def answer(finish: str, tokens: int, refusal: str | None = None) -> dict[str, object]:
    """A chat completion as OpenAI, vLLM and the gateways send it."""
    message = {"role": "assistant", "content": "secret", "refusal": refusal}
    return {
        "id": "x", "model": "llama-3", "created": 1_790_000_000,
        "choices": [{"index": 0, "finish_reason": finish, "message": message}],
        "usage": {"prompt_tokens": 90, "completion_tokens": tokens},
    }  # fmt: skip


def test_what_a_server_says_of_its_answer_becomes_features_and_the_answer_does_not() -> None:
    sent = [
        answer("stop", 30),
        answer("length", 4_096),
        answer("stop", 5, "I cannot"),
        answer("content_filter", 0),
    ]
    found = openai.parse(json.dumps(sent).encode(), Rules(), 0).rows["inference"]
    assert [row["features"] for row in found] == [
        {"finish_reason": "stop", "refusal": "no", "tokens_in": 90.0, "tokens_out": 30.0},
        {"finish_reason": "length", "refusal": "no", "tokens_in": 90.0, "tokens_out": 4_096.0},
        {"finish_reason": "stop", "refusal": "yes", "tokens_in": 90.0, "tokens_out": 5.0},
        {"finish_reason": "content_filter", "refusal": "yes", "tokens_in": 90.0, "tokens_out": 0.0},
    ]
    assert "secret" not in repr(found) and "cannot" not in repr(found)


@pytest.mark.parametrize(
    "body",
    [
        {"choices": "x", "usage": {}}, {"choices": [None, 3, {"message": 7}], "usage": None},
        {"choices": [{"finish_reason": "z" * 5_000}], "usage": {"completion_tokens": "many"}},
    ],
)  # fmt: skip
def test_shapes_that_nobody_promised_lose_no_row(body: dict[str, object]) -> None:
    """A gateway's own idea of an answer costs its features, never the count of the request."""
    found = openai.parse(json.dumps({"model": "m", **body}).encode(), Rules(), 0)
    assert len(found.rows["inference"]) == 1
    assert "features" not in found.rows["inference"][0]


def events(cut: float, seed: int = 0, refused: float = 0.02) -> pa.Table:
    """An hour of answers, of which a share `cut` runs into the limit and a share is refused."""
    rng = np.random.default_rng(seed)
    count = MINUTES * A_MINUTE
    ended = np.where(rng.random(count) < cut, "length", "stop")
    length = np.where(ended == "length", 4_096.0, rng.integers(1, 400, count))
    no = np.where(rng.random(count) < refused, "yes", "no")
    rows = [
        {"finish_reason": str(e), "refusal": str(r), "tokens_out": float(n)}
        for e, r, n in zip(ended, no, length, strict=True)
    ]
    times = [(START + n // A_MINUTE * MINUTE).replace(tzinfo=UTC) for n in range(count)]
    return pa.table(
        {
            "time": pa.array(times, pa.timestamp("us", "UTC")),
            "model": ["llama"] * count,
            "model_version": ["1"] * count,
            "prediction_id": [str(n) for n in range(count)],
            "features": wire_features.struct(rows),
            "score": pa.nulls(count, pa.float64()),
            "confidence": pa.nulls(count, pa.float64()),
        }
    )


def test_answers_that_are_cut_off_are_drift_of_their_finish_reason() -> None:
    known = build(events(0.02), model="llama")
    subject = Subject("llama", "1", known, START, START + MINUTES * MINUTE)

    def found(cut: float):
        bins = feature_bins.fold(events(cut, seed=1), {"llama": known})["feature_bins"]
        return drift_judge(bins, subject, P)

    assert found(0.02).level == "ok"
    harmed = found(0.4)
    assert harmed.level == "warn" and "finish_reason" in harmed.evidence["culprits"]


@pytest.mark.parametrize(
    ("refused", "cut", "levels"),
    [
        (0.02, 0.02, ["ok", "ok"]), (0.0, 0.0, ["ok", "ok"]),
        (0.3, 0.02, ["act", "ok"]), (0.02, 0.3, ["ok", "act"]),
    ],
)  # fmt: skip
def test_more_refusals_or_cut_off_answers_are_told_and_fewer_never(
    tmp_path, refused: float, cut: float, levels: list[str]
) -> None:
    """From the features of the answers, without a label; and no rule may roll a model back for it."""
    known = build(events(0.02), model="llama")
    end: datetime = START + MINUTES * MINUTE
    with Store.open(tmp_path) as store:
        register(store, known, START)
        traffic = {"model": "llama", "model_version": "1", "count": A_MINUTE}
        write(store, prediction_sums=[{**traffic, "minute": START + m * MINUTE} for m in range(MINUTES)])
        of = store.references()
        store.append(Batch(feature_bins.fold(events(cut, 1, refused), of)))
        found = {f.detector: f for f in judge(store, end)}
    assert [found[name].level for name in ENDINGS] == levels
    told = found["refusal_rate"].evidence
    assert (
        told["rate"] == pytest.approx(refused, abs=0.05)
        and told["rate"] * MINUTES * A_MINUTE == told["endings"]
    )
    assert not set(ENDINGS) & set(TRIGGERS)


def scores(judge_name: str, mean: float, seed: int) -> dict[str, list[object]]:
    drawn = np.random.default_rng(seed).beta(mean * 20, (1 - mean) * 20, MINUTES * A_MINUTE)
    return {
        "prediction_id": [str(n) for n in range(len(drawn))],
        "evaluator": [judge_name] * len(drawn),
        "score": drawn.tolist(),
    }


@pytest.fixture(scope="module")
def known() -> Reference:
    made = build(events(0.02), pa.table(scores("helpful/v1", 0.8, 0)), model="llama")
    assert [e.feature for e in made.evaluators] == ["helpful/v1"]
    assert sum(made.evaluators[0].counts) == MINUTES * A_MINUTE
    assert Reference.from_json(made.to_json()) == made
    return made


@pytest.mark.parametrize(
    ("judge_name", "mean", "level", "psi_level", "accuracy"),
    [
        ("helpful/v1", 0.8, "ok", "ok", "ok"),
        ("helpful/v1", 0.4, "warn", "warn", "act"),
        ("helpful/v2", 0.4, "not_enough_data", "no_reference", "not_enough_data"),
    ],
)
def test_scores_are_held_against_those_of_the_same_judge(
    tmp_path, known: Reference, judge_name: str, mean: float, level: str, psi_level: str, accuracy: str
) -> None:
    """A stricter judge is another ruler: it must neither warn nor roll a model back."""
    said = scores(judge_name, mean, 7)
    times = [START + n // A_MINUTE * MINUTE for n in range(MINUTES * A_MINUTE)]
    key = {"model": "llama", "model_version": "1"}
    named = [
        {"model": "llama", "prediction_id": i, "time": t, "model_version": "1", "prediction": ""}
        for i, t in zip(said["prediction_id"], times, strict=True)
    ]
    judged = [
        {
            "model": "llama",
            "prediction_id": i,
            "time": t + MINUTE,
            "evaluator": judge_name,
            "score": s,
        }
        for i, t, s in zip(said["prediction_id"], times, said["score"], strict=True)
    ]
    traffic = [{**key, "minute": START + m * MINUTE, "count": A_MINUTE} for m in range(MINUTES)]
    end: datetime = START + MINUTES * MINUTE
    with Store.open(tmp_path) as store:
        register(store, known, START)
        write(store, predictions=named, labels=judged, prediction_sums=traffic)
        found = {f.detector: f.level for f in judge(store, end)}
        rows = drift(store, Window(START, end)).rows
    assert (found[evaluation.NAME], found["accuracy"]) == (level, accuracy)
    assert [row[3] for row in rows if row[2] == f"evaluation by {judge_name}"] == [psi_level]


def test_the_first_score_of_an_evaluator_is_in_the_next_answer(tmp_path: Path) -> None:
    """A page that has asked before must not go on saying that no evaluator scores the model."""
    said = {"model": "llama", "prediction_id": "a", "time": START, "revision": 0}
    window = Window(START, START + MINUTES * MINUTE)
    with Store.open(tmp_path) as page, Store.open(tmp_path) as worker:
        write(worker, predictions=[{**said, "model_version": "1"}], labels=[{**said, "label": "yes"}])
        assert drift(page, window).rows == ()
        write(worker, prediction_sums=[{"model": "llama", "minute": START, "count": 1}])
        assert drift(page, window).rows == ()
        write(worker, labels=[{**said, "evaluator": "helpful/v1", "score": 0.8}])
        (row,) = drift(page, window).named()
        assert (row["feature"], row["count"]) == ("evaluation by helpful/v1", 1)
