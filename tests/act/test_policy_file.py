"""The policy file: what is wrong is named, with its value and the remedy."""

from __future__ import annotations

from datetime import timedelta

import pytest
from jsonschema import Draft202012Validator

from pipeline import yaml_file
from pipeline.errors import ConfigError, NotFound
from pipeline.policy.file import load, parse
from pipeline.policy.schema import schema
from tests.act.deciding import TEXT


def test_defaults_only_observe():
    """A rule that forgets the mode must not touch a cluster."""
    policy = parse(TEXT.replace("    mode: auto\n", ""))
    assert policy.rules[0].mode == "observe"
    assert policy.kill_switch is False


def test_every_key_is_read():
    text = TEXT.replace(
        "    mode: auto\n",
        "    mode: propose\n    level: act\n    min_count: 40\n    max_age: 30s\n    cool_down: 7d\n"
        "    verify_within: 5m\n    version_label: app.kubernetes.io/version\n",
    )
    text += "limits: {per_target_per_day: 1, per_cluster_per_hour: 2, per_hour: 3, tripped_targets: 4}\n"
    policy = parse(text + "kill_switch: true\n")
    rule = policy.rules[0]
    assert (rule.mode, rule.min_count, rule.max_age) == ("propose", 40, timedelta(seconds=30))
    assert (rule.cool_down, rule.verify_within) == (timedelta(days=7), timedelta(minutes=5))
    assert rule.version_label == "app.kubernetes.io/version"
    assert (policy.limits.per_target_per_day, policy.limits.tripped_targets) == (1, 4)
    assert policy.kill_switch


def test_the_hash_is_of_the_text():
    assert parse(TEXT).hash == parse(TEXT).hash
    assert parse(TEXT).hash != parse(TEXT + "# a comment\n").hash


@pytest.mark.parametrize(
    ("old", "new", "key", "remedy"),
    [
        ("mode: auto", "mode: automatic", "rules[0].mode", "observe, propose, auto"),
        ("mode: auto", "moed: auto", "rules[0].moed", "did you mean mode?"),
        ("[accuracy]", "[drift]", "rules[0].detectors", "only proven harm acts"),
        ("[accuracy]", "[]", "rules[0].detectors", "at least one"),
        ("mode: auto", "level: warn", "rules[0].level", "act"),
        ("mode: auto", "min_count: 0", "rules[0].min_count", "at least 1"),
        ("mode: auto", "min_count: true", "rules[0].min_count", "whole number"),
        ("mode: auto", "max_age: 15", "rules[0].max_age", "15m"),
        ("mode: auto", "cool_down: '6 hours'", "rules[0].cool_down", "6h"),
        ("kind: Deployment", "kind: Job", "rules[0].target.kind", "Deployment"),
        ("name: fraud}", "name: ../fraud}", "rules[0].target.name", "Kubernetes name"),
        ("cluster: lab, ", "", "rules[0].target.cluster", "not empty"),
        ('version: "2026-11-24"', "version: 7", "version", "text"),
        ('version: "2026-11-24"', "kill_switch: 'yes'\nversion: x", "kill_switch", "true or false"),
        ('version: "2026-11-24"', "version: x\nlimits: {per_week: 1}", "limits.per_week", "unknown"),
        ("model: fraud", "model: &m fraud", "line 4", "aliases"),
        ("mode: auto", "mode: auto\n    mode: observe", "mode", "once"),
        ("rules:", "rules: [", "line", "valid YAML"),
    ],
)
def test_what_is_wrong_is_named_with_its_remedy(old, new, key, remedy):
    assert old in TEXT
    with pytest.raises(ConfigError) as raised:
        parse(TEXT.replace(old, new))
    assert str(raised.value).startswith(key) and remedy in str(raised.value)
    assert raised.value.exit_code == 4
    try:
        document = yaml_file.document(TEXT.replace(old, new))
    except ConfigError:
        return  # no document at all
    assert list(Draft202012Validator(schema()).iter_errors(document)), "an editor would have said nothing"


def test_what_may_be_written_is_taken_by_the_schema_as_well():
    assert not list(Draft202012Validator(schema()).iter_errors(yaml_file.document(TEXT)))


def test_two_rules_of_one_name_are_refused():
    with pytest.raises(ConfigError, match=r"rules\[1\].name"):
        parse(TEXT + TEXT.split("rules:\n")[1])


@pytest.mark.parametrize("text", ["", "[]", "just words", "version: x"])
def test_a_file_that_is_no_policy_is_a_sentence(text):
    with pytest.raises(ConfigError):
        parse(text)


def test_a_file_that_is_not_there_is_a_sentence(tmp_path):
    with pytest.raises(NotFound):
        load(tmp_path / "policy.yaml")
    (tmp_path / "policy.yaml").write_text(TEXT)
    assert load(tmp_path / "policy.yaml") == parse(TEXT)


def test_two_detectors_of_one_source_are_one_signal():
    """Who forges times moves every objective on times: auto must not take them for two witnesses."""
    asked = TEXT.replace("    signals: 1\n", "")
    two = "[latency_objective, time_to_first_token_objective]"
    with pytest.raises(ConfigError, match="of labels and of times"):
        parse(asked.replace("[accuracy]", two))
    assert parse(asked.replace("[accuracy]", "[accuracy, time_to_first_token_objective]")).rules
