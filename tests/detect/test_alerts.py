"""Alerts: one an episode, in the ledger first, delivered once, and never into the wrong network."""

from __future__ import annotations

import json
import subprocess
from collections.abc import Iterator
from dataclasses import replace
from datetime import datetime, timedelta
from pathlib import Path
from typing import Any

import pyarrow as pa
import pytest
from prometheus_client import CollectorRegistry, generate_latest

from detectors.finding import Finding, Level
from pipeline.alerts import messages
from pipeline.alerts.alert import Alert, raised
from pipeline.alerts.delivery import receivers
from pipeline.alerts.metrics import Verdicts
from pipeline.alerts.tick import alert, known
from pipeline.alerts.topic import to_topic
from pipeline.answers.alerts import alerts
from pipeline.answers.burning import Burning
from pipeline.answers.window import Window
from pipeline.embedded import Embedded
from pipeline.errors import ConfigError
from pipeline.outgoing import Undelivered, post, receiver
from pipeline.secret import Secret
from pipeline.settings.alerts import AlertSettings
from pipeline.store import Store
from tests.alert_receiver import Receiver, receiving

NOW = datetime(2026, 11, 1, 12, 0)
MINUTE = timedelta(minutes=1)
RULES = Path(__file__).parents[2] / "docs" / "alerts.rules.yaml"


def finding(level: Level, detector: str = "accuracy", model: str = "fraud") -> Finding:
    since = NOW - 5 * MINUTE if level in ("warn", "act") else None
    return Finding(detector, model, "2", level, NOW - timedelta(days=7), NOW, 900, 12.5, 10.67, 16.38, since)


def test_an_episode_is_one_alert_from_warning_to_end() -> None:
    """Whoever is woken at warn must see the same alert rise and end, and no second one each minute."""
    told: list[Alert] = []
    levels: list[Level] = ["ok", "warn", "warn", "act", "act", "warn", "not_enough_data", "ok", "ok", "warn"]
    for minute, level in enumerate(levels):
        newest = {a.alert_id: a for a in told}.values()
        told += raised([finding(level)], newest, NOW + minute * MINUTE, warn=True)
    assert [(a.state, a.level) for a in told] == [
        ("firing", "warn"), ("firing", "act"), ("resolved", "ok"), ("firing", "warn"),
    ]  # fmt: skip
    assert len({a.alert_id for a in told[:3]}) == 1 and told[3].alert_id != told[0].alert_id


def test_who_wants_acts_alone_hears_of_no_warning() -> None:
    assert raised([finding("warn")], [], NOW, warn=False) == []
    assert [a.level for a in raised([finding("act")], [], NOW, warn=False)] == ["act"]


def test_an_alert_says_its_evidence_its_promise_and_where_to_look() -> None:
    """A pager message must be worth getting up for, and a hostile name must not leave its place."""
    [told] = raised([finding("act", model="a&b=<x>\n")], [], NOW, True)
    data = messages.cloud_event(told, "https://pages.example/")["data"]
    assert data["promise"] == "false in at most 1.0% of 90 days without a change"
    assert data["evidence"]["count"] == 900
    assert data["link"] == "https://pages.example/models?model=a%26b%3D%3Cx%3E%0A"
    [body] = messages.alertmanager(told, "")
    assert body["labels"]["model"] == "a&b=<x>\n" and "generatorURL" not in body
    assert body["endsAt"] > body["startsAt"]
    assert json.loads(body["annotations"]["evidence"])["log_act"] == 16.38
    assert body["annotations"]["promise"] == data["promise"]
    [warned] = raised([finding("warn")], [], NOW, True)
    assert messages.promise(warned) == "false at most once in 30 days without a change, on average"
    [ended] = messages.alertmanager(replace(told, state="resolved", time=NOW + MINUTE), "")
    assert ended["labels"] == body["labels"] and ended["endsAt"] == "2026-11-01T12:01:00.000Z"


def test_an_alert_on_kafka_says_how_often_it_is_false_and_where_to_look() -> None:
    """Who reads the topic gets what a webhook gets; the end of an alert has no such promise."""
    words: list[str] = []

    class Topic:
        def put(self, type_: object, events: pa.Table, **_: object) -> None:
            words.extend(events.column("detail").to_pylist())

        def flush(self, _: float) -> bool:
            return True

    [told] = raised([finding("act")], [], NOW, True)
    for page in ("https://pages.example/", ""):
        to_topic(Topic(), page)(told)
    to_topic(Topic(), "")(replace(told, state="resolved", level="ok"))
    act = "accuracy of fraud version 2: act since 2026-11-01T11:55:00.000Z"
    often = "false in at most 1.0% of 90 days without a change"
    assert words == [
        f"{act}; {often}; https://pages.example/models?model=fraud",
        f"{act}; {often}",
        "accuracy of fraud version 2: resolved, now ok",
    ]


@pytest.fixture
def hook() -> Iterator[Receiver]:
    with receiving() as found:
        yield found


def test_alerts_are_kept_first_retried_and_never_delivered_twice(tmp_path: Path, hook: Receiver) -> None:
    """The receiver is away as the alert begins; a restart between ticks must not repeat it."""
    chosen = AlertSettings(
        webhook=Secret(f"{hook.url}/hook"),
        webhook_token=Secret("t0"),
        alertmanager=hook.url,
        allow_private=True,
    )
    hook.refusing = True
    with Store.open(tmp_path) as store:
        news, failures = alert(store, Embedded(store), [finding("act")], receivers(chosen), NOW)
        assert len(news) == 1 and known(store) == news
        assert sorted(failures) == [
            ("alertmanager", "alerts.alertmanager answered 503"), ("webhook", "alerts.webhook answered 503"),
        ]  # fmt: skip
    hook.refusing = False
    for minute in (1, 2, 3):
        with Store.open(tmp_path) as store:
            now = NOW + minute * MINUTE
            again = alert(store, Embedded(store), [finding("act")], receivers(chosen), now)
            assert again == ([], [])
    with Store.open(tmp_path) as store:
        alert(store, Embedded(store), [finding("ok")], receivers(chosen), NOW + 4 * MINUTE)
        answer = alerts(store, Window(NOW, NOW + timedelta(hours=1)))
    assert [path for path, _, _ in hook.taken] == ["/hook", "/api/v2/alerts"] * 2
    assert hook.taken[0][1]["Authorization"] == "Bearer t0"
    assert hook.taken[0][1]["Idempotency-Key"] == hook.taken[0][2]["id"] != hook.taken[2][2]["id"]
    assert [event["data"]["state"] for path, _, event in hook.taken if path == "/hook"] == [
        "firing", "resolved",
    ]  # fmt: skip
    assert [(row[2], row[8]) for row in answer.rows] == [("resolved", "alertmanager, webhook")]


@pytest.mark.parametrize(
    "url",
    ["http://example.org/x", "ftp://example.org", "https://", "https://u:p@example.org/", "https://h:x/"],
)
def test_addresses_that_are_no_safe_place_are_a_wrong_setting(url: str) -> None:
    """The message must not show the address: it may hold a secret."""
    with pytest.raises(ConfigError) as told:
        receivers(AlertSettings(webhook=Secret(url)))
    assert "example.org" not in str(told.value)


@pytest.mark.parametrize("host", ["127.0.0.1", "169.254.169.254", "10.0.0.1", "[::1]", "[::ffff:10.0.0.1]"])
def test_private_addresses_are_not_reached_unless_meant(host: str) -> None:
    """A webhook setting must not become a door to a cloud's metadata."""
    with pytest.raises(Undelivered, match="private address"):
        post(receiver("alerts.webhook", f"https://{host}/x", False, "allow"), "/x", b"{}", {})


def test_plain_http_stays_private() -> None:
    with pytest.raises(Undelivered, match="public address of plain http"):
        post(receiver("alerts.webhook", "http://8.8.8.8/x", True, "allow"), "/x", b"{}", {})


def scraped() -> str:
    verdicts, registry = Verdicts(), CollectorRegistry()
    registry.register(verdicts)
    verdicts.told([finding("act"), finding("stale", "drift", 'x"\n'), finding("invalid", "estimate")])
    verdicts.burnt([Burning("fraud", "2", "latency", minutes, 15.0) for minutes in (5, 60, 1_440)])
    return generate_latest(registry).decode()


def test_verdicts_are_metrics() -> None:
    """What Prometheus scrapes is what the judge said last; hostile names stay inside of their quotes."""
    text = scraped()
    of = 'detector="accuracy",model="fraud",model_version="2"'
    assert f"driftledger_verdict_level{{{of}}} 2.0" in text
    assert 'driftledger_verdict_level{detector="drift",model="x\\"\\n",model_version="2"} -1.0' in text
    of = 'detector="estimate",model="fraud",model_version="2"'
    assert f"driftledger_verdict_level{{{of}}} -2.0" in text, "no data is another thing than a wrong estimate"
    assert f"driftledger_verdict_evidence_nats{{{of}}} 12.5" in text
    for window in ("5m", "1h", "1d"):
        name = f'driftledger_burn_rate{{metric="latency",model="fraud",model_version="2",window="{window}"}}'
        assert f"{name} 15.0" in text


def test_prometheus_takes_the_metrics(promtool: str) -> None:
    """Names and help texts are as its own checker wants them."""
    done = subprocess.run([promtool, "check", "metrics"], input=scraped(), capture_output=True, text=True)
    assert done.returncode == 0, done.stdout + done.stderr


def rule(name: str, at: str, *expected: tuple[dict[str, str], str, str]) -> dict[str, Any]:
    told = [
        {"exp_labels": labels, "exp_annotations": {"summary": summary, "description": description}}
        for labels, summary, description in expected
    ]
    return {"eval_time": at, "alertname": name, "exp_alerts": told}


def test_the_rules_are_rules_and_fire(tmp_path: Path, promtool: str) -> None:
    """A rule with a typing error in a metric's name would be silent; a wrong estimate is not no data.

    A healthy version without a canary is not blind, and a judge whose process died has stopped.
    """
    fraud = {"model": "fraud", "model_version": "2"}
    level = 'driftledger_verdict_level{detector="%s",model="fraud",model_version="2"}'
    burn = 'driftledger_burn_rate{metric="latency",model="fraud",model_version="2",window="%s"}'
    series = {
        level % "accuracy": "0 1 2",
        level % "estimate": "0 -2x1500",
        level % "canary": "-1x1500",
        level % "evaluation": "-1x1500",
        'driftledger_verdict_level{detector="drift",model="credit",model_version="1"}': "-1x1500",
        "driftledger_verdict_judged_timestamp_seconds": "0+60x10",
        burn % "1h": "15 15 15",
        burn % "5m": "1 15 1",
        burn % "1d": "3 3 3",
        burn % "2h": "1 3 1",
        burn % "3d": "1 1 1",
        burn % "6h": "0 0 1",
    }
    act = (
        {"detector": "accuracy", **fraud, "severity": "critical"},
        "accuracy of fraud version 2: act",
        "Proven worse than its reference; false in at most 1 % of 90 days without a change.",
    )
    invalid = (
        {"detector": "estimate", **fraud, "severity": "warning"},
        "Accuracy of fraud version 2 cannot be told from its scores any more",
        "Labels contradict the estimate, which a right one meets in 1 % of weeks. Go by labels alone.",
    )
    warn = (
        {"detector": "accuracy", **fraud, "severity": "warning"},
        "accuracy of fraud version 2: warn",
        "False at most once in 30 days without a change, on average.",
    )
    blind = (
        {"detector": "drift", "model": "credit", "model_version": "1", "severity": "info"},
        "credit version 1 has no verdict by drift",
        "No reference, too few data, or no traffic; `driftledger judge` says which.",
    )
    stopped = (
        {"severity": "critical"},
        "No verdict for ten minutes",
        "See /readyz of the process that judges.",
    )

    def slow(window: str, value: int) -> tuple[dict[str, str], str, str]:
        return (
            {**fraud, "metric": "latency", "window": window, "severity": "warning"},
            "fraud version 2 spends its budget of latency too fast",
            f"{value} times faster than allowed over {window}.",
        )

    fast = (
        {**fraud, "metric": "latency", "window": "1h", "severity": "critical"},
        "fraud version 2 is too slow, too often: latency",
        "The budget of 30 days is spent 15 times faster than allowed over 1h.",
    )
    case = {
        "evaluation_interval": "1m",
        "rule_files": [str(RULES)],
        "tests": [
            {
                "interval": "1m",
                "input_series": [{"series": name, "values": values} for name, values in series.items()],
                "alert_rule_test": [
                    rule("DriftledgerAct", "0m"),
                    rule("DriftledgerAct", "2m", act),
                    rule("DriftledgerEstimateInvalid", "2m", invalid),
                    rule("DriftledgerWarn", "0m"),
                    rule("DriftledgerWarn", "1m", warn),
                    rule("DriftledgerWarn", "2m"),
                    rule("DriftledgerBlind", "23h"),
                    rule("DriftledgerBlind", "25h", blind),
                    rule("DriftledgerJudgeStopped", "20m"),
                    rule("DriftledgerJudgeStopped", "21m", stopped),
                    rule("DriftledgerJudgeStopped", "23h", stopped),
                    rule("DriftledgerBudgetBurns", "0m"),
                    rule("DriftledgerBudgetBurns", "1m", slow("1d", 3)),
                    rule("DriftledgerBudgetBurns", "2m", slow("3d", 1)),
                    rule("DriftledgerBudgetBurnsFast", "0m"),
                    rule("DriftledgerBudgetBurnsFast", "1m", fast),
                    rule("DriftledgerBudgetBurnsFast", "2m"),
                ],
            }
        ],
    }
    (tmp_path / "case.yaml").write_text(json.dumps(case))
    for command in (["check", "rules", str(RULES)], ["test", "rules", str(tmp_path / "case.yaml")]):
        done = subprocess.run([promtool, *command], capture_output=True, text=True)
        assert done.returncode == 0, done.stdout + done.stderr
