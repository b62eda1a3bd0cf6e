"""The rules on metrics: they name what there is, and those on a worker's fire at the first loss."""

from __future__ import annotations

import json
import re
import subprocess
from pathlib import Path

import pytest
import yaml

from pipeline.alerts.metrics import Verdicts
from pipeline.collect.publishing import Numbers
from pipeline.worker.metrics import Metrics
from tests.worker.test_docs_operations import STATS

RULES = Path(__file__).parents[2] / "docs" / "alerts.rules.yaml"


def group(name: str = "driftledger-workers") -> list[dict]:
    found = yaml.safe_load(RULES.read_text(encoding="utf-8"))["groups"]
    return next(one["rules"] for one in found if one["name"] == name)


@pytest.mark.parametrize("of", ["driftledger", "driftledger-workers", "driftledger-publishers"])
def test_the_rules_name_metrics_that_are_there(of: str) -> None:
    """A rule with a typing error in a metric's name would be silent for ever."""
    publishing = Numbers()
    publishing.of = lambda: STATS
    families = {
        "driftledger": Verdicts().collect,
        "driftledger-workers": Metrics().registry.collect,
        "driftledger-publishers": publishing.collect,
    }[of]()
    there = {f.name + ("_total" if f.type == "counter" else "") for f in families}
    asked = {name for rule in group(of) for name in re.findall(r"driftledger_\w+", rule["expr"])}
    assert asked and asked <= there


def test_the_first_loss_is_told(tmp_path: Path, promtool: str) -> None:
    """A counter begins with its first loss: who waits for an increase hears of the second alone."""
    rule = next(r for r in group() if r["alert"] == "DriftledgerDataLost")
    told = {
        name: text.replace("{{ $labels.kind }}", "offsets_lost") for name, text in rule["annotations"].items()
    }
    told = {"exp_labels": {"kind": "offsets_lost", "severity": "critical"}, "exp_annotations": told}
    at = [("1m", []), ("3m", [told]), ("62m", [told]), ("70m", [])]
    case = {
        "evaluation_interval": "1m",
        "rule_files": [str(RULES)],
        "tests": [
            {
                "interval": "1m",
                "input_series": [
                    {"series": 'driftledger_gaps_total{kind="offsets_lost"}', "values": "_ _ _ 1x90"},
                    {"series": 'driftledger_gaps_total{kind="log_truncated"}', "values": "0x90"},
                ],
                "alert_rule_test": [
                    {"eval_time": time, "alertname": rule["alert"], "exp_alerts": alerts}
                    for time, alerts in at
                ],
            }
        ],
    }
    (tmp_path / "case.yaml").write_text(json.dumps(case))
    for command in (["check", "rules", str(RULES)], ["test", "rules", str(tmp_path / "case.yaml")]):
        done = subprocess.run([promtool, *command], capture_output=True, text=True)
        assert done.returncode == 0, done.stdout + done.stderr
