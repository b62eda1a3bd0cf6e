"""The policy file: YAML to a Policy, or an error that names the key, the value and the remedy."""

from __future__ import annotations

import hashlib
import re
from datetime import timedelta
from pathlib import Path
from typing import cast

from pipeline import yaml_file
from pipeline.errors import ConfigError
from pipeline.policy import rules
from pipeline.policy.gitops_file import gitops_of
from pipeline.policy.ladder_file import ladders_of
from pipeline.policy.modes import MODES, Mode
from pipeline.policy.quiet_file import quiet_hours
from pipeline.policy.rules import SOURCES, TRIGGERS, Limits, Policy, Rule, Target
from pipeline.sections import Section

KINDS = (
    *("Deployment", "StatefulSet", "DaemonSet", "Rollout", "InferenceService", "LLMInferenceService"),
    *("ModelDeployment", "RayService", "HTTPRoute"),
)
_DNS_NAME = re.compile(r"[a-z0-9]([a-z0-9.-]{0,251}[a-z0-9])?")


def load(path: str | Path) -> Policy:
    """Raises NotFound where there is no such file, ConfigError where it is wrong."""
    return parse(yaml_file.read_text(path))


def parse(text: str) -> Policy:
    """The policy that the text says; the same text always gives the same hash."""
    top = Section("", yaml_file.document(text))
    policy = Policy(
        version=top.text("version"),
        rules=_rules(top) if top.has("rules") or not top.has("ladders") else (),
        limits=_limits(top.section("limits", required=False)),
        kill_switch=top.flag("kill_switch", False),
        text=text,
        hash=hashlib.sha256(text.encode()).hexdigest(),
        ladders=ladders_of(top),
        quiet=quiet_hours(top),
    )
    for i, ladder in enumerate(policy.ladders):
        if policy.rule(ladder.name):
            raise ConfigError(f"ladders[{i}].name", ladder.name, "a rule has this name; give it another")
    top.done()
    return policy


def _rules(top: Section) -> tuple[Rule, ...]:
    found = tuple(_rule(Section(f"rules[{i}]", r)) for i, r in enumerate(top.sequence("rules")))
    names = [r.name for r in found]
    for i, name in enumerate(names):
        if name in names[:i]:
            raise ConfigError(f"rules[{i}].name", name, "give each rule its own name")
    return found


def _rule(section: Section) -> Rule:
    section.choice("level", ("act",), "act")
    rule = Rule(
        name=section.text("name"),
        model=section.text("model"),
        detectors=_detectors(section),
        target=_target(section.section("target")),
        mode=cast(Mode, section.choice("mode", MODES, "observe")),
        min_count=section.count("min_count", rules.MIN_COUNT, minimum=1),
        max_age=section.duration("max_age", rules.MAX_AGE),
        max_label_age=_label_age(section),
        cool_down=section.duration("cool_down", rules.COOL_DOWN),
        verify_within=section.duration("verify_within", rules.VERIFY_WITHIN),
        prove_within=section.duration("prove_within", rules.PROVE_WITHIN),
        change_window=section.duration("change_window", rules.CHANGE_WINDOW),
        approve_within=section.duration("approve_within", rules.APPROVE_WITHIN),
        signals=section.count("signals", rules.SIGNALS, minimum=1),
        version_label=section.text("version_label", rules.VERSION_LABEL),
        quiet=quiet_hours(section),
        gitops=gitops_of(section, section.duration("verify_within", rules.VERIFY_WITHIN)),
    )
    if rule.mode == "auto" and len({SOURCES[name] for name in rule.detectors}) < rule.signals:
        raise ConfigError(
            section.key("signals"),
            rule.signals,
            "auto needs as many detectors, of labels and of times; else write signals: 1, and one poisoned "
            "source can act",
        )
    if rule.max_label_age is not None and not rule.of_labels:
        raise ConfigError(
            section.key("max_label_age"),
            section.text("max_label_age"),
            "no detector of the rule rests on labels: leave it out",
        )
    section.done()
    return rule


def _label_age(section: Section) -> timedelta | None:
    has = section.has("max_label_age")
    found = section.duration("max_label_age", rules.MAX_AGE)
    return found if has else None


def _detectors(section: Section) -> tuple[str, ...]:
    for name in section.sequence("detectors"):
        if name not in TRIGGERS:
            raise ConfigError(
                section.key("detectors"), name, f"only proven harm acts: write any of {', '.join(TRIGGERS)}"
            )
    return tuple(dict.fromkeys(str(n) for n in section.sequence("detectors")))


def _target(section: Section) -> Target:
    target = Target(
        cluster=section.text("cluster"),
        namespace=section.text("namespace"),
        kind=section.choice("kind", KINDS, KINDS[0]),
        name=section.text("name"),
    )
    section.done()
    for key, value in (("namespace", target.namespace), ("name", target.name)):
        if not _DNS_NAME.fullmatch(value):
            raise ConfigError(section.key(key), value, "write a Kubernetes name: a-z, 0-9, '-' and '.'")
    return target


def _limits(section: Section) -> Limits:
    usual = Limits()
    limits = Limits(
        per_target_per_day=section.count("per_target_per_day", usual.per_target_per_day, minimum=0),
        per_namespace_per_hour=section.count(
            "per_namespace_per_hour", usual.per_namespace_per_hour, minimum=0
        ),
        per_cluster_per_hour=section.count("per_cluster_per_hour", usual.per_cluster_per_hour, minimum=0),
        per_hour=section.count("per_hour", usual.per_hour, minimum=0),
        tripped_targets=section.count("tripped_targets", usual.tripped_targets, minimum=1),
    )
    section.done()
    return limits
