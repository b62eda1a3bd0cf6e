"""The ladders of the policy file: YAML to Ladders, or an error that names the key and the remedy."""

from __future__ import annotations

import re
from decimal import Decimal
from typing import cast

from pipeline.errors import ConfigError
from pipeline.policy import ladders
from pipeline.policy.ladders import STEPS, Ladder, Measure, Rung
from pipeline.policy.modes import MODES, Mode
from pipeline.policy.quiet_file import quiet_hours
from pipeline.sections import Section

_NAMESPACE = re.compile(r"[a-z0-9]([a-z0-9-]{0,61}[a-z0-9])?")
_SYSTEM = ("kube-system", "kube-public", "kube-node-lease")
_PERCENT = re.compile(r"(\d{1,4}(?:\.\d{1,2})?)%")


def ladders_of(top: Section) -> tuple[Ladder, ...]:
    """In the file's order.  Raises ConfigError."""
    if not top.has("ladders"):
        return ()
    found = tuple(_ladder(Section(f"ladders[{i}]", row)) for i, row in enumerate(top.sequence("ladders")))
    places = [(one.name, one.cluster, n) for one in found for n in one.namespaces]
    for i, one in enumerate(found):
        for other in found[:i]:
            if one.name == other.name:
                raise ConfigError(f"ladders[{i}].name", one.name, "give each ladder its own name")
    for name, cluster, namespace in places:
        if any(p[1:] == (cluster, namespace) and p[0] != name for p in places):
            remedy = "two ladders would put each other's steps back; name each namespace in one"
            raise ConfigError("ladders.namespaces", namespace, remedy)
    return found


def _ladder(section: Section) -> Ladder:
    ladder = Ladder(
        name=section.text("name"),
        budget=section.text("budget"),
        cluster=section.text("cluster"),
        namespaces=_namespaces(section),
        rungs=_rungs(section),
        mode=cast(Mode, section.choice("mode", MODES, "observe")),
        ttl=section.duration("ttl", ladders.TTL),
        cool_down=section.duration("cool_down", ladders.COOL_DOWN),
        approve_within=section.duration("approve_within", ladders.APPROVE_WITHIN),
        max_age=section.duration("max_age", ladders.MAX_AGE),
        verify_within=section.duration("verify_within", ladders.VERIFY_WITHIN),
        idle_for=section.duration("idle_for", ladders.IDLE_FOR),
        most=section.count("most", ladders.MOST, minimum=1),
        spare=tuple(dict.fromkeys(str(n) for n in section.sequence("spare"))) if section.has("spare") else (),
        quiet=quiet_hours(section),
    )
    section.done()
    return ladder


def _namespaces(section: Section) -> tuple[str, ...]:
    for name in section.sequence("namespaces"):
        if not isinstance(name, str) or not _NAMESPACE.fullmatch(name) or name in _SYSTEM:
            remedy = "write the names of namespaces, none of them the system's own"
            raise ConfigError(section.key("namespaces"), name, remedy)
    return tuple(dict.fromkeys(str(n) for n in section.sequence("namespaces")))


def _rungs(section: Section) -> tuple[Rung, ...]:
    rows = section.sequence("steps")
    found = [_rung(Section(f"{section.key('steps')}[{i}]", row)) for i, row in enumerate(rows)]
    order = [STEPS.index(r.step) for r in found]
    if order != sorted(set(order)):
        remedy = f"write each step once, the mildest first: {', '.join(STEPS)}"
        raise ConfigError(section.key("steps"), ", ".join(r.step for r in found), remedy)
    return tuple(found)


def _rung(section: Section) -> Rung:
    step = section.choice("step", STEPS, "")
    named = [m for m in ("spent", "forecast") if section.has(m)]
    if len(named) != 1:
        raise ConfigError(section.key("spent"), ", ".join(named), "write spent: 90% or forecast: 100%")
    measure = cast(Measure, named[0])
    text = section.text(measure)
    shape = _PERCENT.fullmatch(text)
    if shape is None or not Decimal(shape[1]):
        raise ConfigError(section.key(measure), text, "write a share of the budget, such as 90%")
    if measure == "forecast" and STEPS.index(step) > STEPS.index("cap_autoscalers"):
        raise ConfigError(section.key(measure), text, f"a forecast is no reason to {step}; write spent: 100%")
    section.done()
    return Rung(step, measure, Decimal(shape[1]))
